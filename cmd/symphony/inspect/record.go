package inspect

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Record is a key with its content.
type Record struct {
	Pool   pool.Alias `json:"pool"`
	Key    string     `json:"key"` // as Redis sees it
	Type   string     `json:"type"`
	TTL    Lifetime   `json:"ttl"`              // in seconds, or null if the key has none
	Memory int64      `json:"memory,omitempty"` // bytes; 0 if the server does not report it
	Length int64      `json:"length"`           // the number of fields, items, members or bytes
	Parts  []Part     `json:"content"`
}

// Part is a field of a hash, an item of a list, a member of a set, an entry of
// a stream, or the whole value of a string.
type Part struct {
	Name  string          `json:"name,omitempty"` // of a field, a member of a sorted set or an entry
	Score *Score          `json:"score,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
	TTL   Lifetime        `json:"ttl,omitzero"` // of a field
}

// Score is a score of a sorted set, which may be infinite.
type Score float64

// String returns the score as Redis writes it.
func (s Score) String() string {
	return strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(float64(s), 'f', -1, 64)), "+")
}

// MarshalJSON returns the score as a number, or the text inf or -inf.
func (s Score) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(s), 0) {
		return json.Marshal(s.String())
	}
	return json.Marshal(float64(s))
}

// Lifetime is the rest of a lifetime. It is 0 if there is none.
type Lifetime time.Duration

// MarshalJSON returns the lifetime in seconds, or null if there is none.
func (l Lifetime) MarshalJSON() ([]byte, error) {
	if l == 0 {
		return []byte("null"), nil
	}
	return json.Marshal(time.Duration(l).Seconds())
}

// maxStringBytes is how much of a string is read.
const maxStringBytes = 64 << 10

// Name is the name of a record: a key, or its parts.
type Name struct {
	Pool pool.Alias // empty: every pool
	Key  string
}

// named are the records that a path names: tenant/kind/id.
var named = []struct {
	kind  string
	parts int // after the kind
	pool  pool.Alias
	key   func(l keyspace.Layout, parts ...string) (string, error)
}{
	{symphony.KindUser, 1, pool.User, func(l keyspace.Layout, parts ...string) (string, error) { return l.User.Key(parts...) }},
	{symphony.KindState, 2, pool.Handlers, func(l keyspace.Layout, parts ...string) (string, error) { return l.State.Key(parts...) }},
	{symphony.KindTable, 2, pool.Handlers, func(l keyspace.Layout, parts ...string) (string, error) { return l.Table.Key(parts...) }},
	{symphony.KindSharedState, 2, pool.SharedState, func(l keyspace.Layout, parts ...string) (string, error) { return l.SharedState.Key(parts...) }},
	{symphony.KindGeneric, 1, pool.Default, func(l keyspace.Layout, parts ...string) (string, error) { return l.Generic.Key(parts...) }},
	{symphony.KindFeed, 2, pool.PubSub, func(l keyspace.Layout, parts ...string) (string, error) { return l.Feed.Key(parts...) }},
	{symphony.KindLimit, 1, pool.Handlers, func(l keyspace.Layout, parts ...string) (string, error) { return l.Limit.Key(parts...) }},
	{symphony.KindQueue, 3, pool.Handlers, func(l keyspace.Layout, parts ...string) (string, error) { return l.BatchList.Key(parts...) }},
	{symphony.KindTrigger, 2, pool.Expiry, nil},
}

// ParseName returns the name of a record. A path is a tenant, a kind and the
// parts of the key after the tenant, with slashes between them, such as
// acme/user/u1 and acme/table/orders/17. The last part may contain slashes. All
// other texts are keys, with or without the prefix of the pool.
//
// If a part cannot be in a key, ParseName returns symphony.ErrInvalidKey.
func ParseName(pools *pool.Pools, text string) (Name, error) {
	tenant, rest, _ := strings.Cut(text, "/")
	kind, rest, found := strings.Cut(rest, "/")
	for _, n := range named {
		parts := strings.SplitN(rest, "/", n.parts)
		if !found || n.kind != kind || len(parts) != n.parts {
			continue
		}
		if n.kind == symphony.KindTrigger {
			key, err := triggerKey(pools, tenant, parts[0], parts[1])
			return Name{n.pool, key}, err
		}
		key, err := n.key(pools.Layout(), append([]string{tenant}, parts...)...)
		return Name{n.pool, key}, err
	}
	return Name{Key: text}, nil
}

func triggerKey(pools *pool.Pools, tenant, action, id string) (string, error) {
	triggers, err := symphony.NewTrigger(pools, tenant)
	if err != nil {
		return "", err
	}
	return triggers.Key(action, id)
}

// Records returns the records with a name, at most one for each database. For
// each it returns up to limit fields, items or members. It sends TYPE to each
// database, and for each record a few commands whose cost does not depend on
// the size of the record. A field that changes meanwhile may occur twice.
func Records(ctx context.Context, pools *pool.Pools, name Name, limit int, view View) (all []Record, err error) {
	aliases := []pool.Alias{name.Pool}
	if name.Pool == "" {
		aliases = pools.Aliases()
	}
	seen := map[string]bool{}
	for _, a := range aliases {
		client, err := pools.Client(a)
		if err != nil {
			return nil, err
		}
		r := Record{Pool: a, Key: keyOn(pools, a, name)}
		prefix := pools.Prefix(a)
		if !strings.HasPrefix(r.Key, prefix) && !strings.HasPrefix(r.Key, "%") || prefix != "" && seen[r.Key] {
			continue // it is a key of another pool, or the pools share a database
		}
		seen[r.Key] = prefix != ""
		view.fieldLifetimes = pools.SupportsFieldTTL(a)
		found, err := r.read(ctx, client, limit, view)
		if err != nil {
			return nil, fmt.Errorf("%s of the pool %s: %w", r.Key, a, err)
		}
		if found {
			all = append(all, r)
		}
	}
	return all, nil
}

// keyOn returns the key that a name has on a pool.
func keyOn(pools *pool.Pools, a pool.Alias, name Name) string {
	owner := func(a pool.Alias) bool { p := pools.Prefix(a); return p != "" && strings.HasPrefix(name.Key, p) }
	if owner(a) || strings.HasPrefix(name.Key, "%") || name.Pool == "" && slices.ContainsFunc(pools.Aliases(), owner) {
		return name.Key
	}
	return pools.Prefix(a) + name.Key
}

// read reads the record and reports whether it exists.
func (r *Record) read(ctx context.Context, c rueidis.Client, limit int, view View) (found bool, err error) {
	if r.Type, err = c.Do(ctx, c.B().Type().Key(r.Key).Build()).ToString(); err != nil || r.Type == "none" {
		return false, err
	}
	replies := c.DoMulti(ctx, c.B().Pttl().Key(r.Key).Build(), c.B().MemoryUsage().Key(r.Key).Build())
	left, err := replies[0].AsInt64()
	if err != nil || left == -2 {
		return false, err
	}
	r.TTL = lifetime(left)
	r.Memory, _ = replies[1].AsInt64() // the embedded server has no MEMORY
	read, ok := readers[r.Type]
	if !ok {
		return true, nil
	}
	return true, read(r, ctx, c, int64(limit), view)
}

// lifetime converts the reply of PTTL.
func lifetime(ms int64) Lifetime {
	if ms < 0 {
		return 0
	}
	return Lifetime(max(ms, 1)) * Lifetime(time.Millisecond)
}

// readers read the content of a record by its type.
var readers = map[string]func(*Record, context.Context, rueidis.Client, int64, View) error{
	"string": (*Record).readString, "hash": (*Record).readHash, "list": (*Record).readList,
	"set": (*Record).readSet, "zset": (*Record).readSortedSet, "stream": (*Record).readStream,
}

func (r *Record) readString(ctx context.Context, c rueidis.Client, _ int64, view View) error {
	replies := c.DoMulti(ctx, c.B().Strlen().Key(r.Key).Build(), c.B().Getrange().Key(r.Key).Start(0).End(maxStringBytes-1).Build())
	value, err := replies[1].AsBytes()
	if err != nil {
		return err
	}
	if r.Length, err = replies[0].AsInt64(); err != nil {
		return err
	}
	shown := view.show(value)
	if view.Redact {
		shown = fmt.Appendf(nil, `"(%d bytes)"`, r.Length)
	}
	r.Parts = []Part{{Value: shown}}
	return nil
}

func (r *Record) readHash(ctx context.Context, c rueidis.Client, limit int64, view View) (err error) {
	if r.Length, err = c.Do(ctx, c.B().Hlen().Key(r.Key).Build()).AsInt64(); err != nil {
		return err
	}
	for cursor := uint64(0); int64(len(r.Parts)) < limit; {
		page, err := c.Do(ctx, c.B().Hscan().Key(r.Key).Cursor(cursor).Count(limit).Build()).AsScanEntry()
		if err != nil {
			return err
		}
		for pair := range slices.Chunk(page.Elements, 2) {
			if len(pair) == 2 {
				r.Parts = append(r.Parts, Part{Name: pair[0], Value: view.show([]byte(pair[1]))})
			}
		}
		if cursor = page.Cursor; cursor == 0 {
			break
		}
	}
	r.Parts = r.Parts[:min(int64(len(r.Parts)), limit)]
	slices.SortFunc(r.Parts, func(a, b Part) int { return strings.Compare(a.Name, b.Name) })
	if !view.fieldLifetimes {
		return nil
	}
	return r.readFieldLifetimes(ctx, c)
}

// readFieldLifetimes reads the lifetimes of fields.
func (r *Record) readFieldLifetimes(ctx context.Context, c rueidis.Client) error {
	if len(r.Parts) == 0 {
		return nil
	}
	names := make([]string, len(r.Parts))
	for i, part := range r.Parts {
		names[i] = part.Name
	}
	left, err := c.Do(ctx, c.B().Hpttl().Key(r.Key).Fields().Numfields(int64(len(names))).Field(names...).Build()).AsIntSlice()
	if _, refused := rueidis.IsRedisErr(err); refused {
		return nil // the user may not read them
	}
	if err != nil {
		return err
	}
	for i := range min(len(left), len(names)) {
		r.Parts[i].TTL = lifetime(left[i])
	}
	return nil
}

func (r *Record) readList(ctx context.Context, c rueidis.Client, limit int64, view View) error {
	replies := c.DoMulti(ctx, c.B().Llen().Key(r.Key).Build(), c.B().Lrange().Key(r.Key).Start(0).Stop(limit-1).Build())
	items, err := replies[1].AsStrSlice()
	for _, item := range items {
		r.Parts = append(r.Parts, Part{Value: view.show([]byte(item))})
	}
	if err == nil {
		r.Length, err = replies[0].AsInt64()
	}
	return err
}

func (r *Record) readSet(ctx context.Context, c rueidis.Client, limit int64, view View) error {
	replies := c.DoMulti(ctx, c.B().Scard().Key(r.Key).Build(), c.B().Sscan().Key(r.Key).Cursor(0).Count(limit).Build())
	page, err := replies[1].AsScanEntry()
	for _, member := range page.Elements[:min(int64(len(page.Elements)), limit)] {
		r.Parts = append(r.Parts, Part{Value: view.show([]byte(member))})
	}
	if err == nil {
		r.Length, err = replies[0].AsInt64()
	}
	return err
}

func (r *Record) readSortedSet(ctx context.Context, c rueidis.Client, limit int64, view View) error {
	replies := c.DoMulti(ctx, c.B().Zcard().Key(r.Key).Build(),
		c.B().Zrange().Key(r.Key).Min("0").Max(strconv.FormatInt(limit-1, 10)).Withscores().Build())
	members, err := replies[1].AsZScores()
	for _, m := range members {
		score := Score(m.Score)
		r.Parts = append(r.Parts, Part{Score: &score, Value: view.show([]byte(m.Member))})
	}
	if err == nil {
		r.Length, err = replies[0].AsInt64()
	}
	return err
}

func (r *Record) readStream(ctx context.Context, c rueidis.Client, limit int64, view View) error {
	replies := c.DoMulti(ctx, c.B().Xlen().Key(r.Key).Build(), c.B().Xrange().Key(r.Key).Start("-").End("+").Count(limit).Build())
	entries, err := replies[1].AsXRange()
	for _, e := range entries {
		fields := map[string]json.RawMessage{}
		for name, value := range e.FieldValues {
			fields[name] = view.show([]byte(value))
		}
		value, err := json.Marshal(fields)
		if err != nil {
			return err
		}
		r.Parts = append(r.Parts, Part{Name: e.ID, Value: value})
	}
	if err == nil {
		r.Length, err = replies[0].AsInt64()
	}
	return err
}
