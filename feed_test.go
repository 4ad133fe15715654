package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

func newFeed[T any](t *testing.T, p *pool.Pools, opts ...symphony.Option) *symphony.Feed[T] {
	t.Helper()
	f, err := symphony.NewFeed[T](p, "acme", "answers", opts...)
	require.NoError(t, err)
	return f
}

// values returns the values of entries.
func values[T any](entries []symphony.Entry[T]) []T {
	all := []T{}
	for _, e := range entries {
		all = append(all, e.Value)
	}
	return all
}

// follow reads n entries after a cursor, or all if n is negative.
func follow[T any](t *testing.T, f *symphony.Feed[T], id string, after symphony.Cursor, n int) (entries []symphony.Entry[T], err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for e, err := range f.Follow(ctx, id, after) {
		if err != nil {
			return entries, err
		}
		if entries = append(entries, e); len(entries) == n {
			break
		}
	}
	return entries, nil
}

// Followers that begin at any time, and leave and return, get each entry once
// and in order, until the feed ends.
func TestFollow(t *testing.T) {
	const total = 300
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFeed[int](t, p)
		var followers sync.WaitGroup
		for i := range 10 {
			followers.Go(func() {
				var all []int
				var last symphony.Cursor
				for leaves := 1; ; leaves++ {
					n := -1
					if leaves < 5 {
						n = leaves * (i + 1)
					}
					entries, err := follow(t, f, "a1", last, n)
					if err != nil {
						t.Error(err)
						return
					}
					all = append(all, values(entries)...)
					if n < 0 {
						break
					}
					last = entries[len(entries)-1].Cursor
				}
				if len(all) != total {
					t.Errorf("%d entries", len(all))
				}
				for i, v := range all {
					if v != i {
						t.Errorf("entry %d is %d", i, v)
						return
					}
				}
			})
		}
		for i := 0; i < total; i += 3 {
			_, err := f.Append(ctx, "a1", i, i+1, i+2)
			require.NoError(t, err)
		}
		require.NoError(t, f.End(ctx, "a1"))
		followers.Wait()
	})
}

func TestFeedRead(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFeed[string](t, p)
		entries, err := f.Read(ctx, "a1", "", 10)
		require.NoError(t, err)
		require.Empty(t, entries, "there is no feed")

		before := time.Now().Add(-time.Minute)
		last, err := f.Append(ctx, "a1", "a", "b", "c")
		require.NoError(t, err)
		entries, err = f.Read(ctx, "a1", "", 2)
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b"}, values(entries))
		require.WithinRange(t, entries[0].At, before, time.Now().Add(time.Minute))
		entries, err = f.Read(ctx, "a1", entries[1].Cursor, 2)
		require.NoError(t, err)
		require.Equal(t, []string{"c"}, values(entries))
		require.Equal(t, last, entries[0].Cursor)
		entries, err = f.Read(ctx, "a1", last, 2)
		require.NoError(t, err)
		require.Empty(t, entries)

		same, err := f.Append(ctx, "a1")
		require.NoError(t, err)
		require.Equal(t, last, same, "without values")
		none, err := f.Append(ctx, "a2")
		require.NoError(t, err)
		require.Empty(t, none)

		_, err = f.Read(ctx, "a1", "", 0)
		require.ErrorIs(t, err, symphony.ErrInvalidArgument)
		for _, v := range []string{"", "x y\r\n\x00", strings.Repeat("long", 10_000)} {
			_, err = f.Append(ctx, "a3", v)
			require.NoError(t, err)
		}
		entries, err = f.Read(ctx, "a3", "", 9)
		require.NoError(t, err)
		require.Equal(t, []string{"", "x y\r\n\x00", strings.Repeat("long", 10_000)}, values(entries))
	})
}

// A reader never skips an entry without ErrGone, whatever removed it.
func TestFeedGone(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFeed[int](t, p, symphony.KeepLast(3))
		requireGone := func(t *testing.T, id string, after symphony.Cursor) {
			t.Helper()
			entries, err := f.Read(ctx, id, after, 10)
			require.ErrorIs(t, err, symphony.ErrGone, "%v", entries)
			entries, err = follow(t, f, id, after, 1)
			require.ErrorIs(t, err, symphony.ErrGone, "%v", entries)
		}
		requireNext := func(t *testing.T, id string, after symphony.Cursor, want ...int) {
			t.Helper()
			entries, err := f.Read(ctx, id, after, 10)
			require.NoError(t, err)
			require.Equal(t, want, values(entries))
			entries, err = follow(t, f, id, after, len(want))
			require.NoError(t, err)
			require.Equal(t, want, values(entries))
		}
		cursors := make([]symphony.Cursor, 9)
		var err error
		for i := range cursors {
			cursors[i], err = f.Append(ctx, "trimmed", i)
			require.NoError(t, err)
		}
		n, err := f.Len(ctx, "trimmed")
		require.NoError(t, err)
		require.EqualValues(t, 3, n)
		requireGone(t, "trimmed", cursors[4])
		requireNext(t, "trimmed", cursors[5], 6, 7, 8) // the entry of the cursor was trimmed, the next one was not
		requireNext(t, "trimmed", cursors[7], 8)
		requireNext(t, "trimmed", "", 6, 7, 8)

		requireGone(t, "missing", cursors[8])
		_, err = f.Append(ctx, "other", 1, 2, 3)
		require.NoError(t, err)
		requireGone(t, "other", cursors[8])

		removed, err := f.Delete(ctx, "trimmed", "missing")
		require.NoError(t, err)
		require.EqualValues(t, 1, removed)
		requireGone(t, "trimmed", cursors[8])
		for i := range cursors { // the new feed has as many entries
			_, err = f.Append(ctx, "trimmed", i)
			require.NoError(t, err)
		}
		requireGone(t, "trimmed", cursors[8])
		_, err = f.Append(ctx, "trimmed", 9, 10, 11) // it keeps those that would follow in the old one
		require.NoError(t, err)
		requireGone(t, "trimmed", cursors[8])
		requireGone(t, "trimmed", cursors[7])
	})
}

// streamID returns the id of an entry in its stream.
func streamID(c symphony.Cursor) string {
	_, number, _ := strings.Cut(string(c), "-")
	return "1-" + number
}

// A hole that another program made is not skipped either.
func TestFeedGoneByXDEL(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFeed[int](t, p)
		cursors := make([]symphony.Cursor, 5)
		var err error
		for i := range cursors {
			cursors[i], err = f.Append(ctx, "a1", i)
			require.NoError(t, err)
		}
		require.NoError(t, pooltest.Do(t, p, pool.PubSub, "XDEL", "acme:feed:answers:a1", streamID(cursors[2])).Error())
		entries, err := f.Read(ctx, "a1", cursors[0], 10)
		require.NoError(t, err)
		require.Equal(t, []int{1}, values(entries))
		_, err = f.Read(ctx, "a1", cursors[1], 10)
		require.ErrorIs(t, err, symphony.ErrGone)
		entries, err = follow(t, f, "a1", "", -1)
		require.ErrorIs(t, err, symphony.ErrGone)
		require.Equal(t, []int{0, 1}, values(entries))
		entries, err = f.Read(ctx, "a1", cursors[2], 10)
		require.NoError(t, err)
		require.Equal(t, []int{3, 4}, values(entries))
	})
}

// An entry that another program removed is missed also if it was the last one.
func TestFeedGoneByXDELOfTheLastEntry(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFeed[int](t, p)
		for name, add := range map[string]func(id string) error{
			"Append": func(id string) error { return errorOf(f.Append(ctx, id, 9)) },
			"End":    func(id string) error { return f.End(ctx, id) },
		} {
			for entries, id := range map[int]string{1: name + "-one", 2: name + "-two"} {
				var before, last symphony.Cursor
				var err error
				for i := range entries {
					before = last
					last, err = f.Append(ctx, id, i)
					require.NoError(t, err)
				}
				require.NoError(t, pooltest.Do(t, p, pool.PubSub, "XDEL", "acme:feed:answers:"+id, streamID(last)).Error())
				require.NoError(t, add(id))
				if before != "" {
					_, err = f.Read(ctx, id, before, 5)
					require.ErrorIs(t, err, symphony.ErrGone, id)
				}
				_, err = f.Read(ctx, id, last, 5)
				require.NoError(t, err, id)
			}
		}
	})
}

// The times of entries never decrease for a reader, although the clock of the
// server was set back.
func TestFeedTimesNeverDecrease(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFeed[int](t, p)
		first, err := f.Append(ctx, "a1", 0)
		require.NoError(t, err)
		for i := 1; i < 3; i++ {
			require.NoError(t, pooltest.Do(t, p, pool.PubSub, "XADD", "acme:feed:answers:a1", "1-*", fmt.Sprint(1600000000000+i), fmt.Sprint(i)).Error())
		}
		all, err := f.Read(ctx, "a1", "", 3)
		require.NoError(t, err)
		require.Equal(t, []int{0, 1, 2}, values(all))
		for _, e := range all {
			require.Equal(t, all[0].At, e.At)
		}
		require.Equal(t, first, all[0].Cursor)
		next, err := f.Read(ctx, "a1", all[1].Cursor, 1)
		require.NoError(t, err)
		require.Equal(t, all[2:], next)
		next, err = follow(t, f, "a1", all[1].Cursor, 1)
		require.NoError(t, err)
		require.Equal(t, all[2:], next)
	})
}

// A follower learns at once that its feed expired and began again, whether the
// numbers of the new one are greater or smaller. To wait for the next look each
// time would take minutes.
func TestFollowAFeedThatBeganAgain(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFeed[int](t, p)
		c, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		for i := range 10 {
			id := fmt.Sprint("a", i)
			last, err := f.Append(ctx, id, 1)
			require.NoError(t, err)
			gone := make(chan error)
			go func() {
				for _, err := range f.Follow(c, id, last) {
					gone <- err
				}
			}()
			requireSubscribed(t, p, id)
			require.NoError(t, pooltest.Do(t, p, pool.PubSub, "DEL", "acme:feed:answers:"+id).Error())
			_, err = f.Append(ctx, id, 1)
			require.NoError(t, err)
			require.ErrorIs(t, <-gone, symphony.ErrGone)
		}
	})
}

// A follower that has seen that there is no feed gets its first entry or
// ErrGone.
func TestFollowFromTheBeginning(t *testing.T) {
	for n, want := range map[int]error{2: nil, 3: symphony.ErrGone} {
		reads := readObserver{make(chan struct{}, 100)}
		p, err := embedded.Open(ctx, pool.Config{Observer: reads})
		require.NoError(t, err)
		t.Cleanup(p.Close)
		f := newFeed[int](t, p, symphony.KeepLast(2))
		done := make(chan error)
		var entries []symphony.Entry[int]
		go func() {
			var err error
			entries, err = follow(t, f, "a1", "", 2)
			done <- err
		}()
		<-reads.ended
		_, err = f.Append(ctx, "a1", []int{0, 1, 2}[:n]...)
		require.NoError(t, err)
		require.ErrorIs(t, <-done, want)
		if want == nil {
			require.Equal(t, []int{0, 1}, values(entries))
		}
	}
}

// readObserver signals the end of each XRANGE.
type readObserver struct{ ended chan struct{} }

func (readObserver) Opened(*pool.Pools) {}
func (readObserver) Closed(*pool.Pools) {}
func (o readObserver) Begin(ctx context.Context, c pool.Call) (context.Context, func(error)) {
	return ctx, func(error) {
		if c.Command == "XRANGE" {
			o.ended <- struct{}{}
		}
	}
}

// requireSubscribed waits until a client is subscribed to a channel whose name
// contains a text.
func requireSubscribed(t *testing.T, p *pool.Pools, part string) {
	t.Helper()
	c, err := p.Client(pool.PubSub)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		for _, node := range c.Nodes() {
			for _, kind := range []string{"CHANNELS", "SHARDCHANNELS"} {
				channels, _ := node.Do(ctx, node.B().Arbitrary("PUBSUB", kind).Build()).AsStrSlice()
				if slices.ContainsFunc(channels, func(c string) bool { return strings.Contains(c, part) }) {
					return true
				}
			}
		}
		return false
	}, time.Minute, time.Millisecond)
}

// A cursor that no feed returned is refused before anything is sent.
func TestInvalidCursors(t *testing.T) {
	p := pooltest.Embedded(t)
	f := newFeed[int](t, p)
	valid, err := f.Append(ctx, "a1", 1)
	require.NoError(t, err)
	for _, c := range []symphony.Cursor{
		"-", "+", "$", "0", "1-1", "(" + valid, valid + " ", " " + valid, "0" + valid, valid[:len(valid)-1], valid + "1", valid + "-1", "x" + valid,
		"1-" + valid, "\x00", symphony.Cursor(strings.Repeat("1", 1000)), "18446744073709551616-1000000000000000001", "1-+1000000000000000001",
	} {
		pooltest.RequireNothingSent(t, p, symphony.ErrInvalidCursor, func() error { _, err := f.Read(ctx, "a1", c, 1); return err })
		pooltest.RequireNothingSent(t, p, symphony.ErrInvalidCursor, func() error {
			_, err := follow(t, f, "a1", c, 1)
			return err
		})
	}
}

func TestFeedEnd(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFeed[int](t, p, symphony.KeepLast(2))
		last, err := f.Append(ctx, "a1", 1, 2, 3)
		require.NoError(t, err)
		ended, err := f.Ended(ctx, "a1")
		require.NoError(t, err)
		require.False(t, ended)

		for range 2 {
			require.NoError(t, f.End(ctx, "a1"))
			ended, err = f.Ended(ctx, "a1")
			require.NoError(t, err)
			require.True(t, ended)
			n, err := f.Len(ctx, "a1")
			require.NoError(t, err)
			require.EqualValues(t, 2, n, "the end is not an entry")
		}
		_, err = f.Append(ctx, "a1", 4)
		require.ErrorIs(t, err, symphony.ErrEnded)
		var op *symphony.OpError
		require.ErrorAs(t, err, &op)
		require.False(t, op.MaybeApplied())

		entries, err := follow(t, f, "a1", "", -1)
		require.NoError(t, err)
		require.Equal(t, []int{2, 3}, values(entries))
		entries, err = follow(t, f, "a1", last, -1)
		require.NoError(t, err)
		require.Empty(t, entries)
		entries, err = f.Read(ctx, "a1", last, 5)
		require.NoError(t, err)
		require.Empty(t, entries)
		end, err := f.Append(ctx, "a1") // the cursor of the end
		require.NoError(t, err)
		entries, err = follow(t, f, "a1", end, -1)
		require.NoError(t, err)
		require.Empty(t, entries)

		require.NoError(t, f.End(ctx, "empty"))
		entries, err = follow(t, f, "empty", "", -1)
		require.NoError(t, err)
		require.Empty(t, entries)
		n, err := f.Len(ctx, "empty")
		require.NoError(t, err)
		require.Zero(t, n)

		_, err = f.Delete(ctx, "a1")
		require.NoError(t, err)
		_, err = f.Append(ctx, "a1", 5)
		require.NoError(t, err, "a feed can begin again")
	})
}

// A message wakes a waiting follower: to wait for the next look each time would
// take minutes.
func TestFollowIsWoken(t *testing.T) {
	const times = 5
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFeed[int](t, p)
		c, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		got := make(chan error)
		go func() {
			for _, err := range f.Follow(c, "a1", "") {
				got <- err
			}
			close(got)
		}()
		for range times {
			_, err := f.Append(ctx, "a1", 1)
			require.NoError(t, err)
			require.NoError(t, <-got)
		}
		require.NoError(t, f.End(ctx, "a1"))
		require.NoError(t, <-got)

		for i := range times {
			id := fmt.Sprint("deleted", i)
			last, err := f.Append(ctx, id, 1)
			require.NoError(t, err)
			gone := make(chan error)
			go func() {
				for _, err := range f.Follow(c, id, last) {
					gone <- err
				}
			}()
			requireSubscribed(t, p, id)
			_, err = f.Delete(ctx, id)
			require.NoError(t, err)
			require.ErrorIs(t, <-gone, symphony.ErrGone)
		}
	})
}

func TestFollowEndsWithItsContext(t *testing.T) {
	p := pooltest.Embedded(t)
	f := newFeed[int](t, p)
	_, err := f.Append(ctx, "a1", 1)
	require.NoError(t, err)
	c, cancel := context.WithCancel(ctx)
	defer cancel()
	var errs []error
	for e, err := range f.Follow(c, "a1", "") {
		if errs = append(errs, err); err == nil {
			require.Equal(t, 1, e.Value)
			cancel()
		}
	}
	require.Len(t, errs, 2)
	require.ErrorIs(t, errs[1], context.Canceled)
	pooltest.RequireNothingSent(t, p, context.Canceled, func() error {
		for _, err := range f.Follow(c, "a1", "") {
			return err
		}
		return nil
	})
	done := make(chan error)
	go func() {
		var last error
		for _, err := range f.Follow(ctx, "a2", "") {
			last = err // a read that is in flight fails in another way first
		}
		done <- last
	}()
	requireSubscribed(t, p, "")
	p.Close()
	require.ErrorIs(t, <-done, symphony.ErrClosed)
}

func TestFeedLifetime(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFeed[int](t, p)
		requireTTL := func(id string, want time.Duration) {
			t.Helper()
			ttl, err := f.TTL(ctx, id)
			require.NoError(t, err)
			if want < 0 {
				require.Equal(t, want, ttl)
			} else {
				require.InDelta(t, want.Seconds(), ttl.Seconds(), 60)
			}
		}
		_, err := f.TTL(ctx, "a1")
		require.ErrorIs(t, err, symphony.ErrNotFound)
		_, err = f.Append(ctx, "a1", 1)
		require.NoError(t, err)
		requireTTL("a1", 24*time.Hour)
		_, err = f.With(symphony.TTL(time.Hour)).Append(ctx, "a1", 2)
		require.NoError(t, err)
		requireTTL("a1", time.Hour)
		require.NoError(t, f.With(symphony.KeepTTL()).End(ctx, "a1"))
		requireTTL("a1", time.Hour)
		touched, err := f.With(symphony.NoTTL()).Touch(ctx, "a1")
		require.NoError(t, err)
		require.True(t, touched)
		requireTTL("a1", -1)
		_, err = f.With(symphony.KeepTTL()).Append(ctx, "a2", 1)
		require.NoError(t, err)
		requireTTL("a2", 24*time.Hour)
		exists, err := f.Exists(ctx, "a2")
		require.NoError(t, err)
		require.True(t, exists)

		_, err = f.With(symphony.IfExists()).Append(ctx, "a3", 1)
		require.ErrorIs(t, err, symphony.ErrNotFound)
		require.ErrorIs(t, f.With(symphony.IfExists()).End(ctx, "a3"), symphony.ErrNotFound)
		_, err = f.With(symphony.IfAbsent()).Append(ctx, "a2", 1)
		require.ErrorIs(t, err, symphony.ErrExists)
		_, err = f.With(symphony.IfAbsent()).Delete(ctx, "a2")
		require.ErrorIs(t, err, symphony.ErrUnsupported)
	})
}

// An append, its trim, its lifetime and its wake-up are one command.
func TestAppendIsOneCommand(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	f := newFeed[int](t, p, symphony.KeepLast(2))
	_, err := f.Append(ctx, "a1", 1)
	require.NoError(t, err)
	before := p.Stats()[pool.PubSub].Commands
	_, err = f.Append(ctx, "a1", 2, 3)
	require.NoError(t, err)
	require.EqualValues(t, 1, p.Stats()[pool.PubSub].Commands-before)
	calls := pooltest.CommandCalls(t, p, pool.PubSub)
	require.EqualValues(t, 2, calls["publish"])
	require.EqualValues(t, 2, calls["pexpire"])
}

func TestFeedRefusals(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFeed[string](t, p)
		for name, call := range map[string]func() error{
			"too many":  func() error { _, err := f.Append(ctx, "a1", make([]string, symphony.MaxAppend+1)...); return err },
			"count":     func() error { _, err := f.Read(ctx, "a1", "", -1); return err },
			"KeepLast":  func() error { _, err := f.With(symphony.KeepLast(0)).Append(ctx, "a1", "x"); return err },
			"no option": func() error { return f.With(symphony.Option{}).End(ctx, "a1") },
		} {
			t.Run(name, func(t *testing.T) { pooltest.RequireNothingSent(t, p, symphony.ErrInvalidArgument, call) })
		}
		for _, opt := range []symphony.Option{symphony.Cached(time.Minute), symphony.MaxLen(1), symphony.ReadReplicas(), symphony.Listed(), symphony.DryRun()} {
			_, err := symphony.NewFeed[int](p, "acme", "f", opt)
			require.ErrorIs(t, err, symphony.ErrUnsupported)
			pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error { _, err := f.With(opt).Append(ctx, "a1", "x"); return err })
			pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error { _, err := follow(t, f.With(opt), "a1", "", 1); return err })
		}
		_, err := symphony.NewUser[profile](p, "acme", symphony.KeepLast(5))
		require.ErrorIs(t, err, symphony.ErrUnsupported)
		_, err = symphony.NewFeed[int](p, "", "f")
		require.ErrorIs(t, err, symphony.ErrInvalidKey)
		_, err = symphony.NewFeed[chan int](p, "acme", "f")
		require.ErrorIs(t, err, symphony.ErrInvalidSchema)
		_, err = f.Append(ctx, "", "x")
		require.ErrorIs(t, err, symphony.ErrInvalidKey)

		require.NoError(t, pooltest.Do(t, p, pool.PubSub, "SET", "acme:feed:answers:text", "x").Error())
		require.NoError(t, pooltest.Do(t, p, pool.PubSub, "XADD", "acme:feed:answers:foreign", "*", "v", "x").Error())
		_, err = f.Len(ctx, "text")
		require.ErrorIs(t, err, symphony.ErrWrongType)
		for _, id := range []string{"text", "foreign"} {
			_, err = f.Append(ctx, id, "x")
			require.ErrorIs(t, err, symphony.ErrWrongType)
			_, err = f.With(symphony.KeepTTL()).Append(ctx, id, "x")
			require.ErrorIs(t, err, symphony.ErrWrongType)
			require.ErrorIs(t, f.End(ctx, id), symphony.ErrWrongType)
			_, err = f.Read(ctx, id, "", 1)
			require.ErrorIs(t, err, symphony.ErrWrongType)
			_, err = follow(t, f, id, "", 1)
			require.ErrorIs(t, err, symphony.ErrWrongType)
		}
	})
}

// A value that does not fit is reported with its entry, and the others are
// read.
func TestFeedDecodeErrors(t *testing.T) {
	p := pooltest.Embedded(t)
	_, err := newFeed[string](t, p).Append(ctx, "a1", "1", "x", "3")
	require.NoError(t, err)
	f := newFeed[int](t, p)
	require.NoError(t, f.End(ctx, "a1"))
	entries, err := f.Read(ctx, "a1", "", 5)
	require.ErrorAs(t, err, new(*codec.DecodeError))
	require.Equal(t, []int{1, 3}, values(entries))
	var got []string
	for e, err := range f.Follow(ctx, "a1", "") {
		require.NotEmpty(t, e.Cursor)
		if err != nil {
			require.ErrorAs(t, err, new(*codec.DecodeError))
			require.ErrorContains(t, err, string(e.Cursor))
		}
		got = append(got, fmt.Sprint(e.Value, err != nil))
	}
	require.Equal(t, []string{"1 false", "0 true", "3 false"}, got)
}

// All followers of a process share one connection.
func TestFollowersShareAConnection(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	f := newFeed[int](t, p)
	c, cancel := context.WithCancel(ctx)
	var followers sync.WaitGroup
	defer followers.Wait()
	defer cancel()
	var entered sync.WaitGroup
	entered.Add(200)
	for i := range 200 {
		id := fmt.Sprint("a", i/2)
		followers.Go(func() {
			first := true
			for _, err := range f.Follow(c, id, "") {
				if err == nil && first {
					first = false
					entered.Done()
				} else if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}
		})
	}
	for i := range 100 {
		_, err := f.Append(ctx, fmt.Sprint("a", i), 1)
		require.NoError(t, err)
	}
	entered.Wait()
	subscribers := 0
	clients, err := pooltest.Do(t, p, pool.PubSub, "CLIENT", "LIST").ToString()
	require.NoError(t, err)
	for line := range strings.Lines(clients) {
		if !strings.Contains(line, " sub=0 ") {
			subscribers++
		}
	}
	require.Equal(t, 1, subscribers, clients)
}

// A follower goes on after the server was away, and without a message of what
// was appended meanwhile.
func TestFollowAfterARestart(t *testing.T) {
	pooltest.Long(t)
	server := redistest.Server(t, "appendonly yes", "appendfsync always")
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), Timeout: time.Minute})
	f := newFeed[int](t, p)
	_, err := f.Append(ctx, "a1", 0)
	require.NoError(t, err)
	got := make(chan int, 100)
	go func() {
		defer close(got)
		for e, err := range f.Follow(ctx, "a1", "") {
			if err == nil {
				got <- e.Value
			}
		}
	}()
	require.Equal(t, 0, <-got)
	for i := 1; i <= 3; i++ {
		server.Kill()
		server.Restart(t)
		require.Eventually(t, func() bool { _, err = f.Append(ctx, "a1", i); return err == nil }, time.Minute, time.Millisecond)
		require.Equal(t, i, <-got)
	}
	require.Eventually(t, func() bool { return f.End(ctx, "a1") == nil }, time.Minute, time.Millisecond)
	for v := range got {
		t.Errorf("another entry: %d", v)
	}
}
