package poolotel_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
	poolotel "github.com/symphony-go/symphony/pool/otel"
)

// backlogs has the backlogs of queues.
type backlogs map[symphony.Queue]listrepo.Backlog

func (b backlogs) Backlog(_ context.Context, q symphony.Queue) (listrepo.Backlog, error) {
	if backlog, ok := b[q]; ok {
		return backlog, nil
	}
	return listrepo.Backlog{}, errors.New("no such queue")
}

// The queues of a service are added up, and the oldest item counts.
func TestQueueMetrics(t *testing.T) {
	seen := newInstruments()
	q := func(service, entity string) symphony.Queue {
		return symphony.Queue{Service: service, Entity: secret + entity, Action: secret}
	}
	of := backlogs{
		q("mail", "1"): {Waiting: 1, Claimed: 10, Dead: 100, Oldest: 1500 * time.Millisecond},
		q("mail", "2"): {Waiting: 2, Claimed: 20, Dead: 200, Oldest: time.Second},
		q("ship", "1"): {},
		q("down", "1"): {Waiting: 7},
	}
	stop, err := poolotel.QueueMetrics(of, []symphony.Queue{q("mail", "1"), q("mail", "2"), q("ship", "1"), q("down", "1"), q("down", "2")}, poolotel.MeterProvider(seen.meters))
	require.NoError(t, err)
	var all metricdata.ResourceMetrics
	require.ErrorContains(t, seen.reader.Collect(t.Context(), &all), "no such queue")
	byName := map[string]metricdata.Metrics{}
	for _, m := range all.ScopeMetrics[0].Metrics {
		byName[m.Name] = m
		requireNoSecret(t, m)
	}
	for name, want := range map[string]int64{"symphony.queue.waiting": 3, "symphony.queue.claimed": 30, "symphony.queue.dead": 300} {
		points := byName[name].Data.(metricdata.Sum[int64]).DataPoints
		require.Len(t, points, 2, "no values of a service with an error")
		require.Equal(t, want, points[0].Value+points[1].Value)
	}
	age := byName["symphony.queue.age"]
	require.Equal(t, "s", age.Unit)
	ages := map[any]float64{}
	for _, point := range age.Data.(metricdata.Gauge[float64]).DataPoints {
		ages[attributes(point.Attributes.ToSlice())["symphony.service"]] = point.Value
	}
	require.Equal(t, map[any]float64{"mail": 1.5, "ship": 0}, ages)
	require.NoError(t, stop())
	require.NotContains(t, seen.metrics(t), "symphony.queue.age")

	for _, n := range []int{0, 101} {
		_, err := poolotel.QueueMetrics(of, make([]symphony.Queue, n))
		require.ErrorIs(t, err, symphony.ErrInvalidArgument)
	}
}

// A Batch has such metrics.
func TestQueueMetricsOfABatch(t *testing.T) {
	p, _, seen := open(t)
	mail, err := symphony.NewBatch[string](p, "acme")
	require.NoError(t, err)
	q := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	_, err = mail.Enqueue(t.Context(), q, "x", "y")
	require.NoError(t, err)
	_, err = poolotel.QueueMetrics(mail, []symphony.Queue{q}, poolotel.MeterProvider(seen.meters))
	require.NoError(t, err)
	require.Equal(t, int64(2), seen.metrics(t)["symphony.queue.waiting"].Data.(metricdata.Sum[int64]).DataPoints[0].Value)
}

// The calls of Tenants, Erase and Export have their names, or those of the
// methods that they use.
func TestSpansOfTenantCalls(t *testing.T) {
	p, _, seen := open(t)
	values, err := symphony.NewGeneric[string](p, "acme")
	require.NoError(t, err)
	require.NoError(t, values.Set(t.Context(), "k", "v"))
	for name, call := range map[string]func() error{
		"symphony.Tenants": func() (err error) {
			for _, e := range symphony.Tenants(t.Context(), p) {
				err = errors.Join(err, e)
			}
			return err
		},
		"symphony.Export": func() error { return symphony.Export(t.Context(), p, "acme", new(nothing)) },
		"symphony.Erase": func() error {
			_, err := symphony.Erase(t.Context(), p, "acme")
			return err
		},
	} {
		seen.take()
		require.NoError(t, call())
		named := 0
		for _, s := range seen.take() {
			require.Contains(t, attributes(s.Attributes), "symphony.operation", s.Name) // or that of a method that it calls
			if s.Name == name {
				named++
			}
		}
		require.Positive(t, named, name)
	}
}

// nothing is a writer that keeps nothing.
type nothing struct{}

func (nothing) Write(b []byte) (int, error) { return len(b), nil }
