package symphony

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/listrepo"
)

// workHandler calls the handler of one call of [WorkBatches].
type workHandler struct {
	cfg       WorkConfig
	run       func(ctx context.Context, work Work, handle func(context.Context) error) error
	abandoned atomic.Int64 // calls that had not returned when WorkBatches did
}

// settleTime is how long handlers have to return after their contexts end.
const settleTime = time.Second

// call calls handle within the middleware and returns its error. If it has not
// returned in time after stopped ended, call abandons it and returns the error
// of stopped.
func (h *workHandler) call(ctx, stopped context.Context, work Work, handle func(context.Context) error) error {
	result := started(func() error { return checkedError(h.run(ctx, work, handle)) })
	select {
	case err := <-result:
		return err
	case <-stopped.Done():
	}
	timer := time.NewTimer(min(settleTime, h.cfg.StopTimeout))
	defer timer.Stop()
	select {
	case err := <-result:
		return err
	case <-timer.C:
		h.abandoned.Add(1)
		return stopped.Err()
	}
}

// checkedError returns err. If a method of err panics, as that of a nil pointer
// may, it panics in its caller and not later in a worker.
func checkedError(err error) error {
	if err != nil {
		_ = err.Error()
		_ = retry.GivesUp(err)
	}
	return err
}

// handlerError carries the error of a handler through [Batch.Process].
type handlerError struct {
	own     error // as the handler returned it
	decided error // with a decision about the next attempt, if there may be one
}

func (e *handlerError) Error() string { return e.own.Error() }

func (e *handlerError) Unwrap() error { return e.decided }

// withDecision returns err with a decision about the next attempt of the items
// that failed. If the handler did not decide, Backoff does. The highest attempt
// of all items is highest.
func withDecision[T any](cfg WorkConfig, err error, highest int, items []listrepo.Item[T]) error {
	if _, ok := retry.DelayOf(err); ok || retry.GivesUp(err) {
		return err
	}
	var some *listrepo.UndoneError
	if errors.As(err, &some) {
		undone := slices.DeleteFunc(slices.Clone(items), func(item listrepo.Item[T]) bool { return !slices.Contains(some.IDs, item.ID) })
		highest = cmp.Or(highestAttempt(undone), highest)
	}
	return retry.After(cfg.Backoff(highest, err), err)
}

func highestAttempt[T any](items []listrepo.Item[T]) (attempt int) {
	for i := range items {
		attempt = max(attempt, items[i].Attempt)
	}
	return attempt
}

// logAbandoned logs how many handlers were abandoned, if there are any.
func (h *workHandler) logAbandoned(ctx context.Context) {
	if n := h.abandoned.Load(); n > 0 {
		h.cfg.Logger.WarnContext(ctx, "symphony: handlers of WorkBatches did not return after their contexts ended; their items go back to the queues", "handlers", n)
	}
}
