package pool

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// ReplicaClient returns a client whose Do and DoMulti send commands that only
// read to a replica. If a DoMulti contains another command, such as one of a
// transaction, all its commands are sent to the primary. All other methods use
// the primary too: DoCache, DoMultiCache, Receive, the streams and dedicated
// connections.
//
// If a replica does not return the data within half of the time that is left
// until the deadline, or if there is no replica, the client asks the primary.
// Replicas are found on a cluster and with Sentinel. For the replicas of a
// single server, open an alias with their URL.
//
// It returns the same errors as [Pools.Client].
func (p *Pools) ReplicaClient(a Alias) (rueidis.Client, error) {
	primary, err := p.Client(a)
	if err != nil {
		return nil, err
	}
	c := p.clients[a]
	if c.replicas == nil {
		return primary, nil
	}
	return &replicaReader{c}, nil
}

// replicaReader is a client that sends reads to a replica first.
type replicaReader struct{ *client }

func (r *replicaReader) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	return r.DoMulti(ctx, cmd)[0]
}

func (r *replicaReader) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	replicas := r.replicas.client()
	if replicas == nil || r.closed.Load() || len(multi) == 0 || !onlyReads(multi) {
		return r.client.DoMulti(ctx, multi...)
	}
	ctx, cancel := r.deadline.apply(ctx)
	if cancel != nil {
		defer cancel()
	}
	end, _ := ctx.Deadline()
	half, cancelHalf := context.WithTimeout(ctx, time.Until(end)/2)
	defer cancelHalf()
	replicaReads := make(rueidis.Commands, len(multi))
	for i, cmd := range multi {
		multi[i] = cmd.Pin()
		replicaReads[i] = multi[i].ToPipe()
	}
	results := r.clientState.doMulti(replicas, half, replicaReads)
	var unanswered rueidis.Commands
	var indexes []int
	for i := range results {
		if !isAnswer(results[i]) {
			unanswered, indexes = append(unanswered, multi[i]), append(indexes, i)
		}
	}
	for i, result := range r.client.DoMulti(ctx, unanswered...) {
		results[indexes[i]] = result
	}
	return results
}

func onlyReads(multi []rueidis.Completed) bool {
	for i := range multi {
		if !multi[i].IsReadOnly() || multi[i].IsBlock() {
			return false
		}
	}
	return true
}

// isAnswer reports whether a replica returned data, or an error that the
// primary would return too.
func isAnswer(r rueidis.RedisResult) bool {
	err := r.Error()
	if err == nil || rueidis.IsRedisNil(err) {
		return true
	}
	e, refused := rueidis.IsRedisErr(err)
	return refused && !e.IsLoading() && !e.IsClusterDown() && !e.IsTryAgain() && !strings.HasPrefix(e.Error(), "MASTERDOWN")
}

// isReplicaRead reports whether a cluster's client sends cmd to a replica. A
// replicaReader marks its commands with ToPipe.
func isReplicaRead(cmd rueidis.Completed) bool { return cmd.IsPipe() && cmd.IsReadOnly() }

// exceptReplicaReads returns delay, except that it does not retry a replica
// read. The replicaReader then asks the primary.
func exceptReplicaReads(delay rueidis.RetryDelayFn) rueidis.RetryDelayFn {
	return func(attempts int, cmd rueidis.Completed, err error) time.Duration {
		if isReplicaRead(cmd) {
			return -1
		}
		return delay(attempts, cmd, err)
	}
}

// replicaClient provides the client of an alias's replicas. After close, it
// has no client and opens none.
type replicaClient struct {
	shared rueidis.Client // the client of a cluster, which also knows the replicas

	open      func() (rueidis.Client, error)
	mu        sync.Mutex
	own       rueidis.Client // nil while there is none
	opening   bool
	notBefore time.Time // of the next attempt to open
	closed    bool
}

// client returns the client of the replicas, or nil if there is none yet. It
// then opens one in the background.
func (r *replicaClient) client() rueidis.Client {
	if r.shared != nil {
		return r.shared
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.own == nil && !r.opening && !r.closed && time.Now().After(r.notBefore) {
		r.opening = true
		go r.connect()
	}
	return r.own
}

func (r *replicaClient) connect() {
	c, err := r.open()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opening, r.notBefore = false, time.Now().Add(time.Second)
	if err == nil && r.closed {
		c.Close()
	} else if err == nil {
		r.own = c
	}
}

func (r *replicaClient) close() {
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
