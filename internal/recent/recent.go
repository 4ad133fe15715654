// Package recent remembers texts in bounded memory.
package recent

import (
	"hash/maphash"
)

// generation is how many texts one generation of a Set holds.
const generation = 32 << 10

// Set remembers the texts that were added last, between one and two generations
// of them. It stores two independent 64-bit hashes for each text. It is not
// safe for concurrent use.
type Set struct {
	seeds         [2]maphash.Seed
	older, recent map[fingerprint]struct{}
}

type fingerprint [2]uint64

// NewSet returns an empty Set.
func NewSet() *Set {
	return &Set{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, recent: map[fingerprint]struct{}{}}
}

// Add adds a text and reports whether it is new.
func (s *Set) Add(text string) bool {
	f := s.fingerprint(text)
	known := s.has(f)
	s.add(f)
	return !known
}

// Has reports whether the Set remembers a text. A text that it remembers counts
// as added again.
func (s *Set) Has(text string) bool {
	f := s.fingerprint(text)
	if !s.has(f) {
		return false
	}
	s.add(f)
	return true
}

func (s *Set) fingerprint(text string) fingerprint {
	return fingerprint{maphash.String(s.seeds[0], text), maphash.String(s.seeds[1], text)}
}

func (s *Set) has(f fingerprint) bool {
	if _, ok := s.recent[f]; ok {
		return true
	}
	_, ok := s.older[f]
	return ok
}

func (s *Set) add(f fingerprint) {
	if _, ok := s.recent[f]; ok {
		return
	}
	if len(s.recent) == generation {
		s.older, s.recent = s.recent, map[fingerprint]struct{}{}
	}
	s.recent[f] = struct{}{}
}
