package expiry

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
)

// logLimiter allows one log line about a subject every minute.
type logLimiter struct {
	mu      sync.Mutex
	lastLog map[string]time.Time
}

const logPeriod = time.Minute

func (r *logLimiter) allow(about string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if at, ok := r.lastLog[about]; ok && now.Sub(at) < logPeriod {
		return false
	}
	if r.lastLog == nil {
		r.lastLog = map[string]time.Time{}
	}
	r.lastLog[about] = now
	return true
}

// reportInvalid counts and logs entries that could not be processed.
func (c *consumer) reportInvalid(o invalidEntries) {
	if o.count == 0 {
		return
	}
	total := c.listener.count.invalid.Add(o.count)
	if c.listener.logLimit.allow("invalid entries") {
		c.listener.cfg.Logger.Warn("expiry: entries of the schedule were invalid; they were repaired or became dead letters, which Listener.Dead shows and Listener.Discard removes",
			"action", c.action, "entries", total, "examples", o.examples)
	}
}

// wrongTypeKey returns the key of the schedule that holds another type, if err
// is a script's error about one.
func wrongTypeKey(err error) (key string, ok bool) {
	e, refused := rueidis.IsRedisErr(err)
	if !refused {
		return "", false
	}
	_, rest, named := strings.Cut(e.Error(), "WRONGTYPE the key ")
	key, _, ok = strings.Cut(rest, " of the schedule holds another type")
	return key, named && ok
}

// reportWrongType logs an error about a key that holds another type, and
// reports whether err is one. If err does not name the key, it is the given
// one.
func (l *Listener) reportWrongType(err error, key string) bool {
	if named, ok := wrongTypeKey(err); ok {
		key = named
	} else if !errors.Is(fault.Translate(err), ErrWrongType) {
		return false
	}
	l.logWrongType(key)
	return true
}

func (l *Listener) logWrongType(key string) {
	if l.logLimit.allow(key) {
		l.cfg.Logger.Error("expiry: a key of the schedule holds another type, because another client wrote it; rename or delete it, and the next sweep repairs the schedule",
			"pool", string(l.cfg.Pool), "key", key)
	}
}

// sentError returns the error of an operation whose script was sent.
func sentError(t fault.Target, err error) error {
	if _, ok := wrongTypeKey(err); ok {
		return t.NotApplied(reasonOf(err))
	}
	return t.Failed(err)
}

// reasonOf returns the error of this library for a server's refusal.
func reasonOf(err error) error {
	if key, ok := wrongTypeKey(err); ok {
		return &wrongTypeError{key}
	}
	return fault.Translate(err)
}

// wrongTypeError is the error of a key of the schedule that holds another type.
type wrongTypeError struct{ key string }

func (e *wrongTypeError) Error() string {
	return ErrWrongType.Error() + ": " + e.key + " belongs to the schedule, and another client wrote it; rename or delete it, and the next sweep of a listener repairs the schedule"
}

func (e *wrongTypeError) Unwrap() error { return ErrWrongType }
