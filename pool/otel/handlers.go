package poolotel

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
)

// TriggerSpans returns a middleware for [expiry.Registry.Use] that makes a
// consumer span for each firing, with the name of its action. The calls of the
// handler to Redis are its children. If the pools of the caller that set the
// trigger have the observer of [Instrument], and its span was sampled, the span
// has a link to that one; so have the spans of further attempts. If a trigger
// was set again or postponed, the last call counts. The attributes are
// symphony.action, symphony.attempt and, with [TenantOnSpans], symphony.tenant.
// If the handler returns an error, error.type is the Go type of the error. A
// panic ends the span without one.
func TriggerSpans(opts ...Option) expiry.Middleware {
	s := newSettings(opts)
	tracer := s.tracer()
	return func(next expiry.Handler) expiry.Handler {
		return func(ctx context.Context, e expiry.Event) error {
			ctx, span := s.startHandler(ctx, tracer, "trigger "+e.Action, e.Tenant, links(e.Origin()),
				attribute.String("symphony.action", e.Action), attribute.Int("symphony.attempt", e.Attempt))
			defer span.End()
			return record(span, next(ctx, e))
		}
	}
}

// WorkSpans returns a function for the field Use of a [symphony.WorkConfig]. It
// makes a consumer span for each chunk, with the name of the service, as
// [TriggerSpans] does for firings. It has links to the spans in which the items
// were enqueued, at most 32, those of the first items. Its attributes are
// symphony.service, symphony.items and symphony.attempt. The entity and the
// action of the queue may be ids, so they are not among them.
func WorkSpans(opts ...Option) func(next func(context.Context) error) func(context.Context) error {
	s := newSettings(opts)
	tracer := s.tracer()
	return func(next func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			w, _ := symphony.WorkFrom(ctx)
			ctx, span := s.startHandler(ctx, tracer, "work "+w.Queue.Service, w.Tenant, links(w.Origins()...),
				attribute.String("symphony.service", w.Queue.Service), attribute.Int("symphony.items", w.Items), attribute.Int("symphony.attempt", w.Attempt))
			defer span.End()
			return record(span, next(ctx))
		}
	}
}

// startHandler starts the span of a handler.
func (s *settings) startHandler(
	ctx context.Context, tracer trace.Tracer, name, tenant string, links []trace.Link, attributes ...attribute.KeyValue,
) (context.Context, trace.Span) {
	if s.tenant && tenant != "" {
		attributes = append(attributes, attribute.String("symphony.tenant", tenant))
	}
	return tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(links...), trace.WithAttributes(attributes...))
}

// record adds the type of an error to a span, and returns the error. Its text
// may contain values.
func record(span trace.Span, err error) error {
	if err != nil && span.IsRecording() {
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.ErrorTypeKey.String(fmt.Sprintf("%T", err)))
	}
	return err
}
