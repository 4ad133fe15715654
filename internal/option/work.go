package option

import (
	"fmt"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
)

// Work is what the options about the consumers of queues add up to.
type Work struct {
	MaxAttempts int           // zero: any number
	Lease       time.Duration // zero: the default of who takes it
	Workers     int           // zero: the default of who takes it
	ChunkSize   int           // zero: the default of who takes it
	Report      func(error)   // nil: the default of who takes it
}

const (
	queueWhy  = "only a queue has items that are claimed"
	workerWhy = "only WorkBatches runs workers"
)

// MaxCount is the greatest number of items of a queue that one call takes: a
// script that works on so many stops the server for no longer than some
// milliseconds.
const MaxCount = 500

// CheckCount refuses a number of items that no call takes.
func CheckCount(n int) error {
	if n < 0 || n > MaxCount {
		return fmt.Errorf("%w: a count of %d; it must be from 0 to %d", fault.ErrInvalidArgument, n, MaxCount)
	}
	return nil
}

// MaxAttempts bounds how often an item is delivered.
func MaxAttempts(n int) Option {
	return Option{name: "MaxAttempts", needs: Bounds, why: queueWhy, apply: func(s *Settings) error {
		return positive("MaxAttempts", "an item is delivered at least once", n, &s.MaxAttempts)
	}}
}

// Lease sets how long an item that is worked on is withheld from others.
func Lease(d time.Duration) Option {
	return Option{name: "Lease", needs: Bounds, why: queueWhy, apply: func(s *Settings) error {
		s.Lease = d
		return CheckLease(d)
	}}
}

// CheckLease refuses a lease under a millisecond, Redis's unit.
func CheckLease(d time.Duration) error {
	if d < time.Millisecond {
		return fmt.Errorf("%w: a lease of %v is under a millisecond; give it as long as the work takes", fault.ErrInvalidTTL, d)
	}
	return nil
}

// MaxWorkers is the greatest number of workers of one WorkBatches.
const MaxWorkers = 10_000

// Workers sets how many chunks are worked on at a time.
func Workers(n int) Option {
	return Option{name: "Workers", needs: Working, why: workerWhy, apply: func(s *Settings) error {
		if n > MaxWorkers {
			return fmt.Errorf("%w: Workers(%d); one call runs at most %d", fault.ErrInvalidArgument, n, MaxWorkers)
		}
		return positive("Workers", "somebody must do the work", n, &s.Workers)
	}}
}

// ChunkSize sets how many items are handed out at once.
func ChunkSize(n int) Option {
	return Option{name: "ChunkSize", needs: Working, why: workerWhy, apply: func(s *Settings) error {
		if n > MaxCount {
			return fmt.Errorf("%w: ChunkSize(%d); a chunk holds at most %d items", fault.ErrInvalidArgument, n, MaxCount)
		}
		return positive("ChunkSize", "a chunk holds at least one item", n, &s.ChunkSize)
	}}
}

// Report sets who is told about errors that no caller gets.
func Report(f func(error)) Option {
	return Option{name: "Report", needs: Working, why: workerWhy, apply: func(s *Settings) error {
		if f == nil {
			return fmt.Errorf("%w: Report(nil); leave the option out", fault.ErrInvalidArgument)
		}
		s.Report = f
		return nil
	}}
}

func positive(name, why string, n int, into *int) error {
	if n < 1 {
		return fmt.Errorf("%w: %s(%d); %s", fault.ErrInvalidArgument, name, n, why)
	}
	*into = n
	return nil
}
