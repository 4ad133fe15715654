package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/hibiken/asynq"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/fleet"
	"github.com/symphony-go/symphony/bench/ground"
	"github.com/symphony-go/symphony/bench/peers"
	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/listrepo"
)

// order measures the rate at which workers handle the messages of many
// conversations, and whether they keep the order within each.
type order struct {
	talks, messages, rounds, workers int
	turnTime, work                   time.Duration
}

func (o *order) Flags(f *flag.FlagSet) {
	f.IntVar(&o.talks, "conversations", 2000, "conversations")
	f.IntVar(&o.messages, "messages", 5, "messages of each in a turn, at least")
	f.DurationVar(&o.turnTime, "time", time.Second, "how long a turn takes, at least")
	f.IntVar(&o.rounds, "rounds", 5, "rounds, in each of which every contestant has one turn")
	f.IntVar(&o.workers, "workers", 16, "handlers at a time")
	f.DurationVar(&o.work, "work", time.Millisecond, "how long a handler takes")
}

func (o *order) Run(ctx context.Context, g *ground.Ground, out io.Writer) error {
	for _, chunk := range []int{1, 10} {
		c := contest.Contest{Name: fmt.Sprintf("order, chunks of %d", chunk), Baseline: results.Ours, Least: o.talks * o.messages}
		var tallies []*tally
		for _, p := range o.players(chunk) {
			t := &tally{}
			tallies = append(tallies, t)
			c.Contestants = append(c.Contestants, contest.Contestant{
				Name: p.name, How: p.how,
				Prepare: func(ctx context.Context, n int) error {
					if err := g.Clear(ctx); err != nil {
						return err
					}
					return p.fill(ctx, g, o.talks, n)
				},
				Turn: func(ctx context.Context, crew *contest.Crew, n int) (time.Duration, error) {
					return o.turn(ctx, g, p, t, crew.Size(), n)
				},
			})
		}
		rows, err := contest.Meter{Rounds: o.rounds, Turn: o.turnTime}.Run(ctx, c, o.workers)
		if err != nil {
			return err
		}
		if err := o.tell(out, c.Name, rows, tallies); err != nil {
			return err
		}
	}
	return nil
}

func (o *order) tell(w io.Writer, name string, rows []results.Row, tallies []*tally) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "\n%s, %d conversations, 2 processes, %d handlers of %v\n", name, o.talks, o.workers, o.work)
	_, _ = fmt.Fprintln(out, "\tmessages/s\tspread\tours is\tcpu/message\tmessages\tnot in order\toverlaps\t")
	for i, r := range rows {
		s, ratio := r.Summary(), ""
		if i > 0 {
			ratio = results.Factor(results.QuartilesOf(rows[0].Against(r)).Median)
		}
		_, _ = fmt.Fprintf(out, "%s\t%.0f\t±%.0f %%\t%s\t%s\t%d\t%d\t%d\t\n", r.Contestant, float64(time.Second)/s.Time.Median, 100*s.Time.Spread(),
			ratio, results.Nanoseconds(s.Processor), tallies[i].messages, tallies[i].disorder, tallies[i].overlaps)
	}
	for _, r := range rows {
		_, _ = fmt.Fprintf(w, "%s: %s\n", r.Contestant, r.How)
	}
	return out.Flush()
}

// player is a way to handle conversations.
type player struct {
	name, how string
	fill      filler
	start     starter
}

// filler enqueues n messages of conversations.
type filler func(ctx context.Context, g *ground.Ground, talks, n int) error

// handler handles messages of a conversation.
type handler func(ctx context.Context, talk string, messages []int) error

// starter starts workers, which run until stop.
type starter func(ctx context.Context, g *ground.Ground, workers int, handle handler) (stop func() error, err error)

func (o *order) players(chunk int) []player {
	all := []player{
		{results.Ours, "WorkBatches, a queue with Serial for each conversation", fillOurs(symphony.Serial()), workOurs(chunk)},
		{"symphony, not serial", "WorkBatches, a queue for each conversation", fillOurs(), workOurs(chunk)},
	}
	if chunk > 1 {
		return append(all, player{
			"asynq, groups", "Group is the conversation, GroupMaxSize the chunk, the shortest GroupGracePeriod (asynq's wiki, Task aggregation)",
			fillTasks(func(talk int) []asynq.Option { return []asynq.Option{asynq.Group(strconv.Itoa(talk))} }),
			workTasks(asynq.Config{GroupMaxSize: chunk, GroupGracePeriod: time.Second, GroupAggregator: asynq.GroupAggregatorFunc(aggregate)}, 2),
		})
	}
	none := func(int) []asynq.Option { return nil }
	return append(all,
		player{"asynq", "one queue of all conversations (asynq's wiki, Getting Started)", fillTasks(none), workTasks(asynq.Config{}, 2)},
		player{"asynq, one handler", "the same in one process with Concurrency 1", fillTasks(none), workTasks(asynq.Config{Concurrency: 1}, 1)})
}

// aggregate makes one task of the tasks of a group.
func aggregate(_ string, tasks []*asynq.Task) *asynq.Task {
	payloads := make([][]byte, len(tasks))
	for i, t := range tasks {
		payloads[i] = t.Payload()
	}
	return asynq.NewTask("x", bytes.Join(payloads, []byte("\n")))
}

// turn returns the time from the start of the workers to the end of the last
// handler.
func (o *order) turn(ctx context.Context, g *ground.Ground, p player, t *tally, workers, n int) (took time.Duration, err error) {
	done := make(chan struct{})
	book := &book{left: n, done: done, talks: map[string]*talk{}}
	began := time.Now()
	stop, err := p.start(ctx, g, workers, func(ctx context.Context, talk string, messages []int) error {
		defer book.begin(talk, messages)()
		return fleet.Sleep(ctx, o.work)
	})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	select {
	case <-done:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(5 * time.Minute):
		return 0, errors.New("after five minutes, not all messages were handled")
	}
	took = time.Since(began)
	t.add(book)
	return took, nil
}

// book records the handlers of a turn.
type book struct {
	mu                 sync.Mutex
	left               int
	messages           int
	disorder, overlaps int
	talks              map[string]*talk
	done               chan struct{}
}

// talk is a conversation: its last message, and how many handlers it has now.
type talk struct{ last, handlers int }

func (b *book) begin(name string, messages []int) (end func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.talks[name]
	if t == nil {
		t = &talk{last: -1}
		b.talks[name] = t
	}
	if t.handlers++; t.handlers > 1 {
		b.overlaps++
	}
	b.messages += len(messages)
	for _, m := range messages {
		if m != t.last+1 {
			b.disorder++
		}
		t.last = m
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		t.handlers--
		if b.left -= len(messages); b.left == 0 {
			close(b.done)
		}
	}
}

// tally adds up the turns of a player: the messages, those that did not come
// right after the one before in their conversation, and the handlers that began
// while another one of their conversation ran.
type tally struct{ messages, disorder, overlaps int }

func (t *tally) add(b *book) {
	t.messages += b.messages
	t.disorder += b.disorder
	t.overlaps += b.overlaps
}

func fillOurs(opts ...symphony.Option) filler {
	return func(ctx context.Context, g *ground.Ground, talks, n int) error {
		pools, err := peers.OpenPools(ctx, g.URL, nil)
		if err != nil {
			return err
		}
		defer pools.Close()
		batch, err := symphony.NewBatch[int](pools, peers.Mark, append(opts, symphony.On(peers.Alias))...)
		if err != nil {
			return err
		}
		return peers.Spread(talks, func(i int) error {
			q := symphony.Queue{Service: peers.Mark, Entity: strconv.Itoa(i), Action: "work"}
			_, err := batch.Enqueue(ctx, q, numbers(share(i, talks, n))...)
			return err
		})
	}
}

// share returns how many of n messages are of a conversation.
func share(talk, talks, n int) int { return (n + talks - 1 - talk) / talks }

// numbers are 0 to n-1.
func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// workOurs runs WorkBatches in two processes.
func workOurs(chunk int) starter {
	return func(ctx context.Context, g *ground.Ground, workers int, handle handler) (func() error, error) {
		var failure fleet.FirstError
		var running sync.WaitGroup
		ctx, cancel := context.WithCancel(ctx)
		stop := func() error {
			cancel()
			running.Wait()
			return failure.Get()
		}
		cfg := symphony.WorkConfig{
			Workers: max(1, workers/2), ChunkSize: chunk, OnError: func(err *symphony.WorkError) { failure.Set(err) },
		}
		work := func(ctx context.Context, _ string, q symphony.Queue, items []listrepo.Item[int]) error {
			messages := make([]int, len(items))
			for i := range items {
				messages[i] = items[i].Value
			}
			return handle(ctx, q.Entity, messages)
		}
		for range 2 {
			pools, err := peers.OpenPools(ctx, g.URL, nil)
			if err != nil {
				return nil, errors.Join(err, stop())
			}
			running.Go(func() {
				defer pools.Close()
				failure.Set(symphony.WorkBatches(ctx, pools, peers.Mark, work, cfg, symphony.On(peers.Alias)))
			})
		}
		return stop, nil
	}
}

// fillTasks enqueues the messages of asynq, the first of each conversation
// first.
func fillTasks(opts func(talk int) []asynq.Option) filler {
	return func(ctx context.Context, g *ground.Ground, talks, n int) error {
		connect, err := peers.ConnectAsynq(g.URL, 64, nil)
		if err != nil {
			return err
		}
		client := asynq.NewClient(connect)
		defer func() { _ = client.Close() }()
		return peers.Spread(talks, func(i int) error {
			for m := range share(i, talks, n) {
				task := asynq.NewTask("x", fmt.Appendf(nil, "%d:%d", i, m))
				if _, err := client.EnqueueContext(ctx, task, append(opts(i), asynq.Queue(peers.Mark))...); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// workTasks runs Servers in some processes. A task holds a message, or a line
// for each message if it was aggregated.
func workTasks(cfg asynq.Config, processes int) starter {
	return func(_ context.Context, g *ground.Ground, workers int, handle handler) (func() error, error) {
		if processes > 1 {
			cfg.Concurrency = max(1, workers/processes)
		}
		cfg.Queues, cfg.LogLevel = map[string]int{peers.Mark: 1}, asynq.FatalLevel
		var servers []*asynq.Server
		stop := func() error {
			for _, s := range servers {
				s.Shutdown()
			}
			return nil
		}
		for range processes {
			connect, err := peers.ConnectAsynq(g.URL, 10*workers, nil)
			if err != nil {
				return nil, errors.Join(err, stop())
			}
			s := asynq.NewServer(connect, cfg)
			if err := s.Start(asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error {
				talk, messages, err := readTask(string(t.Payload()))
				if err != nil {
					return err
				}
				return handle(ctx, talk, messages)
			})); err != nil {
				return nil, errors.Join(err, stop())
			}
			servers = append(servers, s)
		}
		return stop, nil
	}
}

func readTask(payload string) (talk string, messages []int, err error) {
	for line := range strings.SplitSeq(payload, "\n") {
		name, number, _ := strings.Cut(line, ":")
		n, err := strconv.Atoi(number)
		if err != nil {
			return "", nil, err
		}
		talk, messages = name, append(messages, n)
	}
	return talk, messages, nil
}
