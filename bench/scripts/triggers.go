package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/peers"
)

// triggers are the calls that schedule work, an hour ahead.
var triggers = []operation{
	{"Trigger.Set", func(ctx context.Context, b *bed) ([]contestant, error) { return set(ctx, b, true) }},
	{"Trigger.Set, again", func(ctx context.Context, b *bed) ([]contestant, error) { return set(ctx, b, false) }},
}

const laterAction = peers.Mark + "-later"

// set compares Set with the commands that store as much. If the triggers are to
// be new, each pass begins with their removal. Otherwise it sets each of them
// twice, since the script recognizes a call that is repeated.
func set(ctx context.Context, b *bed, renewed bool) ([]contestant, error) {
	trigger, err := symphony.NewTrigger(b.pools, peers.Mark, symphony.On(peers.Alias))
	if err != nil {
		return nil, err
	}
	n := 2 * atOnce
	if renewed {
		n = atOnce
	}
	ours, err := b.record(func() error {
		for i := range n {
			if err := trigger.Set(ctx, laterAction, strconv.Itoa(i%atOnce), time.Hour); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	transaction, remove := &recording{}, []string{"UNLINK", "%exp:due:" + laterAction, "%lease:" + laterAction}
	for i := range n {
		key, err := trigger.Key(laterAction, strconv.Itoa(i%atOnce))
		if err != nil {
			return nil, err
		}
		at := strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli()+int64(i), 10)
		remove = append(remove, key)
		transaction.add("MULTI")
		transaction.add("SET", key, fmt.Sprintf("trigger:2026-11-29T12:00:00.000000;id=ABCDEFGHIJKLx%d;due=%s;exp=%s", i, at, at), "PX", "7200000")
		transaction.add("ZADD", "%lease:"+laterAction, at, key)
		transaction.add("EXEC")
	}
	removal := &recording{}
	removal.add(remove...)
	from := func(r *recording, name string) contestant {
		c := r.contestant(name, b.pipeline, n)
		write := c.pass
		c.pass = func(ctx context.Context) (int, error) {
			if renewed {
				if err := b.pipeline.send(ctx, removal); err != nil {
					return 0, err
				}
			}
			return write(ctx)
		}
		return c
	}
	return []contestant{from(ours, "symphony"), from(transaction, "transaction")}, nil
}
