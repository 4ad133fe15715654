// Package duration converts between time.Duration and the milliseconds that
// Redis commands and scripts use. It also finds durations whose unit was
// forgotten.
package duration

import (
	"fmt"
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

// ForgottenUnit returns how to write d if its unit was forgotten, as in
// TTL(60), which is 60 nanoseconds. This is so if d is under a microsecond, a
// time that nobody means. Otherwise, and if d is not positive, it returns "".
func ForgottenUnit(d time.Duration) string {
	if d <= 0 || d >= time.Microsecond {
		return ""
	}
	return fmt.Sprintf("the unit of %d is missing: write %[1]d*time.Second", int64(d))
}
