package nearcache

import (
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
)

// hasher computes hashes of ids. It computes those of 8 to 32 bytes directly,
// because maphash would double the time of a hit. The keys are random, so
// nobody can choose ids that share a bucket.
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

func (h *hasher) hash(id string) uint64 {
	n := len(id)
	if n < 8 || n > 32 {
		return maphash.String(h.seed, id)
	}
	a, b := firstEightBytes(id)^h.keys[0], firstEightBytes(id[n-8:])^h.keys[1]
	if n > 16 {
		a ^= foldedProduct(firstEightBytes(id[8:])^h.keys[2], firstEightBytes(id[n-16:])^h.keys[3])
	}
	return foldedProduct(foldedProduct(a, b)^h.keys[2], uint64(n)^h.keys[3])
}

// foldedProduct returns the exclusive or of both halves of the product of a and
// b.
func foldedProduct(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// firstEightBytes returns the first eight bytes of s as a number.
func firstEightBytes(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
