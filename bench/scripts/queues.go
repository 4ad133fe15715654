package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/peers"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
)

// queues are the calls of a worker and of a producer, each with one item.
var queues = []operation{
	{"Enqueue", enqueue},
	{"ListRepo.Claim and Ack", func(ctx context.Context, b *bed) ([]contestant, error) {
		space, err := keyspace.MustCompile(peers.Mark + ":list:{id}").Bind()
		if err != nil {
			return nil, err
		}
		repo, err := listrepo.New[string](b.pools, peers.Alias, space)
		if err != nil {
			return nil, err
		}
		return claimAndAck(ctx, b, peers.Mark+":list:jobs", func(ctx context.Context) (*listrepo.Claim[string], error) {
			return repo.Claim(ctx, "jobs", 1, time.Minute)
		})
	}},
	{"Batch.Claim and Ack", func(ctx context.Context, b *bed) ([]contestant, error) {
		batch, err := newBatch(b)
		if err != nil {
			return nil, err
		}
		if _, err := batch.Enqueue(ctx, jobs, job); err != nil {
			return nil, err
		}
		return claimAndAck(ctx, b, jobsKey, func(ctx context.Context) (*listrepo.Claim[string], error) {
			return batch.Claim(ctx, jobs, 1, time.Minute)
		})
	}},
}

const (
	atOnce     = 200 // operations of one pass
	jobsKey    = peers.Mark + ":batch:" + peers.Mark + ":mail:send"
	dueTime    = "9000000000000"
	claimToken = "0123456789ABC"
)

var (
	jobs = symphony.Queue{Service: peers.Mark, Entity: "mail", Action: "send"}
	job  = strings.Repeat("an item of a queue, ", 5)
)

func newBatch(b *bed) (*symphony.Batch[string], error) {
	return symphony.NewBatch[string](b.pools, peers.Mark, symphony.On(peers.Alias))
}

// enqueue compares pushes to a queue that has items.
func enqueue(ctx context.Context, b *bed) ([]contestant, error) {
	batch, err := newBatch(b)
	if err != nil {
		return nil, err
	}
	ours, err := b.record(func() error {
		for range atOnce {
			if _, err := batch.Enqueue(ctx, jobs, job); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	transaction := &recording{}
	for range atOnce {
		transaction.add("MULTI")
		transaction.add("RPUSH", jobsKey, job)
		transaction.add("SADD", "pending_batches:"+peers.Mark, peers.Mark)
		transaction.add("EXEC")
	}
	// Each pass begins with a queue of one item.
	trimmed := func(r *recording, name string) contestant {
		c, trim := r.contestant(name, b.pipeline, atOnce), &recording{}
		trim.add("LTRIM", jobsKey, "0", "0")
		push := c.pass
		c.pass = func(ctx context.Context) (int, error) {
			if err := b.pipeline.send(ctx, trim); err != nil {
				return 0, err
			}
			return push(ctx)
		}
		return c
	}
	return []contestant{trimmed(ours, "symphony"), trimmed(transaction, "transaction")}, nil
}

// claimAndAck compares claims of one item each, from a queue with others, and
// their acks. Each pass first pushes the items, with one command.
func claimAndAck(ctx context.Context, b *bed, key string, claim func(context.Context) (*listrepo.Claim[string], error)) ([]contestant, error) {
	refill := &recording{}
	refill.add(append([]string{"RPUSH", key}, strings.Split(strings.Repeat(job+"\n", atOnce), "\n")[:atOnce]...)...)
	if err := b.pipeline.send(ctx, refill); err != nil {
		return nil, err
	}
	w := &claimedWork{refill: refill, pipeline: b.pipeline}
	for range 2 { // the server has the scripts in the second round
		if err := w.record(ctx, b, claim); err != nil {
			return nil, err
		}
		if err := b.pipeline.send(ctx, refill); err != nil {
			return nil, err
		}
	}
	lean := func(name string, schedule bool) contestant {
		all := &recording{}
		all.add(append([]string{"RPUSH", key}, strings.Split(strings.Repeat(job+"\n", atOnce), "\n")[:atOnce]...)...)
		each := func(add func(list, header string)) {
			for i := range atOnce {
				all.add("MULTI")
				add(fmt.Sprintf("%%claim-%s:{%s}:%d", claimToken, key, i), fmt.Sprintf("%016d-%s", i, claimToken))
				if schedule {
					all.add("ZADD", "%queues:"+key, strconv.Itoa(i), peers.Mark+":mail:send")
					all.add("ZADD", "%tenants:"+key, strconv.Itoa(i), peers.Mark)
				}
				all.add("EXEC")
			}
		}
		each(func(list, header string) {
			all.add("LMOVE", key, list, "LEFT", "RIGHT")
			all.add("ZADD", "%lease:"+key, dueTime, header)
		})
		each(func(list, header string) {
			all.add("UNLINK", list)
			all.add("ZREM", "%lease:"+key, header)
		})
		c := all.contestant(name, b.pipeline, atOnce)
		c.commands = "MULTI, LMOVE, ZADD, EXEC, MULTI, UNLINK, ZREM, EXEC"
		if schedule {
			c.commands += " and four ZADD"
		}
		return c
	}
	return []contestant{w.contestant(), lean("with a schedule", true), lean("transaction", false)}, nil
}

// claimedWork is claims of one item each, and their acks, as the library sends
// them. The script of a claim returns its header, with the time of the server,
// which the ack has to name.
type claimedWork struct {
	refill, claims, acks *recording
	headers              []string // as recorded
	pipeline             *pipeline
}

func (w *claimedWork) record(ctx context.Context, b *bed, claim func(context.Context) (*listrepo.Claim[string], error)) error {
	if _, err := b.recorder.take(); err != nil {
		return err
	}
	claimed := make([]*listrepo.Claim[string], atOnce)
	w.headers = nil
	for i := range claimed {
		var err error
		if claimed[i], err = claim(ctx); err != nil {
			return err
		}
		w.headers = append(w.headers, strings.TrimSuffix(claimed[i].Items[0].ID, "-1"))
	}
	var err error
	if w.claims, err = b.recorder.take(); err != nil {
		return err
	}
	for _, c := range claimed {
		if err := c.Ack(ctx); err != nil {
			return err
		}
	}
	w.acks, err = b.recorder.take()
	return err
}

func (w *claimedWork) contestant() contestant {
	commands := slices.Concat(w.claims.commands[:len(w.claims.commands)/atOnce], w.acks.commands[:len(w.acks.commands)/atOnce])
	return contestant{
		name: "symphony", commands: strings.Join(commands, ", "),
		sent: float64(len(w.claims.bytes)+len(w.acks.bytes)) / atOnce, pass: w.pass,
	}
}

// pass claims all items and acks them.
func (w *claimedWork) pass(ctx context.Context) (int, error) {
	if err := w.pipeline.send(ctx, w.refill); err != nil {
		return 0, err
	}
	headers, err := w.pipeline.sendForTexts(ctx, w.claims)
	if err != nil {
		return 0, err
	}
	var pairs []string
	for i, old := range w.headers {
		header := headers[i*len(headers)/atOnce]
		if len(header) != len(old) {
			return 0, fmt.Errorf("a claim has the header %q, expected one like %q", header, old)
		}
		pairs = append(pairs, old, header)
	}
	acks := &recording{bytes: []byte(strings.NewReplacer(pairs...).Replace(string(w.acks.bytes))), commands: w.acks.commands}
	return atOnce, w.pipeline.send(ctx, acks)
}
