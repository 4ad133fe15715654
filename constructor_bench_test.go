package symphony_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/scope"
)

// BenchmarkConstructor measures each constructor for a type whose plan is
// already compiled, as in a service that creates repositories for every
// request.
func BenchmarkConstructor(b *testing.B) {
	p, live := pooltest.Embedded(b), pooltest.Redis(b, pool.Config{})
	made := func(_ any, err error) error { return err }
	shared, err := symphony.NewSharedState(p, "acme", "u1")
	require.NoError(b, err)
	ids := scope.Identity{Tenant: "acme", User: "u1"}
	bind := symphony.BindSharedState(p)
	for _, c := range []struct {
		name string
		make func() error
	}{
		{"User", func() error { return made(symphony.NewUser[profile](p, "acme")) }},
		{"UserWithTTL", func() error { return made(symphony.NewUser[profile](p, "acme", symphony.TTL(time.Hour))) }},
		{"UserCached", func() error { return made(symphony.NewUser[profile](live, "acme", symphony.Cached(time.Hour))) }},
		{"StateHandler", func() error { return made(symphony.NewStateHandler[profile](p, "acme", "chat")) }},
		{"Table", func() error { return made(symphony.NewTable[profile](p, "acme", "orders")) }},
		{"SharedState", func() error { return made(symphony.NewSharedState(p, "acme", "u1")) }},
		{"Trigger", func() error { return made(symphony.NewTrigger(p, "acme")) }},
		{"Batch", func() error { return made(symphony.NewBatch[profile](p, "acme")) }},
		{"Generic", func() error { return made(symphony.NewGeneric[profile](p, "acme")) }},
		{"StateOf", func() error { return made(symphony.StateOf[profile](shared)) }},
		{"BindSharedState", func() error { _, err := bind(b.Context(), ids); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.make(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
