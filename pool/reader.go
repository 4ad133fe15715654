package pool

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// ReplicaClient is Client for one who reads from replicas: commands that only read go
// to a replica, everything else, and transactions, to the primary. What a
// replica does not answer within half of the deadline is asked of the primary;
// so is everything where there is no replica. A single server's replicas are
// not looked for: give their URL to an alias of its own.
func (p *Pools) ReplicaClient(a Alias) (rueidis.Client, error) {
	primary, err := p.Client(a)
	if err != nil {
		return nil, err
	}
	c := p.clients[a]
	if c.replicas == nil {
		return primary, nil
	}
	return &reader{c}, nil
}

// reader is a client that asks a replica first.
type reader struct{ *client }

func (r *reader) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	return r.DoMulti(ctx, cmd)[0]
}

func (r *reader) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	replicas := r.replicas.client()
	if replicas == nil || r.closed.Load() || len(multi) == 0 || !onlyRead(multi) {
		return r.client.DoMulti(ctx, multi...)
	}
	ctx, cancel := r.deadline.bound(ctx)
	if cancel != nil {
		defer cancel()
	}
	end, _ := ctx.Deadline()
	half, done := context.WithTimeout(ctx, time.Until(end)/2)
	defer done()
	marked := make(rueidis.Commands, len(multi))
	for i, cmd := range multi {
		multi[i] = cmd.Pin()
		marked[i] = multi[i].ToPipe()
	}
	results := r.guard.doMulti(replicas, half, marked)
	var again rueidis.Commands
	var at []int
	for i := range results {
		if !answered(results[i]) {
			again, at = append(again, multi[i]), append(at, i)
		}
	}
	for n, result := range r.client.DoMulti(ctx, again...) {
		results[at[n]] = result
	}
	return results
}

func onlyRead(multi []rueidis.Completed) bool {
	for i := range multi {
		if !multi[i].IsReadOnly() || multi[i].IsBlock() {
			return false
		}
	}
	return true
}

// answered reports whether a replica could say something about the data.
func answered(r rueidis.RedisResult) bool {
	err := r.Error()
	if err == nil || rueidis.IsRedisNil(err) {
		return true
	}
	e, refused := rueidis.IsRedisErr(err)
	return refused && !e.IsLoading() && !e.IsClusterDown() && !e.IsTryAgain() && !isMasterDown(e)
}

func isMasterDown(e *rueidis.RedisError) bool {
	const prefix = "MASTERDOWN"
	text := e.Error()
	return len(text) >= len(prefix) && text[:len(prefix)] == prefix
}

// toReplica picks the commands of a reader among those of a cluster's client.
func toReplica(cmd rueidis.Completed) bool { return cmd.IsPipe() && cmd.IsReadOnly() }

// readerDelay is retryDelay, but that a reader's command is not tried again: the
// primary is asked instead.
func readerDelay(attempts int, cmd rueidis.Completed, err error) time.Duration {
	if toReplica(cmd) {
		return -1
	}
	return retryDelay(attempts, cmd, err)
}

// replicas is where a reader finds its replicas. Its invariant: once closed it
// has none, and opens none.
type replicas struct {
	shared rueidis.Client // of a cluster: the client of the primaries knows them

	open    func() (rueidis.Client, error)
	mu      sync.Mutex
	own     rueidis.Client
	opening bool
	next    time.Time // no attempt before
	closed  bool
}

// client gives the client of the replicas, or nil while there is none. One that
// is missing is made behind the caller's back.
func (r *replicas) client() rueidis.Client {
	if r.shared != nil {
		return r.shared
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.own == nil && !r.opening && !r.closed && time.Now().After(r.next) {
		r.opening = true
		go r.connect()
	}
	return r.own
}

func (r *replicas) connect() {
	c, err := r.open()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opening, r.next = false, time.Now().Add(time.Second)
	if err == nil && r.closed {
		c.Close()
	} else if err == nil {
		r.own = c
	}
}

func (r *replicas) close() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.own != nil {
		r.own.Close()
		r.own = nil
	}
}

var errNoClient = errors.New("Config.NewClient returned neither a client nor an error")
