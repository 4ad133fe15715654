package expiry

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Schedule sets and takes back the triggers of one tenant: work by action and
// id, due after a delay. It is safe for concurrent use; With makes cheap views
// of it. symphony.Trigger is one.
//
// What is due at a time is decided by the server's clock. Every call is one
// script, atomic and safe to repeat, so the client repeats it by itself when a
// connection breaks.
type Schedule struct {
	core    *store.Store
	names   naming
	tenant  string
	lua     *scripts
	invalid error // why the view's pool cannot hold these keys
}

// NewSchedule makes the schedule of a tenant's triggers on the pool with alias
// a. The pattern takes a tenant, an action and an id, and on a cluster a shard
// after the tenant, as keyspace.Layout.Trigger does. Nothing is sent.
//
// Errors: ErrInvalidKey; ErrUnknownPool; ErrUnsupported for an option that does
// not apply (a trigger's delay is its lifetime) and for a pattern that is none
// of triggers, or has no shard on a cluster.
func NewSchedule(p *pool.Pools, a pool.Alias, pattern keyspace.Pattern, tenant string, opts ...Option) (*Schedule, error) {
	core, err := newCore(p, a, opts...)
	if err != nil {
		return nil, err
	}
	s := newSchedule(core, pattern, tenant)
	if s.invalid == nil {
		s.invalid = s.names.checkTenant(tenant)
	}
	if s.invalid != nil {
		return nil, fmt.Errorf("symphony: %w", s.invalid)
	}
	return s, nil
}

// ownKeys is where the library's own keys of all schedules lie.
var scheduleKeys = keyspace.MustCompile("%exp:{key}")

func newCore(p *pool.Pools, a pool.Alias, opts ...Option) (*store.Store, error) {
	space, err := scheduleKeys.Bind()
	if err != nil {
		return nil, err
	}
	return store.New(p, a, space, store.Spec{Kind: store.String}, opts...)
}

func newSchedule(core *store.Store, pattern keyspace.Pattern, tenant string) *Schedule {
	s := &Schedule{core: core, tenant: tenant, lua: lua}
	cluster := core.Client != nil && core.Client.Mode() == rueidis.ClientModeCluster
	s.names, s.invalid = newNaming(pattern, core.Prefix(), cluster)
	return s
}

// With is a view of the schedule with more options; the original stays as it
// was. An option that cannot apply is the error of the view's calls, before
// anything is sent.
func (s *Schedule) With(opts ...Option) *Schedule {
	return newSchedule(s.core.With(opts...), s.names.pattern, s.tenant)
}

// Set makes the work of action for id fall due after a delay, rounded up to
// whole milliseconds; 0 means now. One script. Where the trigger is set already it
// moves, and loses a payload that it had.
//
// The key's lifetime is the delay and an hour; with a Python pattern, while no
// listener handles the action, the delay alone, so that a Python worker runs it.
//
// Errors: ErrInvalidKey; ErrInvalidTTL for a negative delay; ErrExists and ErrNotFound from IfAbsent and IfExists; ErrWrongType.
func (s *Schedule) Set(ctx context.Context, action, id string, after time.Duration) error {
	return s.set(ctx, setRequest{op: "Set", action: action, id: id, delay: after})
}

// SetPayload is Set with a payload, which the handler gets as Event.Decode or as
// the argument of OnPayload. It is written with the schedule's codec and kept
// until the work is done, however long that takes.
//
// Errors: those of Set; what the codec cannot write; ErrTooLarge.
func (s *Schedule) SetPayload(ctx context.Context, action, id string, payload any, after time.Duration) error {
	return s.set(ctx, setRequest{op: "SetPayload", action: action, id: id, delay: after, hasPayload: true, payload: payload})
}

// Debounce postpones the work until quiet has passed without another call, but no
// longer than atMost after the first call since the trigger last fired. If the
// trigger does not exist, Debounce sets it. Both durations are rounded up to whole
// milliseconds; 0 means now. The payload is kept. Debounce runs one script.
//
// Errors: those of Set; ErrInvalidTTL also for a negative atMost.
func (s *Schedule) Debounce(ctx context.Context, action, id string, quiet, atMost time.Duration) error {
	return s.set(ctx, setRequest{op: "Debounce", action: action, id: id, delay: quiet, debounce: true, atMost: atMost})
}

// Delete takes a trigger back that has not fired, with its payload, and reports
// whether there was one: one script. Work that has begun is not stopped, nor are
// its further attempts.
//
// Errors: ErrInvalidKey, ErrWrongType.
func (s *Schedule) Delete(ctx context.Context, action, id string) (bool, error) {
	w, err := s.begin(ctx, "Delete", action, id)
	if err != nil {
		return false, err
	}
	if err := s.core.RefuseAbsent(w.Target); err != nil {
		return false, err
	}
	m, err := runScript(ctx, s.core.Client, s.lua.delete, []string{w.Key, w.scheduleKey("due"), w.scheduleKey("payloads")}, nil)
	if err != nil {
		return false, sentError(w.Target, err)
	}
	n, err := m.AsInt64()
	if err != nil {
		return false, sentError(w.Target, err)
	}
	return n == 1, nil
}

// Due tells when a trigger falls due that has not fired, by the server's clock: one
// script. A time in the past is that of one which waits for a listener. Work that
// has begun, and its further attempts, are no trigger any more.
//
// Errors: ErrNotFound where there is none; ErrInvalidKey, ErrWrongType.
func (s *Schedule) Due(ctx context.Context, action, id string) (time.Time, error) {
	w, err := s.begin(ctx, "Due", action, id)
	if err != nil {
		return time.Time{}, err
	}
	w.Write = false
	m, err := runScript(ctx, s.core.Client, s.lua.due, []string{w.Key, w.scheduleKey("due")}, nil)
	if rueidis.IsRedisNil(err) {
		return time.Time{}, w.NotApplied(fault.ErrNotFound)
	}
	ms, err := asNumber[int64](m, err)
	if err != nil {
		return time.Time{}, sentError(w.Target, err)
	}
	return time.UnixMilli(ms), nil
}

// Key is the key of a trigger, for commands on the raw client, where the pool's
// prefix comes before it (pool.Pools.Prefix). On a cluster it holds the shard
// that the trigger lies on. Nothing is sent. Errors: ErrInvalidKey.
func (s *Schedule) Key(action, id string) (string, error) {
	w, err := s.begin(context.Background(), "Key", action, id)
	return strings.TrimPrefix(w.Key, s.names.prefix), err
}

// change is one call of Set, SetPayload or Debounce.
type setRequest struct {
	op, action, id       string
	delay, atMost        time.Duration
	debounce, hasPayload bool
	payload              any
}

func (s *Schedule) set(ctx context.Context, c setRequest) error {
	w, err := s.begin(ctx, c.op, c.action, c.id)
	if err != nil {
		return err
	}
	args, err := s.setArguments(w, c)
	if err != nil {
		return err
	}
	keys := []string{w.Key, w.scheduleKey("due"), w.scheduleKey("payloads")}
	if s.names.pattern.IsPython() {
		keys = append(keys, w.scheduleKey("handled"))
	}
	m, err := runScript(ctx, s.core.Client, s.lua.set, keys, args)
	if err != nil {
		return sentError(w.Target, err)
	}
	switch answer, err := m.ToString(); {
	case err != nil:
		return sentError(w.Target, err)
	case answer == "NOTFOUND":
		return w.NotApplied(fault.ErrNotFound)
	case answer == "EXISTS":
		return w.NotApplied(fault.ErrExists)
	}
	return nil
}

// arguments are those of schedule.lua.
func (s *Schedule) setArguments(w operation, c setRequest) ([]string, error) {
	if c.delay < 0 {
		return nil, w.NotApplied(fmt.Errorf("%w: a delay of %v is negative; 0 means now", fault.ErrInvalidTTL, c.delay))
	}
	if c.atMost < 0 {
		return nil, w.NotApplied(fmt.Errorf("%w: atMost is %v; it must not be negative, and 0 means now", fault.ErrInvalidTTL, c.atMost))
	}
	args := []string{"", store.Milliseconds(c.delay), callStamps.next()}
	if c.hasPayload || c.debounce {
		args = append(args, store.Milliseconds(c.atMost))
	}
	if c.hasPayload {
		text, err := encode(s.core.Codec, c.payload)
		if err != nil {
			return nil, w.NotApplied(err)
		}
		if err := s.core.CheckSize(w.Target, text); err != nil {
			return nil, err
		}
		args = append(args, text)
	}
	args[0] = s.flags(c)
	return args, nil
}

// letters are the first argument of schedule.lua.
func (s *Schedule) flags(c setRequest) (letters string) {
	if c.hasPayload {
		letters = "p"
	}
	if c.debounce {
		letters += "d"
	}
	if s.core.IfExists {
		letters += "e"
	}
	if s.core.IfAbsent {
		letters += "a"
	}
	if s.names.pattern.IsPython() {
		letters += "b"
	}
	return letters
}

// stamps tell one call from every other, of any process. The first part is what
// the Python package writes.
type stamps struct {
	process string
	calls   atomic.Uint64
}

var callStamps = &stamps{process: rand.Text()[:12] + "x"}

func (s *stamps) next() string {
	b := make([]byte, 0, 64)
	b = append(b, "trigger:"...)
	b = time.Now().UTC().AppendFormat(b, "2006-01-02T15:04:05.000000")
	b = append(b, ";id="...)
	b = append(b, s.process...)
	b = strconv.AppendUint(b, s.calls.Add(1), 36)
	return string(b)
}

// work is one trigger that an operation is about.
type operation struct {
	fault.Target
	names         naming
	shard, action string // as keys spell them
}

func (w operation) scheduleKey(kind string) string {
	return w.names.scheduleKey(kind, w.shard, w.action)
}

// begin names the trigger of an operation, or refuses it before anything is sent.
func (s *Schedule) begin(ctx context.Context, op, action, id string) (operation, error) {
	l := triggerKey{s.tenant, s.names.shard(s.tenant, action, id), action, id}
	return s.beginAt(ctx, op, l)
}

// beginAll is begin for an operation on all triggers of the tenant. It returns
// the error of the view, if it has one.
func (s *Schedule) beginAll(ctx context.Context, op string) (fault.Target, error) {
	t, err := s.core.BeginAll(context.WithoutCancel(ctx), op)
	if err != nil {
		return t, err
	}
	t.Write, t.Retryable = true, true
	if s.invalid != nil {
		return t, t.NotApplied(s.invalid)
	}
	return t, nil
}

func (s *Schedule) beginAt(ctx context.Context, op string, l triggerKey) (operation, error) {
	t, err := s.beginAll(ctx, op)
	if err != nil {
		return operation{}, err
	}
	key, err := s.names.key(l)
	if err != nil {
		return operation{}, t.NotApplied(err)
	}
	t.Key = key
	action, err := s.names.actionInKeys(l.action)
	if err == nil {
		err = fault.ContextError(ctx)
	}
	if err != nil {
		return operation{}, t.NotApplied(err)
	}
	return operation{t, s.names, l.shard, action}, nil
}
