package symphony

import (
	"context"
	"sync/atomic"
	"time"
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
	result := started(func() error { return h.run(ctx, work, handle) })
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
