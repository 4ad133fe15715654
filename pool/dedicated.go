package pool

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"
)

// dedicated is a connection of one caller's own.
//
// rueidis ends a subscription, and gives back a connection that it reads in the
// background, with UNSUBSCRIBE. A server that is busy with a script refuses
// that, and rueidis then panics in a goroutine of its own, since the replies are
// out of step. Such a connection is closed instead.
type dedicated struct {
	rueidis.DedicatedClient
	*guard
	calls      atomic.Int32 // under way
	background atomic.Bool  // rueidis may read the connection in the background
}

func (c *client) Dedicated(fn func(rueidis.DedicatedClient) error) error {
	if c.closed.Load() {
		return ErrClosed
	}
	d, release := c.Dedicate()
	defer release()
	return fn(d)
}

func (c *client) Dedicate() (rueidis.DedicatedClient, func()) {
	conn, giveBack := c.Client.Dedicate()
	d := &dedicated{DedicatedClient: conn, guard: c.guard}
	return d, sync.OnceFunc(func() {
		if d.background.Load() {
			conn.Close()
		} else {
			giveBack()
		}
	})
}

// begin notes a call. rueidis reads in the background if calls overlap, if one
// blocks, and if one subscribes.
func (d *dedicated) begin(multi ...rueidis.Completed) (end func()) {
	background := d.calls.Add(1) > 1
	for i := range multi {
		background = background || multi[i].IsBlock() || multi[i].NoReply()
	}
	if background {
		d.background.Store(true)
	}
	return func() { d.calls.Add(-1) }
}

func (d *dedicated) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	defer d.begin(cmd)()
	return d.do(d.DedicatedClient, ctx, cmd)
}

func (d *dedicated) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	defer d.begin(multi...)()
	return d.doMulti(d.DedicatedClient, ctx, multi)
}

func (d *dedicated) SetPubSubHooks(hooks rueidis.PubSubHooks) <-chan error {
	d.background.Store(true)
	return d.DedicatedClient.SetPubSubHooks(hooks)
}

func (d *dedicated) SetOnInvalidations(fn func([]rueidis.RedisMessage)) <-chan error {
	d.background.Store(true)
	return d.DedicatedClient.SetOnInvalidations(fn)
}

// Receive closes the connection when ctx ends.
func (d *dedicated) Receive(ctx context.Context, subscribe rueidis.Completed, fn func(rueidis.PubSubMessage)) error {
	d.background.Store(true)
	return d.receive(closing{d.DedicatedClient}, ctx, subscribe, fn)
}

// closing is a connection whose subscription ends with the connection.
type closing struct{ rueidis.DedicatedClient }

func (c closing) Receive(ctx context.Context, subscribe rueidis.Completed, fn func(rueidis.PubSubMessage)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	closed := make(chan struct{})
	keep := context.AfterFunc(ctx, func() {
		c.Close()
		close(closed)
	})
	err := c.DedicatedClient.Receive(context.WithoutCancel(ctx), subscribe, fn)
	if keep() {
		return err
	}
	<-closed // so that the connection is not closed once it is somebody else's
	return ctx.Err()
}
