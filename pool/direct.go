package pool

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// directClient is a client that sends a call over a connection of its own while
// no other call is under way. The caller itself then writes the command and
// reads the reply. All other calls share the pipelining connections, where one
// system call serves many of them, but each waits for two goroutines.
//
// rueidis has both kinds of connections: with DisableAutoPipelining, a command
// pipelines only if it is marked with ToPipe. directClient marks all commands
// but those of a direct call. Blocking commands, subscriptions, cached reads
// and dedicated connections are as without it.
type directClient struct {
	rueidis.Client
	*direct
}

// direct is the state of the direct connection of a client. No call waits for
// the connection to open: the first call that could use it has it opened in the
// background, and pipelines.
type direct struct {
	timeout  time.Duration              // to open the connection
	retries  bool                       // whether reads are retried
	inFlight atomic.Int32               // calls under way, whatever their connection
	dials    atomic.Bool                // whether NewClient uses the dial function of its options
	off      atomic.Bool                // whether there are no more direct calls
	openedAt atomic.Int64               // the last attempt to open the connection, since epoch; 0 before the first
	closeAt  atomic.Int64               // when Close no longer waits for a reply, since epoch; 0 before Close
	conn     atomic.Pointer[directConn] // nil if it is not open
	opening  context.Context            // of attempts to open it
	cancel   context.CancelFunc         // of opening

	// mu is held while a command is sent over the connection, and while it is
	// opened.
	mu       sync.Mutex
	ctx      context.Context // of the direct call that is under way
	mayRetry bool            // whether rueidis would retry it
}

const (
	// reopenAfter is the time between two attempts to open the connection, so
	// that calls that time out do not open one each.
	reopenAfter = time.Second

	// closeWait is how long Close waits for the reply to a direct call.
	closeWait = time.Second

	// endPoll is how often a stream and Close look whether a direct call has
	// ended.
	endPoll = time.Millisecond

	// maxDirectCommands and maxDirectBytes limit a DoMulti over the direct
	// connection, which writes all commands before it reads a reply.
	maxDirectCommands = 256
	maxDirectBytes    = 64 << 10
)

// directKey is the key of the direct in the context that opens its connection.
type directKey struct{}

func directOf(ctx context.Context) *direct {
	d, _ := ctx.Value(directKey{}).(*direct)
	return d
}

// newDirectClient creates a client with a direct connection.
func (p *plan) newDirectClient(opt rueidis.ClientOption) (rueidis.Client, error) {
	if !canFindUnread {
		return p.newClient(opt)
	}
	d := &direct{timeout: p.timeout, retries: !opt.DisableRetry}
	d.opening, d.cancel = context.WithCancel(context.WithValue(context.Background(), directKey{}, d))
	opt.DisableAutoPipelining = true
	opt.RetryDelay = d.exceptDirect(opt.RetryDelay)
	d.observeDial(&opt)
	c, err := p.newClient(opt)
	if c == nil {
		return nil, err
	}
	return &directClient{c, d}, err
}

// exceptDirect returns delay, except that it does not retry a direct call, but
// records that it may be retried, and pins its command.
func (d *direct) exceptDirect(delay rueidis.RetryDelayFn) rueidis.RetryDelayFn {
	return func(attempts int, cmd rueidis.Completed, err error) time.Duration {
		if isDirect(cmd) {
			cmd.Pin()
			d.mayRetry = true
			return -1
		}
		return delay(attempts, cmd, err)
	}
}

// markDirect marks a command of a direct call. UnblockOnCancel has no effect on
// a command that does not block.
func markDirect(cmd rueidis.Completed) rueidis.Completed { return cmd.UnblockOnCancel() }

func isDirect(cmd rueidis.Completed) bool { return cmd.IsUnblockOnCancel() && !cmd.IsPipe() }

// observeDial lets d find out whether the client uses the dial function of opt,
// without which there is no direct connection.
func (d *direct) observeDial(opt *rueidis.ClientOption) {
	dial := opt.DialCtxFn
	opt.DialCtxFn = func(ctx context.Context, addr string, dialer *net.Dialer, conf *tls.Config) (net.Conn, error) {
		d.dials.Store(true)
		return dial(ctx, addr, dialer, conf)
	}
}

func (c *directClient) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	return c.Client.Do(ctx, cmd.ToPipe())
}

func (c *directClient) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	if blocks := anyBlocks(multi); blocks || len(multi) >= rueidis.DefaultBlockingPipeline {
		results := c.doDedicated(ctx, multi, blocks)
		if blocks || !c.retries || !brokeDown(results) || !allRetryable(multi) || ctx.Err() != nil {
			return results
		}
	}
	for i := range multi {
		multi[i] = multi[i].ToPipe()
	}
	return c.Client.DoMulti(ctx, multi...)
}

// doDedicated sends commands over a connection that they have for themselves,
// as rueidis does if one of them blocks or if they are very many. After a
// blocking command it closes the connection, for the reason that dedicatedConn
// has.
func (c *directClient) doDedicated(ctx context.Context, multi []rueidis.Completed, blocks bool) []rueidis.RedisResult {
	conn, release := c.Dedicate()
	results := conn.DoMulti(ctx, multi...)
	if blocks || brokeDown(results) {
		conn.Close()
	} else {
		release()
	}
	return results
}

// brokeDown reports whether a command failed for another reason than that the
// server refused it.
func brokeDown(results []rueidis.RedisResult) bool {
	for i := range results {
		if results[i].NonRedisError() != nil {
			return true
		}
	}
	return false
}

// DoStream uses the connections that direct calls use, and its end cannot be
// observed. So the first stream ends direct calls.
func (c *directClient) DoStream(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResultStream {
	if err := c.endForStream(ctx); err != nil {
		return rueidis.NewErrorResultStream(err)
	}
	return c.Client.DoStream(ctx, cmd)
}

func (c *directClient) DoMultiStream(ctx context.Context, multi ...rueidis.Completed) rueidis.MultiRedisResultStream {
	if err := c.endForStream(ctx); err != nil {
		return rueidis.NewErrorResultStream(err)
	}
	return c.Client.DoMultiStream(ctx, multi...)
}

func (c *directClient) Nodes() map[string]rueidis.Client {
	nodes := c.Client.Nodes()
	for addr, n := range nodes {
		nodes[addr] = &directClient{n, c.direct}
	}
	return nodes
}

func (c *directClient) Close() {
	c.Client.Close()
	c.close()
}

// doDirect sends cmd over the direct connection. It reports false if cmd must
// be sent over a pipelining connection instead.
func (c *directClient) doDirect(ctx context.Context, cmd rueidis.Completed) (rueidis.RedisResult, bool) {
	if cmd.IsPipe() || !c.begin(ctx, c.Client) {
		return rueidis.RedisResult{}, false
	}
	defer c.end()
	r := c.Client.Do(ctx, markDirect(cmd))
	return r, !c.sendsAgain(ctx, r.Error())
}

// doMultiDirect is like doDirect.
func (c *directClient) doMultiDirect(ctx context.Context, multi []rueidis.Completed) ([]rueidis.RedisResult, bool) {
	if !fitsDirect(multi) || !c.begin(ctx, c.Client) {
		return nil, false
	}
	defer c.end()
	for i := range multi {
		multi[i] = markDirect(multi[i])
	}
	results := c.Client.DoMulti(ctx, multi...)
	for i := range results {
		if c.sendsAgain(ctx, results[i].Error()) {
			return nil, false
		}
	}
	return results, true
}

// fitsDirect reports whether commands are sent over the direct connection if
// they are alone. A server that does not read while it writes, as the embedded
// one, must be able to take all of them.
func fitsDirect(multi []rueidis.Completed) bool {
	if len(multi) == 0 || len(multi) > maxDirectCommands {
		return false
	}
	size := 0
	for i := range multi {
		if multi[i].IsPipe() {
			return false
		}
		for _, arg := range multi[i].Commands() {
			size += len(arg)
		}
	}
	return size <= maxDirectBytes
}

// arrive records the begin of a call. It reports whether no other call is under
// way.
func (d *direct) arrive() (alone bool) { return d.inFlight.Add(1) == 1 }

// leave records the end of a call.
func (d *direct) leave() { d.inFlight.Add(-1) }

// begin reports whether a call may use the connection until end. If the
// connection is not open, begin has it opened in the background.
func (d *direct) begin(ctx context.Context, client rueidis.Client) bool {
	switch {
	case d.off.Load() || ctx.Err() != nil:
		return false
	case d.conn.Load() == nil:
		d.openSoon(client)
		return false
	case !d.mu.TryLock():
		return false
	}
	d.ctx, d.mayRetry = ctx, false
	return true
}

func (d *direct) end() {
	d.ctx = nil
	d.mu.Unlock()
}

// sendsAgain reports whether a command is sent over a pipelining connection
// after the direct call returned err: nothing was sent, or rueidis would retry
// the command.
func (d *direct) sendsAgain(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var unsent unsentError
	return d.mayRetry || errors.As(err, &unsent)
}

// openSoon opens the connection in the background, unless this was tried
// lately.
func (d *direct) openSoon(client rueidis.Client) {
	now, last := int64(time.Since(epoch)), d.openedAt.Load()
	if !d.dials.Load() || last != 0 && now-last < int64(reopenAfter) || !d.openedAt.CompareAndSwap(last, now) {
		return
	}
	go d.open(client)
}

func (d *direct) open(client rueidis.Client) {
	if !d.mu.TryLock() {
		return
	}
	defer d.mu.Unlock()
	ctx, cancel := context.WithTimeout(d.opening, d.timeout)
	defer cancel()
	if client.Do(ctx, client.B().Ping().Build()).NonRedisError() == nil && d.conn.Load() == nil {
		d.off.Store(true) // the client has a connection that was dialed elsewhere
	}
}

// endForStream ends direct calls. It waits for the one that is under way.
func (d *direct) endForStream(ctx context.Context) error {
	if d.off.Swap(true) {
		return nil
	}
	d.cancel()
	for !d.mu.TryLock() {
		if err := ctx.Err(); err != nil {
			return err
		}
		time.Sleep(endPoll)
	}
	d.mu.Unlock()
	return nil
}

// close ends direct calls. It waits for the reply to the one that is under way,
// for at most closeWait.
func (d *direct) close() {
	d.off.Store(true)
	d.cancel()
	end := time.Since(epoch) + closeWait
	d.closeAt.Store(int64(end))
	for !d.mu.TryLock() {
		if time.Since(epoch) > end+closeWait/4 {
			return
		}
		time.Sleep(endPoll)
	}
	d.mu.Unlock()
}
