package listrepo_test

import (
	"fmt"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
	"strings"
	"testing"
	"time"
)

func BenchmarkZZ(b *testing.B) {
	server := redistest.Server(b)
	repo, key := newRepo[string](b, pooltest.Redis(b, pool.Config{URL: server.URL()}))
	bare := server.Client(b, 10)
	fill(b, bare, key+"q", 4000)
	bare.Do(ctx, bare.B().Arbitrary("CONFIG", "RESETSTAT").Build())
	for range 2000 {
		c, err := repo.Claim(ctx, "q", 100, time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		c.Ack(ctx)
	}
	for range 1000 {
		lpop(ctx, bare, key+"q")
	}
	s, _ := bare.Do(ctx, bare.B().Info().Section("commandstats").Build()).ToString()
	for _, l := range strings.Split(s, "\r\n") {
		fmt.Println(l)
	}
}
