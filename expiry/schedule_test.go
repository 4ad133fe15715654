package expiry_test

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The handler receives the tenant, action and id as they were set, whatever
// characters they contain.
func TestNamesAreDeliveredUnchanged(t *testing.T) {
	nasty := []string{":", "%", "*", " ", "a:b", "a%3Ab", "%%", "a|b", "{x}", "}", "ключ", "鍵 🗝", "\n\t", "a;due=1;exp=2", "\xff\xfe", "?[]\\", ":EXPTRIGGER:", "-|x", "%exp:due:x"}
	text := rapid.OneOf(rapid.SampledFrom(nasty), rapid.StringN(1, 12, 40).Filter(func(s string) bool { return !strings.Contains(s, "\x00") }))
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		rapid.Check(t, func(rt *rapid.T) {
			f := newFixture(t, p)
			draw := func(label string) string {
				s := text.Draw(rt, label)
				if p.Layout() == keyspace.Cluster() { // its keys have no braces but those of the hash tag
					s = strings.NewReplacer("{", "(", "}", ")").Replace(s)
				}
				return s
			}
			f.tenant = "t" + draw("tenant")
			action, id := "a"+draw("action"), draw("id")
			l := f.listener(expiry.Config{}, handlers{action: f.record})
			require.NoError(rt, f.schedule().SetPayload(ctx, action, id, id, time.Millisecond))
			stop := f.run(l)
			f.eventually(func() bool { return len(f.events()) == 1 })
			stop()
			e := f.events()[0]
			require.Equal(rt, []string{f.tenant, action, id}, []string{e.Tenant, e.Action, e.ID})
			var payload codec.Value
			require.NoError(rt, e.Decode(&payload))
			require.Equal(rt, id, string(payload.Bytes()))
		})
	})
}

func TestSetMovesATrigger(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		s := f.schedule()
		require.NoError(t, s.SetPayload(ctx, "x", "1", "text", time.Minute))
		require.NoError(t, s.Set(ctx, "x", "1", 2*time.Hour))
		require.InDelta(t, (2 * time.Hour).Milliseconds(), f.dueIn("x", "1"), 10_000)
		require.InDelta(t, (3 * time.Hour).Milliseconds(), f.redisInt("PTTL", f.key("x", "1")), 10_000)
		require.Zero(t, f.redisInt("EXISTS", f.scheduleKey("payloads", "x", "1")), "Set drops a payload")
		value, err := f.send("GET", f.key("x", "1")).ToString()
		require.NoError(t, err)
		require.Regexp(t, `^trigger:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6};`, value)
	})
}

// dueIn returns the milliseconds until a trigger is due.
func (f *fixture) dueIn(action, id string) int64 {
	f.Helper()
	return f.redisInt("ZSCORE", f.scheduleKey("due", action, id), f.key(action, id)) - now()
}

func TestDelaysAreRoundedUp(t *testing.T) {
	f := newFixture(t, pooltest.Redis(t, pool.Config{}))
	for range 20 {
		began := time.Now()
		require.NoError(t, f.schedule().Set(ctx, "x", "1", time.Second+time.Nanosecond))
		due := time.UnixMilli(f.redisInt("ZSCORE", "%exp:due:x", f.key("x", "1")))
		require.GreaterOrEqual(t, due.Sub(began), time.Second+time.Nanosecond)
	}
}

func TestConditions(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		absent, exists := f.schedule(expiry.IfAbsent()), f.schedule().With(expiry.IfExists())
		require.ErrorIs(t, exists.Set(ctx, "x", "1", time.Minute), expiry.ErrNotFound)
		require.NoError(t, absent.Set(ctx, "x", "1", time.Minute))
		require.ErrorIs(t, absent.SetPayload(ctx, "x", "1", 1, time.Hour), expiry.ErrExists)
		require.ErrorIs(t, absent.Debounce(ctx, "x", "1", time.Hour, time.Hour), expiry.ErrExists)
		require.InDelta(t, time.Minute.Milliseconds(), f.dueIn("x", "1"), 10_000)
		require.NoError(t, exists.Set(ctx, "x", "1", time.Hour))
		require.InDelta(t, time.Hour.Milliseconds(), f.dueIn("x", "1"), 10_000)
		_, err := absent.Delete(ctx, "x", "1")
		require.ErrorIs(t, err, expiry.ErrUnsupported)
		_, err = absent.DeleteAll(ctx, "1")
		require.ErrorIs(t, err, expiry.ErrUnsupported)
	})
}

// Debounce waits for quiet, but no longer than its limit.
func TestDebounce(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		s := f.schedule()
		require.NoError(t, s.SetPayload(ctx, "x", "1", "kept", time.Minute))
		require.NoError(t, s.Debounce(ctx, "x", "1", time.Hour, 90*time.Minute))
		require.InDelta(t, time.Hour.Milliseconds(), f.dueIn("x", "1"), 10_000)
		require.NoError(t, s.Debounce(ctx, "x", "1", 90*time.Minute, 90*time.Minute))
		require.InDelta(t, (90 * time.Minute).Milliseconds(), f.dueIn("x", "1"), 10_000)
		require.EqualValues(t, 1, f.redisInt("HLEN", f.scheduleKey("payloads", "x", "1")), "Debounce keeps the payload")

		f.listen(expiry.Config{}, handlers{"y": f.record})
		first := time.Now()
		f.eventually(func() bool {
			if len(f.events()) == 0 {
				require.NoError(t, s.Debounce(ctx, "y", "1", 300*time.Millisecond, 300*time.Millisecond))
			}
			return len(f.events()) > 0
		})
		due := f.events()[0].DueAt
		require.False(t, due.Before(first.Add(300*time.Millisecond).Truncate(time.Millisecond)))
		require.NoError(t, s.Debounce(ctx, "y", "1", time.Hour, 2*time.Hour))
		require.InDelta(t, time.Hour.Milliseconds(), f.dueIn("y", "1"), 60_000, "after the trigger fired, Debounce counts from its first call again")
	})
}

func TestDelete(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		s := f.schedule()
		require.NoError(t, s.SetPayload(ctx, "x", "1", "text", time.Minute))
		deleted, err := s.Delete(ctx, "x", "1")
		require.NoError(t, err)
		require.True(t, deleted)
		deleted, err = s.Delete(ctx, "x", "1")
		require.NoError(t, err)
		require.False(t, deleted)
		require.Zero(t, f.redisInt("EXISTS", f.key("x", "1"), f.scheduleKey("due", "x", "1"), f.scheduleKey("payloads", "x", "1")))
	})
}

// Due returns the time of a trigger that has not fired, even if another service
// set it, or if the time has passed.
func TestDue(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		s := f.schedule()
		none := func(id string) {
			_, err := s.Due(ctx, "x", id)
			require.ErrorIs(t, err, expiry.ErrNotFound)
			var op *expiry.OpError
			require.ErrorAs(t, err, &op)
			require.False(t, op.MaybeApplied())
		}
		due := func(id string, after time.Duration) {
			at, err := s.Due(ctx, "x", id)
			require.NoError(t, err)
			require.WithinDuration(t, time.Now().Add(after), at, 20*time.Second)
		}
		none("1")
		require.NoError(t, s.Set(ctx, "x", "1", time.Hour))
		due("1", time.Hour)
		require.NoError(t, s.Debounce(ctx, "x", "1", 90*time.Minute, 90*time.Minute))
		due("1", 90*time.Minute)
		f.redis("PEXPIRE", f.key("x", "1"), "600000")
		due("1", 10*time.Minute)
		f.redis("PERSIST", f.key("x", "1"))
		none("1")
		_, err := s.Delete(ctx, "x", "1")
		require.NoError(t, err)
		none("1")

		f.redis("SET", f.key("x", "theirs"), "trigger:", "EX", "600")
		due("theirs", 10*time.Minute)
		f.redis("ZADD", f.scheduleKey("due", "x", "late"), strconv.FormatInt(now()-2*time.Hour.Milliseconds(), 10), f.key("x", "late"))
		due("late", -2*time.Hour)
		f.redis("ZADD", f.scheduleKey("due", "x", "deleted"), strconv.FormatInt(now()-time.Minute.Milliseconds(), 10), f.key("x", "deleted"))
		none("deleted")

		f.listen(expiry.Config{}, handlers{"x": f.record})
		require.NoError(t, s.Set(ctx, "x", "2", time.Millisecond))
		f.eventually(func() bool { return len(f.events()) == 2 })
		none("2")

		if p.Layout() == keyspace.Cluster() {
			return // no other layout has shards
		}
		f.layout = keyspace.Python()
		s = f.schedule()
		require.NoError(t, s.Set(ctx, "x", "bare", time.Hour))
		due("bare", time.Hour)
	})
}

// DeleteAll deletes the triggers of one id, whatever characters it contains,
// and also those whose keys expired.
func TestDeleteAllMatchesTheIDLiterally(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		s := f.schedule()
		actions := []string{"x", "y:z", "*"}
		ids := []string{"*", "1", "a*", "?", "[a]", `\`, "EXPTRIGGER:x:*", "🗝"}
		other := newFixture(t, p)
		other.tenant = f.tenant + "*"
		for _, action := range actions {
			for _, id := range ids {
				require.NoError(t, s.SetPayload(ctx, action, id, 1, time.Minute))
				require.NoError(t, other.schedule().Set(ctx, action, id, time.Minute))
			}
		}
		for i, id := range ids {
			n, err := s.DeleteAll(ctx, id)
			require.NoError(t, err)
			require.EqualValues(t, len(actions), n, id)
			require.EqualValues(t, len(ids)-i-1, f.redisInt("HLEN", "%exp:payloads:x"))
		}
		require.EqualValues(t, len(ids), f.redisInt("ZCARD", "%exp:due:x"), "the triggers of another tenant were deleted")

		require.NoError(t, s.Set(ctx, "x", "late", time.Millisecond))
		f.redis("DEL", f.key("x", "late"))
		f.redis("ZADD", "%exp:due:x", "XX", strconv.FormatInt(now()-(2*time.Hour).Milliseconds(), 10), f.key("x", "late"))
		n, err := s.DeleteAll(ctx, "late")
		require.NoError(t, err)
		require.EqualValues(t, 1, n, "a trigger whose key has expired is deleted too")
		n, err = s.DeleteAll(ctx, "late")
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

// If an argument is invalid, nothing is sent.
func TestInvalidArguments(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{MaxValueBytes: 100})
	f := newFixture(t, p)
	s := f.schedule()
	for name, c := range map[string]struct {
		want error
		call func() error
	}{
		"delay":             {expiry.ErrInvalidTTL, func() error { return s.Set(ctx, "x", "1", -1) }},
		"negative":          {expiry.ErrInvalidTTL, func() error { return s.SetPayload(ctx, "x", "1", 1, -time.Second) }},
		"quiet":             {expiry.ErrInvalidTTL, func() error { return s.Debounce(ctx, "x", "1", -1, time.Second) }},
		"limit":             {expiry.ErrInvalidTTL, func() error { return s.Debounce(ctx, "x", "1", time.Second, -1) }},
		"quiet over atMost": {expiry.ErrInvalidArgument, func() error { return s.Debounce(ctx, "x", "1", 2*time.Second, time.Second) }},
		"action":            {expiry.ErrInvalidKey, func() error { return s.Set(ctx, "", "1", time.Second) }},
		"id":                {expiry.ErrInvalidKey, func() error { return s.Set(ctx, "x", "a\x00b", time.Second) }},
		"due":               {expiry.ErrInvalidKey, func() error { _, err := s.Due(ctx, "x", ""); return err }},
		"delete":            {expiry.ErrInvalidKey, func() error { _, err := s.Delete(ctx, "x", ""); return err }},
		"all":               {expiry.ErrInvalidKey, func() error { _, err := s.DeleteAll(ctx, ""); return err }},
		"large":             {expiry.ErrTooLarge, func() error { return s.SetPayload(ctx, "x", "1", strings.Repeat("x", 100), time.Second) }},
		"type":              {codec.ErrUnstorable, func() error { return s.SetPayload(ctx, "x", "1", make(chan int), time.Second) }},
		"pool":              {expiry.ErrUnknownPool, func() error { return s.With(expiry.On("nowhere")).Set(ctx, "x", "1", time.Second) }},
	} {
		t.Run(name, func(t *testing.T) { pooltest.RequireNothingSent(t, p, c.want, c.call) })
	}
	var op *expiry.OpError
	require.ErrorAs(t, s.Set(ctx, "x", "1", -1), &op)
	require.Equal(t, "Set", op.Op)
	require.Equal(t, f.key("x", "1"), op.Key)
	require.False(t, op.MaybeApplied())
}

func TestKeyOfATriggerWithAnotherType(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		f.redis("RPUSH", f.key("x", "1"), "theirs")
		require.ErrorIs(t, f.schedule().Set(ctx, "x", "1", time.Minute), expiry.ErrWrongType)
		_, err := f.schedule().Delete(ctx, "x", "1")
		require.ErrorIs(t, err, expiry.ErrWrongType)
		_, err = f.schedule().Due(ctx, "x", "1")
		require.ErrorIs(t, err, expiry.ErrWrongType)
		require.EqualValues(t, 1, f.redisInt("LLEN", f.key("x", "1")))

		// If a key of another type replaces that of a trigger, the trigger is
		// deleted, and delays no other.
		require.NoError(t, f.schedule().Set(ctx, "x", "2", time.Millisecond))
		f.redis("DEL", f.key("x", "2"))
		f.redis("RPUSH", f.key("x", "2"), "theirs")
		f.listen(expiry.Config{}, handlers{"x": f.record})
		f.waitForSentinel("x")
		require.Empty(t, f.ids())
		require.EqualValues(t, 1, f.redisInt("LLEN", f.key("x", "2")))
	})
}

// A payload is decoded with the codec that encoded it.
func TestPayloadsNameTheirCodec(t *testing.T) {
	f := newFixture(t, pooltest.Embedded(t))
	type order struct {
		Number int
		Items  []string
	}
	want := order{7, []string{"cup", "null", ""}}
	for _, c := range []codec.Codec{codec.Compact, codec.JSON, codec.MsgPack, customCodec{}} {
		require.NoError(t, f.schedule(expiry.Codec(c)).SetPayload(ctx, "x", c.Name(), want, time.Millisecond))
	}
	f.listen(expiry.Config{Codec: customCodec{}}, handlers{"x": f.record})
	f.eventually(func() bool { return len(f.events()) == 4 })
	for _, e := range f.events() {
		var got order
		require.NoError(t, e.Decode(&got), e.ID)
		require.Equal(t, want, got)
		var wrong int
		require.ErrorAs(t, e.Decode(&wrong), new(*codec.DecodeError), e.ID)
	}

	stranger := newFixture(t, f.pools)
	require.NoError(t, stranger.schedule(expiry.Codec(customCodec{})).SetPayload(ctx, "y", "1", want, time.Millisecond))
	stranger.listen(expiry.Config{}, handlers{"y": stranger.record})
	stranger.eventually(func() bool { return len(stranger.events()) == 1 })
	require.ErrorIs(t, stranger.events()[0].Decode(new(order)), expiry.ErrUnsupported)
}

// customCodec is a codec that package codec does not have.
type customCodec struct{}

func (customCodec) Name() string { return "se:cret" }

func (customCodec) Marshal(v any) ([]byte, error) {
	data, err := codec.JSON.Marshal(v)
	return append([]byte("~"), data...), err
}

func (customCodec) Unmarshal(data []byte, v any) error {
	if len(data) == 0 || data[0] != '~' {
		return errors.New("it is no secret")
	}
	return codec.JSON.Unmarshal(data[1:], v)
}

// Listeners find triggers with a key prefix, in another pool, and with shards
// on a server that does not need them.
func TestPoolsAndLayouts(t *testing.T) {
	sharded := keyspace.Default()
	sharded.Trigger = keyspace.Cluster().Trigger
	renamed := keyspace.Default()
	renamed.Trigger = keyspace.MustCompile("jobs:{tenant}:{action}:{id}")
	for name, c := range map[string]struct {
		config pool.Config
		layout keyspace.Layout
		alias  pool.Alias
		key    string
	}{
		"prefix":    {pool.Config{PrefixKeys: true}, keyspace.Default(), pool.Expiry, "acme:EXPTRIGGER:x:1"},
		"own pool":  {pool.Config{Databases: map[pool.Alias]int{"jobs": 3}}, keyspace.Default(), "jobs", "acme:EXPTRIGGER:x:1"},
		"both":      {pool.Config{PrefixKeys: true, Databases: map[pool.Alias]int{"jobs": 8}}, keyspace.Default(), "jobs", "acme:EXPTRIGGER:x:1"},
		"python":    {pool.Config{PrefixKeys: true}, keyspace.Python(), pool.Expiry, "acme:EXPTRIGGER:x:1"},
		"own keys":  {pool.Config{}, renamed, pool.Expiry, "jobs:acme:x:1"},
		"one shard": {pool.Config{PrefixKeys: true}, sharded, pool.Expiry, "acme:EXPTRIGGER:x:1"},
	} {
		t.Run(name, func(t *testing.T) {
			p := pooltest.Redis(t, c.config)
			f := newFixture(t, p)
			f.layout, f.tenant = c.layout, "acme"
			f.listen(expiry.Config{Pool: c.alias}, handlers{"x": f.record})
			s := f.schedule(expiry.On(c.alias))
			require.NoError(t, s.SetPayload(ctx, "x", "1", "hi", 500*time.Millisecond))
			require.NoError(t, s.Set(ctx, "x", "never", time.Hour))
			n, err := s.DeleteAll(ctx, "never")
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
			f.eventually(func() bool { return len(f.events()) == 1 })
			e := f.events()[0]
			require.Equal(t, []string{"acme", "x", "1", c.key}, []string{e.Tenant, e.Action, e.ID, e.Key})
			require.True(t, e.HasPayload())
			keys, err := pooltest.Do(t, p, c.alias, "KEYS", "*").AsStrSlice()
			require.NoError(t, err)
			for _, key := range keys {
				require.True(t, strings.HasPrefix(key, p.Prefix(c.alias)), key)
			}
		})
	}
}

func TestInvalidPatterns(t *testing.T) {
	p := pooltest.Embedded(t)
	for _, pattern := range []keyspace.Pattern{{}, keyspace.Default().User, keyspace.Default().State, keyspace.Default().BatchList} {
		_, err := expiry.NewSchedule(p, pool.Expiry, pattern, "acme")
		if pattern == keyspace.Default().State {
			require.NoError(t, err, "any pattern of three parts is accepted")
			continue
		}
		require.ErrorIs(t, err, expiry.ErrUnsupported)
	}
	_, err := expiry.NewSchedule(p, pool.Expiry, keyspace.Default().Trigger, "")
	require.ErrorIs(t, err, expiry.ErrInvalidKey)
	_, err = expiry.NewSchedule(nil, pool.Expiry, keyspace.Default().Trigger, "acme")
	require.ErrorIs(t, err, expiry.ErrUnknownPool)
}

// Listeners receive a message if a trigger is due before they would look for
// work.
func TestWakeUps(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		client, err := p.Client(pool.Expiry)
		require.NoError(t, err)
		woken, ready := make(chan int64, 10), make(chan struct{})
		subscribed := sync.OnceFunc(func() { close(ready) })
		hooked := rueidis.WithOnSubscriptionHook(t.Context(), func(rueidis.PubSubSubscription) { subscribed() })
		own, release := client.Dedicate()
		defer release()
		go func() {
			_ = own.Receive(hooked, own.B().Subscribe().Channel("%exp:wake:x:due:y").Build(), func(m rueidis.PubSubMessage) {
				ms, err := strconv.ParseInt(m.Message, 10, 64)
				if err != nil {
					ms = -1
				}
				woken <- ms
			})
		}()
		<-ready
		s := f.schedule()
		require.NoError(t, s.Set(ctx, "x:due:y", "far", time.Hour))
		require.NoError(t, s.Set(ctx, "x:due:y", "second", 900*time.Millisecond))
		require.NoError(t, s.Set(ctx, "x:due:y", "third", 950*time.Millisecond))
		require.NoError(t, s.Set(ctx, "x:due:y", "first", 800*time.Millisecond))
		require.EqualValues(t, 900, <-woken)
		require.EqualValues(t, 800, <-woken)
	})
}
