package hashrepo_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fields"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/sorttext"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// indexCheck compares the list and the indexes of a space with its records. It
// computes what they must hold from the records alone, by docs/bytes.md. Nobody
// may write during the check.
type indexCheck struct {
	pools *pool.Pools
	alias pool.Alias
	space keyspace.Space
	typ   reflect.Type // of the records
	codec codec.Codec

	// foreign allows what other programs cause when they change records:
	// records that are not in the list or not in an index, and stale items.
	foreign bool
}

// requireIndexes requires that the list and the indexes of a space of T in
// pool.User hold what its records say, and nothing else.
func requireIndexes[T any](tb testing.TB, p *pool.Pools, s keyspace.Space, c codec.Codec, step ...any) {
	tb.Helper()
	check := indexCheck{pools: p, alias: pool.User, space: s, typ: reflect.TypeFor[T](), codec: c}
	require.Empty(tb, check.faults(tb), step...)
}

// indexItem is what an index remembers for an id.
type indexItem struct {
	raw   string
	sorts []string
}

// clockTolerance is for the embedded server, whose clock is late on a busy
// machine.
const clockTolerance = 10 * time.Second

// roundingMS is how much earlier than its whole millisecond the embedded server
// may remove a record, since it counts down lifetimes of nanoseconds.
const roundingMS = 1

// faults returns what does not agree.
func (x *indexCheck) faults(tb testing.TB) (faults []string) {
	tb.Helper()
	add := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }

	// The keys of the space.
	poolPrefix := x.pools.Prefix(x.alias)
	before, after := x.space.Parts()
	name := poolPrefix + before
	if after != "" {
		name += "\x00" + after
	}
	idsKey := keyspace.Beside("ids", name)
	tail := strings.TrimPrefix(idsKey, "%ids")
	group, _, _ := strings.Cut(before, ":")
	if open, end := strings.IndexByte(name, '{'), strings.IndexByte(name, '}'); open >= 0 && end > open+1 {
		group = name[len(poolPrefix) : end+1]
	}
	spacesKey := keyspace.Beside("spaces", poolPrefix+group)
	reference := fmt.Sprintf("%d:%s%d:%s%s", len(poolPrefix+before), poolPrefix+before, len(after), after, idsKey)

	records := map[string]map[string]string{} // by coded id
	indexKeys := map[string]bool{}
	for _, key := range pooltest.Keys(tb, x.pools, x.alias) {
		switch {
		case strings.HasPrefix(key, "%index"+tail+":") && !strings.Contains(key[len("%index"+tail+":"):], ":"):
			indexKeys[key] = true
			if lifetime := x.integer(tb, "PTTL", key); lifetime > 0 {
				add("%q has a lifetime of %d ms", key, lifetime)
			}
		case strings.HasPrefix(key, "%") && strings.HasSuffix(key, tail):
			kind := strings.TrimSuffix(key, tail)
			switch lifetime := x.integer(tb, "PTTL", key); {
			case kind != "%ids" && kind != "%checks" && kind != "%entries" && kind != "%moved":
				continue // of another space with the same end
			case kind == "%moved" && lifetime == -1:
				add("%q has no lifetime", key)
			case kind != "%moved" && lifetime > 0:
				add("%q has a lifetime of %d ms", key, lifetime)
			}
		case strings.HasPrefix(key, poolPrefix):
			if _, ok := x.space.ID(key[len(poolPrefix):]); !ok {
				continue
			}
			fields, err := x.do(tb, "HGETALL", key).AsStrMap()
			if err == nil && len(fields) > 0 {
				records[key[len(poolPrefix+before):len(key)-len(after)]] = fields
			}
		}
	}

	ids := x.sortedSet(tb, idsKey)
	checks := x.sortedSet(tb, keyspace.Beside("checks", name))
	spaces := x.sortedSet(tb, spacesKey)
	now := float64(time.Now().UnixMilli())
	tolerance := float64(clockTolerance.Milliseconds())

	// The list, and the times of the next looks.
	first := now + 1e12
	for id, score := range ids {
		if score != 0 {
			add("the list has %q with the score %v", id, score)
		}
		look, ok := checks[id]
		if !ok {
			add("no look at %q is planned", id)
			continue
		}
		first = min(first, look)
		if _, ok := records[id]; !ok && look > now+roundingMS && !x.foreign {
			add("%q is in the list, its record is gone, and the next look is in %v ms", id, look-now)
		}
	}
	for id, look := range checks {
		if _, ok := ids[id]; !ok {
			add("a look at %q is planned, which is not in the list", id)
		}
		latest := now + 24*60*60*1000
		if expires := x.integer(tb, "PEXPIRETIME", poolPrefix+before+id+after); expires > 0 && !x.foreign {
			latest = float64(expires)
		}
		if look > latest+tolerance {
			add("the next look at %q is %v ms too late", id, look-latest)
		}
	}
	for id := range records {
		if _, ok := ids[id]; !ok && !x.foreign {
			add("the record %q is not in the list", id)
		}
	}

	// The reference of the space.
	switch score, ok := spaces[reference]; {
	case len(ids) > 0 && !ok:
		add("%q does not have the space %q but %q", spacesKey, reference, slices.Collect(maps.Keys(spaces)))
	case len(ids) > 0 && score > first:
		add("the next look at the space is %v ms later than that at an id", score-first)
	case len(ids) == 0 && ok:
		add("%q has the space, whose list is empty", spacesKey)
	}

	// The items of each id, and the members that they stand for.
	entries, err := x.do(tb, "HGETALL", keyspace.Beside("entries", name)).AsStrMap()
	require.NoError(tb, err)
	members := map[string]map[string]bool{} // by index key
	for id, remembered := range entries {
		if _, ok := ids[id]; !ok {
			add("there is an entry for %q, which is not in the list", id)
		}
		items, err := parseItems(remembered)
		if err != nil || len(items) == 0 {
			add("the entry of %q is %q: %v", id, remembered, err)
			continue
		}
		for name, item := range items {
			key := "%index" + tail + ":" + name
			if members[key] == nil {
				members[key] = map[string]bool{}
			}
			for _, sort := range item.sorts {
				members[key][sort+"\x00"+id] = true
			}
		}
	}
	for key := range indexKeys {
		stored := x.sortedSet(tb, key)
		for member, score := range stored {
			if !members[key][member] {
				add("%q has %q, which no item stands for", key, member)
			}
			if score != 0 {
				add("%q has %q with the score %v", key, member, score)
			}
		}
		for member := range members[key] {
			if _, ok := stored[member]; !ok {
				add("%q does not have %q", key, member)
			}
		}
		delete(members, key)
	}
	for key, missing := range members {
		add("%q does not exist, but should have %d members", key, len(missing))
	}

	// What the records say.
	holders := map[string]string{} // of unique values
	for id, record := range records {
		items, err := parseItems(entries[id])
		if err != nil {
			continue
		}
		for _, f := range x.indexed(tb) {
			name, want := x.item(tb, f, record)
			got, ok := items[name]
			delete(items, name)
			fresh := ok && want != nil && got.raw == want.raw
			switch {
			case fresh && !slices.Equal(got.sorts, want.sorts):
				add("the item of %q in %q is %q, not %q", id, name, got, *want)
			case !fresh && !x.foreign && (ok || want != nil):
				add("the item of %q in %q is %q, not %q (%v)", id, name, got, want, record)
			}
			if !f.Unique || want == nil || !fresh {
				continue
			}
			for _, sort := range want.sorts {
				if holder, held := holders[name+"\x00"+sort]; held {
					add("%q and %q both have %q in the unique index %q", id, holder, sort, name)
				}
				holders[name+"\x00"+sort] = id
			}
		}
	}
	slices.Sort(faults)
	return faults
}

// indexed returns the fields of the record type that have an index.
func (x *indexCheck) indexed(tb testing.TB) (indexed []fields.Field) {
	tb.Helper()
	if x.typ.Kind() != reflect.Struct {
		return nil
	}
	all, err := fields.Of(x.typ)
	require.NoError(tb, err)
	return slices.DeleteFunc(all, func(f fields.Field) bool { return !f.Indexed })
}

// item returns the name of the index over a field, and what it must have for a
// record, which is nil for nothing.
func (x *indexCheck) item(tb testing.TB, f fields.Field, record map[string]string) (string, *indexItem) {
	tb.Helper()
	encoder, err := sorttext.For(f.Type)
	require.NoError(tb, err)
	name := string(encoder.Kind()) + "-"
	for _, c := range []byte(f.Name) {
		if c == '_' || c == '-' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' {
			name += string(rune(c))
		} else {
			name += fmt.Sprintf("=%02X", c)
		}
	}
	raw, present := record[f.Name]
	for i := 0; !present && i < len(f.Was); i++ {
		raw, present = record[f.Was[i]]
	}
	if !present {
		return name, nil
	}
	typ, err := codec.For(x.codec, f.Type)
	require.NoError(tb, err)
	v := reflect.New(f.Type).Elem()
	if err := typ.Decode(raw, v); err != nil {
		return name, nil
	}
	sorts, err := encoder.Append(nil, v)
	require.NoError(tb, err)
	if len(sorts) == 0 {
		return name, nil
	}
	return name, &indexItem{raw, sorts}
}

// parseItems returns the items of an entry by the names of their indexes.
func parseItems(remembered string) (map[string]indexItem, error) {
	items := map[string]indexItem{}
	texts, err := parseTexts(remembered)
	for _, item := range texts {
		name, rest, errName := takeText(item)
		_, twice := items[name]
		if errName != nil || rest == "" || twice {
			return nil, fmt.Errorf("bad item %q", item)
		}
		only := strings.HasPrefix(rest, "=")
		parts, errBody := parseTexts(strings.TrimPrefix(rest, "="))
		switch {
		case errBody != nil:
			return nil, errBody
		case only && len(parts) == 1:
			items[name] = indexItem{parts[0], parts}
		case !only && len(parts) > 1 && (len(parts) > 2 || parts[0] != parts[1]):
			items[name] = indexItem{parts[0], parts[1:]}
		default:
			return nil, fmt.Errorf("bad body %q", rest)
		}
	}
	return items, err
}

func parseTexts(s string) (texts []string, err error) {
	for s != "" {
		var text string
		if text, s, err = takeText(s); err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// takeText returns the text at the start of s, which follows its length, and
// what comes after it.
func takeText(s string) (text, rest string, err error) {
	length, after, ok := strings.Cut(s, ":")
	n, err := strconv.Atoi(length)
	if !ok || err != nil || n < 0 || n > len(after) {
		return "", "", fmt.Errorf("no length at the start of %q", s)
	}
	return after[:n], after[n:], nil
}

// do sends a command whose first argument is a whole key.
func (x *indexCheck) do(tb testing.TB, command, key string, args ...string) rueidis.RedisResult {
	tb.Helper()
	c, err := x.pools.Client(x.alias)
	require.NoError(tb, err)
	return c.Do(ctx, c.B().Arbitrary(command).Keys(key).Args(args...).Build())
}

func (x *indexCheck) integer(tb testing.TB, command, key string) int64 {
	tb.Helper()
	n, err := x.do(tb, command, key).AsInt64()
	require.NoError(tb, err)
	return n
}

func (x *indexCheck) sortedSet(tb testing.TB, key string) map[string]float64 {
	tb.Helper()
	scores, err := x.do(tb, "ZRANGE", key, "0", "-1", "WITHSCORES").AsZScores()
	require.NoError(tb, err)
	set := map[string]float64{}
	for _, s := range scores {
		set[s.Member] = s.Score
	}
	return set
}
