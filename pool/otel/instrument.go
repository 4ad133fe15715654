package poolotel

import (
	"context"

	"go.opentelemetry.io/otel/metric"
)

// instrument is a metric that is read from S when metrics are collected.
type instrument[S any] struct {
	name, unit, description string
	kind                    instrumentKind
	read                    func(S) int64
}

type instrumentKind int

const (
	counts instrumentKind = iota // only rises
	level                        // can fall, and can be added over processes
	gauge                        // can fall, and cannot be added
)

// make returns the instrument of a meter.
func (of instrument[S]) make(meter metric.Meter) (metric.Int64Observable, error) {
	unit, description := metric.WithUnit(of.unit), metric.WithDescription(of.description)
	switch of.kind {
	case counts:
		return meter.Int64ObservableCounter(of.name, unit, description)
	case level:
		return meter.Int64ObservableUpDownCounter(of.name, unit, description)
	}
	return meter.Int64ObservableGauge(of.name, unit, description)
}

// secondsGauge is a gauge in seconds, which may be fractions.
type secondsGauge[S any] struct {
	name, description string
	read              func(S) float64
}

// register registers instruments, and a gauge in seconds unless it is nil. When
// metrics are collected, it calls collect, which passes each S with its
// attributes to observe.
func register[S any](
	meter metric.Meter, all []instrument[S], seconds *secondsGauge[S],
	collect func(ctx context.Context, observe func(S, ...metric.ObserveOption)) error,
) (metric.Registration, error) {
	made := make([]metric.Int64Observable, len(all))
	observables := make([]metric.Observable, len(all), len(all)+1)
	for i, of := range all {
		var err error
		if made[i], err = of.make(meter); err != nil {
			return nil, err
		}
		observables[i] = made[i]
	}
	var time metric.Float64ObservableGauge
	if seconds != nil {
		var err error
		if time, err = meter.Float64ObservableGauge(seconds.name, metric.WithUnit("s"), metric.WithDescription(seconds.description)); err != nil {
			return nil, err
		}
		observables = append(observables, time)
	}
	return meter.RegisterCallback(func(ctx context.Context, to metric.Observer) error {
		return collect(ctx, func(s S, opts ...metric.ObserveOption) {
			for i := range all {
				to.ObserveInt64(made[i], all[i].read(s), opts...)
			}
			if seconds != nil {
				to.ObserveFloat64(time, seconds.read(s), opts...)
			}
		})
	}, observables...)
}
