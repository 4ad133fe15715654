package store

import (
	"context"
	"math/rand/v2"
	"time"
)

// Pause waits before another attempt, for a random time that doubles with each
// one, at most 64 ms. Its error is that of ctx.
func Pause(ctx context.Context, attempt int) error {
	wait := time.NewTimer(rand.N(time.Millisecond << min(attempt, 6)))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
