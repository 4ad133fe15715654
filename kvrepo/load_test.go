package kvrepo_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// If load calls GetOrLoad for its own key, directly or through another load, it
// receives an error. With another context it receives one after Config.Timeout.
func TestLoadOfItsOwnKey(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{Timeout: 300 * time.Millisecond})
	repo, _ := newRepo[string](t, p)
	get := func(id string, load func(context.Context) (string, error)) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) { return repo.GetOrLoad(ctx, id, load) }
	}
	value := func(context.Context) (string, error) { return "v", nil }
	_, err := get("a", get("a", value))(ctx)
	require.ErrorIs(t, err, symphony.ErrInvalidArgument)
	require.ErrorContains(t, err, "would wait for itself")
	_, err = get("a", get("b", get("a", value)))(ctx)
	require.ErrorIs(t, err, symphony.ErrInvalidArgument)
	got, err := get("a", get("b", value))(ctx)
	require.NoError(t, err)
	require.Equal(t, "v", got)

	_, err = get("c", func(context.Context) (string, error) { return get("c", value)(context.Background()) })(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "another load")
	cancelled, cancel := context.WithCancel(ctx)
	defer cancel()
	_, err = get("d", func(context.Context) (string, error) { return get("d", value)(cancelled) })(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded, "a context without a deadline can still be cancelled")
}

// The lock of a load is renewed until load returns, even if the context of the
// caller has ended, and is removed then.
func TestLockOutlivesItsContext(t *testing.T) {
	t.Parallel()
	p := pooltest.Redis(t, pool.Config{})
	repo, key := newRepo[string](t, p)
	lock := keyspace.Beside("load", key+"k")
	left := func() int64 {
		ms, err := pooltest.Do(t, p, pool.Default, "PTTL", lock).AsInt64()
		require.NoError(t, err)
		return ms
	}
	running, cancel := context.WithCancel(ctx)
	loading, finish, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		_, err := repo.GetOrLoad(running, "k", func(context.Context) (string, error) {
			close(loading)
			<-finish
			return "v", nil
		})
		ended <- err
	}()
	<-loading
	cancel()
	require.NoError(t, pooltest.Do(t, p, pool.Default, "PEXPIRE", lock, "9000").Error())
	renewed := func() bool {
		ms := left()
		require.Positive(t, ms, "the lock expired while its load ran")
		return ms > 9000
	}
	for ; !renewed(); time.Sleep(10 * time.Millisecond) {
	}
	close(finish)
	require.ErrorIs(t, <-ended, context.Canceled)
	for ; left() != -2; time.Sleep(time.Millisecond) {
	}
}

// If another writer changes the value in every attempt, Mutate fails after
// Config.Timeout.
func TestMutateWithConflictsInEveryAttempt(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{Timeout: 200 * time.Millisecond})
	repo, _ := newRepo[int](t, p)
	n := 0
	_, err := repo.Mutate(ctx, "k", func(v *int) error {
		n++
		return repo.Set(ctx, "k", n)
	})
	require.ErrorIs(t, err, symphony.ErrConflict)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var op *symphony.OpError
	require.ErrorAs(t, err, &op)
	require.False(t, op.MaybeApplied())
}
