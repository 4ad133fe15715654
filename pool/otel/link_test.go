package poolotel_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	poolotel "github.com/symphony-go/symphony/pool/otel"
)

// A request sets a trigger. The span of each attempt is linked to the span of
// the request.
func TestTriggerIsLinkedToItsRequest(t *testing.T) {
	p, _, seen := open(t)
	trigger, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	request := seen.request(t, func(ctx context.Context) error { return trigger.Set(ctx, "remind", "u1", 0) })
	seen.fire(t, p, 2)
	for attempt := range int64(2) {
		requireLinks(t, seen.find("trigger remind", "symphony.attempt", attempt+1), request)
	}
}

// The last call that set or postponed a trigger counts, and the payload is what
// it would be without links.
func TestLastCallIsLinked(t *testing.T) {
	p, _, seen := open(t)
	trigger, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	seen.request(t, func(ctx context.Context) error { return trigger.SetPayload(ctx, "remind", "u1", "call", time.Hour) })
	seen.request(t, func(ctx context.Context) error { return trigger.Debounce(ctx, "remind", "u1", time.Minute, time.Hour) })
	last := seen.request(t, func(ctx context.Context) error { return trigger.Debounce(ctx, "remind", "u1", 0, time.Hour) })
	seen.fire(t, p, 1, "call")
	requireLinks(t, seen.find("trigger remind"), last)

	seen.request(t, func(ctx context.Context) error { return trigger.SetPayload(ctx, "remind", "u1", "call", time.Hour) })
	require.NoError(t, trigger.Set(t.Context(), "remind", "u1", 0)) // without a span
	seen.fire(t, p, 1)
	requireLinks(t, seen.find("trigger remind"))
}

// Two requests enqueue items. The span of each attempt at the chunk is linked
// to the spans of both. A call without a span adds no link.
func TestWorkIsLinkedToItsRequests(t *testing.T) {
	p, _, seen := open(t)
	mail, err := symphony.NewBatch[string](p, "acme")
	require.NoError(t, err)
	q := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	enqueue := func(ctx context.Context) error {
		_, err := mail.Enqueue(ctx, q, "x", "y")
		return err
	}
	requests := []trace.SpanContext{seen.request(t, enqueue), seen.request(t, enqueue)}
	require.NoError(t, enqueue(t.Context()))

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	failed := false
	require.NoError(t, symphony.WorkBatches(ctx, p, "mail", func(_ context.Context, _ string, _ symphony.Queue, items []listrepo.Item[string]) error {
		if !failed {
			failed = true
			return errors.New("not yet")
		}
		stop()
		return nil
	}, symphony.WorkConfig{
		Workers: 1, Backoff: func(int, error) time.Duration { return 0 }, OnError: func(*symphony.WorkError) {},
		Use: []func(func(context.Context) error) func(context.Context) error{poolotel.WorkSpans(poolotel.TracerProvider(seen.tracers))},
	}))
	for attempt := range int64(2) {
		requireLinks(t, seen.find("work mail", "symphony.attempt", attempt+1), requests...)
	}
}

// A caller whose span is not sampled stores nothing.
func TestNothingIsStoredForASpanThatIsNotSampled(t *testing.T) {
	p, _, seen := open(t)
	trigger, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	ctx, span := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())).Tracer("test").Start(t.Context(), "request")
	require.True(t, span.SpanContext().IsValid())
	require.NoError(t, trigger.Set(ctx, "remind", "u1", 0))
	seen.fire(t, p, 1)
	requireLinks(t, seen.find("trigger remind"))
}

// The state of a trace is stored with it unless it is long.
func TestTraceState(t *testing.T) {
	p, _, seen := open(t)
	trigger, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	for text, want := range map[string]string{"vendor=1": "vendor=1", "vendor=" + strings.Repeat("x", 200): ""} {
		state, err := trace.ParseTraceState(text)
		require.NoError(t, err)
		request := trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, TraceState: state,
		})
		require.NoError(t, trigger.Set(trace.ContextWithSpanContext(t.Context(), request), "remind", "u1", 0))
		seen.fire(t, p, 1)
		span := seen.find("trigger remind")
		requireLinks(t, span, request)
		require.Equal(t, want, span.Links[0].SpanContext.TraceState().String())
	}
}

// request calls do in a span, as in a handler of net/http, and returns the
// context of the span.
func (i *instruments) request(t *testing.T, do func(context.Context) error) trace.SpanContext {
	t.Helper()
	var request trace.SpanContext
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, span := i.tracer.Start(r.Context(), "request")
		defer span.End()
		request = span.SpanContext()
		if err := do(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	response, err := http.Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	return request
}

// fire runs a listener until a trigger has fired so often. Each attempt except
// the last one fails. The trigger must have this payload, or none.
func (i *instruments) fire(t *testing.T, p *pool.Pools, attempts int, payload ...string) {
	t.Helper()
	i.spans.Reset()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	registry := expiry.NewRegistry()
	registry.Use(poolotel.TriggerSpans(poolotel.TracerProvider(i.tracers)))
	require.NoError(t, registry.On("remind", func(_ context.Context, e expiry.Event) error {
		if e.HasPayload() != (len(payload) > 0) {
			t.Error("HasPayload:", e.HasPayload())
		}
		for _, want := range payload {
			var got string
			if err := e.Decode(&got); err != nil || got != want {
				t.Error(got, err)
			}
		}
		if e.Attempt < attempts {
			return errors.New("not yet")
		}
		stop()
		return nil
	}))
	listener, err := expiry.NewListener(p, registry, expiry.Config{Backoff: func(int, error) time.Duration { return 0 }})
	require.NoError(t, err)
	require.NoError(t, listener.Run(ctx))
}

// find returns the span with a name and, if given, an attribute.
func (i *instruments) find(name string, attribute ...any) (found tracetest.SpanStub) {
	for _, s := range i.spans.GetSpans() {
		if s.Name == name && (len(attribute) == 0 || attributes(s.Attributes)[attribute[0].(string)] == attribute[1]) {
			found = s
		}
	}
	return found
}

// requireLinks requires that a span has links to exactly these spans, in their
// order.
func requireLinks(t *testing.T, span tracetest.SpanStub, want ...trace.SpanContext) {
	t.Helper()
	require.NotEmpty(t, span.Name, "there is no such span")
	require.Len(t, span.Links, len(want))
	for n, link := range span.Links {
		require.Equal(t, want[n].TraceID(), link.SpanContext.TraceID())
		require.Equal(t, want[n].SpanID(), link.SpanContext.SpanID())
	}
}
