package poolotel_test

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	poolotel "github.com/symphony-go/symphony/pool/otel"
)

type profile struct {
	Name  string `redis:"name"`
	Email string `redis:"email,index"`
	Score int64  `redis:"score"`
}

var score = hashrepo.NumberOf(func(p *profile) *int64 { return &p.Score })

// instruments are the exporters of a test.
type instruments struct {
	spans   *tracetest.InMemoryExporter
	tracers *sdktrace.TracerProvider
	tracer  trace.Tracer
	reader  *metric.ManualReader
	meters  *metric.MeterProvider
}

func newInstruments() *instruments {
	i := &instruments{spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader()}
	i.tracers = sdktrace.NewTracerProvider(sdktrace.WithSyncer(i.spans))
	i.tracer = i.tracers.Tracer("test")
	i.meters = metric.NewMeterProvider(metric.WithReader(i.reader))
	return i
}

// open opens instrumented pools on a new server.
func open(t *testing.T, opts ...poolotel.Option) (*pool.Pools, *redistest.Instance, *instruments) {
	t.Helper()
	server := redistest.Server(t)
	i := newInstruments()
	opts = append(opts, poolotel.TracerProvider(i.tracers), poolotel.MeterProvider(i.meters))
	p, err := pool.Open(t.Context(), poolotel.Instrument(pool.Config{URL: server.URL(), Timeout: time.Minute}, opts...))
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p, server, i
}

// take returns the spans that ended since the last take.
func (i *instruments) take() tracetest.SpanStubs {
	defer i.spans.Reset()
	return i.spans.GetSpans()
}

// metrics returns all metrics by their names.
func (i *instruments) metrics(t *testing.T) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, i.reader.Collect(t.Context(), &all))
	byName := map[string]metricdata.Metrics{}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			byName[m.Name] = m
		}
	}
	return byName
}

func attributes(all []attribute.KeyValue) map[string]any {
	m := map[string]any{}
	for _, a := range all {
		m[string(a.Key)] = a.Value.AsInterface()
	}
	return m
}

func TestSpans(t *testing.T) {
	p, server, seen := open(t)
	users, err := symphony.NewUser[profile](p, "acme")
	require.NoError(t, err)
	ctx, parent := seen.tracer.Start(t.Context(), "request")
	want := func(repository, operation, command string, more map[string]any) map[string]any {
		all := map[string]any{
			"db.system.name": "redis", "db.operation.name": command, "db.namespace": "11",
			"server.address": "127.0.0.1", "server.port": int64(server.Port()),
			"symphony.pool": "user", "symphony.keys": int64(1), "symphony.attempt": int64(1),
			"symphony.repository": repository, "symphony.operation": operation,
		}
		maps.Copy(all, more)
		return all
	}

	require.NoError(t, users.Upsert(ctx, "u1", profile{Name: "Al"}))
	seen.take()
	_, err = users.Get(ctx, "u1")
	require.NoError(t, err)
	spans := seen.take()
	require.Len(t, spans, 1)
	require.Equal(t, "User.Get", spans[0].Name)
	require.Equal(t, trace.SpanKindClient, spans[0].SpanKind)
	require.Equal(t, parent.SpanContext().SpanID(), spans[0].Parent.SpanID())
	require.Equal(t, codes.Unset, spans[0].Status.Code)
	require.Equal(t, want("User", "Get", "HMGET", nil), attributes(spans[0].Attributes))

	_, err = users.GetMany(ctx, "u1", "u1")
	require.NoError(t, err)
	require.Equal(t, want("User", "GetMany", "BATCH HMGET", map[string]any{"symphony.keys": int64(2), "db.operation.batch.size": int64(2)}),
		attributes(seen.take()[0].Attributes))

	raw, err := p.Client(pool.User)
	require.NoError(t, err)
	require.NoError(t, raw.Do(ctx, raw.B().Set().Key("acme:user:text").Value("x").Build()).Error())
	spans = seen.take()
	require.Equal(t, "SET", spans[0].Name)
	require.NotContains(t, attributes(spans[0].Attributes), "symphony.operation")

	_, err = users.Get(ctx, "text")
	require.ErrorIs(t, err, symphony.ErrWrongType)
	span := seen.take()[0]
	require.Equal(t, sdktrace.Status{Code: codes.Error}, span.Status)
	require.Equal(t, want("User", "Get", "HMGET", map[string]any{"error.type": "WRONGTYPE", "db.response.status_code": "WRONGTYPE"}), attributes(span.Attributes))

	canceled, cancel := context.WithCancel(ctx)
	time.AfterFunc(0, cancel)
	require.Error(t, raw.Do(canceled, raw.B().Blpop().Key("acme:none").Timeout(0).Build()).Error())
	require.Equal(t, "canceled", attributes(seen.take()[0].Attributes)["error.type"])
}

// Whatever a program does, no span and no metric has an id, a value or a key,
// and none has the tenant unless an option says so. With the option, only spans
// have it.
func TestNothingPrivate(t *testing.T) {
	for name, opts := range map[string][]poolotel.Option{"by default": nil, "with the tenant": {poolotel.TenantOnSpans()}} {
		t.Run(name, func(t *testing.T) {
			p, _, seen := open(t, opts...)
			useEverything(t, p)
			spans := seen.take()
			require.Greater(t, len(spans), 20)
			tenants := 0
			for _, s := range spans {
				for k, v := range attributes(s.Attributes) {
					if k == "symphony.tenant" && len(opts) > 0 {
						require.Equal(t, secret+"tenant", v)
						tenants++
						continue
					}
					requireNoSecret(t, k, v)
				}
				requireNoSecret(t, s.Name, s.Status, s.Events, s.Links)
			}
			require.Equal(t, len(opts) > 0, tenants > 10, tenants)
			for _, m := range seen.metrics(t) {
				requireNoSecret(t, fmt.Sprintf("%+v", m))
				if h, ok := m.Data.(metricdata.Histogram[float64]); ok {
					for _, point := range h.DataPoints {
						requireNoSecret(t, point.Attributes.ToSlice(), point.Exemplars)
						_, has := point.Attributes.Value("symphony.tenant")
						require.False(t, has)
					}
				}
			}
		})
	}
}

const secret = "SECRET"

func requireNoSecret(t *testing.T, all ...any) {
	t.Helper()
	for _, v := range all {
		require.NotContains(t, strings.ToUpper(fmt.Sprintf("%+v", v)), secret)
	}
}

// useEverything uses repositories with secrets in all places. Some calls fail.
func useEverything(t *testing.T, p *pool.Pools) {
	ctx := t.Context()
	tenant, id := secret+"tenant", secret+"id"
	users, err := symphony.NewUser[profile](p, tenant)
	require.NoError(t, err)
	states, err := symphony.NewStateHandler[profile](p, tenant, secret+"handler")
	require.NoError(t, err)
	rows, err := symphony.NewTable[profile](p, tenant, secret+"table")
	require.NoError(t, err)
	values, err := symphony.NewGeneric[string](p, tenant)
	require.NoError(t, err)
	batch, err := symphony.NewBatch[string](p, tenant)
	require.NoError(t, err)
	trigger, err := symphony.NewTrigger(p, tenant)
	require.NoError(t, err)
	record := profile{Name: secret + "name", Email: secret + "@example.com"}
	queue := symphony.Queue{Service: secret + "service", Entity: secret + "entity", Action: secret + "action"}
	ignore := func(...any) {}

	require.NoError(t, users.Upsert(ctx, id, record))
	require.NoError(t, states.Upsert(ctx, id, record))
	require.NoError(t, rows.Upsert(ctx, id, record))
	require.NoError(t, users.Update(ctx, id, score.Add(1)))
	require.NoError(t, users.Update(ctx, secret+"other", score.Set(1)))
	ignore(users.Get(ctx, id))
	ignore(users.With(symphony.Cached(time.Minute)).Get(ctx, id))
	ignore(users.GetMany(ctx, id, secret+"missing"))
	ignore(users.Exists(ctx, id))
	ignore(users.TTL(ctx, id))
	ignore(users.Count(ctx))
	ignore(score.Increment(ctx, users, id, 5))
	for range users.All(ctx) {
	}
	ignore(users.Mutate(ctx, id, func(*profile) error { return nil }))
	ignore(users.Delete(ctx, id))
	require.NoError(t, values.Set(ctx, secret+"key", secret+"value"))
	ignore(values.Get(ctx, secret+"key"))
	ignore(batch.Enqueue(ctx, queue, secret+"item"))
	ignore(batch.Process(ctx, queue, 1, func(context.Context, []listrepo.Item[string]) error { return nil }))
	require.NoError(t, trigger.SetPayload(ctx, secret+"action", secret+"id", secret+"payload", time.Hour))
	ignore(trigger.Delete(ctx, secret+"action", secret+"id"))

	raw, err := p.Client(pool.User)
	require.NoError(t, err)
	require.NoError(t, raw.Do(ctx, raw.B().Set().Key(secret+"tenant:user:text").Value(secret).Build()).Error())
	ignore(users.Get(ctx, "text"))
	failing := raw.B().Eval().Script("return redis.error_reply(ARGV[1])").Numkeys(0).Arg(secret + "code and text").Build()
	require.ErrorContains(t, raw.Do(ctx, failing).Error(), secret)
	raising := raw.B().Eval().Script("error(ARGV[1])").Numkeys(1).Key(secret + "key").Arg(secret).Build()
	require.ErrorContains(t, raw.Do(ctx, raising).Error(), secret)
}

func TestMetrics(t *testing.T) {
	p, _, seen := open(t)
	users, err := symphony.NewUser[profile](p, "acme")
	require.NoError(t, err)
	require.NoError(t, users.Upsert(t.Context(), "u1", profile{Name: "Al"}))
	cached := users.With(symphony.Cached(time.Minute))
	for range 3 {
		_, err := cached.Get(t.Context(), "u1")
		require.NoError(t, err)
	}

	all := seen.metrics(t)
	duration := all["db.client.operation.duration"]
	require.Equal(t, "s", duration.Unit)
	counts := map[string]uint64{}
	for _, point := range duration.Data.(metricdata.Histogram[float64]).DataPoints {
		name, _ := point.Attributes.Value("symphony.operation")
		command, _ := point.Attributes.Value("db.operation.name")
		counts[name.AsString()+" "+command.AsString()] += point.Count
	}
	require.Equal(t, uint64(1), counts["Get HMGET"], counts)

	stats := p.Stats()[pool.User]
	require.Equal(t, int64(2), stats.CacheHits)
	for name, want := range map[string]int64{
		"symphony.pool.commands": stats.Commands, "symphony.pool.errors": 0, "symphony.pool.down": 0,
		"symphony.cache.hits": 2, "symphony.cache.misses": 1, "symphony.cache.entries": 1, "symphony.cache.size": stats.CacheBytes,
	} {
		require.Equal(t, want, valueOf(t, all, name, pool.User), name)
	}

	p.Close()
	all = seen.metrics(t)
	require.Equal(t, int64(2), valueOf(t, all, "symphony.cache.hits", pool.User), "a counter does not fall")
	require.Zero(t, valueOf(t, all, "symphony.cache.size", pool.User))
}

// valueOf returns the value of a counter for an alias.
func valueOf(t *testing.T, all map[string]metricdata.Metrics, name string, a pool.Alias) int64 {
	t.Helper()
	var points []metricdata.DataPoint[int64]
	switch data := all[name].Data.(type) {
	case metricdata.Sum[int64]:
		points = data.DataPoints
	case metricdata.Gauge[int64]:
		points = data.DataPoints
	}
	for _, point := range points {
		if alias, _ := point.Attributes.Value("symphony.pool"); alias.AsString() == string(a) {
			return point.Value
		}
	}
	require.Fail(t, "no value", "%s of %s", name, a)
	return 0
}

// BenchmarkEnqueue compares calls without an observer, of a caller whose span
// is not sampled, and of one whose span is, in turns. Each turn ends with the
// work on its items.
func BenchmarkEnqueue(b *testing.B) {
	server := redistest.Server(b)
	observed := poolotel.Instrument(pool.Config{URL: server.URL()},
		poolotel.TracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))),
		poolotel.MeterProvider(metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))))
	sampled := trace.ContextWithSpanContext(b.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled,
	}))
	kinds := []struct {
		name string
		cfg  pool.Config
		ctx  context.Context
		took time.Duration
	}{{"plain", pool.Config{URL: server.URL()}, b.Context(), 0}, {"unsampled", observed, b.Context(), 0}, {"linked", observed, sampled, 0}}
	const turn = 50
	var turns []func()
	for i := range kinds {
		p, err := pool.Open(b.Context(), kinds[i].cfg)
		require.NoError(b, err)
		b.Cleanup(p.Close)
		mail, err := symphony.NewBatch[string](p, kinds[i].name)
		require.NoError(b, err)
		q := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
		turns = append(turns, func() {
			began := time.Now()
			for range turn {
				if _, err := mail.Enqueue(kinds[i].ctx, q, "x"); err != nil {
					b.Fatal(err)
				}
			}
			kinds[i].took += time.Since(began)
			if _, err := mail.Process(b.Context(), q, turn, func(context.Context, []listrepo.Item[string]) error { return nil }); err != nil {
				b.Fatal(err)
			}
		})
	}
	for b.Loop() {
		for _, take := range turns {
			take()
		}
	}
	for _, k := range kinds {
		b.ReportMetric(float64(k.took)/float64(kinds[0].took), "x-"+k.name)
	}
}

// BenchmarkGet compares calls with and without an observer, in turns.
func BenchmarkGet(b *testing.B) {
	server := redistest.Server(b)
	plain := pool.Config{URL: server.URL()}
	dropped := poolotel.Instrument(plain,
		poolotel.TracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))),
		poolotel.MeterProvider(metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))))
	traced := poolotel.Instrument(plain,
		poolotel.TracerProvider(sdktrace.NewTracerProvider(sdktrace.WithBatcher(tracetest.NewNoopExporter()))),
		poolotel.MeterProvider(metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))))
	kinds := []string{"plain", "metrics", "traced"}
	var users []*symphony.User[profile]
	for _, cfg := range []pool.Config{plain, dropped, traced} {
		p, err := pool.Open(b.Context(), cfg)
		require.NoError(b, err)
		b.Cleanup(p.Close)
		u, err := symphony.NewUser[profile](p, "acme")
		require.NoError(b, err)
		require.NoError(b, u.Upsert(b.Context(), "u1", profile{Name: "Al"}))
		users = append(users, u)
	}
	took := make([]time.Duration, len(users))
	b.ReportAllocs()
	const turn = 50
	for b.Loop() {
		for i, u := range users {
			began := time.Now()
			for range turn {
				if _, err := u.Get(b.Context(), "u1"); err != nil {
					b.Fatal(err)
				}
			}
			took[i] += time.Since(began)
		}
	}
	for i := range users {
		b.ReportMetric(float64(took[i].Nanoseconds())/float64(turn*b.N), "ns/"+kinds[i])
		b.ReportMetric(float64(took[i])/float64(took[0]), "x-"+strconv.Itoa(i)+"-"+kinds[i])
	}
}
