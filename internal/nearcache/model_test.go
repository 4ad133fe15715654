package nearcache

import (
	"errors"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// model is a server, the connections to it and those who read and write, one
// step at a time. A key's value is the number of times that it was written.
type model struct {
	cache  *Cache
	origin *Origin
	views  []*View // the record as one type, and as another

	versions map[string]int
	lines    map[string]*line // the connection that a key's reads take
	old      []*line          // replaced, and not known to be broken yet
	reads    []*read
	writes   []write // applied, and not answered yet
	floor    map[string]int
}

// line is a connection. What is on it arrives in order, or never.
type line struct {
	*connection
	asked   []*read
	tracked map[string]bool
	coming  []func()
}

// read is a Load, and the least that those who wait for it may be given.
type read struct {
	load    *Load
	key     string
	floor   int
	waiting bool // for an answer
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
		cache: c, origin: o, views: []*View{realm.View("space", "shape", time.Hour), realm.View("space", "other", time.Hour)},
		versions: map[string]int{}, lines: map[string]*line{}, floor: map[string]int{},
	}
	first := m.newLine()
	for _, key := range modelKeys {
		m.lines[key] = first
	}
	return m
}

func (m *model) newLine() *line {
	return &line{connection: m.origin.NewConnection(rueidis.CacheStoreOption{}).(*connection), tracked: map[string]bool{}}
}

// given notes what somebody was given: nobody may be given less afterwards.
func (m *model) given(t *rapid.T, key string, version, least int) {
	require.GreaterOrEqual(t, version, least, "%s went backwards, or hides a write of its own", key)
	m.floor[key] = max(m.floor[key], version)
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
		m.given(t, key, m.value(e), m.floor[key])
	}
}

func (m *model) begin(t *rapid.T) {
	key := rapid.SampledFrom(modelKeys).Draw(t, "key")
	l, leads, e := m.view(t).JoinOrStart(key, key)
	switch {
	case e != nil:
		m.given(t, key, m.value(e), m.floor[key])
	case leads:
		m.reads = append(m.reads, &read{load: l, key: key, floor: m.floor[key]})
	default:
		for _, r := range m.reads {
			if r.load == l {
				r.floor = max(r.floor, m.floor[key])
			}
		}
	}
}

// pick draws one of the reads that are so.
func (m *model) pick(t *rapid.T, so func(*read) bool) *read {
	var some []*read
	for _, r := range m.reads {
		if so(r) {
			some = append(some, r)
		}
	}
	if len(some) == 0 {
		t.Skip("there is none")
	}
	return rapid.SampledFrom(some).Draw(t, "read")
}

func (m *model) send(t *rapid.T) {
	r := m.pick(t, func(r *read) bool { return !r.waiting && !r.arrived })
	line := m.lines[r.key]
	line.Flight(r.key, "GET", 0, time.Time{})
	r.waiting = true
	line.asked = append(line.asked, r)
}

func (m *model) line(t *rapid.T) *line {
	lines := append([]*line{}, m.old...)
	for _, key := range modelKeys {
		lines = append(lines, m.lines[key])
	}
	return rapid.SampledFrom(lines).Draw(t, "line")
}

// serve makes the server answer the oldest question on a line.
func (m *model) serve(t *rapid.T) {
	line := m.line(t)
	if len(line.asked) == 0 {
		t.Skip("nothing was asked")
	}
	r := line.asked[0]
	line.asked = line.asked[1:]
	line.tracked[r.key] = true
	version := m.versions[r.key]
	line.coming = append(line.coming, func() {
		if r.waiting {
			r.version, r.arrived, r.waiting = version, true, false
		}
	})
}

// receive makes a line bring what is the next on it.
func (m *model) receive(t *rapid.T) {
	line := m.line(t)
	if len(line.coming) == 0 {
		t.Skip("nothing comes")
	}
	line.coming[0]()
	line.coming = line.coming[1:]
}

// end gives what arrived to all who wait for it.
func (m *model) end(t *rapid.T) {
	r := m.pick(t, func(r *read) bool { return r.arrived })
	r.load.Confirm()
	var value any
	if r.version > 0 {
		value = &r.version
	}
	r.load.Cache(value, 8, -1)
	m.remove(r)
	m.given(t, r.key, r.version, r.floor)
}

func (m *model) remove(r *read) {
	for i := range m.reads {
		if m.reads[i] == r {
			m.reads = append(m.reads[:i:i], m.reads[i+1:]...)
			return
		}
	}
}

// whole is a read from its beginning to its end, on a line where nothing else
// is under way.
func (m *model) whole(t *rapid.T) {
	key := rapid.SampledFrom(modelKeys).Draw(t, "key")
	line := m.lines[key]
	if len(line.asked)+len(line.coming) > 0 {
		t.Skip("the line is busy")
	}
	l, leads, _ := m.view(t).JoinOrStart(key, key)
	if !leads {
		t.Skip("it is in memory, or under way")
	}
	line.Flight(key, "GET", 0, time.Time{})
	line.tracked[key] = true
	version := m.versions[key]
	l.Confirm()
	l.Cache(&version, 8, -1)
	m.given(t, key, version, m.floor[key])
}

// apply makes the server write, and tell those who read.
func (m *model) apply(key string) int {
	m.versions[key]++
	for _, line := range m.all() {
		if line.tracked[key] {
			delete(line.tracked, key)
			line.coming = append(line.coming, func() { m.origin.Forget(key) })
		}
	}
	return m.versions[key]
}

func (m *model) all() []*line {
	set := map[*line]bool{}
	for _, line := range m.lines {
		set[line] = true
	}
	for _, line := range m.old {
		set[line] = true
	}
	var lines []*line
	for line := range set {
		lines = append(lines, line)
	}
	return lines
}

func (m *model) ownWrite(t *rapid.T) {
	key := rapid.SampledFrom(modelKeys).Draw(t, "key")
	m.writes = append(m.writes, write{key, m.apply(key)})
}

// answer ends a write of this process.
func (m *model) answer(t *rapid.T) {
	if len(m.writes) == 0 {
		t.Skip("nothing was written")
	}
	w := m.writes[0]
	m.writes = m.writes[1:]
	m.origin.Forget(w.key)
	m.floor[w.key] = max(m.floor[w.key], w.version)
}

func (m *model) otherWrite(t *rapid.T) { m.apply(rapid.SampledFrom(modelKeys).Draw(t, "key")) }

func (m *model) flush(*rapid.T) {
	for _, key := range modelKeys {
		m.versions[key]++
	}
	for _, line := range m.all() {
		line.tracked = map[string]bool{}
		line.coming = append(line.coming, func() { line.Delete(nil) })
	}
}

// replace makes the reads of a key take another line, while the old one is
// thought to be alive.
func (m *model) replace(t *rapid.T) {
	key := rapid.SampledFrom(modelKeys).Draw(t, "key")
	m.old = append(m.old, m.lines[key])
	m.lines[key] = m.newLine()
}

// breaks ends a line that was replaced, with all that was on it. Some reads are
// sent again, others are given up.
func (m *model) breaks(t *rapid.T) {
	if len(m.old) == 0 {
		t.Skip("no line is old")
	}
	line := m.old[0]
	m.old = m.old[1:]
	for _, current := range m.lines {
		if current == line {
			return
		}
	}
	line.Close(errors.New("broken"))
	for _, r := range append([]*read{}, m.reads...) {
		if !r.waiting || r.load.epoch != line.epoch.Load() {
			continue
		}
		r.waiting = false
		if rapid.Bool().Draw(t, "gives up") {
			r.load.Fail(errors.New("broken"))
			m.remove(r)
		}
	}
}

// Whatever the order in which things happen: nobody is given less than what
// somebody was given before, or than what this process wrote.
func TestNothingGoesBackwardsAndOwnWritesShow(t *testing.T) {
	steps := flag.Lookup("rapid.steps")
	was := steps.Value.String()
	require.NoError(t, steps.Value.Set("100"))
	defer func() { require.NoError(t, steps.Value.Set(was)) }()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel()
		defer m.cache.Close()
		t.Repeat(map[string]func(*rapid.T){
			"find": m.find, "find too": m.find, "whole read": m.whole, "begin": m.begin, "send": m.send, "serve": m.serve, "receive": m.receive, "end": m.end,
			"own write": m.ownWrite, "answer": m.answer, "other write": m.otherWrite, "flush": m.flush,
			"replace": m.replace, "break": m.breaks,
			"": func(t *rapid.T) { m.consistent(t) },
		})
	})
}

// consistent compares what the cache counts with what it holds.
func (m *model) consistent(t *rapid.T) {
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
	for _, e := range m.origin.entries {
		for ; e != nil; e = e.sibling {
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

// The model must not be idle: each thing it can do leads somewhere.
func TestTheModelServesFromMemory(t *testing.T) {
	m := newModel()
	defer m.cache.Close()
	view := m.views[0]
	l, leads, e := view.JoinOrStart("a", "a")
	require.True(t, leads)
	require.Nil(t, e)
	m.lines["a"].Flight("a", "GET", 0, time.Time{})
	_, leads, _ = view.JoinOrStart("a", "a")
	require.False(t, leads, "a second read joins the first")
	require.True(t, l.Current())
	l.Confirm()
	l.Cache(new(int), 8, -1)
	require.NotNil(t, view.Find("a"))
	require.NotNil(t, view.Record("a"))
	require.Nil(t, view.Find("b"))
	m.lines["a"].Close(nil)
	require.Nil(t, view.Find("a"))
	for end := time.Now().Add(10 * time.Second); view.realm.Stats().Entries > 0; time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), "the sweeper does not come")
	}
}

func TestAViewKnowsItsRecordsByTheirIDs(t *testing.T) {
	c := New(Config{MaxBytes: 1 << 20, MaxStale: time.Hour})
	defer c.Close()
	o := c.NewOrigin()
	realm := o.NewRealm(nil)
	line := o.NewConnection(rueidis.CacheStoreOption{})
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
			line.Flight(key, "GET", 0, time.Time{})
			l.Confirm()
			l.Cache(&key, 8, -1)
		}
	}
	for i, v := range views {
		for _, id := range ids {
			require.Contains(t, *v.Find(id).Value().(*string), fmt.Sprint(i, ":", id))
		}
		require.Nil(t, v.Find("nobody"))
		same := realm.View("x", 1, time.Hour)
		require.Equal(t, views[0].identity, same.identity, "a repository made anew finds what another one read")
	}
}

// What comes through a connection that was replaced, and is not known to be
// broken, is void as soon as the key is read through another: somebody has seen
// what came through that one.
func TestAKeyIsKnownThroughOneConnection(t *testing.T) {
	m := newModel()
	defer m.cache.Close()
	one, other := m.views[0], m.views[1]
	slow, _, _ := one.JoinOrStart("a", "a")
	m.lines["a"].Flight("a", "GET", 0, time.Time{})
	m.lines["a"] = m.newLine()
	quick, _, _ := other.JoinOrStart("a", "a")
	m.lines["a"].Flight("a", "GET", 0, time.Time{})

	_, leads, _ := one.JoinOrStart("a", "a")
	require.True(t, leads, "it would join the read on the old connection")
	require.True(t, quick.Current())
	require.False(t, slow.Current())
	slow.Confirm()
	slow.Cache(new(int), 8, -1)
	require.Nil(t, one.Find("a"))
	quick.Confirm()
	quick.Cache(new(int), 8, -1)
	require.NotNil(t, other.Find("a"))
}
