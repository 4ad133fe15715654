package pool

import (
	"context"
	"log/slog"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
)

// The deadline of a connection may pass shortly before its context ends. The
// error still contains the refusal of the attempt before.
func TestRetryOpenKeepsTheRefusalAtTheDeadline(t *testing.T) {
	c := redistest.Server(t).Client(t, 0)
	refused := c.Do(t.Context(), c.B().Eval().Script("return redis.error_reply('LOADING still')").Numkeys(0).Build()).Error()
	_, answered := rueidis.IsRedisErr(refused)
	require.True(t, answered)

	p, attempts := &plan{logger: slog.New(slog.DiscardHandler)}, 0
	err := p.retryOpen(t.Context(), &server{}, func() error {
		if attempts++; attempts == 1 {
			return refused
		}
		return context.DeadlineExceeded
	})
	require.ErrorIs(t, err, refused)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 2, attempts)
}
