package listrepo

import (
	"context"
	_ "embed"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

var (
	//go:embed lua/pop_trim.lua
	popTrimSource string
	//go:embed lua/renew_beside.lua
	renewBesideSource string

	popTrimScript     = store.NewScript(clockSource+sharedSource+popTrimSource, store.Tuple(store.Number, store.Either(store.OK, popped)))
	renewBesideScript = store.NewScript(clockSource+sharedSource+renewBesideSource, store.Number)
)

// popped is a reply to LPOP with a count.
func popped(m rueidis.RedisMessage) bool { return m.IsNil() || store.Texts(m) }

// all has renew_beside.lua look at every claim of a queue, from the first.
const all = "-1"

// renews reports whether a write has to renew what stands beside a queue too. A
// repository without a lifetime whose queues never had one has nothing to renew.
func (q *queue) renews() bool { return q.Lifetime > 0 || q.Endless }

// change takes items off a queue and renews its lifetime. It reports whether the
// command ran, since the renewal of what stands beside the queue may fail then.
func (q *queue) change(ctx context.Context, t fault.Target, reply store.Reply, command string, args ...string) (m rueidis.RedisMessage, ran bool, err error) {
	cmd := func() rueidis.Completed { return q.Client.B().Arbitrary(command).Keys(t.Key).Args(args...).Build() }
	if q.Keep {
		m, err = q.Do(ctx, t, cmd(), reply)
		return m, err == nil, err
	}
	if !q.renews() {
		replies, had, err := q.WriteRenewed(ctx, t, append(q.Tx(1), cmd()))
		if err != nil {
			return m, false, err
		}
		if err := reply.Check(t, replies[0]); err != nil {
			return m, false, err
		}
		if had {
			err = q.renewRest(ctx, t, all)
		}
		return replies[0], true, err
	}
	m, err = q.unconditional().Run(ctx, t, popTrimScript, append([]string{command}, args...), beside(t, queuekey.Due))
	if err != nil {
		return m, false, q.explained(ctx, t, err)
	}
	parts, err := pair(t, m)
	if err == nil {
		err = reply.Check(t, parts[1])
	}
	if err != nil {
		return m, false, err
	}
	return parts[1], true, q.renewFrom(ctx, t, parts[0])
}

// renewFrom goes on with what a script began, if it says that there is more.
func (q *queue) renewFrom(ctx context.Context, t fault.Target, more rueidis.RedisMessage) error {
	from, err := more.AsInt64()
	if err != nil {
		return t.Applied(err)
	}
	if from == 0 {
		return nil
	}
	return q.renewRest(ctx, t, strconv.FormatInt(from, 10))
}

// renewRest keeps the claims of a queue from ending before the queue, a page with
// each call. What came before it was applied.
func (q *queue) renewRest(ctx context.Context, t fault.Target, from string) error {
	for from != "0" {
		m, err := q.unconditional().Run(ctx, t, renewBesideScript, []string{from}, beside(t, queuekey.Due))
		if err == nil {
			var next int64
			next, err = m.AsInt64()
			from = strconv.FormatInt(next, 10)
		}
		if err != nil {
			return t.Applied(reason(q.explained(ctx, t, err)))
		}
	}
	return nil
}
