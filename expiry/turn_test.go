package expiry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// turnFixture is a schedule, and the queue of one of its triggers.
type turnFixture struct {
	*testing.T
	schedule *Schedule
	queue    *queue
	action   string
	key      string
}

const turnID = "a:b|%"

func newTurnFixture(t *testing.T, p *pool.Pools) *turnFixture {
	t.Helper()
	return newTurnFixtureIn(t, p, p.Layout().Trigger)
}

func newTurnFixtureIn(t *testing.T, p *pool.Pools, pattern keyspace.Pattern) *turnFixture {
	t.Helper()
	s, err := NewSchedule(p, pool.Expiry, pattern, pooltest.UniqueTenant())
	require.NoError(t, err)
	client, err := p.Client(pool.Expiry)
	require.NoError(t, err)
	action := pooltest.UniqueTenant() // so that no other test uses the keys
	w, err := s.begin(t.Context(), "Set", action, turnID)
	require.NoError(t, err)
	return &turnFixture{t, s, newQueue(client, s.names, w.shard, action), action, w.Key}
}

func (f *turnFixture) set(id string) {
	f.Helper()
	require.NoError(f, f.schedule.Set(f.Context(), f.action, id, 0))
}

// claim claims up to n firings. A trigger that was set a moment ago may be due
// in the next millisecond.
func (f *turnFixture) claim(n int) []firing {
	f.Helper()
	<-time.After(2 * time.Millisecond)
	got, err := f.queue.claim(f.Context(), n, time.Minute, 2)
	require.NoError(f, err)
	return got.firings
}

// claimOne claims the only firing that can be claimed.
func (f *turnFixture) claimOne() firing {
	f.Helper()
	all := f.claim(10)
	require.Len(f, all, 1)
	return all[0]
}

// begin claims a firing of the trigger.
func (f *turnFixture) begin() firing {
	f.Helper()
	f.set(turnID)
	return f.claimOne()
}

// beginAndWait claims a firing of the trigger, and sets the trigger again, with
// a payload. It returns when that one is due.
func (f *turnFixture) beginAndWait() (first firing, due int64) {
	f.Helper()
	first = f.begin()
	require.NoError(f, f.schedule.SetPayload(f.Context(), f.action, turnID, "kept", 0))
	due = f.due()
	require.Empty(f, f.claim(10), "two firings of a trigger overlap")
	return first, due
}

func (f *turnFixture) due() int64 {
	f.Helper()
	at, err := f.schedule.Due(f.Context(), f.action, turnID)
	require.NoError(f, err)
	return at.UnixMilli()
}

func (f *turnFixture) ack(x firing, attempt int) (lost bool) {
	f.Helper()
	positions, err := f.queue.ack(f.Context(), []token{{x.member, attempt}})
	require.NoError(f, err)
	return len(positions) == 1
}

// score returns the score of the trigger, or true if it has none.
func (f *turnFixture) score() (score int64, none bool) {
	f.Helper()
	c := f.queue.client
	x, err := c.Do(f.Context(), c.B().Zscore().Key(f.queue.due).Member(f.key).Build()).AsFloat64()
	if rueidis.IsRedisNil(err) {
		return 0, true
	}
	require.NoError(f, err)
	return int64(x), false
}

// requireWaited claims the trigger that waited, and checks it.
func (f *turnFixture) requireWaited(due int64) firing {
	f.Helper()
	second := f.claimOne()
	require.Equal(f, strconv.FormatInt(due, 10)+"|"+f.key, second.member)
	require.NotNil(f, second.payload)
	return second
}

// do sends a command that changes the keys of the schedule.
func (f *turnFixture) do(command, key string, args ...string) {
	f.Helper()
	c := f.queue.client
	require.NoError(f, c.Do(context.Background(), c.B().Arbitrary(command).Keys(key).Args(args...).Build()).Error())
}

func (f *turnFixture) statuses() map[string]string {
	f.Helper()
	c := f.queue.client
	all, err := c.Do(context.Background(), c.B().Hgetall().Key(f.queue.status).Build()).AsStrMap()
	require.NoError(f, err)
	return all
}

func (f *turnFixture) sweep() (repaired int64) {
	f.Helper()
	for _, pass := range repairPasses {
		p, err := f.queue.repair(f.Context(), pass.kind, 0, 1000, time.Minute, clockStep{})
		require.NoError(f, err)
		repaired += p.repaired
	}
	return repaired
}

// requireNothingLeft requires that the action has no keys.
func (f *turnFixture) requireNothingLeft() {
	f.Helper()
	q, c := f.queue, f.queue.client
	n, err := c.Do(f.Context(), c.B().Exists().Key(f.key, q.due, q.active, q.status, q.payloads, q.dead).Build()).AsInt64()
	require.NoError(f, err)
	require.Zero(f, n, f.statuses())
}

// A trigger that is due waits until the firing ends, however it ends, and comes
// next.
func TestTurnEnds(t *testing.T) {
	for name, end := range map[string]func(f *turnFixture, x firing){
		"acknowledged": func(f *turnFixture, x firing) {
			require.False(f, f.ack(x, 1))
			require.True(f, f.ack(x, 1), "a repeated ack")
		},
		"failed for the last time": func(f *turnFixture, x firing) {
			for range 2 { // the client may repeat the call
				result, err := f.queue.fail(f.Context(), token{x.member, 1}, 0, 1, "no")
				require.NoError(f, err)
				require.Equal(f, putBackDead, result)
			}
		},
		"unreadable": func(f *turnFixture, x firing) {
			for i := range 2 {
				n, err := f.queue.deadLetter(f.Context(), []firing{x}, []string{"no"})
				require.NoError(f, err)
				require.EqualValues(f, 1-i, n)
			}
		},
		"removed by another client": func(f *turnFixture, x firing) {
			f.do("HDEL", f.queue.status, x.member)
			f.do("ZREM", f.queue.active, x.member)
			require.EqualValues(f, 1, f.sweep())
		},
	} {
		t.Run(name, func(t *testing.T) {
			pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
				f := newTurnFixture(t, p)
				first, due := f.beginAndWait()
				require.Zero(t, f.sweep())
				require.Empty(t, f.claim(10))
				end(f, first)
				second := f.requireWaited(due)
				f.set(turnID)
				require.Empty(t, f.claim(10))
				require.True(t, f.ack(first, 1))
				require.Empty(t, f.claim(10), "a late ack of the first firing ended the turn of the second")
				require.False(t, f.ack(second, 1))
				require.False(t, f.ack(f.claimOne(), 1))
				if letters := f.letters(); len(letters) > 0 {
					result, err := f.queue.discard(t.Context(), letters[0])
					require.NoError(t, err)
					require.Equal(t, deadLetterGone, result)
				}
				f.requireNothingLeft()
			})
		})
	}
}

func (f *turnFixture) letters() []string {
	f.Helper()
	c := f.queue.client
	all, err := c.Do(f.Context(), c.B().Zrange().Key(f.queue.dead).Min("0").Max("-1").Build()).AsStrSlice()
	require.NoError(f, err)
	return all
}

// If the leases of a firing expire for the last time, the claim that finds that
// claims the trigger that waited.
func TestTurnEndsWithTheLastLease(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newTurnFixture(t, p)
		first, due := f.beginAndWait()
		f.do("ZADD", f.queue.active, "1", first.member)
		require.Equal(t, first.member, f.claimOne().member)
		f.do("ZADD", f.queue.active, "1", first.member)
		f.requireWaited(due)
		require.Equal(t, []string{first.member}, f.letters())
	})
}

// A firing keeps its turn over failures, releases and expired leases. A trigger
// waits for all its attempts.
func TestTurnLastsOverAttempts(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newTurnFixture(t, p)
		first, due := f.beginAndWait()
		next := func(attempt string) {
			redelivered := f.claimOne()
			require.Equal(t, first.member, redelivered.member)
			require.True(t, strings.HasPrefix(redelivered.status, attempt+" "), redelivered.status)
			require.Empty(t, f.claim(10))
		}
		for range 2 { // the client may repeat the call
			result, err := f.queue.fail(t.Context(), token{first.member, 1}, 0, 9, "no")
			require.NoError(t, err)
			require.Equal(t, putBackWaiting, result)
		}
		next("2")
		_, err := f.queue.release(t.Context(), token{first.member, 2})
		require.NoError(t, err)
		next("3")
		f.do("ZADD", f.queue.active, "1", first.member)
		next("4")

		_, err = f.queue.fail(t.Context(), token{first.member, 4}, time.Hour, 9, "no")
		require.NoError(t, err)
		f.set(turnID)
		require.Empty(t, f.claim(10), "a trigger fired while another firing waits for its next attempt")
		f.do("ZADD", f.queue.active, "1", first.member)
		next("5")
		require.False(t, f.ack(first, 5))
		second := f.claimOne()
		require.Greater(t, second.member, strconv.FormatInt(due, 10))
		require.False(t, f.ack(second, 1))
		f.requireNothingLeft()
	})
}

// Set, Debounce, Delete and Due work on a trigger that waits, as on any other.
func TestWaitingTriggersCanBeChanged(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for name, change := range map[string]func(f *turnFixture, due int64) (again bool){
			"not": func(f *turnFixture, due int64) bool {
				require.Equal(f, due, f.due())
				absent, exists := f.schedule.With(IfAbsent()), f.schedule.With(IfExists())
				require.ErrorIs(f, absent.Set(f.Context(), f.action, turnID, 0), fault.ErrExists)
				require.ErrorIs(f, absent.Debounce(f.Context(), f.action, turnID, 0, 0), fault.ErrExists)
				require.NoError(f, exists.Set(f.Context(), f.action, turnID, 0))
				return true
			},
			"set for later": func(f *turnFixture, _ int64) bool {
				require.NoError(f, f.schedule.Set(f.Context(), f.action, turnID, time.Hour))
				require.InDelta(f, time.Now().Add(time.Hour).UnixMilli(), f.due(), 60_000)
				return false
			},
			"set for now": func(f *turnFixture, _ int64) bool { f.set(turnID); return true },
			"debounced": func(f *turnFixture, due int64) bool {
				require.NoError(f, f.schedule.Debounce(f.Context(), f.action, turnID, 0, time.Hour))
				require.GreaterOrEqual(f, f.due(), due)
				return true
			},
			"debounced for later": func(f *turnFixture, _ int64) bool {
				require.NoError(f, f.schedule.Debounce(f.Context(), f.action, turnID, time.Hour, time.Hour))
				return false
			},
			"deleted": func(f *turnFixture, _ int64) bool {
				deleted, err := f.schedule.Delete(f.Context(), f.action, turnID)
				require.NoError(f, err)
				require.True(f, deleted)
				_, err = f.schedule.Due(f.Context(), f.action, turnID)
				require.ErrorIs(f, err, fault.ErrNotFound)
				return false
			},
			"deleted with all of its id": func(f *turnFixture, _ int64) bool {
				n, err := f.schedule.DeleteAll(f.Context(), turnID)
				require.NoError(f, err)
				require.EqualValues(f, 1, n)
				return false
			},
			"deleted by another client": func(f *turnFixture, _ int64) bool { f.do("DEL", f.key); return false },
			"moved by another client": func(f *turnFixture, _ int64) bool {
				f.do("PEXPIRE", f.key, "100000")
				return false
			},
			"set by another client": func(f *turnFixture, _ int64) bool {
				f.do("SET", f.key, "trigger:x", "PX", "100000")
				return false
			},
		} {
			f := newTurnFixture(t, p)
			first, due := f.beginAndWait()
			again := change(f, due)
			require.Empty(t, f.claim(10), name)
			require.False(t, f.ack(first, 1))
			if again {
				require.False(t, f.ack(f.claimOne(), 1), name)
			}
			require.Empty(t, f.claim(10), name)
			at, err := f.schedule.Due(t.Context(), f.action, turnID)
			score, unscheduled := f.score()
			require.Equal(t, unscheduled, errors.Is(err, fault.ErrNotFound), name)
			if !unscheduled {
				require.Equal(t, at.UnixMilli(), score, name)
			}
			require.Zero(t, f.sweep(), name)
			require.Empty(t, f.statuses(), name)
		}
	})
}

// A claim looks again at a trigger that waits when the lease of the firing
// would have ended. If the firing was renewed, the trigger waits on.
func TestWaitingTriggersAreLookedAtAgain(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newTurnFixture(t, p)
		first, due := f.beginAndWait()
		lost, err := f.queue.renew(t.Context(), []token{{first.member, 1}}, time.Hour)
		require.NoError(t, err)
		require.Empty(t, lost)
		f.do("ZADD", f.queue.due, strconv.FormatInt(due+1, 10), f.key) // the time of the look has come
		got, err := f.queue.claim(t.Context(), 10, time.Minute, 2)
		require.NoError(t, err)
		require.Empty(t, got.firings)
		require.Zero(t, got.dropped, "a trigger that waits counts as changed")
		look, _ := f.score()
		require.InDelta(t, time.Now().Add(time.Hour).UnixMilli(), look, 60_000)
		require.Equal(t, due, f.due())
		require.False(t, f.ack(first, 1))
		f.requireWaited(due)
	})
}

// Debounce counts from its first call while the trigger waits.
func TestWaitingTriggersKeepTheFirstTouch(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newTurnFixture(t, p)
		first := f.begin()
		require.NoError(t, f.schedule.Debounce(t.Context(), f.action, turnID, 0, time.Hour))
		touched := f.due()
		require.Empty(t, f.claim(10))
		require.NoError(t, f.schedule.Debounce(t.Context(), f.action, turnID, time.Millisecond, time.Millisecond))
		require.Equal(t, touched+1, f.due())
		require.Empty(t, f.claim(10))
		require.False(t, f.ack(first, 1))
		require.Equal(t, strconv.FormatInt(touched+1, 10)+"|"+f.key, f.claimOne().member)
	})
}

// A handler may run for longer than the grace of a key. The trigger that waits
// for it is not mistaken for a deleted one.
func TestWaitingForLongerThanTheGrace(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newTurnFixture(t, p)
		f.set(turnID)
		<-time.After(2 * time.Millisecond)
		const lease = 3 * time.Hour
		got, err := f.queue.claim(t.Context(), 10, lease, 2)
		require.NoError(t, err)
		require.Len(t, got.firings, 1)
		f.set(turnID)
		due := f.due()
		require.Empty(t, f.claim(10))
		c := f.queue.client
		look, _ := f.score()
		require.InDelta(t, time.Now().Add(lease).UnixMilli(), look, 60_000)
		expires, err := c.Do(t.Context(), c.B().Pexpiretime().Key(f.key).Build()).AsInt64()
		require.NoError(t, err)
		require.InDelta(t, look+graceMS, expires, 1000)
		require.Equal(t, due, f.due())

		// The key expires after all, because no listener looked.
		f.do("DEL", f.key)
		f.do("ZADD", f.queue.due, strconv.FormatInt(now()-2*graceMS, 10), f.key)
		require.Empty(t, f.claim(10))
		require.InDelta(t, now()-2*graceMS, f.due(), 60_000, "the trigger exists")
		require.False(t, f.ack(got.firings[0], 1))
		require.False(t, f.ack(f.claimOne(), 1))
		f.requireNothingLeft()
	})
}

func now() int64 { return time.Now().UnixMilli() }

// If the key of a trigger that waits has expired, a listener may handle the
// event of that when the trigger has fired, or was deleted. Then it does not
// come again.
func TestExpiredTriggersWaitOnce(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, deleted := range []bool{false, true} {
			f := newTurnFixture(t, p)
			first := f.begin()
			f.do("ZADD", f.queue.due, strconv.FormatInt(now()-2*graceMS, 10), f.key)
			require.Empty(t, f.claim(10))
			if deleted {
				found, err := f.schedule.Delete(t.Context(), f.action, turnID)
				require.NoError(t, err)
				require.True(t, found)
			}
			require.False(t, f.ack(first, 1))
			if !deleted {
				require.False(t, f.ack(f.claimOne(), 1))
			}
			adopted, err := f.queue.adopt(t.Context(), keyExpired, []string{f.key})
			require.NoError(t, err)
			require.False(t, adopted)
			require.Empty(t, f.claim(10))
			f.requireNothingLeft()
		}
	})
}

// The end of a firing wakes listeners for what waited.
func TestTheEndOfATurnWakesListeners(t *testing.T) {
	f := newTurnFixture(t, pooltest.Redis(t, pool.Config{}))
	dead := f.begin()
	_, err := f.queue.fail(t.Context(), token{dead.member, 1}, 0, 1, "no")
	require.NoError(t, err)
	first, _ := f.beginAndWait()
	_, err = f.queue.retry(t.Context(), dead.member)
	require.NoError(t, err)
	heard, ready := make(chan string, 10), make(chan struct{})
	subscribed := sync.OnceFunc(func() { close(ready) })
	hooked := rueidis.WithOnSubscriptionHook(t.Context(), func(rueidis.PubSubSubscription) { subscribed() })
	c := f.queue.client
	go func() {
		_ = c.Receive(hooked, c.B().Subscribe().Channel(f.queue.channel).Build(), func(m rueidis.PubSubMessage) { heard <- m.Message })
	}()
	<-ready
	require.False(t, f.ack(first, 1))
	f.requireWoken(heard)
	require.False(t, f.ack(f.claimOne(), 2))
	f.requireWoken(heard)
}

func (f *turnFixture) requireWoken(heard <-chan string) {
	f.Helper()
	select {
	case message := <-heard:
		require.Equal(f, "0", message)
	case <-time.After(30 * time.Second):
		f.Fatal("no message woke the listeners")
	}
}

// Triggers that other services set wait too.
func TestAdoptedTriggersWait(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newTurnFixture(t, p)
		first := f.begin()
		f.do("SET", f.key, "trigger:x", "PX", "100000")
		_, err := f.queue.adopt(t.Context(), keyMayExist, []string{f.key})
		require.NoError(t, err)
		require.Empty(t, f.claim(10))
		f.do("DEL", f.key) // it expires
		for range 2 {
			_, err = f.queue.adopt(t.Context(), keyExpired, []string{f.key})
			require.NoError(t, err)
			require.Empty(t, f.claim(10), "an adopted trigger fired beside another firing")
		}
		_, err = f.queue.adopt(t.Context(), keyMayExist, []string{f.key})
		require.NoError(t, err)
		require.Empty(t, f.claim(10))
		require.False(t, f.ack(first, 1))
		require.False(t, f.ack(f.claimOne(), 1))
		f.requireNothingLeft()
	})
}

// With the Python layout, a trigger is a bare key while no listener handles the
// action, and waits once one does.
func TestBareKeysWaitOnceTheyAreAdopted(t *testing.T) {
	f := newTurnFixtureIn(t, pooltest.Redis(t, pool.Config{}), keyspace.Python(keyspace.AllowAmbiguous).Trigger)
	f.do("SET", f.queue.handled, "1")
	first, _ := f.beginAndWait()
	f.do("DEL", f.queue.handled)
	require.NoError(t, f.schedule.SetPayload(t.Context(), f.action, turnID, "kept", time.Minute))
	c := f.queue.client
	value, err := c.Do(t.Context(), c.B().Get().Key(f.key).Build()).ToString()
	require.NoError(t, err)
	require.NotContains(t, value, ";due=")
	_, err = f.queue.adopt(t.Context(), keyMayExist, []string{f.key})
	require.NoError(t, err)
	f.do("SET", f.queue.handled, "1")
	require.NoError(t, f.schedule.Debounce(t.Context(), f.action, turnID, 0, 0))
	due := f.due()
	require.Empty(t, f.claim(10))
	require.False(t, f.ack(first, 1))
	f.requireWaited(due)
}

// Dead letters that are retried while another firing is active wait for it, and
// come one after the other, before the trigger.
func TestRetriedDeadLettersWait(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newTurnFixture(t, p)
		var letters []string
		for range 4 {
			x := f.begin()
			result, err := f.queue.fail(t.Context(), token{x.member, 1}, 0, 1, "no")
			require.NoError(t, err)
			require.Equal(t, putBackDead, result)
			letters = append(letters, x.member)
		}
		first, due := f.beginAndWait()
		for _, letter := range append(letters, letters...) { // the client may repeat the call
			result, err := f.queue.retry(t.Context(), letter)
			require.NoError(t, err)
			require.Equal(t, deadLetterWaits, result)
		}
		require.ElementsMatch(t, letters, f.letters())
		require.Empty(t, f.claim(10))
		require.Zero(t, f.sweep())
		for _, discarded := range []string{letters[1], letters[3]} {
			result, err := f.queue.discard(t.Context(), discarded)
			require.NoError(t, err)
			require.Equal(t, deadLetterGone, result)
		}
		require.Equal(t, dueOf(letters[0])+" "+dueOf(letters[2]), f.statuses()["+|"+f.key])
		require.False(t, f.ack(first, 1))
		for _, letter := range []string{letters[0], letters[2]} {
			x := f.claimOne()
			require.Equal(t, letter, x.member)
			require.True(t, strings.HasPrefix(x.status, "2 0 0 0"), x.status)
			require.Zero(t, f.sweep())
			require.False(t, f.ack(x, 2))
		}
		require.False(t, f.ack(f.requireWaited(due), 1))
		f.requireNothingLeft()

		// Without another firing, a dead letter is redelivered at once. Then
		// the trigger waits for it.
		x := f.begin()
		_, err := f.queue.fail(t.Context(), token{x.member, 1}, 0, 1, "no")
		require.NoError(t, err)
		f.set(turnID)
		result, err := f.queue.retry(t.Context(), x.member)
		require.NoError(t, err)
		require.Equal(t, deadLetterGone, result)
		require.Equal(t, x.member, f.claimOne().member)
	})
}

// If a dead letter has the due time of a trigger, the firing is named after the
// millisecond before, and has the turn under that name.
func TestTurnsOfFiringsWithOneDueTime(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for name, prepare := range map[string]func(f *turnFixture) (due int64){
			"due": func(f *turnFixture) int64 {
				f.set(turnID)
				return f.due()
			},
			"looked at again": func(f *turnFixture) int64 {
				first, due := f.beginAndWait()
				f.do("HDEL", f.queue.status, "=|"+f.key)
				require.False(f, f.ack(first, 1))
				f.do("ZADD", f.queue.due, strconv.FormatInt(due+1, 10), f.key)
				return due
			},
			"expired": func(f *turnFixture) int64 {
				due := now() - 2*graceMS
				f.do("ZADD", f.queue.due, strconv.FormatInt(due, 10), f.key)
				return due
			},
		} {
			f := newTurnFixture(t, p)
			due := prepare(f)
			letter := strconv.FormatInt(due, 10) + "|" + f.key
			f.do("HSET", f.queue.status, letter, "3 3 0 2 no")
			f.do("ZADD", f.queue.dead, "1", letter)
			x := f.claimOne()
			require.Equal(t, strconv.FormatInt(due-1, 10)+"|"+f.key, x.member, name)
			require.Equal(t, "3 3 0 2 no", f.statuses()[letter], name)
			f.set(turnID)
			require.Empty(t, f.claim(10), name)
			require.False(t, f.ack(x, 1), name)
			require.False(t, f.ack(f.claimOne(), 1), name)
			require.Len(t, f.statuses(), 1, name)
		}
	})
}

// Other clients may write anything into the turns. Whatever they write, no
// trigger waits for ever.
func TestForeignTurns(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		turn, waiters := func(f *turnFixture) string { return "=|" + f.key }, func(f *turnFixture) string { return "+|" + f.key }
		t.Run("a turn without a firing", func(t *testing.T) {
			for _, text := range []string{"", "1", "garbage", "1|" + turnID} {
				f := newTurnFixture(t, p)
				f.do("HSET", f.queue.status, turn(f), text)
				require.False(t, f.ack(f.begin(), 1))
				f.requireNothingLeft()
				f.do("HSET", f.queue.status, turn(f), text)
				require.EqualValues(t, 1, f.sweep())
				f.requireNothingLeft()
			}
		})
		t.Run("the turn of a dead letter", func(t *testing.T) {
			f := newTurnFixture(t, p)
			x := f.begin()
			_, err := f.queue.fail(t.Context(), token{x.member, 1}, 0, 1, "no")
			require.NoError(t, err)
			f.do("HSET", f.queue.status, turn(f), dueOf(x.member))
			require.False(t, f.ack(f.begin(), 1))
			f.do("HSET", f.queue.status, turn(f), dueOf(x.member))
			result, err := f.queue.retry(t.Context(), x.member)
			require.NoError(t, err)
			require.Equal(t, deadLetterGone, result)
			require.False(t, f.ack(f.claimOne(), 2))
			f.requireNothingLeft()
		})
		t.Run("a firing without its turn", func(t *testing.T) {
			f := newTurnFixture(t, p)
			first, due := f.beginAndWait()
			f.do("HDEL", f.queue.status, turn(f))
			require.EqualValues(t, 1, f.sweep())
			require.Empty(t, f.claim(10))
			require.False(t, f.ack(first, 1))
			require.False(t, f.ack(f.requireWaited(due), 1))
			f.requireNothingLeft()
		})
		t.Run("two firings", func(t *testing.T) {
			f := newTurnFixture(t, p)
			first, due := f.beginAndWait()
			f.do("HDEL", f.queue.status, turn(f))
			f.do("ZADD", f.queue.due, strconv.FormatInt(due, 10), f.key)
			second := f.requireWaited(due)
			require.Zero(t, f.sweep())
			f.do("ZADD", f.queue.active, "1", first.member) // the lease expires
			require.Empty(t, f.claim(10), "a firing without its turn was redelivered beside the one that has it")
			require.False(t, f.ack(second, 1))
			third := f.claimOne()
			require.Equal(t, first.member, third.member)
			require.False(t, f.ack(third, 2))
			f.requireNothingLeft()
		})
		t.Run("a firing that ends without its turn", func(t *testing.T) {
			for _, dies := range []bool{false, true} {
				f := newTurnFixture(t, p)
				first, due := f.beginAndWait()
				f.do("HDEL", f.queue.status, turn(f))
				f.do("ZADD", f.queue.due, strconv.FormatInt(due, 10), f.key)
				second := f.requireWaited(due)
				if dies {
					_, err := f.queue.fail(t.Context(), token{first.member, 1}, 0, 1, "no")
					require.NoError(t, err)
				} else {
					require.False(t, f.ack(first, 1))
				}
				f.set(turnID)
				require.Empty(t, f.claim(10), "a firing ended the turn of another")
				require.False(t, f.ack(second, 1))
				require.False(t, f.ack(f.claimOne(), 1))
			}
		})
		t.Run("a firing that is dead according to its status", func(t *testing.T) {
			for _, swept := range []bool{false, true} {
				f := newTurnFixture(t, p)
				first, due := f.beginAndWait()
				f.do("HSET", f.queue.status, first.member, "1 0 0 2 no")
				f.do("ZADD", f.queue.active, "1", first.member)
				if swept {
					require.EqualValues(t, 1, f.sweep())
				}
				require.False(t, f.ack(f.requireWaited(due), 1))
				require.Equal(t, []string{first.member}, f.letters())
			}
		})
		t.Run("a dead letter without its status", func(t *testing.T) {
			f := newTurnFixture(t, p)
			x := f.begin()
			_, err := f.queue.fail(t.Context(), token{x.member, 1}, 0, 1, "no")
			require.NoError(t, err)
			f.do("HDEL", f.queue.status, x.member)
			first := f.begin()
			result, err := f.queue.retry(t.Context(), x.member)
			require.NoError(t, err)
			require.Equal(t, deadLetterWaits, result)
			require.False(t, f.ack(first, 1))
			again := f.claimOne()
			require.Equal(t, x.member, again.member)
			require.False(t, f.ack(again, 1))
			f.requireNothingLeft()
		})
		t.Run("dead letters that wait for nothing", func(t *testing.T) {
			f := newTurnFixture(t, p)
			x := f.begin()
			_, err := f.queue.fail(t.Context(), token{x.member, 1}, 0, 1, "no")
			require.NoError(t, err)
			f.do("HSET", f.queue.status, waiters(f), "garbage 12 "+dueOf(x.member)+" 1|x")
			require.EqualValues(t, 1, f.sweep())
			require.False(t, f.ack(f.claimOne(), 2))
			f.requireNothingLeft()
		})
		t.Run("a holder that does not know who waits", func(t *testing.T) {
			f := newTurnFixture(t, p)
			x := f.begin()
			_, err := f.queue.fail(t.Context(), token{x.member, 1}, 0, 1, "no")
			require.NoError(t, err)
			first := f.begin()
			_, err = f.queue.retry(t.Context(), x.member)
			require.NoError(t, err)
			f.do("HSET", f.queue.status, first.member, "1 0 0 0 ")
			require.EqualValues(t, 1, f.sweep())
			require.False(t, f.ack(first, 1))
			require.False(t, f.ack(f.claimOne(), 2))
			f.requireNothingLeft()
		})
		t.Run("no statuses", func(t *testing.T) {
			f := newTurnFixture(t, p)
			first, due := f.beginAndWait()
			f.do("DEL", f.queue.status)
			require.True(t, f.ack(first, 1))
			f.do("ZADD", f.queue.active, "1", first.member)
			again := f.claimOne()
			require.Equal(t, first.member, again.member)
			f.do("ZADD", f.queue.due, strconv.FormatInt(due, 10), f.key)
			require.Empty(t, f.claim(10))
			require.False(t, f.ack(again, 1))
			require.False(t, f.ack(f.requireWaited(due), 1))
			f.requireNothingLeft()
		})
		t.Run("a claimed firing whose status was lost", func(t *testing.T) {
			f := newTurnFixture(t, p)
			first, due := f.beginAndWait()
			f.do("HDEL", f.queue.status, first.member)
			f.do("ZADD", f.queue.due, strconv.FormatInt(due, 10), f.key)
			require.Empty(t, f.claim(10), "a trigger fired beside a firing that will be redelivered")
			f.do("ZADD", f.queue.active, "1", first.member)
			require.False(t, f.ack(f.claimOne(), 1))
			require.False(t, f.ack(f.requireWaited(due), 1))
			f.requireNothingLeft()
		})
	})
}

// If a key of the schedule holds another type, a firing ends, and what waits
// for it comes when the key is repaired.
func TestTurnsWithKeysOfAnotherType(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, kind := range []string{"due", "dead"} {
			f := newTurnFixture(t, p)
			x := f.begin()
			_, err := f.queue.fail(t.Context(), token{x.member, 1}, 0, 1, "no")
			require.NoError(t, err)
			first, due := f.beginAndWait()
			_, err = f.queue.retry(t.Context(), x.member)
			require.NoError(t, err)
			key := f.queue.due
			if kind == "dead" {
				key = f.queue.dead
			}
			f.do("DEL", key)
			f.do("SET", key, "theirs")
			require.False(t, f.ack(first, 1), kind)
			f.do("DEL", key)
			if kind == "due" {
				require.False(t, f.ack(f.claimOne(), 2))
				_, err = f.queue.adopt(t.Context(), keyMayExist, []string{f.key})
				require.NoError(t, err)
			}
			require.False(t, f.ack(f.requireWaited(due), 1), kind)
			if kind == "dead" {
				require.Positive(t, f.sweep())
				require.False(t, f.ack(f.claimOne(), 2))
			}
			f.requireNothingLeft()
		}
	})
}

// Triggers that wait do not keep others from being claimed.
func TestWaitingTriggersTakeNoPlaces(t *testing.T) {
	f := newTurnFixture(t, pooltest.Redis(t, pool.Config{}))
	const n = 300
	for i := range n {
		f.set(strconv.Itoa(i))
	}
	for left := n; left > 0; {
		left -= len(f.claim(100))
	}
	for i := range n {
		f.set(strconv.Itoa(i))
	}
	f.set("free")
	require.Empty(t, f.claim(1), "one call looks at a limited number of triggers")
	free := f.claim(1)
	require.Len(t, free, 1)
	require.True(t, strings.HasSuffix(free[0].member, ":free"))
}

// For triggers that do not meet, turns cost no commands for each firing.
func TestCommandsOfFiringsThatDoNotMeet(t *testing.T) {
	server := redistest.Server(t)
	f := newTurnFixture(t, pooltest.Redis(t, pool.Config{URL: server.URL()}))
	const n = 10
	calls := func() map[string]int64 {
		all := map[string]int64{}
		for _, name := range []string{"evalsha", "eval", "hsetnx", "hset", "hget", "hmget", "hdel", "zadd", "zrem", "get", "set", "del", "zscore", "publish"} {
			all[name] = server.CommandCalls(t, name)
		}
		return all
	}
	round := func() {
		for i := range n {
			f.set(strconv.Itoa(i))
		}
		got := f.claim(n)
		require.Len(t, got, n)
		tokens := make([]token, n)
		for i, x := range got {
			tokens[i] = token{x.member, 1}
		}
		lost, err := f.queue.ack(t.Context(), tokens)
		require.NoError(t, err)
		require.Empty(t, lost)
	}
	round() // the server receives the scripts
	before := calls()
	round()
	after := calls()
	for name := range maps.Keys(after) {
		after[name] -= before[name]
	}
	require.Equal(t, map[string]int64{
		"evalsha": n + 2, "eval": 0, // the calls of Set, claim and ack
		"set": n, "zadd": n + 1, "publish": 1, // Set wakes listeners for the first trigger
		"get": n, "del": 1, "hset": 1, "hsetnx": 0, "hget": 0, "zscore": 0, // claim
		"hmget": 2, "zrem": 2, "hdel": 1, // claim and ack
	}, after)
	f.requireNothingLeft()
}

// The flag in a status does not change what the listener reads.
func TestStatusWithFlag(t *testing.T) {
	var flagged, plain Event
	require.NoError(t, flagged.readStatus("3 1 2 0+ no + more"))
	require.NoError(t, plain.readStatus("3 1 2 0 no + more"))
	require.Equal(t, plain, flagged)
	require.Equal(t, []any{3, 1, 2, "no + more"}, []any{flagged.Attempt, flagged.Failures, flagged.ExpiredLeases, flagged.LastError})
}

// Firings of different triggers have turns of their own.
func TestTurnsOfOtherTriggers(t *testing.T) {
	f := newTurnFixture(t, pooltest.Redis(t, pool.Config{}))
	f.beginAndWait()
	for _, id := range []string{"a:b|", "b|%", "1", "%"} {
		f.set(id)
	}
	var got []string
	for _, x := range f.claim(10) {
		got = append(got, keyOf(x.member))
	}
	require.Len(t, got, 4)
	require.False(t, slices.Contains(got, f.key))
}

// A key that is not one of this schedule's triggers does not fire, even if its
// value is that of a trigger.
func TestForeignKeyDoesNotFire(t *testing.T) {
	u := newUnusual(t)
	u.do("SET", "other", u.value, "PXAT", u.expires)
	u.do("ZADD", u.queue.due, u.score, "other")
	u.do("DEL", u.key)
	u.do("ZREM", u.queue.due, u.key)
	got := u.claim()
	require.Empty(t, got.firings)
	require.EqualValues(t, 1, got.invalid.count)
}

// A trigger whose lifetime another client changed does not fire before it ends.
func TestChangedLifetimeDoesNotFire(t *testing.T) {
	u := newUnusual(t)
	u.do("PEXPIRE", u.key, "60000")
	got := u.claim()
	require.Empty(t, got.firings)
	require.EqualValues(t, 1, got.dropped, "the trigger was moved")
}

// unusual is a trigger that is due, and what Redis holds about it.
type unusual struct {
	*turnFixture
	pools                 *pool.Pools
	value, score, expires string
}

func newUnusual(t *testing.T) *unusual {
	t.Helper()
	p := pooltest.Redis(t, pool.Config{URL: redistest.Server(t).URL()})
	u := &unusual{turnFixture: newTurnFixture(t, p), pools: p}
	u.set(turnID)
	<-time.After(2 * time.Millisecond)
	u.value, u.score, u.expires = u.do("GET", u.key), u.do("ZSCORE", u.queue.due, u.key), u.do("PEXPIRETIME", u.key)
	return u
}

func (u *unusual) do(args ...string) string {
	u.Helper()
	reply, err := pooltest.Do(u, u.pools, pool.Expiry, args...).ToAny()
	require.NoError(u, err)
	if score, ok := reply.(float64); ok {
		return strconv.FormatFloat(score, 'f', -1, 64)
	}
	return fmt.Sprint(reply)
}

func (u *unusual) claim() claimResult {
	u.Helper()
	got, err := u.queue.claim(u.Context(), 10, time.Minute, 20)
	require.NoError(u, err)
	return got
}
