package inspect

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Problem is a finding of [Check].
type Problem struct {
	Check string     `json:"check"` // server, type, lifetime or dead
	Pool  pool.Alias `json:"pool,omitempty"`
	Key   string     `json:"key,omitempty"` // of a record, or an example
	Text  string     `json:"text"`
}

// Checked counts the keys that [Check] has looked at.
type Checked struct {
	Keys    int64 `json:"keys"`
	Unknown int64 `json:"unknown"` // keys that no pattern of the layout makes
}

// checkedKind is a kind of record with the type of its keys.
type checkedKind struct {
	kind, typ string
	pattern   func(keyspace.Layout) keyspace.Pattern
	space     int // how many parts of a key records have in common that a repository wrote; 0 if their lifetimes do not matter
}

// homes are the kinds that the constructors put on a pool.
var homes = map[pool.Alias][]checkedKind{
	pool.User: {{symphony.KindUser, "hash", func(l keyspace.Layout) keyspace.Pattern { return l.User }, 1}},
	pool.Handlers: {
		{symphony.KindState, "hash", func(l keyspace.Layout) keyspace.Pattern { return l.State }, 2},
		{symphony.KindTable, "hash", func(l keyspace.Layout) keyspace.Pattern { return l.Table }, 2},
		{symphony.KindQueue, "list", func(l keyspace.Layout) keyspace.Pattern { return l.BatchList }, 0},
		{"pending set", "set", func(l keyspace.Layout) keyspace.Pattern { return l.PendingSet }, 0},
	},
	pool.SharedState: {{symphony.KindSharedState, "hash", func(l keyspace.Layout) keyspace.Pattern { return l.SharedState }, 1}},
	pool.Expiry:      {{symphony.KindTrigger, "string", func(l keyspace.Layout) keyspace.Pattern { return l.Trigger }, 0}},
}

// Check iterates over problems: servers that may lose data, records whose key
// has another Redis type, records without a lifetime among others with one, and
// dead letters that do not have the form of the library. It counts the keys in
// checked.
//
// It walks the keys of the pools whose kinds it knows, with SCAN, and sends
// TYPE and PTTL for each record, a page in one round trip. It holds two numbers
// for each tenant, table and handler. It does not know the types of fields, so
// it does not decode records. Keys of indexes are not checked, since the
// library removes their stale entries itself. An error ends the loop.
func Check(ctx context.Context, pools *pool.Pools, checked *Checked) iter.Seq2[Problem, error] {
	return func(yield func(Problem, error) bool) {
		report, err := pools.Report(ctx)
		if err != nil {
			yield(Problem{}, err)
			return
		}
		for _, finding := range report.Findings {
			// The others are of a sample. The walk looks at all keys.
			ofServer := func(s pool.ServerReport) bool { return strings.HasPrefix(finding, s.Addr) }
			if slices.ContainsFunc(report.Servers, ofServer) && !yield(Problem{Check: "server", Text: finding}, nil) {
				return
			}
		}
		for _, a := range CheckedPools(pools) {
			c := checker{pools: pools, alias: a, checked: checked, spaces: map[string]*lifetimes{}}
			if !c.run(ctx, yield) {
				return
			}
		}
		for d, err := range Dead(ctx, pools, DeadFilter{}, View{Redact: true}) {
			if err != nil || d.Problem != "" {
				if !yield(Problem{Check: "dead", Text: d.Problem}, err) || err != nil {
					return
				}
			}
		}
	}
}

// CheckedPools returns the pools whose keys [Check] walks over.
func CheckedPools(pools *pool.Pools) []pool.Alias {
	return slices.DeleteFunc(pools.Aliases(), func(a pool.Alias) bool { return homes[a] == nil })
}

// checker checks the keys of a pool.
type checker struct {
	pools   *pool.Pools
	alias   pool.Alias
	checked *Checked
	spaces  map[string]*lifetimes
}

// lifetimes counts the records of a space.
type lifetimes struct {
	expiring, permanent int64
	example             string // of a permanent record
}

// checkedKey is a key of a known kind.
type checkedKey struct {
	key   string
	kind  checkedKind
	space string // empty if lifetimes do not matter
}

// run yields the problems of the pool. It reports whether to continue.
func (c *checker) run(ctx context.Context, yield func(Problem, error) bool) bool {
	client, err := c.pools.Client(c.alias)
	if err != nil {
		return yield(Problem{}, err) && false
	}
	for page, err := range scan(ctx, c.pools, c.alias, c.pools.Prefix(c.alias)+"*") {
		if err != nil {
			return yield(Problem{}, err) && false
		}
		known := c.known(page)
		cmds := make(rueidis.Commands, 0, 2*len(known))
		for _, k := range known {
			cmds = append(cmds, client.B().Type().Key(k.key).Build(), client.B().Pttl().Key(k.key).Build())
		}
		replies := client.DoMulti(ctx, cmds...)
		for i, k := range known {
			typ, err := replies[2*i].ToString()
			left, errTTL := replies[2*i+1].AsInt64()
			if err := cmp.Or(err, errTTL); err != nil {
				return yield(Problem{}, fmt.Errorf("TYPE and PTTL of %s: %w", k.key, err)) && false
			}
			if !c.check(k, typ, left, yield) {
				return false
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.spaces)) {
		s := c.spaces[name]
		if s.permanent == 0 || s.expiring == 0 {
			continue
		}
		text := fmt.Sprintf("of %d records %s, %d have no lifetime; construct the repository in one place, with NoTTL or TTL",
			s.permanent+s.expiring, name, s.permanent)
		if !yield(Problem{"lifetime", c.alias, s.example, text}, nil) {
			return false
		}
	}
	return true
}

// known returns those of the keys that a pattern of the pool makes.
func (c *checker) known(page []string) (keys []checkedKey) {
	for _, key := range page {
		c.checked.Keys++
		bare := strings.TrimPrefix(key, c.pools.Prefix(c.alias))
		k, ok := c.kindOf(bare)
		if ok {
			k.key = key
			keys = append(keys, k)
		} else if !strings.HasPrefix(bare, "%") {
			c.checked.Unknown++
		}
	}
	return keys
}

func (c *checker) kindOf(bare string) (checkedKey, bool) {
	for _, kind := range homes[c.alias] {
		parts, ok := kind.pattern(c.pools.Layout()).Parse(bare)
		if !ok {
			continue
		}
		k := checkedKey{kind: kind}
		if kind.space > 0 {
			k.space = strings.Join(slices.Concat(parts[:1], []string{kind.kind}, parts[1:kind.space], []string{"*"}), "/")
		}
		return k, true
	}
	return checkedKey{}, false
}

// check yields the problem of a key, if there is one, and counts its lifetime.
func (c *checker) check(k checkedKey, typ string, left int64, yield func(Problem, error) bool) bool {
	if typ == "none" || left == -2 {
		return true // it has expired meanwhile
	}
	if typ != k.kind.typ {
		text := fmt.Sprintf("the key of a record (%s) has the type %s in place of %s, so its repository returns ErrWrongType; move it away with RENAME, or remove it",
			k.kind.kind, typ, k.kind.typ)
		return yield(Problem{"type", c.alias, k.key, text}, nil)
	}
	if k.space == "" {
		return true
	}
	s := c.spaces[k.space]
	if s == nil {
		s = &lifetimes{}
		c.spaces[k.space] = s
	}
	if left == -1 {
		s.permanent++
		s.example = cmp.Or(s.example, k.key)
	} else {
		s.expiring++
	}
	return true
}
