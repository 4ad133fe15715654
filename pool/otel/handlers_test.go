package poolotel_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/listrepo"
	poolotel "github.com/symphony-go/symphony/pool/otel"
)

// A firing and a chunk are spans of their own, and the calls of a handler are
// their children. They have no id.
func TestHandlerSpans(t *testing.T) {
	p, _, seen := open(t)
	spans := poolotel.TracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(seen.spans)))
	values, err := symphony.NewGeneric[string](p, secret+"tenant")
	require.NoError(t, err)

	t.Run("a trigger", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		trigger, err := symphony.NewTrigger(p, secret+"tenant")
		require.NoError(t, err)
		require.NoError(t, trigger.Set(ctx, "remind", secret+"id", 0))
		registry := expiry.NewRegistry()
		registry.Use(poolotel.TriggerSpans(spans), poolotel.TriggerMetrics(poolotel.MeterProvider(seen.meters)))
		require.NoError(t, registry.On("remind", func(ctx context.Context, _ expiry.Event) error {
			defer stop()
			return values.Set(ctx, "k", "v")
		}))
		listener, err := expiry.NewListener(p, registry, expiry.Config{})
		require.NoError(t, err)
		unmeasure, err := poolotel.ListenerMetrics(listener, poolotel.MeterProvider(seen.meters))
		require.NoError(t, err)
		require.NoError(t, listener.Run(ctx))
		all := seen.metrics(t)
		require.Equal(t, int64(1), all["symphony.trigger.succeeded"].Data.(metricdata.Sum[int64]).DataPoints[0].Value)
		lag := all["symphony.trigger.lag"]
		require.Equal(t, "s", lag.Unit)
		require.Equal(t, listener.Stats().LastLag.Seconds(), lag.Data.(metricdata.Gauge[float64]).DataPoints[0].Value)
		requireDuration(t, all["symphony.trigger.duration"], map[string]any{"symphony.action": "remind"})
		require.NoError(t, unmeasure())
		require.NotContains(t, seen.metrics(t), "symphony.trigger.succeeded")

		span := requireHandler(t, seen.take(), "trigger remind", map[string]any{"symphony.action": "remind", "symphony.attempt": int64(1)})
		require.Equal(t, codes.Unset, span.Status.Code)
	})

	t.Run("work", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		batch, err := symphony.NewBatch[string](p, secret+"tenant")
		require.NoError(t, err)
		_, err = batch.Enqueue(ctx, symphony.Queue{Service: "mail", Entity: secret, Action: secret}, "x", "y")
		require.NoError(t, err)
		send := func(ctx context.Context, _ string, _ symphony.Queue, _ []listrepo.Item[string]) error {
			defer stop()
			return errors.Join(values.Set(ctx, "k", "v"), errors.New(secret))
		}
		require.NoError(t, symphony.WorkBatches(ctx, p, "mail", send, symphony.WorkConfig{
			OnError: func(*symphony.WorkError) {},
			Use: []func(func(context.Context) error) func(context.Context) error{
				poolotel.WorkSpans(spans), poolotel.WorkMetrics(poolotel.MeterProvider(seen.meters)),
			},
		}))
		requireDuration(t, seen.metrics(t)["symphony.work.duration"], map[string]any{"symphony.service": "mail", "error.type": "*errors.joinError"})

		span := requireHandler(t, seen.take(), "work mail", map[string]any{
			"symphony.service": "mail", "symphony.items": int64(2), "symphony.attempt": int64(1), "error.type": "*errors.joinError",
		})
		require.Equal(t, sdktrace.Status{Code: codes.Error}, span.Status)
	})
}

// A handler that panics is measured too.
func TestDurationOfAPanic(t *testing.T) {
	seen := newInstruments()
	handle := poolotel.TriggerMetrics(poolotel.MeterProvider(seen.meters))(func(context.Context, expiry.Event) error { panic(secret) })
	require.PanicsWithValue(t, secret, func() { _ = handle(t.Context(), expiry.Event{Action: "remind"}) })
	requireDuration(t, seen.metrics(t)["symphony.trigger.duration"], map[string]any{"symphony.action": "remind", "error.type": "panic"})
}

// A handler that lost its lease is measured as such.
func TestDurationWithALostLease(t *testing.T) {
	seen := newInstruments()
	ctx, lose := context.WithCancelCause(t.Context())
	failed := errors.New(secret)
	handle := poolotel.TriggerMetrics(poolotel.MeterProvider(seen.meters))(func(context.Context, expiry.Event) error {
		lose(symphony.ErrLeaseLost)
		return failed
	})
	require.Equal(t, failed, handle(ctx, expiry.Event{Action: "remind"}))
	requireDuration(t, seen.metrics(t)["symphony.trigger.duration"], map[string]any{"symphony.action": "remind", "error.type": "lease_lost"})
}

// requireDuration requires that a histogram in seconds has one value, with
// these attributes.
func requireDuration(t *testing.T, m metricdata.Metrics, want map[string]any) {
	t.Helper()
	require.Equal(t, "s", m.Unit)
	points := m.Data.(metricdata.Histogram[float64]).DataPoints
	require.Len(t, points, 1)
	require.Equal(t, uint64(1), points[0].Count)
	require.Equal(t, want, attributes(points[0].Attributes.ToSlice()))
}

// requireHandler returns the span of a handler, which must have these
// attributes and the span of Generic.Set as its child.
func requireHandler(t *testing.T, all tracetest.SpanStubs, name string, want map[string]any) (handler tracetest.SpanStub) {
	t.Helper()
	for _, s := range all {
		if s.Name == name {
			handler = s
		}
		requireNoSecret(t, s.Name, attributes(s.Attributes), s.Status, s.Events)
	}
	require.Equal(t, trace.SpanKindConsumer, handler.SpanKind)
	require.Equal(t, want, attributes(handler.Attributes))
	for _, s := range all {
		if s.Name == "Generic.Set" {
			require.Equal(t, handler.SpanContext.SpanID(), s.Parent.SpanID())
			return handler
		}
	}
	require.Fail(t, "the call of the handler has no span")
	return handler
}
