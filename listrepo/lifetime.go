package listrepo

import (
	"context"
	_ "embed"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

var (
	//go:embed lua/pop_trim.lua
	popTrimSource string
	//go:embed lua/renew_beside.lua
	renewBesideSource string

	popTrimScript     = store.NewScript(pending.ScheduleSource+sharedSource+popTrimSource, store.Tuple(store.Number, store.Either(store.OK, store.Popped)))
	renewBesideScript = store.NewScript(pending.ScheduleSource+sharedSource+renewBesideSource, store.Number)
)

// allClaims makes renew_beside.lua renew every claim of a queue, from the first
// one.
const allClaims = -1

// mustRenewBeside reports whether a write has to renew the keys beside the
// queue too. If the repository has no lifetime and was not given NoTTL, only a
// queue that another repository gave a lifetime needs it.
func (q *queue) mustRenewBeside() bool { return q.Lifetime > 0 || q.Endless }

// remove runs a command that takes items off a queue, and renews the queue's
// lifetime. ran reports whether the command ran: if it did, err is the error of
// renewing the keys beside the queue.
func (q *queue) remove(ctx context.Context, t fault.Target, reply store.Shape, command string, args ...string) (m rueidis.RedisMessage, ran bool, err error) {
	cmd := func() rueidis.Completed { return q.Client.B().Arbitrary(command).Keys(t.Key).Args(args...).Build() }
	if q.Keep {
		m, err = q.Do(ctx, t, cmd(), reply)
		return m, err == nil, err
	}
	if !q.mustRenewBeside() {
		replies, hadLifetime, err := q.CommitRenewing(ctx, t, append(q.Tx(1), cmd()), reply)
		if err != nil {
			return m, false, err
		}
		if hadLifetime {
			err = q.renewBeside(ctx, t, allClaims)
		}
		return replies[0], true, err
	}
	m, err = q.unconditional().Run(ctx, t, popTrimScript, append([]string{command}, args...), beside(t, queuekey.Due))
	if err != nil {
		return m, false, q.nameWrongType(ctx, t, err)
	}
	parts, err := readPair(t, m)
	if err == nil {
		err = reply.Check(t, parts[1])
	}
	if err != nil {
		return m, false, err
	}
	return parts[1], true, q.continueRenewal(ctx, t, parts[0])
}

// continueRenewal continues a renewal that a script began. from is the claim to
// continue from, as the script returned it.
func (q *queue) continueRenewal(ctx context.Context, t fault.Target, from rueidis.RedisMessage) error {
	n, err := from.AsInt64()
	if err != nil {
		return t.Applied(err)
	}
	return q.renewBeside(ctx, t, n)
}

// renewBeside renews the keys beside a queue, so that none of them ends before
// the queue. Each call of the script renews one page of claims. If from is 0,
// nothing is left to renew. An error reports that the write before it was
// applied.
func (q *queue) renewBeside(ctx context.Context, t fault.Target, from int64) error {
	for from != 0 {
		m, err := q.unconditional().Run(ctx, t, renewBesideScript, []string{strconv.FormatInt(from, 10)}, beside(t, queuekey.Due))
		var next int64
		if err == nil {
			next, err = m.AsInt64()
		}
		if err == nil && next != 0 && max(next, -next) <= max(from, -from) {
			err = t.Applied(store.ErrShape) // the loop would never end
		}
		if err != nil {
			return t.Applied(reason(q.nameWrongType(ctx, t, err)))
		}
		from = next
	}
	return nil
}
