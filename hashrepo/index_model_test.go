package hashrepo_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// While writers, other programs, Reindex and Sweep change the records of a
// space, no read returns a record that did not match, and none misses a record
// that matched all the time. This is the short form of TestSoakIndexes.
func TestIndexesAreExact(t *testing.T) {
	pooltest.Long(t)
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		runIndexRaces(t, p, 3*time.Second)
	})
}

// TestSoakIndexes is the long form of TestIndexesAreExact; `make soak` runs it.
func TestSoakIndexes(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("set SOAK=1 to run the long tests")
	}
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		runIndexRaces(t, p, 100*time.Second)
	})
}

// runIndexRaces runs races with and without other programs.
func runIndexRaces(t *testing.T, p *pool.Pools, duration time.Duration) {
	t.Run("alone", func(t *testing.T) {
		hashrepo.LowerWalkLimits(t, 3, oneOf(5, 40, 1000))
		newIndexRace(t, p, codec.Compact).run(duration / 2)
	})
	t.Run("with other programs", func(t *testing.T) {
		hashrepo.LowerWalkLimits(t, 3, oneOf(5, 40, 1000))
		r := newIndexRace(t, p, oneOf(codecs...))
		r.foreign = true
		r.run(duration)
	})
}

// indexRace is writers and readers of one space that run at the same time.
type indexRace struct {
	t       *testing.T
	pools   *pool.Pools
	client  rueidis.Client
	repo    *hashrepo.HashRepo[ticket]
	codec   codec.Codec
	tenant  string
	space   keyspace.Space
	prefix  string        // of the keys of records
	slack   time.Duration // how exact the server's clock is
	foreign bool          // whether other programs write too
	begun   time.Time

	keys    []*keyHistory // in the order of their ids
	byID    map[string]*keyHistory
	running context.Context
	stop    context.CancelFunc
	workers []*indexWorker

	complete atomic.Bool // whether Reindex has ended once

	mu         sync.Mutex
	violations []string
	operations map[string]int
}

// indexWorker is a goroutine that writes or reads.
type indexWorker struct {
	since atomic.Int64 // the begin of its operation
	walks bool         // whether Reindex had not ended at its begin
}

func newIndexRace(t *testing.T, p *pool.Pools, c codec.Codec) *indexRace {
	t.Helper()
	r := &indexRace{t: t, pools: p, codec: c, tenant: pooltest.UniqueTenant(), slack: 5 * time.Millisecond, begun: time.Now(), byID: map[string]*keyHistory{}, operations: map[string]int{}}
	if strings.Contains(t.Name(), "/embedded/") {
		r.slack = time.Second // its clock moves in steps
	}
	var err error
	r.space, err = p.Layout().User.Bind(r.tenant)
	require.NoError(t, err)
	r.repo, err = hashrepo.New[ticket](p, pool.User, r.space, hashrepo.Codec(c))
	require.NoError(t, err)
	r.client, err = p.Client(pool.User)
	require.NoError(t, err)
	key, err := r.space.Key("x")
	require.NoError(t, err)
	r.prefix = p.Prefix(pool.User) + strings.TrimSuffix(key, "x")
	for n := range 90 {
		h := newKeyHistory(fmt.Sprintf("r%02d", n))
		h.unknown = n%15 == 14
		r.keys = append(r.keys, h)
		r.byID[h.id] = h
	}
	r.running, r.stop = context.WithCancel(ctx)
	return r
}

func (r *indexRace) now() int64 { return int64(time.Since(r.begun)) }

// count counts an operation.
func (r *indexRace) count(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.operations[name]++
}

// violation reports what must not happen. After a few, the race ends.
func (r *indexRace) violation(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.violations = append(r.violations, fmt.Sprintf(format, args...)); len(r.violations) <= 5 {
		r.t.Errorf("after %v and %d operations: %s", time.Since(r.begun).Round(time.Millisecond), r.total(), r.violations[len(r.violations)-1])
	}
	if len(r.violations) == 10 {
		r.stop()
	}
}

func (r *indexRace) total() (n int) {
	for _, count := range r.operations {
		n += count
	}
	return n
}

// run runs the race and checks what it leaves.
func (r *indexRace) run(duration time.Duration) {
	if !r.foreign {
		r.reindex(&indexWorker{})
	}
	var all sync.WaitGroup
	worker := func(step func(w *indexWorker)) {
		w := &indexWorker{}
		w.since.Store(math.MaxInt64)
		r.workers = append(r.workers, w)
		all.Go(func() {
			for r.running.Err() == nil {
				step(w)
				w.since.Store(math.MaxInt64)
			}
		})
	}
	ready := make(chan struct{})
	for range 4 {
		worker(func(w *indexWorker) { <-ready; r.write(w) })
		worker(func(w *indexWorker) { <-ready; r.read(w) })
	}
	worker(func(w *indexWorker) { <-ready; r.maintain(w) })
	if r.foreign {
		worker(func(w *indexWorker) { <-ready; r.writeDirectly(w) })
	}
	close(ready)
	timer := time.AfterFunc(duration, r.stop)
	all.Wait()
	timer.Stop()
	r.checkAtRest()
	var counts []string
	for _, name := range slices.Sorted(maps.Keys(r.operations)) {
		counts = append(counts, fmt.Sprintf("%d %s", r.operations[name], name))
	}
	r.t.Logf("%d operations, %d violations (%s): %s", r.total(), len(r.violations), r.codec.Name(), strings.Join(counts, ", "))
}

// forget returns a time that no running operation looks back to.
func (r *indexRace) forget() int64 {
	oldest := r.now() - int64(time.Second)
	for _, w := range r.workers {
		oldest = min(oldest, w.since.Load())
	}
	return oldest
}

// change runs a write of some keys and records what it may have done. run
// returns an outcome for each key, results the results that the write may have
// for a state of the i-th key.
func (r *indexRace) change(w *indexWorker, name string, keys []*keyHistory, run func() []writeOutcome, results func(i int, s ticketState, at span) []writeResult) {
	r.count(strings.Fields(name)[0])
	locked := slices.Clone(keys)
	slices.SortFunc(locked, func(a, b *keyHistory) int { return cmp.Compare(a.id, b.id) })
	if keys[0].unknown {
		run()
		return
	}
	var claims []string
	outcomes, at := func() ([]writeOutcome, span) {
		for _, h := range locked {
			h.mu.Lock()
			defer h.mu.Unlock() //nolint:gocritic // until the function returns
		}
		at := span{first: r.now()}
		w.since.Store(at.first)
		outcomes := run()
		at.last = r.now()
		forget := r.forget()
		for i, h := range keys {
			claims = append(claims, r.record(name, h, at, forget, outcomes[i], func(s ticketState) []writeResult { return results(i, s, at) }))
		}
		return outcomes, at
	}()
	for i, h := range keys {
		if outcomes[i].class == held {
			r.checkHolder(name, h, at, outcomes[i])
		} else if claims[i] != "" {
			r.checkUnique(name, h, at, claims[i])
		}
	}
}

// record adds the versions that a write may have made. It returns the email for
// which no other record may have been held, if there is one.
func (r *indexRace) record(name string, h *keyHistory, at span, forget int64, o writeOutcome, results func(ticketState) []writeResult) (claims string) {
	next := keyVersion{since: at}
	sure := map[string]bool{} // the emails of the results
	for _, s := range h.last(at) {
		for _, result := range results(s) {
			if result.agrees(o) {
				next.states = append(next.states, result.next)
				claims, sure[result.claims] = result.claims, true
			}
		}
	}
	if len(next.states) == 0 {
		r.violation("%s of %s returned %+v, %v, ticket %v\n%s", name, h.id, o, o.err, o.ticket, h.describe(at))
		next.states = []ticketState{{}}
		h.unknown = true
	}
	h.add(next, forget)
	if len(sure) > 1 {
		return ""
	}
	return claims
}

// checkUnique requires that no other record had the email, which a write was
// allowed to set.
func (r *indexRace) checkUnique(name string, h *keyHistory, at span, email string) {
	for _, other := range r.keys {
		if other == h {
			continue
		}
		other.mu.Lock()
		if !other.unknown && always(other.during(at), func(s *ticketState) bool {
			return s.kind == recordKey && s.stored[emailField] && s.ticket.Email == email && s.strange[emailField] == 0 && s.unlisted == 0
		}) {
			r.violation("%s of %s succeeded with the email %s\n%s%s", name, h.id, email, other.describe(at), h.describe(at))
		}
		other.mu.Unlock()
	}
}

// checkHolder requires that the record that an error names had the email.
func (r *indexRace) checkHolder(name string, h *keyHistory, at span, o writeOutcome) {
	holder := r.byID[o.holder]
	if holder == nil || holder == h {
		r.violation("%s of %s: %v", name, h.id, o.err)
		return
	}
	holder.mu.Lock()
	defer holder.mu.Unlock()
	if !holder.unknown && always(holder.during(at), func(s *ticketState) bool { return !s.stored[emailField] }) {
		r.violation("%s of %s: %v\n%s", name, h.id, o.err, holder.describe(at))
	}
}

// always reports whether a condition holds for every state that is possible.
func always(states []ticketState, holds func(*ticketState) bool) bool {
	for i := range states {
		if !holds(&states[i]) {
			return false
		}
	}
	return true
}
