package nearcache

import (
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
)

// hasher hashes ids. Those of usual lengths it mixes itself, since maphash
// costs as much as all the rest of a hit. The keys are random, so that nobody
// can choose ids that meet in one bucket.
type hasher struct {
	seed maphash.Seed
	keys [4]uint64
}

func newHasher() hasher {
	h := hasher{seed: maphash.MakeSeed()}
	for i := range h.keys {
		h.keys[i] = rand.Uint64()
	}
	return h
}

func (h *hasher) of(id string) uint64 {
	n := len(id)
	if n < 8 || n > 32 {
		return maphash.String(h.seed, id)
	}
	a, b := word(id)^h.keys[0], word(id[n-8:])^h.keys[1]
	if n > 16 {
		a ^= mix(word(id[8:])^h.keys[2], word(id[n-16:])^h.keys[3])
	}
	return mix(mix(a, b)^h.keys[2], uint64(n)^h.keys[3])
}

// mix folds the product of two words.
func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// word is the first eight bytes of s.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
