package option

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/pool"
)

const undelivered = "only items of a queue are delivered; WorkBatches takes it in its WorkConfig"

// MaxAttempts limits how often an item is delivered.
func MaxAttempts(n int) pool.Option {
	return setting{name: "MaxAttempts", needs: Deliveries, reason: undelivered, apply: func(s *Settings) error {
		return positive("MaxAttempts", "an item is delivered at least once", n, &s.MaxAttempts)
	}}.option()
}

// DeadLimit limits how many dead letters a queue keeps.
func DeadLimit(n int) pool.Option {
	return setting{name: "DeadLimit", needs: Deliveries, reason: undelivered, apply: func(s *Settings) error {
		return positive("DeadLimit", "a queue keeps at least one dead letter; leave the option out to keep all", n, &s.DeadLimit)
	}}.option()
}

// DeadFor limits how long a queue keeps a dead letter.
func DeadFor(d time.Duration) pool.Option {
	return setting{name: "DeadFor", needs: Deliveries, reason: undelivered, apply: func(s *Settings) error {
		s.DeadFor = d
		return checkTime("DeadFor", d, "leave the option out to keep dead letters for ever")
	}}.option()
}

// Logger receives the warnings about a queue, in place of that of the pools.
func Logger(l *slog.Logger) pool.Option {
	return setting{name: "Logger", needs: Deliveries, reason: undelivered, apply: func(s *Settings) error { s.Logger = l; return nil }}.option()
}

// Lease sets how long Process holds the items of a delivery.
func Lease(d time.Duration) pool.Option {
	return setting{name: "Lease", needs: Deliveries, reason: undelivered, apply: func(s *Settings) error {
		s.Lease = d
		return CheckLease(d)
	}}.option()
}

// Backoff sets how long an item waits after its attempt failed, unless the
// handler decides. WorkBatches takes it in its WorkConfig.
func Backoff(f func(attempt int, err error) time.Duration) pool.Option {
	return setting{name: "Backoff", needs: Deliveries, reason: undelivered, apply: func(s *Settings) error { s.Backoff = f; return nil }}.option()
}

// CheckLease returns ErrInvalidTTL if d is under a millisecond, the unit of
// Redis.
func CheckLease(d time.Duration) error {
	return checkTime("the lease", d, "make it longer than the work takes")
}

// MaxCount is the greatest number of items of a queue that one call takes. A
// script that handles so many items blocks the server for a few milliseconds.
const MaxCount = 500

// CheckCount returns ErrInvalidArgument if n is no number of items that one
// call takes.
func CheckCount(n int) error {
	if n < 0 || n > MaxCount {
		return fmt.Errorf("%w: a count of %d; it must be from 0 to %d", fault.ErrInvalidArgument, n, MaxCount)
	}
	return nil
}
