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

// client is the client of one alias. It counts commands, sets deadlines and
// refuses calls after Close.
type client struct {
	rueidis.Client
	*clientState
}

// clientState is shared by a client, its nodes and its dedicated connections.
type clientState struct {
	alias    Alias
	server   *endpoint
	database int
	commandCounters
	conns    *connTracker // nil if calls are not watched
	replicas *replicaClient
	deadline *defaultDeadline
	closed   *atomic.Bool

	observer     Observer // nil if there is none
	observedAddr string
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
	ctx, cancel := c.deadline.apply(ctx)
	if cancel != nil {
		defer cancel()
	}
	var end func(error)
	if c.observer != nil {
		ctx, end = c.observeCached(ctx, []rueidis.CacheableTTL{rueidis.CT(cmd, ttl)})
	}
	r := recoverEmptyExec(func() []rueidis.RedisResult { return []rueidis.RedisResult{c.Client.DoCache(ctx, cmd, ttl)} }, 1)[0]
	c.countResults(r)
	if end != nil {
		end(firstError(r))
	}
	return r
}

// recoverEmptyExec runs a cached read. It returns an error if EXEC replies with
// no elements: rueidis then panics, because it indexes the last element.
func recoverEmptyExec(read func() []rueidis.RedisResult, n int) (results []rueidis.RedisResult) {
	defer func() {
		r := recover()
		if _, isRuntimeError := r.(runtime.Error); r != nil && !isRuntimeError {
			panic(r)
		}
		if r != nil {
			results = errorResults(n, fmt.Errorf("%w: EXEC returned no elements", ErrUnexpectedReply))
		}
	}()
	return read()
}

func (c *client) DoMultiCache(ctx context.Context, multi ...rueidis.CacheableTTL) []rueidis.RedisResult {
	if c.closed.Load() {
		return errorResults(len(multi), ErrClosed)
	}
	ctx, cancel := c.deadline.apply(ctx)
	if cancel != nil {
		defer cancel()
	}
	for i := range multi {
		multi[i].Cmd = multi[i].Cmd.Pin()
	}
	var end func(error)
	if c.observer != nil && len(multi) > 0 {
		ctx, end = c.observeCached(ctx, multi)
	}
	results := c.sendCached(ctx, multi)
	c.countResults(results...)
	if end != nil {
		end(firstError(results...))
	}
	return results
}

func (c *client) sendCached(ctx context.Context, multi []rueidis.CacheableTTL) []rueidis.RedisResult {
	if !c.mayWaitToConnect() {
		return recoverEmptyExec(func() []rueidis.RedisResult { return c.Client.DoMultiCache(ctx, multi...) }, len(multi))
	}
	return untilDone(ctx, func() []rueidis.RedisResult {
		return recoverEmptyExec(func() []rueidis.RedisResult { return c.Client.DoMultiCache(ctx, multi...) }, len(multi))
	}, func(err error) []rueidis.RedisResult {
		return errorResults(len(multi), err)
	})
}

func (c *client) DoStream(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResultStream {
	if c.closed.Load() {
		return rueidis.NewErrorResultStream(ErrClosed)
	}
	s := c.Client.DoStream(ctx, cmd)
	c.countCalls(1, s.Error())
	return s
}

func (c *client) DoMultiStream(ctx context.Context, multi ...rueidis.Completed) rueidis.MultiRedisResultStream {
	if c.closed.Load() {
		return rueidis.NewErrorResultStream(ErrClosed)
	}
	s := c.Client.DoMultiStream(ctx, multi...)
	c.countCalls(len(multi), s.Error())
	return s
}

func (c *client) Receive(ctx context.Context, subscribe rueidis.Completed, fn func(rueidis.PubSubMessage)) error {
	return c.receive(c.Client, ctx, subscribe, fn)
}

func (c *client) Nodes() map[string]rueidis.Client {
	nodes := c.Client.Nodes()
	for addr, n := range nodes {
		nodes[addr] = &client{n, c.clientState}
	}
	return nodes
}

// Close does nothing, because the connections belong to the Pools.
func (c *client) Close() {}

func (s *clientState) do(c rueidis.CoreClient, ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	if s.closed.Load() {
		return rueidis.NewErrorResult(ErrClosed)
	}
	if !cmd.IsBlock() {
		var cancel context.CancelFunc
		if ctx, cancel = s.deadline.apply(ctx); cancel != nil {
			defer cancel()
		}
	}
	var end func(error)
	if s.observer != nil {
		ctx, end = s.observe(ctx, cmd)
	}
	r := s.send(c, ctx, cmd)
	s.commands.Add(1)
	if countsAsError(r.Error()) {
		s.errors.Add(1)
	}
	if end != nil {
		end(firstError(r))
	}
	return r
}

func (s *clientState) doMulti(c rueidis.CoreClient, ctx context.Context, multi []rueidis.Completed) []rueidis.RedisResult {
	if s.closed.Load() {
		return errorResults(len(multi), ErrClosed)
	}
	if !anyBlocks(multi) {
		var cancel context.CancelFunc
		if ctx, cancel = s.deadline.apply(ctx); cancel != nil {
			defer cancel()
		}
	}
	var end func(error)
	if s.observer != nil && len(multi) > 0 {
		ctx, end = s.observeMulti(ctx, multi)
	}
	pinForRetry(multi)
	results := s.sendMulti(c, ctx, multi)
	s.countResults(results...)
	if end != nil {
		end(firstError(results...))
	}
	return results
}

// pinForRetry pins the commands that retryDelay cannot pin: if several commands
// are retried together, rueidis passes only one of them to it.
func pinForRetry(multi []rueidis.Completed) {
	if len(multi) < 2 || !allRetryable(multi) {
		return
	}
	for _, cmd := range multi {
		cmd.Pin()
	}
}

func allRetryable(multi []rueidis.Completed) bool {
	for i := range multi {
		if !multi[i].IsRetryable() {
			return false
		}
	}
	return true
}

func (s *clientState) send(c rueidis.CoreClient, ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	if d, ok := c.(*directClient); ok && !blocks(cmd) {
		alone := d.arrive()
		defer d.leave()
		if alone && !s.isBroken() {
			if r, done := d.doDirect(ctx, cmd); done {
				return r
			}
		}
	}
	if !s.mayWaitToConnect() {
		return c.Do(ctx, cmd)
	}
	return untilDone(ctx, func() rueidis.RedisResult { return c.Do(ctx, cmd) }, rueidis.NewErrorResult)
}

func (s *clientState) sendMulti(c rueidis.CoreClient, ctx context.Context, multi []rueidis.Completed) []rueidis.RedisResult {
	if d, ok := c.(*directClient); ok && !anyBlocks(multi) {
		alone := d.arrive()
		defer d.leave()
		if alone && !s.isBroken() {
			if results, done := d.doMultiDirect(ctx, multi); done {
				return results
			}
		}
	}
	if !s.mayWaitToConnect() {
		return c.DoMulti(ctx, multi...)
	}
	return untilDone(ctx, func() []rueidis.RedisResult { return c.DoMulti(ctx, multi...) }, func(err error) []rueidis.RedisResult {
		return errorResults(len(multi), err)
	})
}

// blocks reports whether cmd blocks. It has a copy of cmd, because a call of
// the method would move that of send to the heap.
func blocks(cmd rueidis.Completed) bool { return cmd.IsBlock() }

func (s *clientState) isBroken() bool { return s.conns != nil && s.conns.broken.Load() }

func (s *clientState) mayWaitToConnect() bool { return s.conns != nil && s.conns.mayWaitToConnect() }

func (s *clientState) receive(c rueidis.CoreClient, ctx context.Context, subscribe rueidis.Completed, fn func(rueidis.PubSubMessage)) error {
	if s.closed.Load() {
		return ErrClosed
	}
	err := c.Receive(ctx, subscribe, fn)
	switch {
	case ctx.Err() != nil:
		s.countCalls(1, nil)
	case errors.Is(err, rueidis.ErrClosing) && s.closed.Load():
		s.countCalls(1, nil)
		err = ErrClosed
	default:
		s.countCalls(1, err)
	}
	return err
}

func (s *clientState) countResults(results ...rueidis.RedisResult) {
	s.commands.Add(int64(len(results)))
	for _, r := range results {
		if countsAsError(r.Error()) {
			s.errors.Add(1)
		}
	}
}

func (s *clientState) countCalls(n int, err error) {
	s.commands.Add(int64(n))
	if err != nil {
		s.errors.Add(1)
	}
}

// countsAsError reports whether err is an error for Stats. A nil reply and
// NOSCRIPT are expected by callers.
func countsAsError(err error) bool {
	if err == nil || rueidis.IsRedisNil(err) {
		return false
	}
	e, refused := rueidis.IsRedisErr(err)
	return !refused || !e.IsNoScript()
}

func anyBlocks(multi []rueidis.Completed) bool {
	for i := range multi {
		if multi[i].IsBlock() {
			return true
		}
	}
	return false
}

func errorResults(n int, err error) []rueidis.RedisResult {
	results := make([]rueidis.RedisResult, n)
	for i := range results {
		results[i] = rueidis.NewErrorResult(err)
	}
	return results
}
