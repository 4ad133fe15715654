package kvrepo

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	mathrand "math/rand/v2"
	"reflect"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

// loadLease is how long the lock of a load outlives the process that holds it.
const loadLease = 10 * time.Second

//go:embed lua/commit.lua
var commitSource string

//go:embed lua/extend.lua
var extendSource string

//go:embed lua/unlock.lua
var unlockSource string

var (
	commitScript = store.NewScript(commitSource)
	extendScript = rueidis.NewLuaScript(extendSource)
	unlockScript = rueidis.NewLuaScript(unlockSource)
)

// GetOrLoad is Get, and for a missing value load: its result is stored and
// given back. Over all processes one load runs per key at a time, under a lock
// (SET NX PX on a key beside the value's) that is prolonged while load runs and
// lapses ten seconds after a process died; the others wait for its value, with
// growing pauses of at most 100 ms. The value is stored by a script, as Set
// would, unless the lock was lost.
//
// Errors: those of load, as they are, and the next caller loads again; those of
// Get and Set, and what the context says.
func (r *KVRepo[T]) GetOrLoad(ctx context.Context, id string, load func(context.Context) (T, error)) (T, error) {
	for attempt := 0; ; attempt++ {
		v, err := r.Get(ctx, id)
		if !errors.Is(err, fault.ErrNotFound) {
			return v, err
		}
		l, err := r.lock(ctx, id)
		if err != nil {
			return v, err
		}
		if l != nil {
			return r.loadLocked(ctx, id, l, load)
		}
		if err := pause(ctx, attempt); err != nil {
			return v, fault.Target{Op: "GetOrLoad", Pool: r.core.Alias}.Refuse(err)
		}
	}
}

// loadLocked loads unless another load ended just before the lock was taken.
func (r *KVRepo[T]) loadLocked(ctx context.Context, id string, l *lock, load func(context.Context) (T, error)) (T, error) {
	defer l.release(ctx)
	v, err := r.Get(ctx, id)
	if !errors.Is(err, fault.ErrNotFound) {
		return v, err
	}
	stop := l.keep(ctx)
	v, err = load(ctx)
	stop()
	if err != nil {
		return v, err
	}
	text, err := r.core.Encode(l.target, reflect.ValueOf(&v).Elem())
	if err != nil {
		return v, err
	}
	_, err = r.core.Run(ctx, l.target, commitScript, []string{text, l.token}, l.key)
	return v, err
}

// lock is the right to load one key.
type lock struct {
	client rueidis.Client
	target fault.Target // the value
	key    string       // the lock's own
	token  string
}

// lock takes the lock of a load, or gives nil where another holds it.
func (r *KVRepo[T]) lock(ctx context.Context, id string) (*lock, error) {
	t, err := r.core.BeginWrite(ctx, "GetOrLoad", id)
	if err != nil {
		return nil, err
	}
	c := r.core.Client
	l := &lock{c, t, keyspace.Beside("load", t.Key), rand.Text()}
	err = c.Do(ctx, c.B().Set().Key(l.key).Value(l.token).Nx().Px(loadLease).Build()).Error()
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	if err != nil {
		return nil, t.Sent(err)
	}
	return l, nil
}

// keep prolongs the lock until stop is called. A prolongation that fails is
// tried again by the next; a lock that lapses is looked at when the value is
// stored.
func (l *lock) keep(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(loadLease / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				lease := strconv.FormatInt(loadLease.Milliseconds(), 10)
				extendScript.Exec(ctx, l.client, []string{l.key}, []string{l.token, lease})
			}
		}
	}()
	return func() { cancel(); <-done }
}

// release gives the lock up, also when the caller's context has ended. Where
// that fails the lock lapses.
func (l *lock) release(ctx context.Context) {
	unlockScript.Exec(context.WithoutCancel(ctx), l.client, []string{l.key}, []string{l.token})
}

// pause waits a random time that doubles with each attempt, at most 100 ms.
func pause(ctx context.Context, attempt int) error {
	most := min(2*time.Millisecond<<min(attempt, 6), 100*time.Millisecond)
	wait := time.NewTimer(most/2 + mathrand.N(most/2))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
