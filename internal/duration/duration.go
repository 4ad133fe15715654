// Package duration converts between time.Duration and the milliseconds that
// Redis commands and scripts use.
package duration

import (
	"math"
	"strconv"
	"time"
)

// maxMilliseconds is the largest number of whole milliseconds that a
// time.Duration can hold.
const maxMilliseconds = math.MaxInt64 / int64(time.Millisecond)

// Milliseconds returns d in milliseconds as a decimal number, as a command or a
// script takes it. It rounds up, so that nothing expires early. The result is
// never above the largest number that [FromMilliseconds] can convert back.
func Milliseconds(d time.Duration) string {
	ms := d.Milliseconds()
	if d%time.Millisecond > 0 && ms < maxMilliseconds {
		ms++
	}
	return strconv.FormatInt(ms, 10)
}

// FromMilliseconds returns ms milliseconds as a time.Duration. If a
// time.Duration cannot hold them, it returns the nearest whole number of
// milliseconds that it can hold.
func FromMilliseconds(ms int64) time.Duration {
	return time.Duration(min(max(ms, -maxMilliseconds), maxMilliseconds)) * time.Millisecond
}
