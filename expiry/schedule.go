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

	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Schedule sets and deletes the triggers of one tenant. A trigger is work for
// an action and an id that is due after a delay.
// [github.com/symphony-go/symphony.NewTrigger] creates one with the layout of
// the pools.
//
// The server's clock decides when a trigger is due. Set, SetPayload, Debounce,
// Delete and Due each run one script, in one round trip, or in two if the
// server does not have the script yet. The script is atomic and safe to repeat,
// so the client repeats it if the connection breaks. A Schedule is safe for
// concurrent use. The calls of one that is nil or zero return
// [ErrInvalidArgument].
type Schedule struct {
	core    *store.Store
	names   naming
	tenant  string
	lua     *scripts
	invalid error // why the pool cannot hold the keys
}

// NewSchedule returns the schedule of a tenant's triggers on the pool with the
// alias a. The pattern has the parts tenant, action and id; on a cluster it has
// a shard after the tenant. [keyspace.Layout] has such a pattern in its field
// Trigger. NewSchedule sends nothing.
//
// If the tenant cannot be part of a key, NewSchedule returns [ErrInvalidKey].
// If p is nil or has no pool with the alias, it returns [ErrUnknownPool]. If an
// option cannot apply, if the pattern is not one for triggers, or if it has no
// shard on a cluster, it returns [ErrUnsupported]. If an option has an invalid
// argument, it returns [ErrInvalidArgument]. If the pools are closed, it
// returns [ErrClosed].
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

// scheduleKeys is the pattern of the keys of all schedules.
var scheduleKeys = keyspace.MustCompile("%exp:{key}")

func newCore(p *pool.Pools, a pool.Alias, opts ...Option) (*store.Store, error) {
	space, err := scheduleKeys.Bind()
	if err != nil {
		return nil, err
	}
	return store.New(p, a, space, store.Spec{Kind: store.String, Repository: "Trigger"}, opts...)
}

func newSchedule(core *store.Store, pattern keyspace.Pattern, tenant string) *Schedule {
	s := &Schedule{core: core.OfTenant(tenant), tenant: tenant, lua: lua}
	cluster := core.Client != nil && core.Client.Mode() == rueidis.ClientModeCluster
	s.names, s.invalid = newNaming(pattern, core.Prefix(), cluster)
	return s
}

// With returns a view of the schedule with more options. The original does not
// change. If an option cannot apply, the view's calls return the error before
// they send anything.
func (s *Schedule) With(opts ...Option) *Schedule {
	if s.ready("With") != nil {
		return s
	}
	return newSchedule(s.core.With(opts...), s.names.pattern, s.tenant)
}

// Set sets a trigger that is due after the delay, which is rounded up to whole
// milliseconds; 0 means now. If the trigger exists, Set changes when it is due
// and removes its payload. If its work has begun, Set sets a new trigger, which
// fires when that work is done or dead at the earliest.
//
// The lifetime of the key is the delay and an hour. With the pattern of
// [keyspace.Python], while no listener handles the action, it is the delay
// alone, so that a Python worker runs the trigger when the key expires.
//
// If the delay is negative, Set returns [ErrInvalidTTL], and so it does if the
// delay is under a microsecond but not 0: its unit was forgotten. If the action
// or the id cannot be part of a key, it returns [ErrInvalidKey]. If the key of
// the trigger or a key of the schedule holds another type, it returns
// [ErrWrongType]. With [IfAbsent] it returns [ErrExists] if the trigger exists,
// and with [IfExists] it returns [ErrNotFound] if it does not.
func (s *Schedule) Set(ctx context.Context, action, id string, after time.Duration) error {
	return s.set(ctx, setRequest{op: "Set", action: action, id: id, delay: after})
}

// SetPayload sets a trigger like [Schedule.Set], with a payload for the
// handler. The handler reads it with [Event.Decode], or as the argument of
// [OnPayload]. The payload is encoded with the schedule's codec. It is kept
// until the work is done, the trigger is deleted or set again, or the dead
// letter is discarded.
//
// SetPayload returns the errors of Set. If the codec cannot encode the payload,
// it returns the codec's error. If the encoded payload is larger than
// [pool.Config.MaxValueBytes], it returns [ErrTooLarge].
func (s *Schedule) SetPayload(ctx context.Context, action, id string, payload any, after time.Duration) error {
	return s.set(ctx, setRequest{op: "SetPayload", action: action, id: id, delay: after, hasPayload: true, payload: payload})
}

// SetAt sets a trigger that is due at a time, by the server's clock. The time
// is rounded up to whole milliseconds; a time in the past means now. Everything
// else is as with [Schedule.Set].
//
// SetAt returns the errors of Set. If the time is the zero time, or too late
// for Redis, it returns [ErrInvalidArgument].
func (s *Schedule) SetAt(ctx context.Context, action, id string, at time.Time) error {
	return s.set(ctx, setRequest{op: "SetAt", action: action, id: id, isAt: true, at: at})
}

// SetPayloadAt sets a trigger like [Schedule.SetAt], with a payload as in
// [Schedule.SetPayload]. It returns the errors of both.
func (s *Schedule) SetPayloadAt(ctx context.Context, action, id string, payload any, at time.Time) error {
	return s.set(ctx, setRequest{op: "SetPayloadAt", action: action, id: id, isAt: true, at: at, hasPayload: true, payload: payload})
}

// Debounce postpones the trigger until quiet has passed without another call of
// Debounce, but no longer than atMost after the first of these calls. The next
// call is a first one again after the trigger fired, was set or was deleted. If
// the trigger does not exist, Debounce sets it; if it exists, its payload is
// kept, and its rule if it is recurring. If Debounce is called while the
// handler runs, the handler runs again afterwards. Both durations are rounded
// up to whole milliseconds; 0 means now.
//
// Debounce returns the errors of [Schedule.Set]. If atMost is negative, it
// returns [ErrInvalidTTL]. If quiet is longer than atMost, it returns
// [ErrInvalidArgument] and sends nothing.
func (s *Schedule) Debounce(ctx context.Context, action, id string, quiet, atMost time.Duration) error {
	return s.set(ctx, setRequest{op: "Debounce", action: action, id: id, delay: quiet, debounce: true, atMost: atMost})
}

// Delete deletes a trigger that has not fired, with its payload, and reports
// whether the trigger existed. If its work has begun, Delete does not stop it
// or its next attempts. A recurring trigger exists while its handler runs, too:
// that firing is then the last one. If the connection breaks and the client
// repeats the script, Delete may return false for a trigger that it deleted.
//
// If the action or the id cannot be part of a key, Delete returns
// [ErrInvalidKey]. If the key of the trigger or a key of the schedule holds
// another type, it returns [ErrWrongType]. If the schedule has the option
// [IfAbsent], it returns [ErrUnsupported].
func (s *Schedule) Delete(ctx context.Context, action, id string) (bool, error) {
	w, err := s.begin(ctx, "Delete", action, id)
	if err != nil {
		return false, err
	}
	if err := s.core.RefuseAbsent(w.Target); err != nil {
		return false, err
	}
	m, err := runScript(w.In(ctx), s.core.Client, s.lua.delete, w.keys(), nil)
	if err != nil {
		return false, sentError(w.Target, err)
	}
	n, err := m.AsInt64()
	if err != nil {
		return false, sentError(w.Target, err)
	}
	return n == 1, nil
}

// Due returns when a trigger is due, by the server's clock. The time is in the
// past if the trigger waits for a listener, or for its work to end that has
// begun before.
//
// If a recurring trigger has fired, Due returns when it would be due next if
// its work ended now.
//
// If the trigger does not exist, or if its work has begun and it is not
// recurring, Due returns [ErrNotFound]. If its rule cannot be read here, it
// returns [ErrInvalidSchedule]. If the action or the id cannot be part of a
// key, it returns [ErrInvalidKey]. If the key of the trigger or a key of the
// schedule holds another type, it returns [ErrWrongType].
func (s *Schedule) Due(ctx context.Context, action, id string) (time.Time, error) {
	w, err := s.begin(ctx, "Due", action, id)
	if err != nil {
		return time.Time{}, err
	}
	w.Write = false
	m, err := runScript(w.In(ctx), s.core.Client, s.lua.due, w.keys(), nil)
	if rueidis.IsRedisNil(err) {
		return time.Time{}, w.NotApplied(fault.ErrNotFound)
	}
	if err == nil && m.IsArray() {
		return s.nextDue(w, m)
	}
	ms, err := asNumber[int64](m, err)
	if err != nil {
		return time.Time{}, sentError(w.Target, err)
	}
	return time.UnixMilli(ms), nil
}

// Key returns the key of a trigger without the pool's prefix. For commands on
// the raw client, put [pool.Pools.Prefix] before it. On a cluster the key
// contains the trigger's shard. Key sends nothing.
//
// If the action or the id cannot be part of a key, Key returns [ErrInvalidKey].
func (s *Schedule) Key(action, id string) (string, error) {
	w, err := s.begin(context.Background(), "Key", action, id)
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(w.Key, s.names.prefix), nil
}

// setRequest holds the arguments of Set, SetPayload or Debounce.
type setRequest struct {
	op, action, id             string
	delay, atMost              time.Duration
	isAt, debounce, hasPayload bool
	at                         time.Time // if isAt
	payload                    any
	rule                       Rule
	origin                     string // see [Event.Origin]
}

func (s *Schedule) set(ctx context.Context, c setRequest) error {
	w, err := s.begin(ctx, c.op, c.action, c.id)
	if err != nil {
		return err
	}
	c.origin = s.core.Origin(ctx)
	args, err := s.setArguments(w, c)
	if err != nil {
		return err
	}
	keys := []string{w.Key, w.scheduleKey("due"), w.scheduleKey("payloads")}
	if len(args) > 2 && args[2] != "p" {
		keys = append(keys, w.scheduleKey("status"))
	}
	if s.names.pattern.IsPython() {
		keys = append(keys, w.scheduleKey("handled"))
	}
	m, err := runScript(w.In(ctx), s.core.Client, s.lua.set, keys, args)
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
	case answer == "UNHANDLED":
		return w.NotApplied(fmt.Errorf("%w: a recurring trigger needs a listener, and in the last hour none handled the action %q with the layout of Python; start a listener first", fault.ErrUnsupported, c.action))
	}
	return nil
}

// setArguments returns the arguments of set.lua.
func (s *Schedule) setArguments(w operation, c setRequest) ([]string, error) {
	if c.delay < 0 {
		return nil, w.NotApplied(fmt.Errorf("%w: the delay %v is negative; use 0 for now", fault.ErrInvalidTTL, c.delay))
	}
	if c.atMost < 0 {
		return nil, w.NotApplied(fmt.Errorf("%w: atMost %v is negative; use 0 for now", fault.ErrInvalidTTL, c.atMost))
	}
	for _, d := range []time.Duration{c.delay, c.atMost} {
		if unit := duration.ForgottenUnit(d); unit != "" {
			return nil, w.NotApplied(fmt.Errorf("%w: the delay is %v; %s", fault.ErrInvalidTTL, d, unit))
		}
	}
	if c.debounce && c.delay > c.atMost {
		return nil, w.NotApplied(fmt.Errorf("%w: quiet is %v, but the work is put off by no more than atMost, which is %v; "+
			"pass the shorter time first, and make atMost longer", fault.ErrInvalidArgument, c.delay, c.atMost))
	}
	when := duration.Milliseconds(c.delay)
	if c.isAt {
		var err error
		if when, err = timeArgument(c.at); err != nil {
			return nil, w.NotApplied(err)
		}
	}
	args := []string{when, callStamps.next()}
	if flags := s.flags(c); flags != "" {
		args = append(args, flags, duration.Milliseconds(c.atMost))
	}
	if c.hasPayload || !c.rule.IsZero() {
		payload, err := s.encodePayload(w, c)
		if err != nil {
			return nil, err
		}
		return append(args, c.rule.text()+withOrigin(c.origin, payload)), nil
	}
	if c.origin != "" {
		args = append(args, withOrigin(c.origin, ""))
	}
	return args, nil
}

// timeArgument returns a time in milliseconds.
func timeArgument(at time.Time) (string, error) {
	if at.IsZero() {
		return "", fmt.Errorf("%w: the time is zero; pass the time at which the trigger is due", fault.ErrInvalidArgument)
	}
	if at.Year() > latestYear {
		return "", fmt.Errorf("%w: the time is in the year %d; pass one before the year %d", fault.ErrInvalidArgument, at.Year(), latestYear+1)
	}
	ms := at.UnixMilli()
	if time.UnixMilli(ms).Before(at) {
		ms++
	}
	return strconv.FormatInt(ms, 10), nil
}

// latestYear is the last year whose times Lua represents exactly in
// milliseconds.
const latestYear = 287_000

// encodePayload returns the encoded payload, or "" if there is none.
func (s *Schedule) encodePayload(w operation, c setRequest) (string, error) {
	if !c.hasPayload {
		return "", nil
	}
	var at triggerKey
	if s.core.Seals() {
		at, _ = s.names.parse(w.Key) // as the listener reads it
	}
	text, err := encode(s.core.Codec, at, c.payload)
	if err != nil {
		return "", w.NotApplied(err)
	}
	return text, s.core.CheckSize(w.Target, text)
}

// flags returns the third argument of set.lua.
func (s *Schedule) flags(c setRequest) (flags string) {
	switch {
	case c.hasPayload, !c.rule.IsZero(), c.origin != "" && !c.debounce:
		flags = "p"
	case c.origin != "":
		flags = "o"
	}
	if !c.rule.IsZero() {
		flags += "r"
	}
	if c.isAt {
		flags += "t"
	}
	if c.debounce {
		flags += "d"
	}
	if s.core.IfExists {
		flags += "e"
	}
	if s.core.IfAbsent {
		flags += "a"
	}
	if s.names.pattern.IsPython() {
		flags += "b"
	}
	return flags
}

// stamps makes a unique stamp for every call of every process. A stamp begins
// with the value that the Python package writes.
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

// operation is one operation on one trigger.
type operation struct {
	fault.Target
	names         naming
	shard, action string // as keys contain them
}

func (w operation) scheduleKey(kind string) string {
	return w.names.scheduleKey(kind, w.shard, w.action)
}

// keys returns the keys of most scripts about one trigger.
func (w operation) keys() []string {
	return []string{w.Key, w.scheduleKey("due"), w.scheduleKey("payloads"), w.scheduleKey("status")}
}

// ready returns an error if s is nil or zero.
func (s *Schedule) ready(op string) error {
	if s == nil || s.core == nil {
		return fault.Target{Op: op}.NotApplied(fmt.Errorf("%w: the Trigger or Schedule is nil or zero; make one with symphony.NewTrigger or expiry.NewSchedule", fault.ErrInvalidArgument))
	}
	return nil
}

// begin returns the operation on a trigger, or an error before anything is
// sent.
func (s *Schedule) begin(ctx context.Context, op, action, id string) (operation, error) {
	if err := s.ready(op); err != nil {
		return operation{}, err
	}
	l := triggerKey{s.tenant, s.names.shard(s.tenant, action, id), action, id}
	return s.beginAt(ctx, op, l)
}

// beginAll begins an operation on all triggers of the tenant. It returns the
// error of the view, if there is one.
func (s *Schedule) beginAll(ctx context.Context, op string) (fault.Target, error) {
	if err := s.ready(op); err != nil {
		return fault.Target{}, err
	}
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
