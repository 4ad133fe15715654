package poolotel

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
)

// Backlogger returns the backlog of a queue. Each [symphony.Batch] is one.
type Backlogger interface {
	Backlog(ctx context.Context, q symphony.Queue) (listrepo.Backlog, error)
}

// maxQueues is the most queues of one QueueMetrics. Each sends a script when
// metrics are collected.
const maxQueues = 100

// ofQueues are the metrics of the queues of a service.
var ofQueues = []instrument[listrepo.Backlog]{
	{"symphony.queue.waiting", "{item}", "items that wait", level, func(b listrepo.Backlog) int64 { return b.Waiting }},
	{"symphony.queue.claimed", "{item}", "items in flight", level, func(b listrepo.Backlog) int64 { return b.Claimed }},
	{"symphony.queue.dead", "{item}", "dead letters that wait", level, func(b listrepo.Backlog) int64 { return b.Dead }},
}

// ageOfQueues is the age of the oldest item of the queues of a service.
var ageOfQueues = secondsGauge[listrepo.Backlog]{
	"symphony.queue.age", "age of the oldest item that waits or is in flight",
	func(b listrepo.Backlog) float64 { return b.Oldest.Seconds() },
}

// QueueMetrics makes metrics of queues that the program names:
// symphony.queue.waiting, claimed, dead, and age, which is that of the oldest
// item in seconds. They have the attribute symphony.service. The queues of a
// service are added up; their age is the greatest. Neither the tenant nor any
// other part of a queue is an attribute, so measure the queues of one tenant,
// or those of several by a meter provider each.
//
// Each time metrics are collected, Backlog is called for one queue after the
// other, which sends a script. If a call fails, the metrics of that service are
// missing and the error goes to the meter provider. The metrics end when stop
// is called.
//
// If there is no queue, or more than 100, QueueMetrics returns
// [symphony.ErrInvalidArgument]. If the provider cannot make an instrument, it
// returns its error.
func QueueMetrics(of Backlogger, queues []symphony.Queue, opts ...Option) (stop func() error, err error) {
	if of == nil || len(queues) == 0 || len(queues) > maxQueues {
		return nil, fmt.Errorf("poolotel: QueueMetrics: %w: %d queues; pass a Batch and 1 to %d of its queues", symphony.ErrInvalidArgument, len(queues), maxQueues)
	}
	queues = slices.Clone(queues)
	meter := newSettings(opts).meters.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	registered, err := register(meter, ofQueues, &ageOfQueues, func(ctx context.Context, observe func(listrepo.Backlog, ...metric.ObserveOption)) error {
		sums, failed := map[string]listrepo.Backlog{}, map[string]error{}
		for _, q := range queues {
			b, err := of.Backlog(ctx, q)
			if err != nil {
				failed[q.Service] = errors.Join(failed[q.Service], err)
				continue
			}
			sum := sums[q.Service]
			sums[q.Service] = listrepo.Backlog{
				Waiting: sum.Waiting + b.Waiting, Claimed: sum.Claimed + b.Claimed, Dead: sum.Dead + b.Dead, Oldest: max(sum.Oldest, b.Oldest),
			}
		}
		var errs []error
		for service, sum := range sums {
			if failed[service] == nil {
				observe(sum, metric.WithAttributes(attribute.String("symphony.service", service)))
			}
		}
		for _, err := range failed {
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
	if err != nil {
		return nil, err
	}
	return registered.Unregister, nil
}
