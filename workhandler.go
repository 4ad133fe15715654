package symphony

import (
	"context"
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

// logAbandoned logs how many handlers were abandoned, if there are any.
func (h *workHandler) logAbandoned(ctx context.Context) {
	if n := h.abandoned.Load(); n > 0 {
		h.cfg.Logger.WarnContext(ctx, "symphony: handlers of WorkBatches did not return after their contexts ended; their items go back to the queues", "handlers", n)
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

// handlerError is the error of a handler that [Batch.Process] returns. It is
// told from the errors of Process by its type, since the handler's own error
// may be of one that cannot be compared.
type handlerError struct{ error }

func (e *handlerError) Unwrap() error { return e.error }

// ownError returns a function that passes the handler's own error to backoff.
func ownError(backoff func(attempt int, err error) time.Duration) func(attempt int, err error) time.Duration {
	return func(attempt int, err error) time.Duration {
		if e, ok := err.(*handlerError); ok {
			err = e.error
		}
		return backoff(attempt, err)
	}
}

func highestAttempt[T any](items []listrepo.Item[T]) (attempt int) {
	for i := range items {
		attempt = max(attempt, items[i].Attempt)
	}
	return attempt
}
