package poolotel

import (
	"context"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/dbconv"
	"go.opentelemetry.io/otel/trace"

	"github.com/symphony-go/symphony/pool"
)

const scope = "github.com/symphony-go/symphony/pool/otel"

// Instrument returns cfg with an observer that makes a span for each call, and
// metrics. It replaces [pool.Config.Observer]. The result may be used for
// several Open; the metrics are then the sums of all pools.
//
// If a provider cannot make an instrument, the error is passed to otel.Handle,
// and the metric is missing.
func Instrument(cfg pool.Config, opts ...Option) pool.Config {
	s := newSettings(opts)
	meter := s.meters.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	duration, err := dbconv.NewClientOperationDuration(meter,
		metric.WithExplicitBucketBoundaries(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10))
	if err != nil {
		otel.Handle(err)
	}
	cfg.Observer = &observer{
		tracer:   s.tracer(),
		duration: duration,
		counters: newCounters(meter),
		tenant:   s.tenant,
	}
	return cfg
}

// observer implements [pool.Observer].
type observer struct {
	*counters
	tracer   trace.Tracer
	duration dbconv.ClientOperationDuration
	tenant   bool
	kinds    sync.Map // *kind by kindKey
}

// kindKey is what all calls of a kind have in common. The values come from the
// code and the configuration of a program, so there are few.
type kindKey struct {
	repository, operation, command string
	pool                           pool.Alias
	addr                           string
	database                       int
	batch                          bool
}

// kind has what the spans and metrics of a kind of calls have in common.
type kind struct {
	name       string
	attributes []attribute.KeyValue
	options    []metric.RecordOption // without an error
}

// Begin starts the span of a call.
func (o *observer) Begin(ctx context.Context, c pool.Call) (context.Context, func(error)) {
	k := o.kind(c)
	ctx, span := o.tracer.Start(ctx, k.name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(k.attributes...))
	if span.IsRecording() {
		span.SetAttributes(o.details(c)...)
	}
	began := time.Now()
	return ctx, func(err error) {
		took := time.Since(began).Seconds()
		if err == nil {
			o.duration.Inst().Record(ctx, took, k.options...)
			span.End()
			return
		}
		failure := describe(err)
		o.duration.Inst().Record(ctx, took, metric.WithAttributes(append(failure, k.attributes...)...))
		if span.IsRecording() {
			span.SetStatus(codes.Error, "")
			span.SetAttributes(failure...)
		}
		span.End()
	}
}

// details returns the attributes that only spans have.
func (o *observer) details(c pool.Call) []attribute.KeyValue {
	all := append(make([]attribute.KeyValue, 0, 4), attribute.Int("symphony.keys", c.Keys))
	if c.Commands > 1 {
		all = append(all, semconv.DBOperationBatchSize(batchSize(c)))
	}
	if c.Operation != "" {
		all = append(all, attribute.Int("symphony.attempt", c.Attempt))
	}
	if o.tenant && c.Tenant != "" {
		all = append(all, attribute.String("symphony.tenant", c.Tenant))
	}
	return all
}

// batchSize returns how many operations a call has. MULTI and EXEC are none.
func batchSize(c pool.Call) int {
	if c.Command == "MULTI" {
		return max(c.Commands-2, 0)
	}
	return c.Commands
}

// kind returns the kind of a call.
func (o *observer) kind(c pool.Call) *kind {
	key := kindKey{c.Repository, c.Operation, c.Command, c.Pool, c.Addr, c.Database, c.Commands > 1}
	if k, ok := o.kinds.Load(key); ok {
		return k.(*kind)
	}
	k, _ := o.kinds.LoadOrStore(key, newKind(key))
	return k.(*kind)
}

func newKind(key kindKey) *kind {
	command := commandName(key)
	all := []attribute.KeyValue{
		semconv.DBSystemNameRedis,
		semconv.DBOperationName(command),
		semconv.DBNamespace(strconv.Itoa(key.database)),
		attribute.String("symphony.pool", string(key.pool)),
	}
	if host, port, err := net.SplitHostPort(key.addr); err == nil {
		all = append(all, semconv.ServerAddress(host))
		if n, err := strconv.Atoi(port); err == nil {
			all = append(all, semconv.ServerPort(n))
		}
	}
	name := command
	if key.operation != "" {
		name = key.repository + "." + key.operation
		all = append(all, attribute.String("symphony.repository", key.repository), attribute.String("symphony.operation", key.operation))
	}
	return &kind{name, all, []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(slices.Clone(all)...))}} // NewSet sorts its arguments
}

// commandName returns the name of a command, a pipeline or a transaction.
func commandName(key kindKey) string {
	switch {
	case key.command == "MULTI" || !key.batch && key.command != "":
		return key.command
	case !key.batch:
		return "_OTHER"
	case key.command == "":
		return "BATCH"
	}
	return "BATCH " + key.command
}
