package fault_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// MaybeApplied returns false only if the error proves that the write was not
// applied.
func TestMaybeApplied(t *testing.T) {
	write := fault.Target{Op: "Upsert", Pool: pool.User, Key: "k", Write: true}
	retryable := fault.Target{Op: "Set", Pool: pool.Expiry, Write: true, Retryable: true}
	read := fault.Target{Op: "Get", Pool: pool.User, Key: "k"}
	p := pooltest.Embedded(t)
	require.NoError(t, pooltest.Do(t, p, pool.User, "SET", "text", "x").Error())
	wrongType := pooltest.Do(t, p, pool.User, "RPUSH", "text", "x").Error()
	dialError := &net.OpError{Op: "dial", Err: errors.New("connection refused")}

	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"not applied":               {write.NotApplied(io.EOF), false},
		"applied":                   {write.Applied(io.EOF), true},
		"applied read":              {read.Applied(io.EOF), false},
		"connection lost":           {write.Failed(io.EOF), true},
		"connection lost in a read": {read.Failed(io.EOF), false},
		"deadline":                  {write.Failed(context.DeadlineExceeded), true},
		"pools closed":              {write.Failed(pool.ErrClosed), false},
		"no connection":             {write.Failed(dialError), false},
		"no connection in a retry":  {retryable.Failed(dialError), true},
		"no slot":                   {write.Failed(rueidis.ErrNoSlot), false},
		"refused":                   {write.Failed(wrongType), false},
		"refused in a retry":        {retryable.Failed(wrongType), false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, fault.MaybeApplied(test.err))
			var op *fault.OpError
			require.ErrorAs(t, test.err, &op)
		})
	}
	require.ErrorIs(t, write.Failed(wrongType), fault.ErrWrongType)
	require.False(t, fault.MaybeApplied(nil))
	require.False(t, fault.MaybeApplied(io.EOF))
}

// The error of a call reports the steps that were applied before one failed.
func TestSteps(t *testing.T) {
	target := fault.Target{Op: "DeleteAll", Pool: pool.User, Write: true}
	refused := target.WithKey("k").NotApplied(io.EOF)

	var none fault.Steps
	require.NoError(t, none.Error(target, nil))
	require.Same(t, refused, none.Error(target, refused), "no step was applied")

	var some fault.Steps
	some.Applied()
	err := some.Error(target, refused)
	require.True(t, fault.MaybeApplied(err))
	require.False(t, fault.MaybeApplied(refused), "the error of the step is not changed")
	var op *fault.OpError
	require.ErrorAs(t, err, &op)
	require.Equal(t, "k", op.Key)

	var joined fault.Steps
	require.NoError(t, joined.Join(target, nil, nil))
	err = joined.Join(target, nil, refused)
	require.True(t, fault.MaybeApplied(err))
	require.ErrorIs(t, err, io.EOF)
}

func TestWithOp(t *testing.T) {
	err := fault.WithOp("Enqueue", fault.Target{Op: "Push"}.NotApplied(fault.ErrFull))
	require.EqualError(t, err, "symphony: Enqueue: queue is full")
	require.NoError(t, fault.WithOp("Enqueue", nil))
	require.Equal(t, io.EOF, fault.WithOp("Enqueue", io.EOF))
}

func TestContextError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, fault.ContextError(ctx))
	cancel()
	require.ErrorIs(t, fault.ContextError(ctx), context.Canceled)
}
