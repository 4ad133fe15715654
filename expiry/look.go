package expiry

import (
	"context"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/retry"
)

// actionsAtOnce is the maximum number of actions that one script looks at. Each
// takes a few microseconds.
const actionsAtOnce = 250

// longestRound is the number of seconds in which a listener looks at all shards
// of a cluster. Work that is due before the next look at its shard is announced
// by a message if the last look could not find it; see wake.lua.
const longestRound = shardCount

// lookForAll looks for work once a second on behalf of the consumers that wait,
// with one script for all actions. So an idle listener sends one command a
// second, however many actions it has. On a cluster, each look is at another
// shard. A test that moves the clock wakes the consumers itself.
func (l *Listener) lookForAll(s *session) {
	var delay retryDelay
	for next := 0; l.clock == nil && retry.Sleep(s.ctx, longestIdle) == nil; {
		round := l.round()
		for range (len(l.parts) + round - 1) / round {
			part := l.parts[next%len(l.parts)]
			next = (next + 1) % len(l.parts)
			waiting := slices.DeleteFunc(slices.Clone(part), func(c *consumer) bool { return !c.waits.Load() })
			if len(waiting) == 0 {
				continue
			}
			if err := l.look(s, waiting, l.lookAhead(round)); err != nil {
				if l.callFailed(s, err) {
					return
				}
				for _, c := range waiting {
					if round > 1 {
						c.alarm.Signal() // the next look is far, so it claims until that succeeds
					}
				}
				delay.wait(s.ctx)
				break
			}
			delay.reset()
		}
	}
}

// round returns the number of seconds in which each part is looked at once.
// Without wake-ups, and if there are no shards, this is one. It is less than a
// lease, so that the work of a dead worker is found when its lease expires.
func (l *Listener) round() int {
	if !l.names.sharded || l.subscribed.Load() <= 0 {
		return 1
	}
	return max(1, min(longestRound, int(l.cfg.Lease/longestIdle)-1))
}

// lookAhead returns within what time work must be due for a consumer to wait
// for it, rather than for the next look. A look may be late by an eighth.
func (l *Listener) lookAhead(round int) time.Duration {
	return time.Duration(round) * longestIdle * 9 / 8
}

// inParts returns consumers in parts of one shard each, whose keys one script
// can have.
func inParts(consumers []*consumer) (parts [][]*consumer) {
	open := map[string]int{} // the part of each shard that has room
	for _, c := range consumers {
		n, ok := open[c.shard]
		if !ok || len(parts[n]) == actionsAtOnce {
			n = len(parts)
			open[c.shard], parts = n, append(parts, nil)
		}
		parts[n] = append(parts[n], c)
	}
	return parts
}

// look wakes each of the consumers when it has work within a time.
func (l *Listener) look(s *session, consumers []*consumer, within time.Duration) error {
	sent := time.Now()
	now, looks, err := lookAt(s.ctx, consumers)
	if err != nil {
		return err
	}
	got := time.Now()
	for i, c := range consumers {
		c.readClock(s, now, sent, got)
		c.pendingCount.Store(looks[i].pending)
		c.deadCount.Store(looks[i].dead)
		wait := time.Duration(looks[i].next*1000-now) * time.Microsecond
		if looks[i].next >= 0 && wait <= within {
			c.alarm.Set(got.Add(wait))
		}
	}
	return nil
}

// lookResult is what look.lua returns about one action.
type lookResult struct {
	next          int64 // when the next entry is due, in milliseconds; -1 if there is none
	pending, dead int64
}

// lookAt runs look.lua on the queues of consumers of one shard. It returns the
// server's clock in microseconds.
func lookAt(ctx context.Context, consumers []*consumer) (now int64, looks []lookResult, err error) {
	keys := make([]string, 0, 3*len(consumers))
	for _, c := range consumers {
		keys = append(keys, c.due, c.active, c.dead)
	}
	first := consumers[0]
	m, err := runScript(ctx, first.client, first.lua.look, keys, nil)
	if err != nil {
		return 0, nil, err
	}
	numbers, err := m.ToArray()
	if err != nil || len(numbers) != 1+3*len(consumers) {
		return 0, nil, errReply
	}
	read := func(m rueidis.RedisMessage) int64 {
		n, failed := m.AsInt64()
		if failed != nil {
			err = errReply
		}
		return n
	}
	now, looks = read(numbers[0]), make([]lookResult, len(consumers))
	for i := range looks {
		of := numbers[1+3*i:]
		looks[i] = lookResult{read(of[0]), read(of[1]), read(of[2])}
	}
	return now, looks, err
}
