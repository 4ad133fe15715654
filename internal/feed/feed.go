// Package feed is the core of the feeds of package symphony: streams whose
// entries a reader can follow, leave, and take up again. It does not know the
// Go type of the entries.
package feed

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/internal/subscription"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

var (
	//go:embed lua/append.lua
	appendSource string
	//go:embed lua/end.lua
	endSource string
	//go:embed lua/added.lua
	addedSource string
	//go:embed lua/delete.lua
	deleteSource string
	//go:embed lua/len.lua
	lenSource string

	appendScript = store.NewShortScript(appendSource+addedSource, store.Text)
	endScript    = store.NewShortScript(endSource+addedSource, store.Text)
	deleteScript = store.NewShortScript(deleteSource, store.Flag)
	lenScript    = store.NewShortScript(lenSource, store.Count)
)

// The defaults and limits of feeds.
const (
	Lifetime  = 24 * time.Hour
	KeepLast  = 10_000 // entries
	MaxAppend = 1000   // values of one call
)

// Core reads and writes the feeds of one key space. It is immutable.
type Core struct {
	*store.ValueStore
	hub *subscription.Hub
}

// New returns the core of the feeds in space, with values of type t, on the
// pool a. It sends nothing.
func New(t reflect.Type, p *pool.Pools, a pool.Alias, space keyspace.Space, opts ...pool.Option) (*Core, error) {
	v, err := store.NewValueStore(t, p, a, space, store.Spec{
		Kind: store.Stream, Lifetime: Lifetime, Traits: option.Lifetimes | option.Feeds,
	}, opts...)
	if err != nil {
		return nil, err
	}
	c := newCore(v)
	if c.Replicas {
		return nil, fmt.Errorf("symphony: %w", errReplicas)
	}
	return c, nil
}

func newCore(v *store.ValueStore) *Core {
	if v.Replicas {
		v = v.WithError(errReplicas)
	}
	return &Core{v, subscription.HubOf(v.Store)}
}

var errReplicas = fmt.Errorf("%w: ReadReplicas does not apply here: a replica may not have the entry of a cursor yet; leave the option out", fault.ErrUnsupported)

// With returns a copy of c with more options.
func (c *Core) With(opts ...pool.Option) *Core { return newCore(c.ValueStore.With(opts...)) }

// Channel returns the channel of the wake-ups of a feed.
func Channel(key string) string { return keyspace.Beside("feed", key) }

// Append adds values to a feed and returns the position of the last one.
// Without values, it returns the position of the last entry.
func (c *Core) Append(ctx context.Context, id string, n int, value func(i int) reflect.Value) (Position, error) {
	if n == 0 {
		return c.last(ctx, id)
	}
	t, err := c.BeginWrite(ctx, "Append", id)
	if err != nil {
		return Position{}, err
	}
	if n > MaxAppend {
		return Position{}, t.NotApplied(fmt.Errorf("%w: %d values, but one call appends at most %d; append them in parts", fault.ErrInvalidArgument, n, MaxAppend))
	}
	args := c.arguments(t, n)
	for i := range n {
		text, err := c.Encode(t, value(i))
		if err != nil {
			return Position{}, err
		}
		args = append(args, text)
	}
	text, err := c.run(ctx, t, appendScript, args)
	if err != nil {
		return Position{}, err
	}
	if text == ended {
		return Position{}, t.NotApplied(errEnded)
	}
	p, ok := parsePosition(text)
	if !ok {
		return Position{}, t.Applied(store.ErrShape)
	}
	return p, nil
}

// End adds the entry that ends a feed, unless it has ended.
func (c *Core) End(ctx context.Context, id string) error {
	t, err := c.BeginWrite(ctx, "End", id)
	if err != nil {
		return err
	}
	text, err := c.run(ctx, t, endScript, c.arguments(t, 0))
	if err == nil && text != ended {
		err = t.Applied(store.ErrShape)
	}
	return err
}

// ended is the reply of the scripts about a feed that has ended.
const ended = "ENDED"

// arguments returns the arguments of a script that adds entries, with room for
// n more.
func (c *Core) arguments(t fault.Target, n int) []string {
	// The base has 11 digits, and room for the carry of the count.
	base := 10_000_000_000 + rand.Int64N(80_000_000_000)
	keep := KeepLast
	if c.KeepLast > 0 {
		keep = c.KeepLast
	}
	condition := ""
	switch {
	case c.IfExists:
		condition = "exists"
	case c.IfAbsent:
		condition = "absent"
	}
	return append(make([]string, 0, 6+n), condition, c.LifetimeMilliseconds(), c.sharded(), Channel(t.Key), strconv.FormatInt(base, 10), strconv.Itoa(keep))
}

// sharded returns the argument by which a script chooses SPUBLISH.
func (c *Core) sharded() string {
	if c.hub.Sharded() {
		return "1"
	}
	return ""
}

// run runs a script whose result is a text.
func (c *Core) run(ctx context.Context, t fault.Target, script *store.Script, args []string) (string, error) {
	m, err := c.Run(ctx, t, script, args)
	if err != nil {
		return "", err
	}
	text, err := m.ToString()
	if err != nil {
		return "", t.Failed(err)
	}
	return text, nil
}

var errEnded = fmt.Errorf("%w: End was called; delete it to begin it again, or append to another id", fault.ErrEnded)

// last returns the position of the last entry of a feed.
func (c *Core) last(ctx context.Context, id string) (Position, error) {
	t, err := c.Begin(ctx, "Append", id)
	if err != nil {
		return Position{}, err
	}
	entry, err := c.lastEntry(ctx, t)
	return entry.Position, err
}

// Ended reports whether a feed has ended.
func (c *Core) Ended(ctx context.Context, id string) (bool, error) {
	t, err := c.Begin(ctx, "Ended", id)
	if err != nil {
		return false, err
	}
	entry, err := c.lastEntry(ctx, t)
	return entry.end, err
}

// lastEntry returns the last entry of a feed, or the zero Entry.
func (c *Core) lastEntry(ctx context.Context, t fault.Target) (Entry, error) {
	cmd := c.Client.B().Xrevrange().Key(t.Key).End("+").Start("-").Count(1).Build()
	entries, err := readEntries(t, c.Client.Do(t.In(ctx), cmd))
	if err != nil || len(entries) == 0 {
		return Entry{}, err
	}
	return entries[0], nil
}

// Len returns the number of entries of a feed that have a value.
func (c *Core) Len(ctx context.Context, id string) (int64, error) {
	t, err := c.Begin(ctx, "Len", id)
	if err != nil {
		return 0, err
	}
	m, err := c.Run(ctx, t, lenScript, nil)
	if err != nil {
		return 0, err
	}
	return m.ToInt64()
}

// Delete removes feeds and returns how many existed.
func (c *Core) Delete(ctx context.Context, ids ...string) (int64, error) {
	calls := make([]store.Call, len(ids))
	for i, id := range ids {
		t, err := c.BeginWrite(ctx, "Delete", id)
		if err == nil {
			err = c.RefuseAbsent(t)
		}
		if err != nil {
			return 0, err
		}
		calls[i] = store.Call{Target: t, Args: []string{c.sharded(), Channel(t.Key)}}
	}
	if len(calls) == 0 {
		return 0, nil
	}
	replies, errs := c.RunMany(ctx, deleteScript, calls)
	var steps fault.Steps
	var n int64
	for i, reply := range replies {
		if errs[i] == nil {
			removed, _ := reply.ToInt64()
			n += removed
		}
	}
	if n > 0 {
		steps.Applied()
	}
	return n, steps.Error(calls[0].Target, fault.Join(errs...))
}

// DecodeEntry decodes the value of an entry. Its error names the entry.
func (c *Core) DecodeEntry(t fault.Target, e *Entry, into reflect.Value) error {
	err := c.Decode(t, e.Text, into)
	if err == nil {
		return nil
	}
	var op *fault.OpError
	if errors.As(err, &op) {
		op.Err = fmt.Errorf("the entry %s: %w", e.ID, op.Err)
	}
	return err
}

// Entry is an entry of a feed.
type Entry struct {
	Position
	ID   string // the text of the position
	Text string // the encoded value
	end  bool   // it ends the feed and has no value
}

// At returns the time of the server when the entry was appended.
func (e *Entry) At() time.Time { return time.UnixMilli(int64(e.ms)) } //nolint:gosec // a stream has no later time

// readEntries returns the entries of a reply to XRANGE.
func readEntries(t fault.Target, r rueidis.RedisResult) ([]Entry, error) {
	m, err := r.ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		return nil, t.Failed(err)
	}
	return parseEntries(t, m)
}

func parseEntries(t fault.Target, m rueidis.RedisMessage) ([]Entry, error) {
	if !m.IsArray() {
		return nil, t.Applied(store.ErrShape)
	}
	all, err := m.ToArray()
	if err != nil {
		return nil, t.Failed(err)
	}
	entries := make([]Entry, len(all))
	var ids texts
	for i := range all {
		ids.reserve(len(all) - i)
		if err := entries[i].parse(&all[i], &ids); err != nil {
			return nil, t.Applied(err)
		}
	}
	return entries, nil
}

// parse reads an entry of a reply. It takes pointers, because the elements of a
// reply that are passed by value are allocated.
func (e *Entry) parse(m *rueidis.RedisMessage, ids *texts) error {
	if !m.IsArray() {
		return store.ErrShape
	}
	parts, err := m.ToArray()
	if err != nil || len(parts) != 2 || !parts[0].IsString() || !parts[1].IsArray() {
		return store.ErrShape
	}
	fields, err := parts[1].ToArray()
	if err != nil {
		return store.ErrShape
	}
	for i := range fields {
		if !fields[i].IsString() {
			return store.ErrShape
		}
	}
	if len(fields) != 2 {
		return errForeign
	}
	id, _ := parts[0].ToString()
	ms, _ := fields[0].ToString()
	value, _ := fields[1].ToString()
	return e.set(id, ms, value, ids)
}

// set reads the id of an entry, the name of its field, which is the time, and
// the value of the field. It appends the text of the position to ids.
func (e *Entry) set(id, ms, value string, ids *texts) error {
	number, isValue := strings.CutPrefix(id, valueID)
	if !isValue {
		if number, e.end = strings.CutPrefix(id, endID); !e.end {
			return errForeign
		}
	}
	e.ID, e.Text = ids.join(ms, number), value
	var ok bool
	if e.Position, ok = parsePosition(e.ID); !ok {
		return errForeign
	}
	return nil
}

// texts builds the texts of positions. Some of them share memory, so that not
// each of them is allocated.
type texts struct{ strings.Builder }

const (
	positionSize = 33
	sharingTexts = 16
)

// reserve allocates memory for up to n texts, if there is none left for one.
func (t *texts) reserve(n int) {
	if t.Cap()-t.Len() < positionSize {
		t.Builder = strings.Builder{}
		t.Grow(positionSize * min(n, sharingTexts))
	}
}

func (t *texts) join(ms, number string) string {
	start := t.Len()
	t.WriteString(ms)
	t.WriteByte('-')
	t.WriteString(number)
	return t.String()[start:]
}

// notBefore ensures that the time of e is not before that of an entry before
// it, although the clock was set back.
func (e *Entry) notBefore(before Position) {
	if e.ms < before.ms {
		e.ms = before.ms
		e.ID = e.Position.String()
	}
}

// IsFeed reports whether values are the id, the name of the field and its value
// for each entry of a feed, in order.
func IsFeed(values [][]byte) bool {
	var last Entry
	for i := 0; i+2 < len(values); i += 3 {
		var e Entry
		err := e.set(string(values[i]), string(values[i+1]), string(values[i+2]), &texts{})
		if err != nil || last.end || e.number <= last.number {
			return false
		}
		last = e
	}
	return true
}

var errForeign = fmt.Errorf("%w: an entry of the stream is not one of a feed, because another program added it; delete the key or use another one", fault.ErrWrongType)
