package inspect

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// IndexEntries are the entries of a record in the list and in the indexes of
// its space.
type IndexEntries struct {
	Listed  bool
	Look    time.Time // when the library looks next whether the record exists
	Entries []IndexEntry
}

// IndexEntry is an entry of an index.
type IndexEntry struct {
	Field string
	Kind  string // of the values: bool, integer, float, text or time
	Text  string // of the field when it was indexed
	Stale bool   // whether the field has another text now; readers pass over such entries
}

// indexKinds are the kinds of indexes by their first letter.
var indexKinds = map[byte]string{'b': "bool", 'n': "integer", 'f': "float", 't': "text", 'm': "time"}

// Indexed returns the entries of a hash in the list and in the indexes.
// It sends ZSCORE, HGET and HMGET in two round trips. The record is a key of
// one of the patterns of the layout; of another key the result is zero.
func Indexed(ctx context.Context, pools *pool.Pools, a pool.Alias, key string) (IndexEntries, error) {
	var e IndexEntries
	tail, id, ok := spaceOf(pools, a, key)
	if !ok {
		return e, nil
	}
	client, err := pools.Client(a)
	if err != nil {
		return e, err
	}
	b := client.B
	replies := client.DoMulti(ctx, b().Zscore().Key(keyspace.Beside("ids", tail)).Member(id).Build(),
		b().Zscore().Key(keyspace.Beside("checks", tail)).Member(id).Build(),
		b().Hget().Key(keyspace.Beside("entries", tail)).Field(id).Build())
	_, err = replies[0].AsFloat64()
	if e.Listed = err == nil; err != nil && !rueidis.IsRedisNil(err) {
		return e, err
	}
	if at, err := replies[1].AsFloat64(); err == nil {
		e.Look = time.UnixMilli(int64(at))
	}
	text, err := replies[2].ToString()
	if err != nil {
		if rueidis.IsRedisNil(err) {
			err = nil
		}
		return e, err
	}
	e.Entries = parseEntries(text)
	err = e.compare(ctx, client, key)
	return e, err
}

// compare notes which entries are stale.
func (e *IndexEntries) compare(ctx context.Context, client rueidis.Client, key string) error {
	if len(e.Entries) == 0 {
		return nil
	}
	fields := make([]string, len(e.Entries))
	for i, entry := range e.Entries {
		fields[i] = entry.Field
	}
	now, err := client.Do(ctx, client.B().Hmget().Key(key).Field(fields...).Build()).ToArray()
	if err != nil {
		return err
	}
	for i := range min(len(now), len(fields)) {
		text, err := now[i].ToString()
		e.Entries[i].Stale = err != nil || text != e.Entries[i].Text
	}
	return nil
}

// spaceOf returns the name of the space of a record, and its id as the key has
// it.
func spaceOf(pools *pool.Pools, a pool.Alias, key string) (tail, id string, ok bool) {
	prefix := pools.Prefix(a)
	bare, ok := strings.CutPrefix(key, prefix)
	l := pools.Layout()
	for _, pattern := range []keyspace.Pattern{l.User, l.State, l.Table, l.SharedState} {
		parts, matches := pattern.Parse(bare)
		if !ok || !matches {
			continue
		}
		free := len(parts) - 1
		if pattern == l.SharedState {
			free-- // the state
		}
		parts[free] = keyspace.Any
		space, err := pattern.Bind(parts...)
		if err != nil {
			continue
		}
		before, after := space.Parts()
		id, ok := strings.CutPrefix(bare, before)
		if id, matches = strings.CutSuffix(id, after); !ok || !matches {
			continue
		}
		tail = prefix + before
		if after != "" {
			tail += "\x00" + after
		}
		return tail, id, true
	}
	return "", "", false
}

// parseEntries parses the items that are remembered of an id, each after its
// length. An item is the name of the index after its length, and a body: the
// text of the field and its sort texts, each after its length, or an equals
// sign and the text as its only sort text. Names, lengths and bodies that are
// invalid are left out.
func parseEntries(text string) (all []IndexEntry) {
	for text != "" {
		item, rest, ok := cutCounted(text)
		if !ok {
			break
		}
		text = rest
		name, body, ok := cutCounted(item)
		kind, field, isName := strings.Cut(name, "-")
		value, _, isValue := cutCounted(strings.TrimPrefix(body, "="))
		if ok && isName && isValue && len(kind) == 1 {
			all = append(all, IndexEntry{Field: unescapeField(field), Kind: indexKinds[kind[0]], Text: value})
		}
	}
	slices.SortFunc(all, func(a, b IndexEntry) int { return strings.Compare(a.Field, b.Field) })
	return all
}

// cutCounted cuts a text that stands after its length and a colon.
func cutCounted(text string) (part, rest string, ok bool) {
	digits, after, ok := strings.Cut(text, ":")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || n > len(after) {
		return "", "", false
	}
	return after[:n], after[n:], true
}

// unescapeField returns the name of a field in the name of an index, where an
// equals sign and two hexadecimal digits stand for a byte.
func unescapeField(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '=' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
