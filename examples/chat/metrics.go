package main

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/symphony-go/symphony/pool"
	poolotel "github.com/symphony-go/symphony/pool/otel"
)

// metrics are the metrics of one process. They are those of OpenTelemetry, and
// Prometheus reads them from page.
type metrics struct {
	provider poolotel.Option
	page     http.Handler
	work     func(next func(context.Context) error) func(context.Context) error // measures each chunk
}

func newMetrics() (*metrics, error) {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return nil, err
	}
	provider := poolotel.MeterProvider(metric.NewMeterProvider(metric.WithReader(exporter)))
	return &metrics{provider, promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), poolotel.WorkMetrics(provider)}, nil
}

// instrument returns a configuration whose pools are measured.
func (m *metrics) instrument(cfg pool.Config) pool.Config {
	return poolotel.Instrument(cfg, m.provider)
}
