package tenancy

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/feed"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/pool"
)

// Record is a record of a tenant with what its key holds. The record of a queue
// is its name alone.
type Record struct {
	Kind  string
	Pool  pool.Alias
	Parts []string // of its key, after the tenant

	Type    string   // of Redis
	Expires int64    // in Unix milliseconds; 0 if it has no lifetime
	Values  [][]byte // the string; elements; fields with values; members with scores; or ids, names and values of a stream

	// FieldExpires are the ends of the lifetimes of the fields of a hash, 0 for
	// none. It is nil if no field has a lifetime.
	FieldExpires []int64
}

// Records iterates over the records of the tenant, and over its queues, each
// once. It ends after the first error.
func (w *Walk) Records(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		databases, err := w.databases()
		if err != nil {
			yield(Record{}, err)
			return
		}
		w.announce(ctx, databases)
		for _, v := range databases {
			queues := map[string]bool{}
			err := v.scan(ctx, v.tenantTexts(), func(ctx context.Context, keys []found) error {
				records, err := v.readRecords(ctx, slices.DeleteFunc(keys, func(k found) bool { return !v.isExported(k, queues) }))
				for i := range records {
					if err == nil && !yield(records[i], nil) {
						err = errStopped
					}
				}
				return err
			})
			if errors.Is(err, errStopped) {
				return
			}
			if err != nil {
				yield(Record{}, err)
				return
			}
		}
	}
}

var errStopped = errors.New("the loop ended")

// isExported reports whether a key is a record of the tenant, or the first one
// of a queue.
func (v *visitor) isExported(k found, queues map[string]bool) bool {
	switch {
	case !k.known || k.tenant != v.Tenant:
		return false
	case k.kind == Queue:
		first := holdsItems(k.beside) && !queues[k.record]
		queues[k.record] = queues[k.record] || first
		return first
	}
	return k.beside == "" && k.kind != Trigger
}

// readRecords reads the records of a page, in two round trips. It leaves out
// those that are gone.
func (v *visitor) readRecords(ctx context.Context, keys []found) (records []Record, err error) {
	b := v.store.Client.B
	cmds := make(rueidis.Commands, len(keys))
	for i, k := range keys {
		cmds[i] = b().Type().Key(k.key).Build()
	}
	types := v.store.Client.DoMulti(ctx, cmds...)
	var reads rueidis.Commands
	for i, k := range keys {
		kind, err := types[i].ToString()
		if err != nil {
			return nil, v.targetOf(k).Failed(err)
		}
		parts, _ := v.patterns[k.kind].Parse(strings.TrimPrefix(k.record, v.prefixes[k.alias]))
		r := Record{Kind: k.kind, Pool: k.alias, Parts: parts[1:], Type: kind}
		read, ok := v.readCommand(k, r.Type)
		if !ok {
			return nil, v.targetOf(k).NotApplied(unknownType(kind))
		}
		records = append(records, r)
		reads = append(reads, read, b().Pexpiretime().Key(k.key).Build())
	}
	replies := v.store.Client.DoMulti(ctx, reads...)
	for i := range records {
		r := &records[i]
		t := v.targetOf(keys[i])
		if r.Kind == Queue {
			r.Type = ""
			continue
		}
		if r.Expires, err = replies[2*i+1].AsInt64(); err != nil {
			return nil, t.Failed(err)
		}
		if r.Values, err = readValues(r.Type, replies[2*i]); err != nil && !rueidis.IsRedisNil(err) {
			return nil, t.Failed(err)
		}
		if r.Expires = max(r.Expires, 0); r.Type == string(store.Hash) && len(r.Values) > 0 {
			if r.FieldExpires, err = v.readFieldLifetimes(ctx, keys[i], r.Values); err != nil {
				return nil, t.Failed(err)
			}
		}
	}
	return slices.DeleteFunc(records, func(r Record) bool { return r.Kind != Queue && len(r.Values) == 0 }), nil
}

func (v *visitor) targetOf(k found) fault.Target {
	return fault.Target{Op: v.Op, Pool: k.alias, Key: k.key}
}

// readCommand returns the command that reads a key of a type, or PING for a key
// that is not read.
func (v *visitor) readCommand(k found, kind string) (rueidis.Completed, bool) {
	b := v.store.Client.B()
	if k.kind == Queue || kind == "none" {
		return b.Exists().Key(k.key).Build(), true
	}
	switch store.Kind(kind) {
	case store.String:
		return b.Get().Key(k.key).Build(), true
	case store.Hash:
		return b.Hgetall().Key(k.key).Build(), true
	case store.List:
		return b.Lrange().Key(k.key).Start(0).Stop(-1).Build(), true
	case store.Set:
		return b.Smembers().Key(k.key).Build(), true
	case store.SortedSet:
		return b.Zrange().Key(k.key).Min("0").Max("-1").Withscores().Build(), true
	case store.Stream:
		return b.Xrange().Key(k.key).Start("-").End("+").Build(), k.kind == Feed
	}
	return rueidis.Completed{}, false
}

// readValues returns the values of a record from the reply to readCommand.
func readValues(kind string, reply rueidis.RedisResult) (values [][]byte, err error) {
	switch store.Kind(kind) {
	case store.String:
		text, err := reply.ToString()
		if err != nil {
			return nil, err
		}
		return [][]byte{[]byte(text)}, nil
	case store.Hash:
		fields, err := reply.AsStrMap()
		for name, value := range fields {
			values = append(values, []byte(name), []byte(value))
		}
		return values, err
	case store.List, store.Set:
		elements, err := reply.AsStrSlice()
		for _, element := range elements {
			values = append(values, []byte(element))
		}
		return values, err
	case store.SortedSet:
		members, err := reply.AsZScores()
		for _, m := range members {
			values = append(values, []byte(m.Member), strconv.AppendFloat(nil, m.Score, 'g', -1, 64))
		}
		return values, err
	case store.Stream:
		return readStream(reply)
	}
	return nil, nil
}

// readStream returns the id, the name of the field and its value for each entry
// of a feed.
func readStream(reply rueidis.RedisResult) (values [][]byte, err error) {
	entries, err := reply.ToArray()
	for i := range entries {
		parts, errParts := entries[i].ToArray()
		if errParts != nil || len(parts) != 2 {
			return nil, store.ErrShape
		}
		id, errID := parts[0].ToString()
		fields, errFields := parts[1].AsStrSlice()
		if errID != nil || errFields != nil || len(fields) != 2 {
			return nil, unknownType("stream")
		}
		values = append(values, []byte(id), []byte(fields[0]), []byte(fields[1]))
	}
	return values, err
}

// readFieldLifetimes returns the ends of the lifetimes of fields, or nil if
// none has one.
func (v *visitor) readFieldLifetimes(ctx context.Context, k found, values [][]byte) ([]int64, error) {
	if !v.stores[k.alias].FieldLifetimes() {
		return nil, nil
	}
	names := make([]string, 0, len(values)/2)
	for i := 0; i < len(values); i += 2 {
		names = append(names, string(values[i]))
	}
	c := v.store.Client
	ends, err := c.Do(ctx, c.B().Hpexpiretime().Key(k.key).Fields().Numfields(int64(len(names))).Field(names...).Build()).AsIntSlice()
	if rueidis.IsRedisNil(err) || err == nil && len(ends) != len(names) {
		return nil, nil
	}
	for i := range ends {
		ends[i] = max(ends[i], 0)
	}
	if err != nil || slices.Max(ends) == 0 {
		return nil, err
	}
	return ends, nil
}

// CheckRecord returns the error of Restore for a record that cannot be written.
// It sends nothing.
func (w *Walk) CheckRecord(r Record) error {
	_, _, _, err := w.prepare(r)
	return err
}

// Restore writes a record. What its key holds is replaced, atomically.
func (w *Walk) Restore(ctx context.Context, r Record) error {
	s, t, cmds, err := w.prepare(r)
	if err != nil {
		return err
	}
	tx := append(s.Tx(len(cmds)+1), s.Client.B().Del().Key(t.Key).Build())
	tx = append(append(tx, cmds...), s.Client.B().Exec().Build())
	if _, err := store.ExecReplies(s.SendAll(ctx, []fault.Target{t}, tx...)); err != nil {
		return t.Failed(err)
	}
	return nil
}

// prepare returns the commands that write a record to a key that does not
// exist.
func (w *Walk) prepare(r Record) (*store.Store, fault.Target, store.Tx, error) {
	t := fault.Target{Op: w.Op, Pool: r.Pool, Write: true}
	s, err := store.New(w.Pools, r.Pool, keysSpace, store.Spec{})
	if err != nil {
		return nil, t, nil, err
	}
	at := slices.IndexFunc(layoutKinds(w.Layout), func(p namedPattern) bool { return p.kind == r.Kind })
	if at < 0 {
		return nil, t, nil, invalidRecord("its kind is " + strconv.Quote(r.Kind))
	}
	key, err := layoutKinds(w.Layout)[at].Key(append([]string{w.Tenant}, r.Parts...)...)
	if err != nil {
		return nil, t, nil, err
	}
	t.Key = s.Prefix() + key
	for _, value := range r.Values {
		if err := s.CheckSize(t, rueidis.BinaryString(value)); err != nil {
			return nil, t, nil, err
		}
	}
	cmds, err := writeCommands(s, t.Key, r)
	if err != nil {
		return nil, t, nil, t.NotApplied(err)
	}
	return s, t, cmds, nil
}

// writePage is the number of values that one command of a restored record
// writes. It is even.
const writePage = 1000

// writeCommands returns the commands that write a record to a key that does not
// exist.
func writeCommands(s *store.Store, key string, r Record) (cmds store.Tx, err error) {
	commands := map[store.Kind]string{store.String: "SET", store.Hash: "HSET", store.List: "RPUSH", store.Set: "SADD", store.SortedSet: "ZADD", store.Stream: "XADD"}
	kind := store.Kind(r.Type)
	paired := kind == store.Hash || kind == store.SortedSet
	switch {
	case commands[kind] == "" || kind == store.Stream && r.Kind != Feed:
		return nil, unknownType(r.Type)
	case len(r.Values) == 0 || kind == store.String && len(r.Values) != 1 || paired && len(r.Values)%2 != 0, kind == store.Stream && len(r.Values)%3 != 0,
		r.FieldExpires != nil && (kind != store.Hash || 2*len(r.FieldExpires) != len(r.Values)):
		return nil, invalidRecord("the number of its values does not fit its type")
	case kind == store.Stream && !feed.IsFeed(r.Values):
		return nil, invalidRecord("the entries are not those of a feed")
	case r.FieldExpires != nil && !s.FieldLifetimes():
		return nil, errFieldLifetimes
	case slices.ContainsFunc(r.FieldExpires, func(end int64) bool { return end < 0 || end > latestFieldExpiry }):
		return nil, invalidRecord("the end of the lifetime of a field is no time")
	}
	texts := make([]string, len(r.Values))
	for i, value := range r.Values {
		texts[i] = string(value)
	}
	if kind == store.SortedSet {
		for i := 0; i < len(texts); i += 2 {
			score, err := strconv.ParseFloat(texts[i+1], 64)
			if err != nil || math.IsNaN(score) {
				return nil, invalidRecord("a score is not a number")
			}
			texts[i], texts[i+1] = strconv.FormatFloat(score, 'g', -1, 64), texts[i]
		}
	}
	b := s.Client.B
	size := writePage
	if kind == store.Stream {
		size = 3 // an entry
	}
	for page := range slices.Chunk(texts, size) {
		cmds = append(cmds, b().Arbitrary(commands[kind]).Keys(key).Args(page...).Build())
	}
	for i, end := range r.FieldExpires {
		if end > 0 {
			cmds = append(cmds, b().Hpexpireat().Key(key).UnixTimeMilliseconds(end).Fields().Numfields(1).Field(string(r.Values[2*i])).Build())
		}
	}
	if r.Expires > 0 {
		cmds = append(cmds, b().Pexpireat().Key(key).MillisecondsTimestamp(r.Expires).Build())
	}
	return cmds, nil
}

// latestFieldExpiry is the latest time at which a field of Redis expires. A
// later one fails after the other commands of the transaction were applied.
const latestFieldExpiry = 1<<46 - 1

var errFieldLifetimes = fmt.Errorf("%w: a field of the record has a lifetime, which this server does not support; import it into Redis 7.4 or Valkey 9", fault.ErrUnsupported)

func unknownType(kind string) error {
	return fmt.Errorf("%w: a key of the type %q can be neither exported nor imported", fault.ErrUnsupported, kind)
}

func invalidRecord(reason string) error {
	return fmt.Errorf("%w: a record of the export is invalid: %s", fault.ErrInvalidArgument, reason)
}
