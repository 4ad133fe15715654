package inspect

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// jobs runs long work in the background, once for all viewers, and keeps the
// last results.
type jobs struct {
	mu     sync.Mutex
	byName map[string]*job
	slots  chan struct{} // limits how many run at once

	// paced returns the context of a run that notes its progress.
	paced func(context.Context, *progress) context.Context
}

const (
	keptJobs    = 50
	runningJobs = 3
	abandoned   = 30 * time.Second // after which a job without viewers is stopped
	jobTime     = 6 * time.Hour
)

func newJobs(paced func(context.Context, *progress) context.Context) *jobs {
	return &jobs{byName: map[string]*job{}, slots: make(chan struct{}, runningJobs), paced: paced}
}

// job is work with its last result.
type job struct {
	progress

	mu      sync.Mutex
	running chan struct{} // closed when the run ends; nil if there is none
	began   time.Time
	looked  time.Time // when a viewer asked for it

	value       any // of the last run that succeeded
	at          time.Time
	took        time.Duration
	err         error // of the last run
	cancel      context.CancelFunc
	overwritten bool // whether the value was ever set
}

// progress is how far a run is.
type progress struct{ walked, total atomic.Int64 }

// work is the function of a job with its settings.
type work[T any] struct {
	name string
	keep bool // whether it goes on without viewers
	once bool // whether it does not run again by itself
	wait time.Duration
	run  func(context.Context) (T, error)
}

// outcome is the state of a job for a page.
type outcome[T any] struct {
	value T
	known bool // whether there is a value
	at    time.Time
	took  time.Duration
	err   error // of the last run

	running       bool
	began         time.Time
	walked, total int64
}

// ask returns the outcome of a job. It starts the job if it has no outcome, or
// if its outcome is old: twenty times as old as the time that it took, so that
// pages that stay open cause little work. It waits for a first outcome, and for
// one that came quickly the last time, but not for long.
func ask[T any](ctx context.Context, js *jobs, w work[T]) outcome[T] {
	j := js.job(w.name)
	j.mu.Lock()
	j.looked = time.Now()
	old := time.Since(j.at) > max(20*j.took, 5*time.Second)
	if w.once {
		old = !j.overwritten
	}
	quick := j.took < 300*time.Millisecond
	if j.running == nil && (j.at.IsZero() || old) {
		start(js, j, w)
	}
	running, known := j.running, j.overwritten
	j.mu.Unlock()
	if running != nil && (!known || quick) {
		select {
		case <-running:
		case <-ctx.Done():
		case <-time.After(cmp.Or(w.wait, 700*time.Millisecond)):
		}
	}
	return look[T](j)
}

// restart runs a job again, unless it runs.
func restart[T any](js *jobs, w work[T]) {
	j := js.job(w.name)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.looked = time.Now()
	if j.running == nil {
		start(js, j, w)
	}
}

func look[T any](j *job) outcome[T] {
	j.mu.Lock()
	defer j.mu.Unlock()
	o := outcome[T]{known: j.overwritten, at: j.at, took: j.took, err: j.err, running: j.running != nil, began: j.began}
	if j.overwritten {
		o.value, _ = j.value.(T)
	}
	o.walked, o.total = j.walked.Load(), j.total.Load()
	return o
}

// start starts a run. The job is locked.
func start[T any](js *jobs, j *job, w work[T]) {
	ctx, cancel := context.WithTimeout(context.Background(), jobTime)
	done := make(chan struct{})
	j.running, j.began, j.cancel = done, time.Now(), cancel
	j.walked.Store(0)
	j.total.Store(0)
	go func() {
		defer cancel()
		if !w.keep {
			go j.stopWithoutViewers(done)
		}
		value, err := runIn(ctx, js, j, w)
		j.mu.Lock()
		defer j.mu.Unlock()
		j.running = nil
		close(done)
		if errors.Is(err, context.Canceled) {
			return // without viewers; the next one starts it again
		}
		if j.err = err; err == nil || w.once {
			j.value, j.overwritten = value, true
		}
		j.at, j.took = time.Now(), time.Since(j.began)
	}()
}

// runIn runs a job in a slot.
func runIn[T any](ctx context.Context, js *jobs, j *job, w work[T]) (value T, err error) {
	select {
	case js.slots <- struct{}{}:
		defer func() { <-js.slots }()
		return w.run(js.paced(ctx, &j.progress))
	case <-ctx.Done():
		return value, ctx.Err()
	}
}

// stopWithoutViewers ends a run that nobody looks at.
func (j *job) stopWithoutViewers(done chan struct{}) {
	ticker := time.NewTicker(abandoned / 10)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			j.mu.Lock()
			if time.Since(j.looked) > abandoned {
				j.cancel()
			}
			j.mu.Unlock()
		}
	}
}

// job returns the job with a name. If there are many, it forgets the one at
// which nobody has looked for the longest time.
func (js *jobs) job(name string) *job {
	js.mu.Lock()
	defer js.mu.Unlock()
	if j := js.byName[name]; j != nil {
		return j
	}
	if len(js.byName) >= keptJobs {
		names := slices.SortedFunc(maps.Keys(js.byName), func(a, b string) int {
			return js.byName[a].lastLook().Compare(js.byName[b].lastLook())
		})
		for _, oldest := range names {
			if js.byName[oldest].isIdle() {
				delete(js.byName, oldest)
				break
			}
		}
	}
	j := &job{}
	js.byName[name] = j
	return j
}

func (j *job) lastLook() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.looked
}

func (j *job) isIdle() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.running == nil
}

// forget forgets the outcomes of jobs whose names begin with a text, because a
// page changed the data.
func (js *jobs) forget(prefix string) {
	js.mu.Lock()
	defer js.mu.Unlock()
	maps.DeleteFunc(js.byName, func(name string, j *job) bool { return strings.HasPrefix(name, prefix) && j.isIdle() })
}
