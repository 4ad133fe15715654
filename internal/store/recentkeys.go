package store

import (
	"hash/maphash"
)

// recentKeysPerGeneration is how many keys one generation of recentKeys holds.
const recentKeysPerGeneration = 32 << 10

// recentKeys remembers the last keys of a scan, between one and two generations
// of them. It stores two independent 64-bit hashes for each key.
//
// SCAN returns a key again if the table of the server shrinks during the scan.
// The buckets that are merged are neighbors in the order of SCAN, so the second
// time follows the first closely, unless the table shrinks to a tiny part of
// its size.
type recentKeys struct {
	seeds         [2]maphash.Seed
	older, recent map[fingerprint]struct{}
}

type fingerprint [2]uint64

func newRecentKeys() *recentKeys {
	return &recentKeys{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, recent: map[fingerprint]struct{}{}}
}

// add adds key and reports whether it is new.
func (s *recentKeys) add(key string) bool {
	f := fingerprint{maphash.String(s.seeds[0], key), maphash.String(s.seeds[1], key)}
	if _, ok := s.recent[f]; ok {
		return false
	}
	_, known := s.older[f]
	if len(s.recent) == recentKeysPerGeneration {
		s.older, s.recent = s.recent, map[fingerprint]struct{}{}
	}
	s.recent[f] = struct{}{}
	return !known
}
