package poolotel

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/symphony-go/symphony/pool"
)

// The format of an origin is that of W3C Trace Context: the header traceparent
// and, after a space, the header tracestate, unless it is long.

// longestState is the most bytes of a tracestate that is stored.
const longestState = 128

// Inject implements [pool.Propagator]. Nothing is stored for a span that is not
// sampled, since no link can show it.
func (o *observer) Inject(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ""
	}
	var fields propagation.MapCarrier = map[string]string{}
	propagation.TraceContext{}.Inject(ctx, fields)
	if state := fields["tracestate"]; state != "" && len(state) <= longestState {
		return fields["traceparent"] + " " + state
	}
	return fields["traceparent"]
}

var _ pool.Propagator = (*observer)(nil)

// links returns links to the spans of origins.
func links(origins ...string) []trace.Link {
	all := make([]trace.Link, 0, len(origins))
	for _, origin := range origins {
		parent, state, _ := strings.Cut(origin, " ")
		fields := propagation.MapCarrier{"traceparent": parent, "tracestate": state}
		span := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), fields))
		if span.IsValid() {
			all = append(all, trace.Link{SpanContext: span})
		}
	}
	return all
}
