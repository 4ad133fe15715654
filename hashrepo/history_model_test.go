package hashrepo_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// keyHistory is what a key held, as far as a test knows. A write holds the key
// while it runs, so that its writes have an order. A read does not, so it may
// see what the key held before or after a write that ran at the same time.
type keyHistory struct {
	id string

	mu       sync.Mutex // held by the write that runs
	versions []keyVersion
	unknown  bool // whether writes do not hold the key: only what a read returned is checked
}

// keyVersion is what a key held from a time on. It is one of the states. Which
// one is not known if a key may have expired before a write.
type keyVersion struct {
	since  span
	states []ticketState
}

func newKeyHistory(id string) *keyHistory {
	return &keyHistory{id: id, versions: []keyVersion{{states: []ticketState{{}}}}}
}

// last returns the states in which the key may be at a time of the span, after
// all writes so far.
func (h *keyHistory) last(at span) []ticketState {
	var all []ticketState
	version := &h.versions[len(h.versions)-1]
	for i := range version.states {
		all = append(all, version.states[i].in(at)...)
	}
	return all
}

// add adds a version that a write made, and forgets the versions that ended
// before the time.
func (h *keyHistory) add(v keyVersion, forget int64) {
	for i := 0; i < len(v.states); i++ {
		if slices.ContainsFunc(v.states[:i], func(s ticketState) bool { return s.equals(&v.states[i]) }) {
			v.states = slices.Delete(v.states, i, i+1)
			i--
		}
	}
	h.versions = append(h.versions, v)
	if len(h.versions) < 50 {
		return
	}
	for n := 1; n < len(h.versions); n++ {
		if h.versions[n].since.last >= forget {
			h.versions = slices.Delete(h.versions, 0, n-1)
			return
		}
	}
}

// during returns the states in which the key was, or may have been, at some
// time of the span. The caller holds the key.
func (h *keyHistory) during(at span) []ticketState {
	var all []ticketState
	ended := int64(1<<63 - 1)
	for _, v := range slices.Backward(h.versions) {
		if v.since.first <= at.last && ended >= at.first {
			within := span{max(at.first, v.since.first), min(at.last, ended)}
			for i := range v.states {
				all = append(all, v.states[i].in(within)...)
			}
		}
		if ended = v.since.last; ended < at.first {
			break
		}
	}
	return all
}

// describe returns the versions around a span.
func (h *keyHistory) describe(at span) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s, of which the read may have seen what held in %v-%v:\n", h.id, time.Duration(at.first), time.Duration(at.last))
	for _, v := range h.versions[max(0, len(h.versions)-12):] {
		fmt.Fprintf(&b, "    since %v-%v:", time.Duration(v.since.first), time.Duration(v.since.last))
		for i := range v.states {
			fmt.Fprintf(&b, " [%v]", &v.states[i])
		}
		b.WriteString("\n")
	}
	return b.String()
}
