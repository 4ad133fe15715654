package expiry_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// The origin of a trigger is that of the last call that set or postponed it. It
// stays with the firing until that is done, and the payload does not change.
func TestOrigin(t *testing.T) {
	for name, url := range map[string]string{"server": redistest.Server(t).URL(), "cluster": redistest.Cluster(t).URL()} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, pooltest.Redis(t, pool.Config{URL: url, Timeout: time.Minute, Observer: pooltest.Origin("")}))
			s := f.schedule()
			from := func(text string) context.Context { return pooltest.WithOrigin(ctx, text) }
			for _, test := range []struct {
				id, origin string
				hasPayload bool
				set        func(id string) error
			}{
				{"set", "a~7:b", false, func(id string) error { return s.Set(from("a~7:b"), "go", id, 0) }},
				{"none", "", false, func(id string) error { return s.Set(ctx, "go", id, 0) }},
				{"payload", "a", true, func(id string) error { return s.SetPayload(from("a"), "go", id, 7, 0) }},
				{"absent", "a", true, func(id string) error { return s.With(expiry.IfAbsent()).SetPayload(from("a"), "go", id, 7, 0) }},
				{"debounced", "b", true, func(id string) error {
					return errors.Join(s.SetPayload(from("a"), "go", id, 7, time.Hour), s.Debounce(from("b"), "go", id, 0, 0))
				}},
				{"debounced without one", "a", true, func(id string) error {
					return errors.Join(s.SetPayload(from("a"), "go", id, 7, time.Hour), s.Debounce(ctx, "go", id, 0, 0))
				}},
				{"debounced twice", "b", false, func(id string) error {
					return errors.Join(s.Debounce(from("a"), "go", id, time.Hour, time.Hour), s.Debounce(from("b"), "go", id, 0, 0))
				}},
				{"set again", "", false, func(id string) error {
					return errors.Join(s.SetPayload(from("a"), "go", id, 7, time.Hour), s.Set(ctx, "go", id, 0))
				}},
				{"the longest", strings.Repeat("x", pool.MaxOrigin), false, func(id string) error {
					return s.Set(from(strings.Repeat("x", pool.MaxOrigin)), "go", id, 0)
				}},
				{"too long", "", false, func(id string) error { return s.Set(from(strings.Repeat("x", pool.MaxOrigin+1)), "go", id, 0) }},
				{"not printable", "", false, func(id string) error { return s.Set(from("a\nb"), "go", id, 0) }},
			} {
				t.Run(test.id, func(t *testing.T) {
					f := &fixture{T: t, pools: f.pools, layout: f.layout, tenant: f.tenant}
					require.NoError(t, test.set(test.id))
					check := func(e expiry.Event) {
						require.Equal(t, test.origin, e.Origin())
						require.Equal(t, test.hasPayload, e.HasPayload())
						var got int
						if test.hasPayload {
							require.NoError(t, e.Decode(&got))
							require.Equal(t, 7, got)
						} else {
							require.ErrorIs(t, e.Decode(&got), expiry.ErrNotFound)
						}
					}
					for e, err := range s.List(ctx) {
						require.NoError(t, err)
						check(e.Event)
					}
					l, stop := f.listen(expiry.Config{MaxAttempts: 2, Backoff: func(int, error) time.Duration { return 0 }}, handlers{
						"go": func(ctx context.Context, e expiry.Event) error {
							return errors.Join(f.record(ctx, e), errors.New("no"))
						},
					})
					f.eventually(func() bool { return len(deadLetters(t, l)) == 1 })
					stop()
					require.Len(t, f.events(), 2)
					for _, e := range append(f.events(), deadLetters(t, l)...) {
						check(e)
						require.NoError(t, ignoreNotFound(l.Discard(ctx, e)))
					}
					require.Zero(t, f.redisInt("EXISTS", f.scheduleKey("payloads", "go", test.id)), "the origin goes with its firing")
				})
			}
		})
	}
}

func ignoreNotFound(err error) error {
	if errors.Is(err, expiry.ErrNotFound) {
		return nil
	}
	return err
}

// A Python worker finds the bytes that it would find without an observer.
func TestOriginIsNotInABareKey(t *testing.T) {
	f := newFixture(t, pooltest.Redis(t, pool.Config{Layout: keyspace.Python(), Observer: pooltest.Origin("secret")}))
	s := f.schedule()
	require.NoError(t, s.Set(ctx, "go", "set", time.Hour))
	require.NoError(t, s.SetPayload(ctx, "go", "payload", 7, time.Hour))
	require.NoError(t, s.Debounce(ctx, "go", "debounced", time.Hour, time.Hour))
	for id, want := range map[string]string{
		"set": `^trigger:[^;]*;id=\w+$`, "payload": `^trigger:[^;]*;id=\w+;pay=7:compact7$`, "debounced": `^trigger:[^;]*;id=\w+;first=\d+$`,
	} {
		value, err := f.send("GET", f.key("go", id)).ToString()
		require.NoError(t, err)
		require.Regexp(t, want, value)
	}
	require.Zero(t, f.redisInt("EXISTS", f.scheduleKey("payloads", "go", "set")))
}
