package symphony

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/symphony-go/symphony/pool"
)

// readyTimeout is how long a readiness check takes at most.
const readyTimeout = 2 * time.Second

// Ready returns a handler for the readiness checks of a load balancer. It sends
// PING to all pools at the same time, as [pool.Pools.Ping] does, and responds
// within two seconds:
//
//   - 200 OK: all pools reply.
//   - 503 Service Unavailable: a pool does not reply, or the pools are closed.
//
// The body is JSON. For each pool it has whether it replied and, if so, after
// how many milliseconds:
//
//	{"ready":false,"pools":{"default":{"up":true,"ms":0.31},"user":{"up":false}}}
//
// It has no address and no text of an error, so anyone may read it. Ping
// returns the reason.
func Ready(pools *pool.Pools) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		var body readiness
		took, err := pools.Latency(ctx)
		body.Ready, body.Pools = err == nil, map[pool.Alias]poolReadiness{}
		for _, a := range pools.Aliases() {
			d, up := took[a]
			body.Pools[a] = poolReadiness{up, float64(d.Microseconds()) / 1000}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !body.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(body) // an error means that the client is gone
	})
}

// readiness is the body of a response of [Ready].
type readiness struct {
	Ready bool                         `json:"ready"`
	Pools map[pool.Alias]poolReadiness `json:"pools"`
}

type poolReadiness struct {
	Up bool    `json:"up"`
	MS float64 `json:"ms,omitzero"`
}
