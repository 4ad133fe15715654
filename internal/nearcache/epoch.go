package nearcache

import (
	"sync/atomic"
)

// epoch is a period in which a connection reports every change of the keys that
// were read through it. It ends when the connection ends or Redis stops
// tracking its keys.
type epoch struct {
	validUntil atomic.Int64 // of the entries of the epoch; endedEpoch after its end

	// The Cache's mutex guards the following.
	entries  int    // how many entries of the epoch are cached
	probeKey string // a key that was read recently
	probing  bool   // whether Origin.probe is running
}

const endedEpoch = -1

func newEpoch() *epoch { return &epoch{} }

func (ep *epoch) ended() bool { return ep.validUntil.Load() == endedEpoch }

// confirm records that all invalidations that Redis sent until the time t were
// processed. The entries of the epoch stay valid for maxStale after t.
func (ep *epoch) confirm(t, maxStale int64) {
	until := t + maxStale
	for {
		was := ep.validUntil.Load()
		if was == endedEpoch || was >= until || ep.validUntil.CompareAndSwap(was, until) {
			return
		}
	}
}

// endEpoch ends an epoch, so that none of its entries is served.
func (o *Origin) endEpoch(ep *epoch) {
	ep.validUntil.Store(endedEpoch)
	if o.used.Load() {
		o.cache.requestSweep()
	}
}
