package poolotel

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Option changes the providers that the functions of this package use, and
// what spans have.
type Option func(*settings)

type settings struct {
	tracers trace.TracerProvider
	meters  metric.MeterProvider
	tenant  bool
}

func newSettings(opts []Option) *settings {
	s := &settings{tracers: otel.GetTracerProvider(), meters: otel.GetMeterProvider()}
	for _, o := range opts {
		o(s)
	}
	return s
}

func (s *settings) tracer() trace.Tracer {
	return s.tracers.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))
}

// TracerProvider sets the provider of the tracer. It defaults to that of
// otel.GetTracerProvider.
func TracerProvider(p trace.TracerProvider) Option { return func(s *settings) { s.tracers = p } }

// MeterProvider sets the provider of the meter. It defaults to that of
// otel.GetMeterProvider.
func MeterProvider(p metric.MeterProvider) Option { return func(s *settings) { s.meters = p } }

// TenantOnSpans adds the attribute symphony.tenant to the spans of repositories
// that belong to a tenant. Metrics do not have it, because there may be many
// tenants.
func TenantOnSpans() Option { return func(s *settings) { s.tenant = true } }
