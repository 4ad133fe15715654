package kvrepo

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
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
	commitScript = store.NewScript(commitSource, store.Either(store.Flag, store.Tuple(store.Text)))
	extendScript = rueidis.NewLuaScript(acl.RegisterScript(extendSource))
	unlockScript = rueidis.NewLuaScript(acl.RegisterScript(unlockSource))
)

// GetOrLoad is Get, also from memory with [Cached], and for a missing value
// load: its result is stored and given back. Over all processes one load runs per
// key at a time, under a lock (SET NX PX on a key beside the value's). The lock is
// renewed until load has returned, also if ctx ended before, and expires ten
// seconds after a process died. The others wait for its value, with growing
// pauses of at most 64 ms, until ctx ends, or for Config.Timeout if ctx has no
// deadline. The time that load takes is not bounded: it gets ctx. The value is
// stored by a script, as Set would, unless the lock was lost; a value that was
// stored while load ran stays, and is what the caller gets.
//
// Errors: ErrUnsupported with IfExists or IfAbsent; ErrInvalidArgument if load
// asks GetOrLoad for the key that it loads, with the context that it was given;
// those of load, as they are, and the next caller loads again; those of Get and
// Set; context.DeadlineExceeded or the context's error if another load took too
// long.
func (r *KVRepo[T]) GetOrLoad(ctx context.Context, id string, load func(context.Context) (T, error)) (T, error) {
	t, err := r.core.BeginWrite(ctx, "GetOrLoad", id)
	if err == nil && r.core.Conditional() {
		err = t.NotApplied(fmt.Errorf("%w: IfExists and IfAbsent do not apply to GetOrLoad", fault.ErrUnsupported))
	}
	if err != nil {
		var zero T
		return zero, err
	}
	r = &KVRepo[T]{r.core.OnPrimary(), r.near, r.flat}
	get := r.Get
	for attempts := r.core.Attempts(); ; {
		v, err := get(ctx, id)
		if !errors.Is(err, fault.ErrNotFound) {
			return v, fault.WithOp(t.Op, err)
		}
		if isLoading(ctx, place{r.core.Client, t.Key}) {
			return v, t.NotApplied(errOwnLoad)
		}
		l, err := r.lock(ctx, t)
		if err != nil {
			return v, err
		}
		if l != nil {
			return r.loadLocked(ctx, id, l, load)
		}
		if err := attempts.Pause(ctx); err != nil {
			return v, t.NotApplied(fmt.Errorf("another load of the key goes on: %w", err))
		}
		get = r.read // Redis' word that the value is there now may be on its way
	}
}

var errOwnLoad = fmt.Errorf("%w: load asks for the key that it loads, and would wait for itself; read in it with Get", fault.ErrInvalidArgument)

// loadLocked loads unless another load ended just before the lock was taken.
func (r *KVRepo[T]) loadLocked(ctx context.Context, id string, l *lock, load func(context.Context) (T, error)) (T, error) {
	defer l.release(ctx)
	v, err := r.read(ctx, id)
	if !errors.Is(err, fault.ErrNotFound) {
		return v, fault.WithOp(l.target.Op, err)
	}
	if v, err = kept(ctx, l, load); err != nil {
		return v, err
	}
	text, err := r.core.Encode(l.target, reflect.ValueOf(&v).Elem())
	if err != nil {
		return v, err
	}
	m, err := r.core.Run(ctx, l.target, commitScript, []string{text, l.token}, l.key)
	if err != nil || !m.IsArray() {
		return v, err
	}
	return r.other(l.target, m)
}

// other reads the value that somebody stored while load ran.
func (r *KVRepo[T]) other(t fault.Target, m rueidis.RedisMessage) (v T, err error) {
	texts, err := m.AsStrSlice()
	if err != nil || len(texts) != 1 {
		return v, t.Failed(fmt.Errorf("commit.lua answered something else than one value: %w", err))
	}
	err = r.core.Decode(t, texts[0], reflect.ValueOf(&v).Elem())
	return v, err
}

// kept runs load and prolongs the lock meanwhile.
func kept[T any](ctx context.Context, l *lock, load func(context.Context) (T, error)) (T, error) {
	defer l.keep(context.WithoutCancel(ctx))()
	return load(context.WithValue(ctx, loadingKey{}, &loading{place{l.client, l.target.Key}, loadingIn(ctx)}))
}

// place is a key on a server.
type place struct {
	client rueidis.Client
	key    string
}

// loading is what the loads around a call load, the innermost first.
type loading struct {
	place
	outer *loading
}

type loadingKey struct{}

func loadingIn(ctx context.Context) *loading {
	l, _ := ctx.Value(loadingKey{}).(*loading)
	return l
}

// isLoading reports whether a load that ctx was given to loads what is at p.
func isLoading(ctx context.Context, p place) bool {
	for l := loadingIn(ctx); l != nil; l = l.outer {
		if l.place == p {
			return true
		}
	}
	return false
}

// lock is the right to load one key.
type lock struct {
	client rueidis.Client
	target fault.Target // the value
	key    string       // the lock's own
	token  string
}

// lock takes the lock of a load, or gives nil where another holds it.
func (r *KVRepo[T]) lock(ctx context.Context, t fault.Target) (*lock, error) {
	c := r.core.Client
	l := &lock{c, t, keyspace.Beside("load", t.Key), rand.Text()}
	err := c.Do(ctx, c.B().Set().Key(l.key).Value(l.token).Nx().Px(loadLease).Build()).Error()
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	if err != nil {
		t.Write = false // of the value
		return nil, t.Failed(err)
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

// release gives the lock up, also when the caller's context has ended, and then
// behind the caller's back, who has no time left. Where that fails the lock
// lapses.
func (l *lock) release(ctx context.Context) {
	if ctx.Err() == nil {
		l.unlock(ctx)
	}
	if ctx.Err() != nil {
		go l.unlock(context.WithoutCancel(ctx))
	}
}

func (l *lock) unlock(ctx context.Context) {
	unlockScript.Exec(ctx, l.client, []string{l.key}, []string{l.token})
}
