package expiry

import (
	"context"
	"strconv"
	"time"

	"github.com/symphony-go/symphony/internal/duration"
)

// deadBound says how many dead letters of an action are kept, and for how long.
// Zero means no bound.
type deadBound struct {
	limit int
	age   time.Duration
}

func (c Config) deadBound() deadBound { return deadBound{c.DeadLimit, c.DeadFor} }

func (b deadBound) isNone() bool { return b == deadBound{} }

// trimPage is the number of dead letters that one script looks at. Their
// payloads may be large.
const trimPage = 100

// trimDead removes the dead letters beyond a bound, the oldest first. It
// returns how many it removed, also with an error.
func (q *queue) trimDead(ctx context.Context, b deadBound) (removed int64, err error) {
	keys, args := []string{q.status, q.dead, q.payloads}, []string{strconv.Itoa(b.limit), duration.Milliseconds(b.age), strconv.Itoa(trimPage)}
	for from := int64(0); from >= 0; {
		m, err := runScript(ctx, q.client, q.lua.trimDead, keys, append(args[:3:3], strconv.FormatInt(from, 10)))
		if err != nil {
			return removed, err
		}
		page, err := m.AsIntSlice()
		if err != nil {
			return removed, errReply
		}
		removed, from = removed+page[0], page[1]
	}
	return removed, nil
}

// trimDeadLetters removes the dead letters beyond the bounds of the listener,
// and counts and logs them. If that fails, the next dead letter or sweep does
// it.
func (c *consumer) trimDeadLetters(s *session) {
	l, bound := c.listener, c.listener.cfg.deadBound()
	if bound.isNone() {
		return
	}
	removed, err := c.trimDead(s.redisCtx, bound)
	if err != nil {
		l.callFailed(s, err)
	}
	if removed == 0 {
		return
	}
	l.count.deadRemoved.Add(removed)
	c.deadCount.Add(-removed)
	l.cfg.Logger.Warn("expiry: dead letters were removed, because of Config.DeadLimit or Config.DeadFor",
		"action", c.action, "removed", removed, "limit", bound.limit, "age", bound.age)
}
