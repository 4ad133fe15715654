package symphony_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// A duration without a unit is refused wherever the library takes one, before
// anything is sent. The error says how to write it.
func TestForgottenUnits(t *testing.T) {
	p := pooltest.Embedded(t)
	ctx := t.Context()
	q := symphony.Queue{Service: "s", Entity: "e", Action: "a"}
	batch, err := symphony.NewBatch[int](p, "acme")
	require.NoError(t, err)
	trigger, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	users, err := symphony.NewUser[member](p, "acme")
	require.NoError(t, err)
	_, err = batch.Enqueue(ctx, q, 1, 2)
	require.NoError(t, err)
	claim, err := batch.Claim(ctx, q, 1, time.Minute)
	require.NoError(t, err)
	name := hashrepo.FieldOf(func(m *member) *string { return &m.Name })

	calls := map[string]func() error{
		"TTL":        func() error { _, err := symphony.NewUser[member](p, "acme", symphony.TTL(60)); return err },
		"Cached":     func() error { _, err := symphony.NewUser[member](p, "acme", symphony.Cached(60)); return err },
		"With":       func() error { return users.With(symphony.TTL(60)).Upsert(ctx, "u", member{}) },
		"Lease":      func() error { _, err := symphony.NewBatch[int](p, "acme", symphony.Lease(60)); return err },
		"DeadFor":    func() error { _, err := symphony.NewBatch[int](p, "acme", symphony.DeadFor(60)); return err },
		"quiet":      func() error { _, err := symphony.NewBatch[int](p, "acme", symphony.Quiet(60, time.Hour)); return err },
		"atMost":     func() error { _, err := symphony.NewBatch[int](p, "acme", symphony.Quiet(time.Second, 60)); return err },
		"Claim":      func() error { _, err := batch.Claim(ctx, q, 1, 60); return err },
		"Next":       func() error { _, err := claim.Next(ctx, 1, 60); return err },
		"Extend":     func() error { return claim.Extend(ctx, 60) },
		"SetFor":     func() error { return users.Update(ctx, "u", name.SetFor("Al", 60)) },
		"Set":        func() error { return trigger.Set(ctx, "send", "1", 60) },
		"SetPayload": func() error { return trigger.SetPayload(ctx, "send", "1", "x", 60) },
		"Debounce":   func() error { return trigger.Debounce(ctx, "send", "1", 60, time.Hour) },
		"Debounce's": func() error { return trigger.Debounce(ctx, "send", "1", 0, 60) },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			pooltest.RequireNothingSent(t, p, symphony.ErrInvalidTTL, call)
			require.ErrorContains(t, call(), "write 60*time.Second")
		})
	}

	// Every duration of a configuration, also one that is added later. If it is
	// not refused, the context ends the call.
	ended, end := context.WithCancel(ctx)
	end()
	handle := func(context.Context, string, symphony.Queue, []listrepo.Item[int]) error { return nil }
	registry := expiry.NewRegistry()
	require.NoError(t, registry.On("send", func(context.Context, expiry.Event) error { return nil }))
	configurations := map[string]func(change func(config any)) error{
		"pool.Config": func(change func(any)) error {
			cfg := pool.Config{}
			change(&cfg)
			_, err := pool.Open(ended, cfg)
			return err
		},
		"pool.Cache": func(change func(any)) error {
			cfg := pool.Config{}
			change(&cfg.Cache)
			_, err := pool.Open(ended, cfg)
			return err
		},
		"WorkConfig": func(change func(any)) error {
			cfg := symphony.WorkConfig{}
			change(&cfg)
			return symphony.WorkBatches(ended, p, "s", handle, cfg)
		},
		"expiry.Config": func(change func(any)) error {
			cfg := expiry.Config{}
			change(&cfg)
			_, err := expiry.NewListener(p, registry, cfg)
			return err
		},
	}
	found := 0
	for name, open := range configurations {
		_ = open(func(config any) {
			typ := reflect.TypeOf(config).Elem()
			for i := range typ.NumField() {
				if typ.Field(i).Type != reflect.TypeFor[time.Duration]() {
					continue
				}
				found++
				t.Run(name+"."+typ.Field(i).Name, func(t *testing.T) {
					err := open(func(config any) { reflect.ValueOf(config).Elem().Field(i).SetInt(60) })
					require.ErrorIs(t, err, symphony.ErrInvalidArgument)
					require.ErrorContains(t, err, typ.Field(i).Name+": the unit of 60 is missing: write 60*time.Second")
				})
			}
		})
	}
	require.GreaterOrEqual(t, found, 8)

	cause := errors.New("busy")
	err = symphony.RetryAfter(60, cause)
	require.ErrorIs(t, err, cause)
	require.ErrorContains(t, err, "write 60*time.Second")
}

type member struct {
	Name string `redis:"name"`
}

// Two options that contradict each other are refused together, and the later
// call of With decides otherwise.
func TestTTLWithNoTTL(t *testing.T) {
	p := pooltest.Embedded(t)
	both := []symphony.Option{symphony.TTL(time.Hour), symphony.KeepTTL(), symphony.NoTTL()}
	_, err := symphony.NewUser[member](p, "acme", both...)
	require.ErrorIs(t, err, symphony.ErrInvalidArgument)
	require.ErrorContains(t, err, "TTL with NoTTL")
	users, err := symphony.NewUser[member](p, "acme", symphony.TTL(time.Hour))
	require.NoError(t, err)
	pooltest.RequireNothingSent(t, p, symphony.ErrInvalidArgument, func() error { return users.With(both...).Upsert(t.Context(), "u", member{}) })
	require.NoError(t, users.With(symphony.NoTTL()).Upsert(t.Context(), "u", member{}))
}

// A function that is nil is refused before anything is sent.
func TestNilFunctions(t *testing.T) {
	p := pooltest.Embedded(t)
	ctx := t.Context()
	q := symphony.Queue{Service: "s", Entity: "e", Action: "a"}
	users, err := symphony.NewUser[member](p, "acme")
	require.NoError(t, err)
	values, err := symphony.NewGeneric[member](p, "acme")
	require.NoError(t, err)
	batch, err := symphony.NewBatch[int](p, "acme")
	require.NoError(t, err)
	for name, call := range map[string]func() error{
		"HashRepo.Mutate":  func() error { _, err := users.Mutate(ctx, "u", nil); return err },
		"KVRepo.Mutate":    func() error { _, err := values.Mutate(ctx, "k", nil); return err },
		"KVRepo.GetOrLoad": func() error { _, err := values.GetOrLoad(ctx, "k", nil); return err },
		"Batch.Process":    func() error { _, err := batch.Process(ctx, q, 1, nil); return err },
		"WorkBatches":      func() error { return symphony.WorkBatches[int](ctx, p, "s", nil, symphony.WorkConfig{}) },
		"Registry.On":      func() error { return expiry.NewRegistry().On("send", nil) },
		"OnPayload":        func() error { return expiry.OnPayload[string](expiry.NewRegistry(), "send", nil) },
		"Registry.Use": func() error {
			r := expiry.NewRegistry()
			require.NoError(t, r.On("send", func(context.Context, expiry.Event) error { return nil }))
			r.Use(nil)
			_, err := expiry.NewListener(p, r, expiry.Config{})
			return err
		},
		"WorkConfig.Use": func() error {
			handle := func(context.Context, string, symphony.Queue, []listrepo.Item[int]) error { return nil }
			cfg := symphony.WorkConfig{Use: []func(func(context.Context) error) func(context.Context) error{nil}}
			return symphony.WorkBatches(ctx, p, "s", handle, cfg)
		},
		"Codec": func() error { _, err := symphony.NewUser[member](p, "acme", symphony.Codec(nil)); return err },
	} {
		t.Run(name, func(t *testing.T) { pooltest.RequireNothingSent(t, p, symphony.ErrInvalidArgument, call) })
	}
	require.Panics(t, func() { hashrepo.FieldOf[member, string](nil) })
}
