package peers

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/wire"
)

// tasks uses asynq as its wiki shows it ("Getting Started"): a Client, and a
// Server with Concurrency. The queue has our name. Other keys of asynq have
// fixed names.
type tasks struct {
	connect  asynq.RedisConnOpt
	client   *asynq.Client
	inspect  *asynq.Inspector
	contexts contest.Contexts
	look     rueidis.Client
	feeder   *tasks // sets up what is then done, uncounted
}

// connOpt makes go-redis clients for asynq that count traffic.
type connOpt struct {
	asynq.RedisClientOpt
	counter *wire.Counter
}

func (o connOpt) MakeRedisClient() any {
	c, ok := o.RedisClientOpt.MakeRedisClient().(*goredis.Client)
	if ok && o.counter != nil {
		c.Options().Dialer = counted(o.counter, o.TLSConfig)
	}
	return c
}

// ConnectAsynq returns what connects asynq to the database of a URL, with a
// connection for each caller. A counter may be nil.
func ConnectAsynq(url string, callers int, counter *wire.Counter) (asynq.RedisConnOpt, error) {
	parsed, err := asynq.ParseRedisURI(url)
	if err != nil {
		return nil, err
	}
	o, ok := parsed.(asynq.RedisClientOpt)
	if !ok {
		return nil, fmt.Errorf("asynq takes the URL for %T", parsed)
	}
	o.PoolSize = callers
	return connOpt{o, counter}, nil
}

func openTasks(t Target, look rueidis.Client, counter *wire.Counter) (*tasks, error) {
	connect, err := ConnectAsynq(t.URL, t.Callers, counter)
	if err != nil {
		return nil, err
	}
	return &tasks{contexts: t.Contexts, look: look, connect: connect, client: asynq.NewClient(connect), inspect: asynq.NewInspector(connect)}, nil
}

func (t *tasks) Close() error { return errors.Join(t.client.Close(), t.inspect.Close()) }

func (t *tasks) add(ctx context.Context, id string, more ...asynq.Option) error {
	_, err := t.client.EnqueueContext(ctx, asynq.NewTask("x", []byte(id)), append(more, asynq.Queue(Mark))...)
	return err
}

// empty removes the queue. asynq can only remove a queue that a client has
// registered, and a client registers it only once.
func (t *tasks) empty(ctx context.Context) error {
	if err := t.tell(ctx); err != nil {
		return err
	}
	return t.inspect.DeleteQueue(Mark, true)
}

func (t *tasks) tell(ctx context.Context) error {
	return t.look.Do(ctx, t.look.B().Sadd().Key("asynq:queues").Member(Mark).Build()).Error()
}

func (t *tasks) enqueuing() contest.Contestant {
	return t.adding("Client.Enqueue", item, func(q *asynq.QueueInfo) int { return q.Pending })
}

func (t *tasks) scheduling() contest.Contestant {
	return t.adding("Client.Enqueue with ProcessIn(an hour)", "", func(q *asynq.QueueInfo) int { return q.Scheduled }, asynq.ProcessIn(time.Hour))
}

func (t *tasks) adding(how, payload string, waits func(q *asynq.QueueInfo) int, more ...asynq.Option) contest.Contestant {
	return contest.Contestant{
		Name: "asynq", How: how + " (asynq's wiki, Getting Started)",
		Prepare: func(ctx context.Context, _ int) error { return t.feeder.empty(ctx) },
		Turn:    contest.Calls(t.contexts, func(ctx context.Context, _ contest.Place) error { return t.add(ctx, payload, more...) }),
		Check: func(ctx context.Context) error {
			if err := errors.Join(t.feeder.empty(ctx), t.add(ctx, payload, more...)); err != nil {
				return err
			}
			if err := t.tell(ctx); err != nil {
				return err
			}
			q, err := t.inspect.GetQueueInfo(Mark)
			if err == nil && waits(q) != 1 {
				err = fmt.Errorf("the queue is %+v, expected one task", q)
			}
			return err
		},
	}
}

func (t *tasks) processing() contest.Contestant { return t.draining() }
func (t *tasks) claiming() contest.Contestant   { return t.draining() }

func (t *tasks) draining() contest.Contestant {
	c := contest.Contestant{
		Name: "asynq", How: "a Server with Concurrency for each caller (asynq's wiki, Getting Started)",
		Prepare: t.fill, Turn: t.drain,
	}
	c.Check = func(ctx context.Context) error { return c.Try(ctx, 4, 50) }
	return c
}

// fill enqueues n tasks that are due.
func (t *tasks) fill(ctx context.Context, n int) error {
	if err := t.feeder.empty(ctx); err != nil {
		return err
	}
	return Spread(n, func(i int) error { return t.feeder.add(ctx, strconv.Itoa(i)) })
}

// drain runs a Server until it has handled n tasks, each once. It starts its
// own goroutines, as many as the crew has.
func (t *tasks) drain(ctx context.Context, crew *contest.Crew, n int) (time.Duration, error) {
	var clock stopwatch
	server := asynq.NewServer(t.connect, asynq.Config{Concurrency: crew.Size(), Queues: map[string]int{Mark: 1}, LogLevel: asynq.FatalLevel})
	if err := server.Start(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
		clock.handled(string(task.Payload()))
		return nil
	})); err != nil {
		return 0, err
	}
	defer server.Shutdown()
	err := clock.await(ctx, n, func() bool { return clock.count() >= n })
	return clock.took(), err
}
