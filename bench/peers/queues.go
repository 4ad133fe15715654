package peers

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gomodule/redigo/redis"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/listrepo"
)

// item is an item of the queues.
var item = strings.Repeat("an item of a queue, ", 5)

const (
	queueKey   = Mark + ":queue"
	pendingKey = Mark + ":pending"
	chunk      = 100 // items that a worker takes at once
)

var queue = symphony.Queue{Service: Mark, Entity: "mail", Action: "send"}

// enqueuing pushes one item to a queue and marks its tenant as pending.
func (p *Peers) enqueuing() contest.Contest {
	push := func(name, how, list string, one func(context.Context) error) contest.Contestant {
		fresh := func(ctx context.Context, _ int) error { return p.delete(ctx, list) }
		return contest.Contestant{
			Name: name, How: how, Prepare: fresh,
			Turn: contest.Calls(p.target.Contexts, func(ctx context.Context, _ contest.Place) error { return one(ctx) }),
			Check: func(ctx context.Context) error {
				if err := fresh(ctx, 1); err != nil {
					return err
				}
				if err := one(ctx); err != nil {
					return err
				}
				return p.holds(ctx, list, item)
			},
		}
	}
	return contest.Contest{Name: Enqueue, Baseline: "rueidis", Contestants: []contest.Contestant{
		push(results.Ours, "Batch.Enqueue of one item", oursQueue, func(ctx context.Context) error {
			_, err := p.ours.batch.Enqueue(ctx, queue, item)
			return err
		}),
		push("rueidis", "DoMulti of MULTI, RPUSH, SADD, EXEC", queueKey, func(ctx context.Context) error {
			c := p.hand.c
			return executed(c.DoMulti(ctx, c.B().Multi().Build(), c.B().Rpush().Key(queueKey).Element(item).Build(),
				c.B().Sadd().Key(pendingKey).Member("acme").Build(), c.B().Exec().Build()))
		}),
		push("go-redis", "TxPipelined of RPush and SAdd", queueKey, func(ctx context.Context) error {
			_, err := p.goRedis.plain.TxPipelined(ctx, func(tx goredis.Pipeliner) error {
				tx.RPush(ctx, queueKey, item)
				tx.SAdd(ctx, pendingKey, "acme")
				return nil
			})
			return err
		}),
		push("redigo", "Send of MULTI, RPUSH, SADD, and Do of EXEC", queueKey, func(ctx context.Context) error {
			return p.redigo.transaction(ctx, func(c redis.Conn) error {
				if err := c.Send("RPUSH", queueKey, item); err != nil {
					return err
				}
				return c.Send("SADD", pendingKey, "acme")
			})
		}),
		p.tasks.enqueuing(),
	}}
}

// oursQueue returns the key of the list of queue.
const oursQueue = Mark + ":batch:" + Mark + ":mail:send"

func (p *Peers) delete(ctx context.Context, key string) error {
	return p.other.c.Do(ctx, p.other.c.B().Unlink().Key(key).Build()).Error()
}

// holds returns an error if a list does not hold exactly one item.
func (p *Peers) holds(ctx context.Context, list, want string) error {
	got, err := p.other.c.Do(ctx, p.other.c.B().Lrange().Key(list).Start(0).Stop(-1).Build()).AsStrSlice()
	if err == nil && (len(got) != 1 || got[0] != want) {
		err = fmt.Errorf("the queue contains %q, expected %q", got, want)
	}
	return err
}

// processing empties a queue, with one worker for each caller.
func (p *Peers) processing() contest.Contest {
	drain := func(name, how, list string, take func(ctx context.Context, count func(n int, first string)) (int, error)) contest.Contestant {
		turn := func(ctx context.Context, crew *contest.Crew, n int) (time.Duration, error) {
			var done, wrong atomic.Int64
			empty := contest.Calls(p.target.Contexts, func(ctx context.Context, _ contest.Place) error {
				for done.Load() < int64(n) {
					took, err := take(ctx, func(n int, first string) {
						if first != item {
							wrong.Add(1)
						}
						done.Add(int64(n))
					})
					if err != nil || took == 0 {
						return err
					}
				}
				return nil
			})
			took, err := empty(ctx, crew, crew.Size())
			if err == nil && (done.Load() != int64(n) || wrong.Load() > 0) {
				err = fmt.Errorf("%d of %d items were handled, and %d chunks contained other items", done.Load(), n, wrong.Load())
			}
			return took, err
		}
		c := contest.Contestant{Name: name, How: how, Turn: turn, Prepare: func(ctx context.Context, n int) error { return p.fill(ctx, list, n) }}
		c.Check = func(ctx context.Context) error { return c.Try(ctx, 1, 3*chunk) }
		return c
	}
	return contest.Contest{Name: Process, Baseline: "rueidis", Least: p.target.Work, Contestants: []contest.Contestant{
		drain(results.Ours, "Batch.Process of 100: claimed under a lease, handled, acked", oursQueue, func(ctx context.Context, count func(int, string)) (int, error) {
			return p.ours.batch.Process(ctx, queue, chunk, func(_ context.Context, items []listrepo.Item[string]) error {
				count(len(items), items[0].Value)
				return nil
			})
		}),
		drain("rueidis", "LPOP of 100: a worker that dies has lost them", queueKey, func(ctx context.Context, count func(int, string)) (int, error) {
			items, err := p.hand.c.Do(ctx, p.hand.c.B().Lpop().Key(queueKey).Count(chunk).Build()).AsStrSlice()
			if rueidis.IsRedisNil(err) {
				return 0, nil
			}
			if err == nil && len(items) > 0 {
				count(len(items), items[0])
			}
			return len(items), err
		}),
		p.tasks.processing(),
	}}
}

// fill pushes n items to a queue.
func (p *Peers) fill(ctx context.Context, list string, n int) error {
	if err := p.delete(ctx, list); err != nil {
		return err
	}
	for n > 0 {
		page := make([]string, min(n, 1000))
		for i := range page {
			page[i] = item
		}
		n -= len(page)
		if err := p.other.c.Do(ctx, p.other.c.B().Rpush().Key(list).Element(page...).Build()).Error(); err != nil {
			return err
		}
	}
	return nil
}
