package fleet

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An item that is handled twice or was never enqueued is an error, and so is
// one that is not handled.
func TestWrongItems(t *testing.T) {
	for _, items := range [][]string{{"0", "0"}, {"1"}, {"waiting"}, {"-1"}} {
		w := NewWaits(2)
		w.enqueued[0] = time.Now()
		var err error
		for _, item := range items {
			err = w.Handled(item)
		}
		require.Error(t, err, "%q", items)
		require.ErrorIs(t, w.Await(t.Context(), 0), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, NewWaits(1).Await(ctx, 0), context.Canceled)
}
