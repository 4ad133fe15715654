package listrepo_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// A handler decides for each of several causes. The items that no cause names
// are done.
func TestUndoneForSeveralCauses(t *testing.T) {
	address, busy, broken := errors.New("no such address"), errors.New("busy"), errors.New("broken")
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for name, test := range map[string]struct {
			err      func(items []listrepo.Item[int]) error
			dead     map[int]string
			delayed  int
			waiting  []int
			attempts []int // with which Backoff was called
		}{
			"a decision for each": {
				err: func(items []listrepo.Item[int]) error {
					return fmt.Errorf("two causes: %w", errors.Join(
						listrepo.Undone(retry.GiveUp(address), items[1]),
						retry.After(time.Hour, listrepo.Undone(busy, items[2], items[3])),
					))
				},
				dead: map[int]string{1: address.Error()}, delayed: 2,
			},
			"one of them without a decision": {
				err: func(items []listrepo.Item[int]) error {
					return errors.Join(listrepo.Undone(retry.GiveUp(address), items[1]), listrepo.Undone(broken, items[0], items[1], items[3]))
				},
				dead: map[int]string{1: address.Error()}, waiting: []int{0, 3}, attempts: []int{1, 2},
			},
			"a decision for all": {
				err: func(items []listrepo.Item[int]) error {
					return retry.After(time.Hour, errors.Join(listrepo.Undone(retry.GiveUp(address), items[1]), listrepo.Undone(broken, items[3])))
				},
				delayed: 2,
			},
			"no item of the claim": {
				err: func([]listrepo.Item[int]) error {
					return errors.Join(listrepo.Undone(retry.GiveUp(address), listrepo.Item[int]{ID: "x"}), broken)
				},
				dead: map[int]string{0: "1 not done: no such address\nbroken", 1: "1 not done: no such address\nbroken", 2: "1 not done: no such address\nbroken", 3: "1 not done: no such address\nbroken"},
			},
		} {
			t.Run(name, func(t *testing.T) {
				var attempts []int
				repo, key := newRepo[int](t, p, option.Backoff(func(attempt int, err error) time.Duration {
					require.ErrorIs(t, err, broken)
					require.NotErrorIs(t, err, address)
					attempts = append(attempts, attempt)
					return 0
				}))
				_, err := repo.Push(ctx, "q", 3)
				require.NoError(t, err)
				c, err := repo.Claim(ctx, "q", 1, time.Minute)
				require.NoError(t, err)
				require.NoError(t, c.Release(ctx)) // its next attempt is the second
				_, err = repo.PushFront(ctx, "q", 0, 1, 2)
				require.NoError(t, err)

				n, err := repo.Process(ctx, "q", 10, func(_ context.Context, items []listrepo.Item[int]) error { return test.err(items) })
				require.Error(t, err)
				require.Equal(t, 4-len(test.dead)-test.delayed-len(test.waiting), n)
				dead := map[int]string{}
				for letter, err := range repo.Dead(ctx, "q") {
					require.NoError(t, err)
					dead[letter.Value] = letter.Reason
				}
				require.Len(t, dead, len(test.dead))
				for value, reason := range test.dead {
					require.Contains(t, dead[value], reason)
				}
				delayed, err := pooltest.Do(t, p, pool.Handlers, "ZCARD", beside(p, "delayed", key)).ToInt64()
				require.NoError(t, err)
				require.EqualValues(t, test.delayed, delayed)
				waiting, err := repo.Range(ctx, "q", 0, -1)
				require.NoError(t, err)
				require.ElementsMatch(t, test.waiting, waiting)
				require.Equal(t, test.attempts, attempts)
			})
		}
	})
}
