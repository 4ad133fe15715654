package nearcache

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// model simulates a server, its connections, and callers that read and write,
// one step at a time. The value of a key is the number of writes to it.
type model struct {
	cache  *Cache
	origin *Origin
	views  []*View // of one type and of another

	versions map[string]int
	conns    map[string]*testConn // the connection for the reads of each key
	replaced []*testConn          // replaced connections that have not yet reported an error
	reads    []*read
	writes   []write        // applied, but not yet acknowledged
	minimum  map[string]int // what a reader of each key must get at least
}

// testConn is a connection. It delivers its messages in order, or not at all.
type testConn struct {
	*connection
	requests []*read
	tracked  map[string]bool
	incoming []func()
}

// read is a load, and the smallest version that its callers may get.
type read struct {
	load    *Load
	key     string
	minimum int
	waiting bool // for a reply
	version int
	arrived bool
}

type write struct {
	key     string
	version int
}

var modelKeys = []string{"a", "b"}

func newModel() *model {
	c := New(Config{MaxBytes: 1 << 20, MaxStale: time.Hour})
	o := c.NewOrigin()
	realm := o.NewRealm(nil)
	m := &model{
		cache: c, origin: o, views: []*View{realm.View("space", "format", time.Hour), realm.View("space", "other", time.Hour)},
		versions: map[string]int{}, conns: map[string]*testConn{}, minimum: map[string]int{},
	}
	first := m.newConn()
	for _, key := range modelKeys {
		m.conns[key] = first
	}
	return m
}

func (m *model) newConn() *testConn {
	return &testConn{connection: m.origin.NewConnection(rueidis.CacheStoreOption{}).(*connection), tracked: map[string]bool{}}
}

// observe records that a caller got a version. No caller may get an older one
// afterwards.
func (m *model) observe(t *rapid.T, key string, version, minimum int) {
	require.GreaterOrEqual(t, version, minimum, "the value of %s is older than one that was already read or written", key)
	m.minimum[key] = max(m.minimum[key], version)
}

func (m *model) value(e *Entry) int {
	if e.Value() == nil {
		return 0
	}
	return *e.Value().(*int)
}

func (m *model) view(t *rapid.T) *View { return rapid.SampledFrom(m.views).Draw(t, "view") }

func (m *model) find(t *rapid.T) {
	key := rapid.SampledFrom(modelKeys).Draw(t, "key")
	if e := m.view(t).Find(key); e != nil {
		m.observe(t, key, m.value(e), m.minimum[key])
	}
}

func (m *model) start(t *rapid.T) {
	key := rapid.SampledFrom(modelKeys).Draw(t, "key")
	l, leads, e := m.view(t).JoinOrStart(key, key)
	switch {
	case e != nil:
		m.observe(t, key, m.value(e), m.minimum[key])
	case leads:
		m.reads = append(m.reads, &read{load: l, key: key, minimum: m.minimum[key]})
	default:
		for _, r := range m.reads {
			if r.load == l {
				r.minimum = max(r.minimum, m.minimum[key])
			}
		}
	}
}

// drawRead draws one of the matching reads.
func (m *model) drawRead(t *rapid.T, matches func(*read) bool) *read {
	var matching []*read
	for _, r := range m.reads {
		if matches(r) {
			matching = append(matching, r)
		}
	}
	if len(matching) == 0 {
		t.Skip("no read matches")
	}
	return rapid.SampledFrom(matching).Draw(t, "read")
}

func (m *model) send(t *rapid.T) {
	r := m.drawRead(t, func(r *read) bool { return !r.waiting && !r.arrived })
	conn := m.conns[r.key]
	conn.Flight(r.key, "GET", 0, time.Time{})
	r.waiting = true
	conn.requests = append(conn.requests, r)
}

func (m *model) drawConn(t *rapid.T) *testConn {
	conns := append([]*testConn{}, m.replaced...)
	for _, key := range modelKeys {
		conns = append(conns, m.conns[key])
	}
	return rapid.SampledFrom(conns).Draw(t, "conn")
}

// serve makes the server reply to the oldest request of a connection.
func (m *model) serve(t *rapid.T) {
	conn := m.drawConn(t)
	if len(conn.requests) == 0 {
		t.Skip("the connection has no request")
	}
	r := conn.requests[0]
	conn.requests = conn.requests[1:]
	conn.tracked[r.key] = true
	version := m.versions[r.key]
	conn.incoming = append(conn.incoming, func() {
		if r.waiting {
			r.version, r.arrived, r.waiting = version, true, false
		}
	})
}

// receive delivers the next message of a connection.
func (m *model) receive(t *rapid.T) {
	conn := m.drawConn(t)
	if len(conn.incoming) == 0 {
		t.Skip("the connection has no message")
	}
	conn.incoming[0]()
	conn.incoming = conn.incoming[1:]
}

// end ends a load that got its reply, and delivers the value to its callers.
func (m *model) end(t *rapid.T) {
	r := m.drawRead(t, func(r *read) bool { return r.arrived })
	r.load.Confirm()
	var value any
	if r.version > 0 {
		value = &r.version
	}
	r.load.Cache(value, 8, -1)
	m.remove(r)
	m.observe(t, r.key, r.version, r.minimum)
}

func (m *model) remove(r *read) {
	for i := range m.reads {
		if m.reads[i] == r {
			m.reads = append(m.reads[:i:i], m.reads[i+1:]...)
			return
		}
	}
}

// readAtOnce starts and ends a read on a connection that is idle.
func (m *model) readAtOnce(t *rapid.T) {
	key := rapid.SampledFrom(modelKeys).Draw(t, "key")
	conn := m.conns[key]
	if len(conn.requests)+len(conn.incoming) > 0 {
		t.Skip("the connection is busy")
	}
	l, leads, _ := m.view(t).JoinOrStart(key, key)
	if !leads {
		t.Skip("the record is cached or being read")
	}
	conn.Flight(key, "GET", 0, time.Time{})
	conn.tracked[key] = true
	version := m.versions[key]
	l.Confirm()
	l.Cache(&version, 8, -1)
	m.observe(t, key, version, m.minimum[key])
}

// apply writes on the server, which sends invalidations to the readers.
func (m *model) apply(key string) int {
	m.versions[key]++
	for _, conn := range m.allConns() {
		if conn.tracked[key] {
			delete(conn.tracked, key)
			conn.incoming = append(conn.incoming, func() { m.origin.Forget(key) })
		}
	}
	return m.versions[key]
}

func (m *model) allConns() []*testConn {
	set := map[*testConn]bool{}
	for _, conn := range m.conns {
		set[conn] = true
	}
	for _, conn := range m.replaced {
		set[conn] = true
	}
	var conns []*testConn
	for conn := range set {
		conns = append(conns, conn)
	}
	return conns
}

func (m *model) ownWrite(t *rapid.T) {
	key := rapid.SampledFrom(modelKeys).Draw(t, "key")
	m.writes = append(m.writes, write{key, m.apply(key)})
}

// answer acknowledges a write of this process.
func (m *model) answer(t *rapid.T) {
	if len(m.writes) == 0 {
		t.Skip("no write is unacknowledged")
	}
	w := m.writes[0]
	m.writes = m.writes[1:]
	m.origin.Forget(w.key)
	m.minimum[w.key] = max(m.minimum[w.key], w.version)
}

func (m *model) otherWrite(t *rapid.T) { m.apply(rapid.SampledFrom(modelKeys).Draw(t, "key")) }

func (m *model) flush(*rapid.T) {
	for _, key := range modelKeys {
		m.versions[key]++
	}
	for _, conn := range m.allConns() {
		conn.tracked = map[string]bool{}
		conn.incoming = append(conn.incoming, func() { conn.Delete(nil) })
	}
}

// replace makes the reads of a key use another connection, while the old one
// has not yet reported an error.
func (m *model) replace(t *rapid.T) {
	key := rapid.SampledFrom(modelKeys).Draw(t, "key")
	m.replaced = append(m.replaced, m.conns[key])
	m.conns[key] = m.newConn()
}

// breakConn breaks a replaced connection, and loses all its messages. Some
// reads are sent again, the others fail.
func (m *model) breakConn(t *rapid.T) {
	if len(m.replaced) == 0 {
		t.Skip("no connection was replaced")
	}
	conn := m.replaced[0]
	m.replaced = m.replaced[1:]
	for _, current := range m.conns {
		if current == conn {
			return
		}
	}
	conn.Close(errors.New("broken"))
	for _, r := range append([]*read{}, m.reads...) {
		if !r.waiting || r.load.epoch != conn.epoch.Load() {
			continue
		}
		r.waiting = false
		if rapid.Bool().Draw(t, "fails") {
			r.load.Fail(errors.New("broken"))
			m.remove(r)
		}
	}
}

// In every order of events, no caller gets a value that is older than one that
// another caller got before, or than a write of this process.
func TestReadsAreMonotonicAndSeeOwnWrites(t *testing.T) {
	steps := flag.Lookup("rapid.steps")
	was := steps.Value.String()
	require.NoError(t, steps.Value.Set("100"))
	defer func() { require.NoError(t, steps.Value.Set(was)) }()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel()
		defer m.cache.Close()
		t.Repeat(map[string]func(*rapid.T){
			"find": m.find, "find again": m.find, "read at once": m.readAtOnce, "start": m.start, "send": m.send, "serve": m.serve, "receive": m.receive, "end": m.end,
			"own write": m.ownWrite, "answer": m.answer, "other write": m.otherWrite, "flush": m.flush,
			"replace": m.replace, "break": m.breakConn,
			"": func(t *rapid.T) { m.checkCounters(t) },
		})
	})
}

// checkCounters compares the counters of the cache with its content.
func (m *model) checkCounters(t *rapid.T) {
	m.cache.mu.Lock()
	defer m.cache.mu.Unlock()
	held, bytes := 0, 0
	for i := range m.cache.table.parts {
		for _, e := range m.cache.table.collect(i) {
			held++
			bytes += int(e.size)
			require.Same(t, e, m.cache.table.sameRecord(e))
		}
	}
	indexed := 0
	for _, key := range modelKeys {
		for e := range m.origin.entries.all(key) {
			require.Equal(t, key, e.Key())
			indexed++
		}
	}
	s := m.views[0].realm.Stats()
	require.EqualValues(t, held, s.Entries)
	require.EqualValues(t, bytes, s.Bytes)
	require.Equal(t, held, indexed)
	require.Equal(t, bytes, m.cache.queues.bytes())
	loads := 0
	for _, l := range m.origin.loads {
		for ; l != nil; l = l.sibling {
			loads++
		}
	}
	require.Equal(t, len(m.reads), loads)
}

// The steps of the model do cache values.
func TestModelCachesValues(t *testing.T) {
	m := newModel()
	defer m.cache.Close()
	view := m.views[0]
	l, leads, e := view.JoinOrStart("a", "a")
	require.True(t, leads)
	require.Nil(t, e)
	m.conns["a"].Flight("a", "GET", 0, time.Time{})
	_, leads, _ = view.JoinOrStart("a", "a")
	require.False(t, leads, "a second read joins the first")
	require.True(t, l.Current())
	l.Confirm()
	l.Cache(new(int), 8, -1)
	require.NotNil(t, view.Find("a"))
	require.NotNil(t, view.Record("a"))
	require.Nil(t, view.Find("b"))
	m.conns["a"].Close(nil)
	require.Nil(t, view.Find("a"))
	for end := time.Now().Add(10 * time.Second); view.realm.Stats().Entries > 0; time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), "the sweeper does not remove the entry")
	}
}

// Views that share ids do not share entries, unless their identities are equal.
func TestViewsWithTheSameIDs(t *testing.T) {
	c := New(Config{MaxBytes: 1 << 20, MaxStale: time.Hour})
	defer c.Close()
	o := c.NewOrigin()
	realm := o.NewRealm(nil)
	conn := o.NewConnection(rueidis.CacheStoreOption{})
	views := []*View{realm.View("x", 1, time.Hour), realm.View("y", 1, time.Hour), realm.View("x", 2, time.Hour), realm.View("x", 1, time.Minute), o.NewRealm(nil).View("x", 1, time.Hour)}
	var ids []string
	for n := range 100 {
		ids = append(ids, fmt.Sprintf("%0*d", n+1, 7))
	}
	for i, v := range views {
		for _, id := range ids {
			key := fmt.Sprint(i, ":", id)
			if i%2 == 1 {
				key += "%" // the id is not the end of the key
			}
			l, leads, _ := v.JoinOrStart(key, id)
			require.True(t, leads)
			conn.Flight(key, "GET", 0, time.Time{})
			l.Confirm()
			l.Cache(&key, 8, -1)
		}
	}
	for i, v := range views {
		for _, id := range ids {
			e := v.Find(id)
			require.Contains(t, e.Key(), fmt.Sprint(i, ":", id))
			require.Equal(t, *e.Value().(*string), e.Key())
			require.Equal(t, id, e.id())
			require.Equal(t, []*Entry{e}, slices.Collect(o.entries.all(e.Key())))
		}
		require.Nil(t, v.Find("nobody"))
		same := realm.View("x", 1, time.Hour)
		require.Equal(t, views[0].identity, same.identity, "a new repository finds the entries of an equal one")
	}
	for _, id := range ids {
		key := views[0].Find(id).Key()
		o.Forget(key)
		require.Nil(t, views[0].Find(id))
		require.Empty(t, slices.Collect(o.entries.all(key)))
		require.NotNil(t, views[2].Find(id), "the entry of another key")
	}
}

// When a key is read on a second connection, results from the first one are not
// cached: a caller may have seen a newer value on the second.
func TestKeyBelongsToOneConnection(t *testing.T) {
	m := newModel()
	defer m.cache.Close()
	one, other := m.views[0], m.views[1]
	slow, _, _ := one.JoinOrStart("a", "a")
	m.conns["a"].Flight("a", "GET", 0, time.Time{})
	m.conns["a"] = m.newConn()
	quick, _, _ := other.JoinOrStart("a", "a")
	m.conns["a"].Flight("a", "GET", 0, time.Time{})

	_, leads, _ := one.JoinOrStart("a", "a")
	require.True(t, leads, "it joined the read on the old connection")
	require.True(t, quick.Current())
	require.False(t, slow.Current())
	slow.Confirm()
	slow.Cache(new(int), 8, -1)
	require.Nil(t, one.Find("a"))
	quick.Confirm()
	quick.Cache(new(int), 8, -1)
	require.NotNil(t, other.Find("a"))
}

// A record whose key lives longer than a time can tell is cached.
func TestLongestLifetimeIsCached(t *testing.T) {
	m := newModel()
	defer m.cache.Close()
	l, _, _ := m.views[0].JoinOrStart("a", "a")
	m.conns["a"].Flight("a", "GET", 0, time.Time{})
	l.Confirm()
	l.Cache(new(int), 8, math.MaxInt64)
	require.NotNil(t, m.views[0].Find("a"))
}
