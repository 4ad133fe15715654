package poolotel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
)

// handlerDuration is a histogram of the durations of handlers.
type handlerDuration struct{ metric.Float64Histogram }

func (s *settings) newHandlerDuration(name, description string) handlerDuration {
	meter := s.meters.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	h, err := meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
		metric.WithExplicitBucketBoundaries(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300))
	if err != nil {
		otel.Handle(err)
	}
	return handlerDuration{h}
}

// measure calls run and records how long it took.
func (h handlerDuration) measure(ctx context.Context, about attribute.KeyValue, run func() error) (err error) {
	began, failure := time.Now(), "panic"
	defer func() {
		attributes := []attribute.KeyValue{about}
		if failure != "" {
			attributes = append(attributes, semconv.ErrorTypeKey.String(failure))
		}
		h.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(attributes...))
	}()
	err = run()
	failure = ""
	switch {
	case err == nil:
	case errors.Is(context.Cause(ctx), symphony.ErrLeaseLost):
		failure = "lease_lost"
	default:
		failure = fmt.Sprintf("%T", err)
	}
	return err
}

// WorkMetrics returns a function for the field Use of a [symphony.WorkConfig]
// that measures each chunk. Its histogram symphony.work.duration is in seconds.
// The attributes are symphony.service and, if the handler failed, error.type:
// the Go type of the error, lease_lost if the lease was lost, or panic. If the
// provider cannot make the histogram, the error is passed to otel.Handle.
func WorkMetrics(opts ...Option) func(next func(context.Context) error) func(context.Context) error {
	took := newSettings(opts).newHandlerDuration("symphony.work.duration", "how long handlers of queues took")
	return func(next func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			w, _ := symphony.WorkFrom(ctx)
			return took.measure(ctx, attribute.String("symphony.service", w.Queue.Service), func() error { return next(ctx) })
		}
	}
}

// TriggerMetrics returns a middleware for [expiry.Registry.Use] that measures
// each firing. Its histogram symphony.trigger.duration is in seconds. The
// attributes are symphony.action and, if the handler failed, error.type, as
// [WorkMetrics] has it.
func TriggerMetrics(opts ...Option) expiry.Middleware {
	took := newSettings(opts).newHandlerDuration("symphony.trigger.duration", "how long handlers of triggers took")
	return func(next expiry.Handler) expiry.Handler {
		return func(ctx context.Context, e expiry.Event) error {
			return took.measure(ctx, attribute.String("symphony.action", e.Action), func() error { return next(ctx, e) })
		}
	}
}
