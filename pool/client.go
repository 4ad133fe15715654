package pool

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// client is a rueidis.Client that counts, sets deadlines and knows when its
// pools are closed.
type client struct {
	rueidis.Client
	*guard
}

// guard is what a client shares with its nodes and dedicated connections.
type guard struct {
	addr string
	counters
	links    *links // nil: not watched
	replicas *replicas
	deadline *deadline
	closed   *atomic.Bool
}

func (c *client) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	return c.do(c.Client, ctx, cmd)
}

func (c *client) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	return c.doMulti(c.Client, ctx, multi)
}

func (c *client) DoCache(ctx context.Context, cmd rueidis.Cacheable, ttl time.Duration) rueidis.RedisResult {
	if c.closed.Load() {
		return rueidis.NewErrorResult(ErrClosed)
	}
	ctx, cancel := c.deadline.bound(ctx)
	if cancel != nil {
		defer cancel()
	}
	r := sound(func() []rueidis.RedisResult { return []rueidis.RedisResult{c.Client.DoCache(ctx, cmd, ttl)} }, 1)[0]
	c.count(r)
	return r
}

// sound is a cached read for which an EXEC of no replies is an error: rueidis
// looks for the last one.
func sound(read func() []rueidis.RedisResult, n int) (rs []rueidis.RedisResult) {
	defer func() {
		r := recover()
		if _, index := r.(runtime.Error); r != nil && !index {
			panic(r)
		}
		if r != nil {
			rs = failed(n, fmt.Errorf("%w: EXEC answered nothing", ErrUnexpectedReply))
		}
	}()
	return read()
}

func (c *client) DoMultiCache(ctx context.Context, multi ...rueidis.CacheableTTL) []rueidis.RedisResult {
	if c.closed.Load() {
		return refused(len(multi))
	}
	ctx, cancel := c.deadline.bound(ctx)
	if cancel != nil {
		defer cancel()
	}
	for i := range multi {
		multi[i].Cmd = multi[i].Cmd.Pin()
	}
	rs := c.sendCached(ctx, multi)
	c.count(rs...)
	return rs
}

func (c *client) sendCached(ctx context.Context, multi []rueidis.CacheableTTL) []rueidis.RedisResult {
	if c.links == nil || !c.links.unsound() {
		return sound(func() []rueidis.RedisResult { return c.Client.DoMultiCache(ctx, multi...) }, len(multi))
	}
	return within(ctx, func() []rueidis.RedisResult {
		return sound(func() []rueidis.RedisResult { return c.Client.DoMultiCache(ctx, multi...) }, len(multi))
	}, func(err error) []rueidis.RedisResult {
		return failed(len(multi), err)
	})
}

func (c *client) DoStream(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResultStream {
	if c.closed.Load() {
		return rueidis.NewErrorResultStream(ErrClosed)
	}
	s := c.Client.DoStream(ctx, cmd)
	c.tally(1, s.Error())
	return s
}

func (c *client) DoMultiStream(ctx context.Context, multi ...rueidis.Completed) rueidis.MultiRedisResultStream {
	if c.closed.Load() {
		return rueidis.NewErrorResultStream(ErrClosed)
	}
	s := c.Client.DoMultiStream(ctx, multi...)
	c.tally(len(multi), s.Error())
	return s
}

func (c *client) Receive(ctx context.Context, subscribe rueidis.Completed, fn func(rueidis.PubSubMessage)) error {
	return c.receive(c.Client, ctx, subscribe, fn)
}

func (c *client) Nodes() map[string]rueidis.Client {
	nodes := c.Client.Nodes()
	for addr, n := range nodes {
		nodes[addr] = &client{n, c.guard}
	}
	return nodes
}

// Close does nothing: the connections belong to the Pools.
func (c *client) Close() {}

func (g *guard) do(c rueidis.CoreClient, ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	if g.closed.Load() {
		return rueidis.NewErrorResult(ErrClosed)
	}
	if !cmd.IsBlock() {
		var cancel context.CancelFunc
		if ctx, cancel = g.deadline.bound(ctx); cancel != nil {
			defer cancel()
		}
	}
	r := g.send(c, ctx, cmd)
	g.commands.Add(1)
	if isError(r.Error()) {
		g.errors.Add(1)
	}
	return r
}

func (g *guard) doMulti(c rueidis.CoreClient, ctx context.Context, multi []rueidis.Completed) []rueidis.RedisResult {
	if g.closed.Load() {
		return refused(len(multi))
	}
	if !blocks(multi) {
		var cancel context.CancelFunc
		if ctx, cancel = g.deadline.bound(ctx); cancel != nil {
			defer cancel()
		}
	}
	keep(multi)
	rs := g.sendMulti(c, ctx, multi)
	g.count(rs...)
	return rs
}

// keep pins what retryDelay does not get to see: of commands that are tried
// again together, it sees one.
func keep(multi []rueidis.Completed) {
	if len(multi) < 2 || !retryable(multi) {
		return
	}
	for _, cmd := range multi {
		cmd.Pin()
	}
}

func retryable(multi []rueidis.Completed) bool {
	for i := range multi {
		if !multi[i].IsRetryable() {
			return false
		}
	}
	return true
}

func (g *guard) send(c rueidis.CoreClient, ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	if g.links == nil || !g.links.unsound() {
		return c.Do(ctx, cmd)
	}
	return within(ctx, func() rueidis.RedisResult { return c.Do(ctx, cmd) }, rueidis.NewErrorResult)
}

func (g *guard) sendMulti(c rueidis.CoreClient, ctx context.Context, multi []rueidis.Completed) []rueidis.RedisResult {
	if g.links == nil || !g.links.unsound() {
		return c.DoMulti(ctx, multi...)
	}
	return within(ctx, func() []rueidis.RedisResult { return c.DoMulti(ctx, multi...) }, func(err error) []rueidis.RedisResult {
		return failed(len(multi), err)
	})
}

func (g *guard) receive(c rueidis.CoreClient, ctx context.Context, subscribe rueidis.Completed, fn func(rueidis.PubSubMessage)) error {
	if g.closed.Load() {
		return ErrClosed
	}
	err := c.Receive(ctx, subscribe, fn)
	switch {
	case ctx.Err() != nil:
		g.tally(1, nil)
	case errors.Is(err, rueidis.ErrClosing) && g.closed.Load():
		g.tally(1, nil)
		err = ErrClosed
	default:
		g.tally(1, err)
	}
	return err
}

func (g *guard) count(rs ...rueidis.RedisResult) {
	g.commands.Add(int64(len(rs)))
	for _, r := range rs {
		if isError(r.Error()) {
			g.errors.Add(1)
		}
	}
}

// isError leaves out what callers expect: that there is nothing, and that the
// server has yet to be sent a script.
func isError(err error) bool {
	if err == nil || rueidis.IsRedisNil(err) {
		return false
	}
	e, refused := rueidis.IsRedisErr(err)
	return !refused || !e.IsNoScript()
}

func (g *guard) tally(n int, err error) {
	g.commands.Add(int64(n))
	if err != nil {
		g.errors.Add(1)
	}
}

func blocks(multi []rueidis.Completed) bool {
	for i := range multi {
		if multi[i].IsBlock() {
			return true
		}
	}
	return false
}

func refused(n int) []rueidis.RedisResult { return failed(n, ErrClosed) }

func failed(n int, err error) []rueidis.RedisResult {
	rs := make([]rueidis.RedisResult, n)
	for i := range rs {
		rs[i] = rueidis.NewErrorResult(err)
	}
	return rs
}
