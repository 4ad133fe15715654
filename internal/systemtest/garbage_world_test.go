package systemtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// garbageWorld is a server with a tenant that has a key of each kind, and the
// values with which the keys are restored.
type garbageWorld struct {
	p      *pool.Pools
	redis  rueidis.Client // without the guards of the pools
	keys   []string
	stored map[string]storedKey
}

type storedKey struct {
	kind, dump string
	expireAt   int64 // 0 if the key has no lifetime
	entries    []string
	scores     []string // of a sorted set, or the values of a hash
}

func newGarbageWorld(t *testing.T) *garbageWorld {
	t.Helper()
	p := pooltest.Redis(t, pool.Config{SingleDatabase: true, Observer: pooltest.Origin("origin"), Logger: slog.New(slog.DiscardHandler)})
	c, err := p.Client(pool.Default)
	require.NoError(t, err)
	w := &garbageWorld{p: p, redis: c, stored: map[string]storedKey{}}
	w.fillRecords(t)
	w.fillQueues(t)
	w.fillTriggers(t)
	w.fillRare(t)
	w.save(t)
	return w
}

func (w *garbageWorld) fillRecords(t *testing.T) {
	t.Helper()
	users, err := symphony.NewUser[indexedRecord](w.p, "acme")
	require.NoError(t, err)
	for i := range 3 {
		require.NoError(t, users.Upsert(ctx, fmt.Sprint(i+1), indexedRecord{fmt.Sprint("u", i), int64(i), "title"}))
	}
	require.NoError(t, firstError(users.Reindex(ctx)))
	states, err := symphony.NewStateHandler[plainRecord](w.p, "acme", "cart", symphony.Listed())
	require.NoError(t, err)
	require.NoError(t, states.Upsert(ctx, "1", plainRecord{Name: "Ann", Tags: []string{"a"}}))
	rows, err := symphony.NewTable[plainRecord](w.p, "acme", "items")
	require.NoError(t, err)
	require.NoError(t, rows.Upsert(ctx, "1", plainRecord{Name: "Ann", Tags: []string{"a"}}))
	shared, err := symphony.NewSharedState(w.p, "acme", "42")
	require.NoError(t, err)
	require.NoError(t, shared.Upsert(ctx, "1", symphony.Fields{"name": "Ann"}))
	values, err := symphony.NewGeneric[string](w.p, "acme")
	require.NoError(t, err)
	require.NoError(t, values.Set(ctx, "1", "v"))
	limits, err := symphony.NewLimiter(w.p, "acme", symphony.Rate{Limit: 5, Per: time.Hour})
	require.NoError(t, err)
	require.NoError(t, errorOf(limits.Take(ctx, "calls", 1)))
	feeds, err := symphony.NewFeed[int](w.p, "acme", "answers")
	require.NoError(t, err)
	require.NoError(t, errorOf(feeds.Append(ctx, "a1", 1, 2)))
}

func (w *garbageWorld) fillQueues(t *testing.T) {
	t.Helper()
	b, err := symphony.NewBatch[string](w.p, "acme")
	require.NoError(t, err)
	inbox := symphony.Queue{Service: "chat", Entity: "user", Action: "inbox"}
	require.NoError(t, errorOf(b.With(symphony.Serial(), symphony.Quiet(time.Millisecond, time.Hour)).Enqueue(ctx, inbox, "a", "b")))
	require.NoError(t, errorOf(b.With(symphony.MaxLen(1000)).Enqueue(ctx, chatQueue, "a", "b", "c", "d", "e", "f", "g", "h", "i")))
	require.ErrorIs(t, errorOf(b.With(symphony.MaxAttempts(1)).Process(ctx, chatQueue, 1, failItems)), errBroken)
	require.ErrorIs(t, errorOf(b.Process(ctx, chatQueue, 1, func(context.Context, []listrepo.Item[string]) error {
		return symphony.RetryAfter(time.Hour, errBroken)
	})), errBroken)
	held, err := b.Claim(ctx, chatQueue, 3, time.Hour)
	require.NoError(t, err)
	require.NoError(t, held.Ack(ctx, held.Items[0]))
	released, err := b.Claim(ctx, chatQueue, 2, time.Hour)
	require.NoError(t, err)
	require.NoError(t, released.Release(ctx))
	w.expireClaim(t, b, 1)
	gone, err := symphony.NewBatch[string](w.p, "gone")
	require.NoError(t, err)
	require.NoError(t, errorOf(gone.Enqueue(ctx, chatQueue, "a")))
	require.NoError(t, gone.Trim(ctx, chatQueue, 1, 0))
}

// expireClaim claims items and lets the lease expire.
func (w *garbageWorld) expireClaim(t *testing.T, b *symphony.Batch[string], n int) {
	t.Helper()
	_, err := b.Claim(ctx, chatQueue, n, time.Millisecond)
	require.NoError(t, err)
}

func (w *garbageWorld) fillTriggers(t *testing.T) {
	t.Helper()
	tr, err := symphony.NewTrigger(w.p, "acme")
	require.NoError(t, err)
	registry := expiry.NewRegistry()
	require.NoError(t, registry.On("remind", func(_ context.Context, e expiry.Event) error {
		if e.ID == "dead" {
			return expiry.GiveUp(errors.New("poison"))
		}
		return expiry.RetryAfter(time.Hour, errors.New("later"))
	}))
	l, err := expiry.NewListener(w.p, registry, expiry.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- l.Run(running) }()
	for _, id := range []string{"dead", "waits"} {
		require.NoError(t, tr.SetPayload(ctx, "remind", id, "payload", time.Millisecond))
	}
	requireEventually(t, func() bool { s := l.Stats(); return s.DeadLettered == 1 && s.Retried == 1 && s.Running == 0 }, "the firings run")
	stop()
	require.NoError(t, <-done)
	require.NoError(t, tr.Set(ctx, "remind", "1", time.Hour))
	require.NoError(t, tr.SetPayload(ctx, "remind", "2", "hello", time.Hour))
	require.NoError(t, tr.SetPayloadEvery(ctx, "remind", "3", "hello", time.Hour))
	require.NoError(t, tr.Debounce(ctx, "remind", "4", time.Minute, time.Hour))
	require.NoError(t, tr.Set(ctx, "remind", "due", time.Millisecond))
}

// fillRare stores what rare events leave: a lock of a load, a sweep that runs,
// a clock that was set back, a listener with the Python layout.
func (w *garbageWorld) fillRare(t *testing.T) {
	t.Helper()
	chat := w.p.Prefix(pool.Handlers) + "acme:batch:chat:user:reply"
	far := strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10)
	for _, command := range [][]string{
		{"RPUSH", keyspace.Beside("rest-T", chat), "y", "z"},
		{"ZADD", keyspace.Beside("due", chat), "1", "1000-T+1"},
		{"ZADD", keyspace.Beside("again", chat), "1000", "0000000001 5-a-1 2 again"},
		{"ZADD", "%moved:{" + w.p.Prefix(pool.User) + "acme:user:}", far, "2"},
		{"SET", keyspace.Beside("load", w.p.Prefix(pool.Default)+"acme:locked"), "process", "PX", "3600000"},
		{"SET", keyspace.Beside("sweep", w.p.Prefix(pool.Handlers)+"pending_batches:chat"), "process", "PX", "3600000"},
		{"ZADD", keyspace.Beside("drained", w.p.Prefix(pool.Handlers)+"pending_batches:chat"), far, "gone"},
		{"ZADD", keyspace.Beside("places", w.p.Prefix(pool.Handlers)+"pending_batches:chat") + ":acme", far, "name"},
		{"SET", w.p.Prefix(pool.Expiry) + "%exp:setback:remind", far, "PX", "3600000"},
		{"SET", w.p.Prefix(pool.Expiry) + "%exp:handled:remind", "1", "PX", "3600000"},
		{"SET", w.p.Prefix(pool.Expiry) + "%exp:swept:remind", "1", "PX", "3600000"},
		{"SET", w.p.Prefix(pool.Expiry) + "%exp:sweeping:remind", "process", "PX", "3600000"},
		{"HSET", w.p.Prefix(pool.Expiry) + "%exp:backlog:remind", "due", far, "active", far, "turn", "1"},
		{"ZADD", w.p.Prefix(pool.Expiry) + "%exp:ready:remind:acme", "1000", "t" + w.p.Prefix(pool.Expiry) + "acme:EXPTRIGGER:remind:due"},
		{"ZADD", w.p.Prefix(pool.Expiry) + "%exp:tenants:remind", "1", "acme"},
		{"ZADD", w.p.Prefix(pool.Expiry) + "%exp:earlier:remind", "0", "t" + w.p.Prefix(pool.Expiry) + "acme:EXPTRIGGER:remind:due"},
		{"ZADD", w.p.Prefix(pool.Expiry) + "%exp:running:acme", far, "1|1000|" + w.p.Prefix(pool.Expiry) + "acme:EXPTRIGGER:remind:due"},
		{"ZADD", w.p.Prefix(pool.Expiry) + "%exp:blocked:acme", far, "%exp:due:remind"},
		{"ZADD", w.p.Prefix(pool.Expiry) + "%exp:fired:remind", far, w.p.Prefix(pool.Expiry) + "acme:EXPTRIGGER:remind:due"},
	} {
		require.NoError(t, w.do(command...).Error(), command)
	}
}

func (w *garbageWorld) do(args ...string) rueidis.RedisResult {
	return w.redis.Do(ctx, w.redis.B().Arbitrary(args...).Build())
}

func (w *garbageWorld) strings(t *testing.T, args ...string) []string {
	t.Helper()
	all, err := w.do(args...).AsStrSlice()
	require.NoError(t, err, args)
	return all
}

func (w *garbageWorld) save(t *testing.T) {
	t.Helper()
	w.keys = w.strings(t, "KEYS", "*")
	slices.Sort(w.keys)
	for _, key := range w.keys {
		var s storedKey
		var err error
		s.kind, err = w.do("TYPE", key).ToString()
		require.NoError(t, err)
		if s.kind == "none" { // it expired
			continue
		}
		s.dump, err = w.do("DUMP", key).ToString()
		require.NoError(t, err)
		at, err := w.do("PEXPIRETIME", key).AsInt64()
		require.NoError(t, err)
		s.expireAt = max(at, 0)
		switch s.kind {
		case "string":
			s.entries = w.strings(t, "MGET", key)
		case "list":
			s.entries = w.strings(t, "LRANGE", key, "0", "9")
		case "set":
			s.entries = w.strings(t, "SMEMBERS", key)
		case "zset":
			scores, err := w.do("ZRANGE", key, "0", "99", "WITHSCORES").AsZScores()
			require.NoError(t, err)
			for _, z := range scores {
				s.entries, s.scores = append(s.entries, z.Member), append(s.scores, strconv.FormatFloat(z.Score, 'g', -1, 64))
			}
		case "hash":
			fields, err := w.do("HGETALL", key).AsStrMap()
			require.NoError(t, err)
			for f, v := range fields {
				s.entries, s.scores = append(s.entries, f), append(s.scores, v)
			}
		}
		w.stored[key] = s
	}
	w.keys = slices.DeleteFunc(w.keys, func(key string) bool { return w.stored[key].kind == "" })
}

// restore removes everything, and writes the keys as they were.
func (w *garbageWorld) restore(t *testing.T) {
	t.Helper()
	cmds := []rueidis.Completed{w.redis.B().Arbitrary("FLUSHDB").Build()}
	for _, key := range w.keys {
		s := w.stored[key]
		args := []string{strconv.FormatInt(s.expireAt, 10), s.dump}
		if s.expireAt > 0 {
			args = append(args, "ABSTTL")
		}
		cmds = append(cmds, w.redis.B().Arbitrary("RESTORE").Keys(key).Args(args...).Build())
	}
	for i, r := range w.redis.DoMulti(ctx, cmds...) {
		require.NoError(t, r.Error(), i)
	}
}

// documentedKeys returns the names of keys in the tables of docs/bytes.md.
func documentedKeys(t *testing.T) map[string]*regexp.Regexp {
	t.Helper()
	text, err := os.ReadFile("../../docs/bytes.md")
	require.NoError(t, err)
	found := map[string]*regexp.Regexp{}
	add := func(name string) {
		pattern := regexp.QuoteMeta(name)
		pattern = regexp.MustCompile(`<[a-z]+>|\\\{[a-z]+\\\}`).ReplaceAllString(pattern, ".+")
		found[name] = regexp.MustCompile("^" + pattern + "$")
	}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !strings.HasPrefix(cells[1], " `%") || strings.HasPrefix(cells[1], " `%<") {
			continue
		}
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			add(name[1])
		}
	}
	add("%load:{value}") // in the text
	return found
}

// Each kind of key in docs/bytes.md and each pattern of a layout is in the
// world of the tests with garbage, and that world has no other kind.
func TestGarbageReachesEachKindOfKey(t *testing.T) {
	w := newGarbageWorld(t)
	documented := documentedKeys(t)
	require.Greater(t, len(documented), 25)
	var patterns []keyspace.Pattern
	for field, value := range reflect.ValueOf(w.p.Layout()).Fields() {
		if field.Name != "Topic" { // of channels
			patterns = append(patterns, value.Interface().(keyspace.Pattern))
		}
	}
	reached := map[string]bool{}
	for _, key := range w.keys {
		known := false
		bare := key
		for _, a := range w.p.Aliases() {
			bare = strings.Replace(strings.TrimPrefix(bare, w.p.Prefix(a)), "{"+w.p.Prefix(a), "{", 1)
		}
		for name, pattern := range documented {
			if pattern.MatchString(bare) {
				reached[name], known = true, true
			}
		}
		for _, p := range patterns {
			if _, ok := p.Parse(bare); ok && !strings.HasPrefix(bare, "%") {
				reached[p.String()], known = true, true
			}
		}
		require.True(t, known, "docs/bytes.md does not describe %q", key)
	}
	for _, p := range patterns {
		documented[p.String()] = nil
	}
	for name := range documented {
		if !reached[name] {
			t.Errorf("fill the world with a key %s", name)
		}
	}
}
