package kvrepo

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/renewal"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/internal/testclock"
	"github.com/symphony-go/symphony/keyspace"
)

// lockLifetime is how long the lock of a load remains after its process died.
const lockLifetime = 10 * time.Second

//go:embed lua/get_or_load_store.lua
var storeLoadedSource string

//go:embed lua/get_or_load_renew.lua
var renewLockSource string

//go:embed lua/get_or_load_unlock.lua
var unlockSource string

var (
	storeLoadedScript = store.NewScript(storeLoadedSource, store.Either(store.Flag, store.Tuple(store.Text)))
	renewLockScript   = rueidis.NewLuaScript(acl.RegisterScript(renewLockSource))
	unlockScript      = rueidis.NewLuaScript(acl.RegisterScript(unlockSource))
)

// GetOrLoad returns a value as [KVRepo.Get] does. If it does not exist,
// GetOrLoad calls load, stores the result and returns it. In all processes
// together, one load runs per key at a time; other callers wait for its value.
//
// If the value exists, GetOrLoad sends GET, or nothing if the value is in
// memory with [Cached]. Otherwise it takes a lock with SET NX PX on a key
// beside the value, sends GET again, calls load, and runs a script that stores
// the value atomically and removes the lock. The lifetime is that of a new
// value in [KVRepo.Set]. If another caller stored a value during the load, that
// value remains, and GetOrLoad returns it. If the lock was lost, GetOrLoad
// returns the loaded value without storing it.
//
// The lock is renewed until load returns, even if ctx ends before. If the
// process dies, the lock expires after ten seconds. GetOrLoad passes ctx to
// load and sets no other limit on the time that it takes. Other callers try
// again after pauses of at most 64 ms, until ctx ends. If ctx has no deadline,
// they try again for [pool.Config.Timeout].
//
// If load returns an error, GetOrLoad returns it unchanged, and the next caller
// loads again. If another load takes too long, GetOrLoad returns
// [context.DeadlineExceeded] or the error of ctx. If load calls GetOrLoad for
// its own key with the context that it received, or if load is nil, GetOrLoad
// returns [ErrInvalidArgument]. With [IfExists] or [IfAbsent], it returns
// [ErrUnsupported]. Other errors are those of [KVRepo.Get] and [KVRepo.Set].
func (r *KVRepo[T]) GetOrLoad(ctx context.Context, id string, load func(context.Context) (T, error)) (T, error) {
	t, err := r.core.BeginWrite(ctx, "GetOrLoad", id)
	if err == nil && r.core.Conditional() {
		err = t.NotApplied(fmt.Errorf("%w: IfExists and IfAbsent do not apply to GetOrLoad", fault.ErrUnsupported))
	}
	if err == nil && load == nil {
		err = t.NotApplied(store.ErrNilFunction)
	}
	if err != nil {
		var zero T
		return zero, err
	}
	r = &KVRepo[T]{r.core.OnPrimary(), r.cache, r.view, r.direct}
	get := r.Get
	for retries := r.core.Retries(); ; {
		v, err := get(ctx, id)
		if !errors.Is(err, fault.ErrNotFound) {
			return v, fault.WithOp(t.Op, err)
		}
		if isLoading(ctx, location{r.core.Client, t.Key}) {
			return v, t.NotApplied(errLoadsItself)
		}
		l, err := r.tryLock(ctx, t)
		if err != nil {
			return v, err
		}
		if l != nil {
			return r.loadLocked(ctx, id, l, load)
		}
		if err := retries.Wait(ctx); err != nil {
			return v, t.NotApplied(fmt.Errorf("another load of the key has not ended: %w", err))
		}
		// The cache can still hold the absence of a value that another caller
		// has stored.
		get = r.getUncached
	}
}

var errLoadsItself = fmt.Errorf("%w: load calls GetOrLoad for its own key and would wait for itself; call Get in it", fault.ErrInvalidArgument)

// loadLocked loads and stores the value. If another load ended just before the
// lock was taken, it returns the value of that load.
func (r *KVRepo[T]) loadLocked(ctx context.Context, id string, l *loadLock, load func(context.Context) (T, error)) (T, error) {
	defer l.release(ctx)
	v, err := r.getUncached(ctx, id)
	if !errors.Is(err, fault.ErrNotFound) {
		return v, fault.WithOp(l.target.Op, err)
	}
	if v, err = loadRenewing(ctx, r.core.Clock(), l, load); err != nil {
		return v, err
	}
	text, err := r.core.Encode(l.target, reflect.ValueOf(&v).Elem())
	if err != nil {
		return v, err
	}
	m, err := r.core.Run(ctx, l.target, storeLoadedScript, []string{text, l.token}, l.key)
	if err != nil || !m.IsArray() {
		return v, err
	}
	return r.decodeStored(l.target, m)
}

// decodeStored returns the value that another caller stored during the load.
func (r *KVRepo[T]) decodeStored(t fault.Target, m rueidis.RedisMessage) (v T, err error) {
	texts, err := m.AsStrSlice()
	if err != nil || len(texts) != 1 {
		return v, t.Failed(fmt.Errorf("%w: get_or_load_store.lua did not return one value", fault.ErrUnexpectedReply))
	}
	err = r.core.Decode(t, texts[0], reflect.ValueOf(&v).Elem())
	return v, err
}

// loadRenewing calls load and renews the lock until it returns.
func loadRenewing[T any](ctx context.Context, clock *testclock.Clock, l *loadLock, load func(context.Context) (T, error)) (T, error) {
	_, stop := renewal.Start(ctx, clock, l, lockLifetime, clock.Now().Add(lockLifetime))
	defer stop()
	return load(context.WithValue(ctx, activeLoadKey{}, &activeLoad{location{l.client, l.target.Key}, activeLoadOf(ctx)}))
}

// location is a key on a server.
type location struct {
	client rueidis.Client
	key    string
}

// activeLoad is a load whose function received a context. It links to the load
// that surrounds it.
type activeLoad struct {
	location
	outer *activeLoad
}

type activeLoadKey struct{}

// activeLoadOf returns the innermost load that passed ctx on, or nil.
func activeLoadOf(ctx context.Context) *activeLoad {
	l, _ := ctx.Value(activeLoadKey{}).(*activeLoad)
	return l
}

// isLoading reports whether one of the loads that passed ctx on loads the key.
func isLoading(ctx context.Context, key location) bool {
	for l := activeLoadOf(ctx); l != nil; l = l.outer {
		if l.location == key {
			return true
		}
	}
	return false
}

// loadLock is the right to load one key. It is held while its key holds token.
type loadLock struct {
	client rueidis.Client
	target fault.Target // the value
	key    string       // the lock
	token  string
}

// tryLock takes the lock of a load. If another caller holds it, tryLock returns
// nil.
func (r *KVRepo[T]) tryLock(ctx context.Context, t fault.Target) (*loadLock, error) {
	c := r.core.Client
	l := &loadLock{c, t, keyspace.Beside("load", t.Key), rand.Text()}
	m, err := c.Do(t.In(ctx), c.B().Set().Key(l.key).Value(l.token).Nx().Px(lockLifetime).Build()).ToMessage()
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	if err == nil && !store.OK(m) {
		err = store.ErrShape
	}
	if err != nil {
		t.Write = false // only the lock may have been written
		return nil, t.Failed(err)
	}
	return l, nil
}

// Extend renews the lock. It returns no error, so that the next renewal tries
// again after a failure. If the lock expires, the script that stores the value
// finds out.
func (l *loadLock) Extend(ctx context.Context, d time.Duration) error {
	renewLockScript.Exec(l.target.In(ctx), l.client, []string{l.key}, []string{l.token, duration.Milliseconds(d)})
	return nil
}

// release removes the lock. If ctx has ended, it does so in the background,
// since the caller does not wait any longer. If that fails, the lock expires.
func (l *loadLock) release(ctx context.Context) {
	if ctx.Err() == nil {
		l.unlock(ctx)
	}
	if ctx.Err() != nil {
		go l.unlock(context.WithoutCancel(ctx))
	}
}

func (l *loadLock) unlock(ctx context.Context) {
	unlockScript.Exec(l.target.In(ctx), l.client, []string{l.key}, []string{l.token})
}
