package expiry

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
)

// reports keeps the log lines about one thing to one a minute.
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

// reportOdd counts entries that could not be processed as they were.
func (c *consumer) reportInvalid(o invalidEntries) {
	if o.count == 0 {
		return
	}
	total := c.listener.count.invalid.Add(o.count)
	if c.listener.logLimit.allow("strange") {
		c.listener.cfg.Logger.Warn("expiry: entries of the schedule could not be processed as they were, and are dead letters now or were put right; Listener.Discard removes dead letters",
			"action", c.action, "entries", total, "such as", o.examples)
	}
}

// wrongKey tells whether a script found a key beside the triggers that holds
// another type, and which.
func wrongTypeKey(err error) (key string, ok bool) {
	e, refused := rueidis.IsRedisErr(err)
	if !refused {
		return "", false
	}
	_, rest, named := strings.Cut(e.Error(), "WRONGTYPE the key ")
	key, _, ok = strings.Cut(rest, " of the schedule holds another type")
	return key, named && ok
}

// reportWrong reports whether err is about a key that holds another type, and
// logs it. The key is that of the command, unless a script names another.
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
		l.cfg.Logger.Error("expiry: a key of the schedule holds another type, which something else wrote; rename or delete it, and the next sweep puts the schedule right",
			"pool", string(l.cfg.Pool), "key", key)
	}
}

// sent is the error of a call whose script was handed to the client.
func sentError(t fault.Target, err error) error {
	if _, ok := wrongTypeKey(err); ok {
		return t.NotApplied(reasonOf(err))
	}
	return t.Failed(err)
}

// reason gives the server's refusals the names of ours.
func reasonOf(err error) error {
	if key, ok := wrongTypeKey(err); ok {
		return &wrongTypeError{key}
	}
	return fault.Translate(err)
}

// wrongKeyError is a key beside the triggers that holds another type.
type wrongTypeError struct{ key string }

func (e *wrongTypeError) Error() string {
	return ErrWrongType.Error() + ": " + e.key + " belongs to the schedule, and something else wrote it; rename or delete it, and the next sweep of a listener puts the schedule right"
}

func (e *wrongTypeError) Unwrap() error { return ErrWrongType }
