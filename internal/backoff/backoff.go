// Package backoff computes the pauses after failures.
package backoff

import (
	"math/rand/v2"
	"time"
)

const (
	first = time.Second
	last  = 5 * time.Minute
)

// After returns the pause after a number of failures in a row, from 1: a second
// that doubles up to five minutes, with a jitter of a fifth.
func After(failures int) time.Duration {
	d := last
	if failures <= 8 {
		d = first << max(failures-1, 0)
	}
	return Jitter(d)
}

// Jitter returns d plus or minus a random part of up to a fifth.
func Jitter(d time.Duration) time.Duration {
	return d*4/5 + rand.N(d*2/5+1)
}
