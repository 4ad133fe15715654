package pool_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// BenchmarkHMGET compares the clients of pools with plain rueidis clients, for
// different contexts, with twelve fields, and with one caller and 64.
func BenchmarkHMGET(b *testing.B) {
	s := redistest.Server(b)
	pools, err := pool.Open(b.Context(), pool.Config{URL: s.URL()})
	require.NoError(b, err)
	defer pools.Close()
	pooled, err := pools.Client(pool.User)
	require.NoError(b, err)
	plain := s.Client(b, 11)
	fields := make([]string, 12)
	for i := range fields {
		fields[i] = fmt.Sprint("field", i)
		mustDo(b, plain, "HSET", "k", fields[i], strings.Repeat("x", 28))
	}
	for _, caller := range []struct {
		name string
		ctx  func() (context.Context, context.CancelFunc) // called by each caller
	}{
		{"background", func() (context.Context, context.CancelFunc) { return context.Background(), func() {} }},
		{"values", func() (context.Context, context.CancelFunc) {
			return context.WithValue(context.Background(), traceKey{}, 1), func() {}
		}},
		{"request", func() (context.Context, context.CancelFunc) { return context.WithCancel(context.Background()) }},
	} {
		for _, c := range []struct {
			name string
			rueidis.Client
		}{{"plain", plain}, {"pooled", pooled}} {
			for _, callers := range []int{1, 64} {
				b.Run(fmt.Sprintf("%s/%s/%d", caller.name, c.name, callers), func(b *testing.B) {
					runCallers(b, callers, caller.ctx, func(ctx context.Context) {
						cmd := c.B().Hmget().Key("k").Field(fields...).Build()
						if _, err := c.Do(ctx, cmd).ToArray(); err != nil {
							b.Error(err)
						}
					})
				})
			}
		}
	}
}

// runCallers divides b.N calls among callers.
func runCallers(b *testing.B, callers int, newContext func() (context.Context, context.CancelFunc), call func(context.Context)) {
	b.ReportAllocs()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			ctx, cancel := newContext()
			defer cancel()
			for left.Add(-1) >= 0 {
				call(ctx)
			}
		})
	}
	wg.Wait()
}
