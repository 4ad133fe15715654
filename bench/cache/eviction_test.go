package cache_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/nearcache"
)

// room is how many records of size fit into the caches that are compared.
const (
	room = 10_000
	size = 1000
)

// trace gives the ids that are asked for, one after the other.
type trace func(r *rand.Rand) func() int

func zipf(records uint64) trace {
	return func(r *rand.Rand) func() int {
		z := rand.NewZipf(r, 1.01, 1, records-1)
		return func() int { return int(z.Uint64()) }
	}
}

// scanned is a trace into which a walk over records that nobody asks for again
// breaks: as many of them as there is room for, every five times as often.
func scanned(of trace) trace {
	return func(r *rand.Rand) func() int {
		usual := of(r)
		next, n := 1<<30, 0
		return func() int {
			if n++; n%(6*room) >= 5*room {
				next++
				return next
			}
			return usual()
		}
	}
}

// loop asks for a fifth more records than there is room for, in turn.
func loop(*rand.Rand) func() int {
	n := 0
	return func() int { n++; return n % (room * 6 / 5) }
}

// hits is the part of a million requests that a cache answers, in percent, once
// it is full.
func hits(next func() int, ask func(id string) bool) float64 {
	for range 3 * room {
		ask(fmt.Sprintf("record-%08d", next()))
	}
	const n = 1_000_000
	found := 0
	for range n {
		if ask(fmt.Sprintf("record-%08d", next())) {
			found++
		}
	}
	return 100 * float64(found) / n
}

func ours() (ask func(string) bool, end func()) {
	cache := nearcache.New(nearcache.Config{MaxBytes: room * (size + 256 + 16), MaxStale: time.Hour})
	origin := cache.NewOrigin()
	view := origin.NewRealm(nil).View("space", "shape", time.Hour)
	connection := origin.NewConnection(rueidis.CacheStoreOption{})
	return func(id string) bool {
		if view.Find(id) != nil {
			return true
		}
		l, _, _ := view.JoinOrStart(id, id)
		connection.Flight(id, "GET", 0, time.Time{})
		l.Confirm()
		l.Cache(new(int), size, -1)
		return false
	}, cache.Close
}

func otters() func(string) bool {
	cache := otter.Must(&otter.Options[string, *int]{
		MaximumWeight: room * size,
		Weigher:       func(string, *int) uint32 { return size },
	})
	return func(id string) bool {
		if _, ok := cache.GetIfPresent(id); ok {
			return true
		}
		cache.Set(id, new(int))
		return false
	}
}

// BenchmarkEviction compares which part of the requests the caches answer, in
// percent, where the records do not all fit.
func BenchmarkEviction(b *testing.B) {
	for name, t := range map[string]trace{
		"zipf": zipf(100_000), "scanned": scanned(zipf(100_000)), "loop": loop, "uniform": func(r *rand.Rand) func() int {
			return func() int { return r.IntN(4 * room) }
		},
	} {
		b.Run("trace="+name, func(b *testing.B) {
			for b.Loop() {
				seed := rand.Uint64()
				ask, end := ours()
				b.ReportMetric(hits(t(rand.New(rand.NewPCG(seed, 1))), ask), "%")
				end()
				b.ReportMetric(hits(t(rand.New(rand.NewPCG(seed, 1))), otters()), "their-%")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
