package expiry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
)

// Handler does the work of one trigger. An error, and a panic, count as a
// failure: the work is tried again after Config.Backoff, and is a dead letter
// after Config.MaxAttempts failures.
//
// Work may be done twice: when a process dies between the work and its record,
// or a handler goes on after its context has ended. Where that would do harm,
// keep a mark of what was done under Event.Key and Event.DueAt.
//
// The context ends when the lease is lost (its cause is then ErrLeaseLost), and
// when the listener stops and StopTimeout has passed.
type Handler func(ctx context.Context, e Event) error

// Event is one trigger that fell due, at one of its attempts.
type Event struct {
	Tenant string
	Action string
	ID     string

	// Key is the trigger's key without the pool's prefix and without the shard
	// that it has on a cluster.
	Key string

	// DueAt is when it fell due, by the server's clock. With Key it tells this
	// firing from every other.
	DueAt time.Time

	// Attempt counts how often this firing was handed out, from 1. Every repeat,
	// whatever its reason, has a higher one.
	Attempt int

	// Failures counts the attempts that failed since it was set or retried, and
	// LastError is the text of the last one's error, at most 500 bytes.
	Failures  int
	LastError string

	// Lapses counts the attempts since then whose worker was lost: it died, or did
	// not reach the server for as long as its lease.
	Lapses int

	payload *payload
	member  string
	shard   string
}

// payload is what SetPayload wrote, and the codec of the listener that read it.
type payload struct {
	codec    codec.Codec
	text     string
	maxBytes int // how much memory reading it may take
}

// HasPayload reports whether the trigger was set with one. One that another
// service set has none.
func (e Event) HasPayload() bool { return e.payload != nil }

// Decode reads the payload into dst, a pointer, with the codec that wrote it:
// one of package codec, or Config.Codec.
//
// Errors: ErrNotFound where there is no payload; a *codec.DecodeError for one
// that does not fit; ErrUnsupported for one of a codec that is neither.
func (e Event) Decode(dst any) error {
	if e.payload == nil {
		return fmt.Errorf("expiry: the payload of %q: %w", e.Key, fault.ErrNotFound)
	}
	if err := e.payload.decode(dst); err != nil {
		return fmt.Errorf("expiry: the payload of %q: %w", e.Key, err)
	}
	return nil
}

// encode is a payload as the schedule keeps it: the codec's name after its
// length, and the codec's bytes.
func encode(c codec.Codec, value any) (string, error) {
	data, err := c.Marshal(value)
	if err != nil {
		return "", err
	}
	name := c.Name()
	return strconv.Itoa(len(name)) + ":" + name + string(data), nil
}

func (p *payload) decode(dst any) error {
	size, rest, _ := strings.Cut(p.text, ":")
	n, err := strconv.Atoi(size)
	if err != nil || n < 0 || n > len(rest) {
		return errors.New("it was not written by a schedule")
	}
	name, data := rest[:n], rest[n:]
	for _, c := range []codec.Codec{p.codec, codec.Compact, codec.JSON, codec.MsgPack} {
		if c.Name() == name {
			return codec.NewValue(c, []byte(data)).WithMaxDecoded(p.maxBytes).Decode(dst)
		}
	}
	return fmt.Errorf("%w: it was written with the codec %q; set Config.Codec to it", fault.ErrUnsupported, name)
}

// event reads what a claim or a dead letter tells. Where it cannot be read, the
// event still names the firing, so that it can be discarded.
func (l *Listener) event(q *queue, f firing) (Event, error) {
	due, key, _ := strings.Cut(f.member, "|")
	e := Event{Action: q.action, Key: l.names.eventKey(key, q.shard), member: f.member, shard: q.shard}
	if f.payload != nil {
		e.payload = &payload{l.cfg.Codec, *f.payload, l.pools.MaxDecodedBytes()}
	}
	if err := e.readStatus(f.status); err != nil {
		return e, err
	}
	ms, err := strconv.ParseInt(due, 10, 64)
	if err != nil {
		return e, fmt.Errorf("expiry: %q is no firing of a trigger", f.member)
	}
	e.DueAt = time.UnixMilli(ms)
	found, ok := l.names.parse(key)
	if !ok || found.action != q.action || found.shard != q.shard {
		return e, fmt.Errorf("expiry: %q is no trigger of the action %q in %q", key, q.action, l.names.pattern)
	}
	e.Tenant, e.Action, e.ID = found.tenant, found.action, found.id
	return e, nil
}

// readRecord reads attempts, failures, lapses, state and error.
func (e *Event) readStatus(record string) error {
	fields := strings.SplitN(record, " ", 5)
	if len(fields) < 5 {
		return fmt.Errorf("expiry: the record of %q cannot be read", e.Key)
	}
	for i, into := range []*int{&e.Attempt, &e.Failures, &e.Lapses} {
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			return fmt.Errorf("expiry: the record of %q cannot be read", e.Key)
		}
		*into = n
	}
	e.LastError = fields[4]
	return nil
}
