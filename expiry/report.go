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
type reports struct {
	mu   sync.Mutex
	said map[string]time.Time
}

const reportPeriod = time.Minute

func (r *reports) due(about string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if at, ok := r.said[about]; ok && now.Sub(at) < reportPeriod {
		return false
	}
	if r.said == nil {
		r.said = map[string]time.Time{}
	}
	r.said[about] = now
	return true
}

// reportOdd counts entries that could not be processed as they were.
func (a *lane) reportOdd(o oddities) {
	if o.count == 0 {
		return
	}
	total := a.l.count.strange.Add(o.count)
	if a.l.reports.due("strange") {
		a.l.cfg.Logger.Warn("expiry: entries of the schedule could not be processed as they were, and are dead letters now or were put right; Listener.Discard removes dead letters",
			"action", a.action, "entries", total, "such as", o.examples)
	}
}

// wrongKey tells whether a script found a key beside the triggers that holds
// another type, and which.
func wrongKey(err error) (key string, ok bool) {
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
func (l *Listener) reportWrong(err error, key string) bool {
	if named, ok := wrongKey(err); ok {
		key = named
	} else if !errors.Is(fault.Translate(err), ErrWrongType) {
		return false
	}
	l.sayWrong(key)
	return true
}

func (l *Listener) sayWrong(key string) {
	if l.reports.due(key) {
		l.cfg.Logger.Error("expiry: a key of the schedule holds another type, which something else wrote; rename or delete it, and the next sweep puts the schedule right",
			"pool", string(l.cfg.Pool), "key", key)
	}
}

// sent is the error of a call whose script was handed to the client.
func sent(t fault.Target, err error) error {
	if _, ok := wrongKey(err); ok {
		return t.NotApplied(reason(err))
	}
	return t.Failed(err)
}

// reason gives the server's refusals the names of ours.
func reason(err error) error {
	if key, ok := wrongKey(err); ok {
		return &wrongKeyError{key}
	}
	return fault.Translate(err)
}

// wrongKeyError is a key beside the triggers that holds another type.
type wrongKeyError struct{ key string }

func (e *wrongKeyError) Error() string {
	return ErrWrongType.Error() + ": " + e.key + " belongs to the schedule, and something else wrote it; rename or delete it, and the next sweep of a listener puts the schedule right"
}

func (e *wrongKeyError) Unwrap() error { return ErrWrongType }
