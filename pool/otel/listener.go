package poolotel

import (
	"context"

	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/symphony-go/symphony/expiry"
)

// ofListener are the metrics of a listener.
var ofListener = []instrument[expiry.Stats]{
	{"symphony.trigger.pending", "{trigger}", "triggers that have not fired", level, func(s expiry.Stats) int64 { return s.Pending }},
	{"symphony.trigger.dead", "{firing}", "dead letters that wait", level, func(s expiry.Stats) int64 { return s.Dead }},
	{"symphony.trigger.running", "{firing}", "handlers that run now", level, func(s expiry.Stats) int64 { return s.Running }},
	{"symphony.trigger.succeeded", "{firing}", "firings whose handlers succeeded", counts, func(s expiry.Stats) int64 { return s.Succeeded }},
	{"symphony.trigger.retried", "{attempt}", "failed attempts that are redelivered", counts, func(s expiry.Stats) int64 { return s.Retried }},
	{"symphony.trigger.dead_lettered", "{firing}", "firings that became dead letters", counts, func(s expiry.Stats) int64 { return s.DeadLettered }},
	{"symphony.trigger.dead_removed", "{firing}", "dead letters that were removed because of Config.DeadLimit or Config.DeadFor", counts, func(s expiry.Stats) int64 { return s.DeadRemoved }},
	{"symphony.trigger.panics", "{attempt}", "attempts whose handlers panicked", counts, func(s expiry.Stats) int64 { return s.Panics }},
	{"symphony.trigger.leases_expired", "{lease}", "expired leases that this listener found", counts, func(s expiry.Stats) int64 { return s.LeasesExpired }},
	{"symphony.trigger.leases_lost", "{lease}", "leases that this listener lost", counts, func(s expiry.Stats) int64 { return s.LeasesLost }},
	{"symphony.trigger.unhandled", "{action}", "actions with overdue triggers and no handler", counts, func(s expiry.Stats) int64 { return s.Unhandled }},
	{"symphony.trigger.errors", "{call}", "failed calls to Redis, which were repeated", counts, func(s expiry.Stats) int64 { return s.Errors }},
}

// lagOfListener is how late a listener is.
var lagOfListener = secondsGauge[expiry.Stats]{
	"symphony.trigger.lag", "how late the last firing began", func(s expiry.Stats) float64 { return s.LastLag.Seconds() },
}

// ListenerMetrics makes metrics of the counters of a listener:
// symphony.trigger.pending, dead, running, succeeded, retried, dead_lettered,
// dead_removed, panics, leases_expired, leases_lost, unhandled and errors, and
// lag in seconds. They have no attributes, so a process should have one
// listener that is measured by one meter provider. The metrics end when stop is
// called. Reading them sends nothing. If the provider cannot make an
// instrument, ListenerMetrics returns its error.
func ListenerMetrics(l *expiry.Listener, opts ...Option) (stop func() error, err error) {
	meter := newSettings(opts).meters.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	registered, err := register(meter, ofListener, &lagOfListener, func(_ context.Context, observe func(expiry.Stats, ...metric.ObserveOption)) error {
		observe(l.Stats())
		return nil
	})
	if err != nil {
		return nil, err
	}
	return registered.Unregister, nil
}
