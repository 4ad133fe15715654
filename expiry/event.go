package expiry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/seal"
)

// Handler does the work of one firing. If it returns an error or panics, the
// attempt has failed. A failed attempt is repeated after [Config.Backoff],
// until [Config.MaxAttempts] failures make the firing a dead letter. An error
// made with [GiveUp] makes it a dead letter at once, and one made with
// [RetryAfter] sets the time of the next attempt. If the handler returns an
// error after its context ended, the attempt has not failed: the firing is
// released and redelivered at once.
//
// A firing may be delivered more than once: if a process dies after the work
// but before the listener recorded it, or if a lease expires while the handler
// runs. If that would do harm, make the work idempotent. [Event.Key] and
// [Event.DueAt] identify the firing.
//
// The context carries the tenant: [scope.From] returns a [scope.Identity] with
// [Event.Tenant] and without a user. It also has the values that the middleware
// of [Registry.Use] added.
//
// The context ends when the lease is lost, with the cause [ErrLeaseLost], and
// when the listener has stopped and [Config.StopTimeout] has passed. A handler
// must return soon after that: another worker may already run the next attempt.
type Handler func(ctx context.Context, e Event) error

// Event is one attempt at a trigger that was due, or a dead letter. In a dead
// letter, the counters include the last attempt.
type Event struct {
	Tenant string
	Action string
	ID     string

	// Key is the key of the trigger, without the pool's prefix and, on a
	// cluster, without the shard.
	Key string

	// DueAt is when the trigger was due, by the server's clock, even if it then
	// waited for another firing of the same action and id to end. Key and DueAt
	// identify a firing.
	DueAt time.Time

	// Attempt is the number of this attempt, from 1. It increases with every
	// redelivery.
	Attempt int

	// Failures is the number of failed attempts since the trigger was set, or
	// since [Listener.Retry]. LastError is the text of the last error, at most
	// 500 bytes. If the firing became a dead letter for another reason,
	// LastError is that reason.
	Failures  int
	LastError string

	// ExpiredLeases is the number of attempts in the same time whose lease
	// expired, because the worker died or did not reach the server in time.
	ExpiredLeases int

	// Rule is the rule of a recurring trigger. In a dead letter it is zero: the
	// trigger was set again, and the dead letter is not.
	Rule Rule

	origin     string
	payload    *payload
	recurrence *recurrence // nil if the trigger is not recurring
	member     string
	shard      string
	handler    *Handler // of the action; nil in a dead letter
}

// payload is an encoded payload, and the codec of the listener that read it.
type payload struct {
	codec    codec.Codec
	text     string
	maxBytes int // limit of the memory that decoding may use
}

// Origin returns the text that the [pool.Propagator] of the pools had when the
// trigger was set, or last postponed by [Schedule.Debounce]. It is the same for
// each attempt and in a dead letter. It is empty if the pools had none, and for
// a trigger that another service set.
func (e Event) Origin() string { return e.origin }

// HasPayload reports whether the trigger was set with a payload. Triggers that
// another service set have none.
func (e Event) HasPayload() bool { return e.payload != nil }

// Decode decodes the payload into dst, which must be a pointer. It uses the
// codec that encoded the payload: one of package [codec], or [Config.Codec].
//
// If the trigger has no payload, Decode returns [ErrNotFound]. If the payload
// does not fit dst, it returns a [*codec.DecodeError]; every payload of these
// codecs fits a [codec.Value], whose Bytes are those of the payload, also in a
// dead letter of [Listener.Dead]. If decoding takes more
// memory than [pool.Config.MaxDecodedBytes], it returns [ErrTooLarge]. If the
// payload was encoded with another codec, it returns [ErrUnsupported].
//
// If the codec is one of [codec.Sealed], a payload that is not sealed is
// [codec.ErrNotSealed], one that was sealed for another trigger is
// [codec.ErrCannotOpen], and one whose key is missing is a [*codec.KeyError].
func (e Event) Decode(dst any) error {
	if e.payload == nil {
		return fmt.Errorf("expiry: %w: the trigger %q has no payload; check HasPayload first, or set the trigger with SetPayload", fault.ErrNotFound, e.Key)
	}
	err := e.payload.decode(triggerKey{tenant: e.Tenant, action: e.Action, id: e.ID}, dst)
	var mismatch *codec.DecodeError
	switch {
	case errors.As(err, &mismatch):
		return fmt.Errorf("expiry: the payload of %q: %w; to see its bytes, decode it into a codec.Value", e.Key, err)
	case err != nil:
		return fmt.Errorf("expiry: the payload of %q: %w", e.Key, err)
	}
	return nil
}

// Payload returns the name of the codec of the payload and its bytes. It
// reports false if there is none, or if the schedule holds another text. Only
// package symphony calls it, for Export.
func (e Event) Payload(internal.NotForPublicUse) (name string, data []byte, ok bool) {
	if e.payload == nil {
		return "", nil, false
	}
	length, rest, _ := strings.Cut(e.payload.text, ":")
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n > len(rest) {
		return "", nil, false
	}
	return rest[:n], []byte(rest[n:]), true
}

// encode encodes the payload of a trigger for the schedule: the length of the
// codec's name, a colon, the name, and the bytes of the codec, which may be
// sealed.
func encode(c codec.Codec, at triggerKey, value any) (string, error) {
	parts, sealed, err := codec.SealingOf(internal.NotForPublicUse{}, c)
	if err != nil {
		return "", err
	}
	if sealed {
		return encodeSealed(c.Name(), parts, at, value)
	}
	data, err := c.Marshal(value)
	if err != nil {
		return "", err
	}
	return withName(c.Name(), string(data)), nil
}

func encodeSealed(name string, parts codec.Sealing, at triggerKey, value any) (string, error) {
	data, err := parts.Inner.Marshal(value)
	if err != nil {
		return "", err
	}
	text, err := parts.Sealer(at.tenant).Seal(at.place(), string(data))
	if err != nil {
		return "", err
	}
	return withName(name, text), nil
}

func withName(name, data string) string { return strconv.Itoa(len(name)) + ":" + name + data }

// place returns where the payload of a trigger is sealed. It is the same in
// every layout, and at a firing or a dead letter too.
func (k triggerKey) place() seal.Place {
	return seal.Place{Kind: "trigger", Key: k.action, Field: k.id}
}

// withOrigin returns a payload, which may be empty, with the origin before it:
// `~<length>:<origin>`.
func withOrigin(origin, payload string) string {
	if origin == "" {
		return payload
	}
	return "~" + strconv.Itoa(len(origin)) + ":" + origin + payload
}

// setPayload reads the rule, the origin and the payload from the text that a
// schedule holds.
func (e *Event) setPayload(c codec.Codec, text string, maxBytes int) {
	if e.recurrence, text = splitRule(text); e.recurrence != nil {
		e.Rule = e.recurrence.rule
		if text == "" {
			return
		}
	}
	if rest, ok := strings.CutPrefix(text, "~"); ok {
		length, rest, _ := strings.Cut(rest, ":")
		n, err := strconv.Atoi(length)
		if err == nil && n >= 0 && n <= len(rest) {
			e.origin, text = rest[:n], rest[n:]
		}
		if text == "" {
			return
		}
	}
	e.payload = &payload{c, text, maxBytes}
}

func (p *payload) decode(at triggerKey, dst any) error {
	size, rest, _ := strings.Cut(p.text, ":")
	n, err := strconv.Atoi(size)
	if err != nil || n < 0 || n > len(rest) {
		return fmt.Errorf("%w: it does not name its codec, so no Schedule wrote it", fault.ErrWrongType)
	}
	name, data := rest[:n], rest[n:]
	parts, sealed, err := codec.SealingOf(internal.NotForPublicUse{}, p.codec)
	switch {
	case err != nil:
		return err
	case sealed && name == p.codec.Name():
		return p.open(parts, at, data, dst)
	case sealed && !parts.ReadPlain:
		return codec.ErrNotSealed
	}
	for _, c := range []codec.Codec{p.codec, codec.Compact, codec.JSON, codec.MsgPack} {
		if c.Name() == name {
			return codec.NewValue(c, []byte(data)).WithMaxDecoded(p.maxBytes).Decode(dst)
		}
	}
	return fmt.Errorf("%w: it was encoded with the codec %q; set Config.Codec to that codec", fault.ErrUnsupported, name)
}

// open decodes a payload that is sealed.
func (p *payload) open(parts codec.Sealing, at triggerKey, data string, dst any) error {
	text, err := parts.Sealer(at.tenant).Open(at.place(), data)
	if err != nil {
		return err
	}
	return codec.NewValue(parts.Inner, []byte(text)).WithMaxDecoded(p.maxBytes).Decode(dst)
}

// event returns the event of a claimed firing or a dead letter. If the firing
// is invalid, it returns an error and an event that Discard accepts.
func (l *Listener) event(q *queue, f firing) (Event, error) { return l.reader().event(q, f) }

// reader reads events from a schedule.
type reader struct {
	names    naming
	codec    codec.Codec
	maxBytes int // limit of the memory that decoding a payload may use
}

func (r reader) event(q *queue, f firing) (Event, error) {
	due, key, _ := strings.Cut(f.member, "|")
	e := Event{Action: q.action, Key: r.names.eventKey(key, q.shard), member: f.member, shard: q.shard}
	if f.payload != nil {
		e.setPayload(r.codec, *f.payload, r.maxBytes)
	}
	if err := e.readStatus(f.status); err != nil {
		return e, err
	}
	ms, err := strconv.ParseInt(due, 10, 64)
	if err != nil {
		return e, fmt.Errorf("expiry: %w: %.100q is not the name of a firing; remove the dead letter with Discard", fault.ErrWrongType, f.member)
	}
	e.DueAt = time.UnixMilli(ms)
	found, ok := r.names.parse(key)
	if !ok || found.action != q.action || found.shard != q.shard {
		return e, fmt.Errorf("expiry: %w: %.100q is not the key of a trigger of the action %q in the layout %q; set Config.Layout, or remove the dead letter with Discard", fault.ErrWrongType, key, q.action, r.names.pattern)
	}
	e.Tenant, e.Action, e.ID = found.tenant, found.action, found.id
	return e, nil
}

// readStatus parses `<attempts> <failures> <expired leases> <state> <last
// error>`.
func (e *Event) readStatus(status string) error {
	fields := strings.SplitN(status, " ", 5)
	if len(fields) < 5 {
		return fmt.Errorf("expiry: %w: the status of %.100q is invalid; remove the dead letter with Discard", fault.ErrWrongType, e.Key)
	}
	for i, into := range []*int{&e.Attempt, &e.Failures, &e.ExpiredLeases} {
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			return fmt.Errorf("expiry: %w: the status of %.100q is invalid; remove the dead letter with Discard", fault.ErrWrongType, e.Key)
		}
		*into = n
	}
	e.LastError = fields[4]
	return nil
}
