package pool

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"
)

// dedicatedConn is a connection that one caller uses alone.
//
// To end a subscription, and to release a connection that it reads in the
// background, rueidis sends UNSUBSCRIBE. A server that is busy with a script
// refuses the command. The replies are then out of step, and rueidis panics in
// a background goroutine. To avoid this, dedicatedConn closes such a connection
// instead of releasing it.
type dedicatedConn struct {
	rueidis.DedicatedClient
	*clientState
	calls            atomic.Int32 // under way
	readInBackground atomic.Bool  // rueidis may read the connection in the background
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
	conn, release := c.Client.Dedicate()
	d := &dedicatedConn{DedicatedClient: conn, clientState: c.clientState}
	return d, sync.OnceFunc(func() {
		if d.readInBackground.Load() {
			conn.Close()
		} else {
			release()
		}
	})
}

// begin records a call. rueidis reads in the background if calls overlap, or
// if a command blocks or subscribes.
func (d *dedicatedConn) begin(multi ...rueidis.Completed) (end func()) {
	background := d.calls.Add(1) > 1
	for i := range multi {
		background = background || multi[i].IsBlock() || multi[i].NoReply()
	}
	if background {
		d.readInBackground.Store(true)
	}
	return func() { d.calls.Add(-1) }
}

func (d *dedicatedConn) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	defer d.begin(cmd)()
	return d.do(d.DedicatedClient, ctx, cmd)
}

func (d *dedicatedConn) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	defer d.begin(multi...)()
	return d.doMulti(d.DedicatedClient, ctx, multi)
}

func (d *dedicatedConn) SetPubSubHooks(hooks rueidis.PubSubHooks) <-chan error {
	d.readInBackground.Store(true)
	return d.DedicatedClient.SetPubSubHooks(hooks)
}

func (d *dedicatedConn) SetOnInvalidations(fn func([]rueidis.RedisMessage)) <-chan error {
	d.readInBackground.Store(true)
	return d.DedicatedClient.SetOnInvalidations(fn)
}

// Receive closes the connection when ctx ends.
func (d *dedicatedConn) Receive(ctx context.Context, subscribe rueidis.Completed, fn func(rueidis.PubSubMessage)) error {
	d.readInBackground.Store(true)
	return d.receive(closeOnDone{d.DedicatedClient}, ctx, subscribe, fn)
}

// closeOnDone is a connection that ends a subscription by closing itself.
type closeOnDone struct{ rueidis.DedicatedClient }

func (c closeOnDone) Receive(ctx context.Context, subscribe rueidis.Completed, fn func(rueidis.PubSubMessage)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.Close()
		close(closed)
	})
	err := c.DedicatedClient.Receive(context.WithoutCancel(ctx), subscribe, fn)
	if stop() {
		return err
	}
	<-closed // or Close could hit the connection after another caller has it
	return ctx.Err()
}
