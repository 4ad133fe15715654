package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// searchQuery selects records of a kind.
type searchQuery struct{ tenant, kind, id, field, value string }

// searchedKinds are the kinds of records that a search finds.
var searchedKinds = []string{
	symphony.KindUser, symphony.KindState, symphony.KindTable, symphony.KindSharedState, symphony.KindGeneric, symphony.KindTrigger,
}

// foundRecord is a record that a search found.
type foundRecord struct {
	pool  pool.Alias
	key   string // as Redis sees it
	parts []string
	field string // the value of the field that was searched for
}

// id returns the parts of the key after the tenant.
func (f foundRecord) id() string { return strings.Join(f.parts[1:], "/") }

// searchShown is how many records a search returns.
const searchShown = 100

func (q searchQuery) pattern(pools *pool.Pools) (pool.Alias, keyspace.Pattern) {
	l := pools.Layout()
	switch q.kind {
	case symphony.KindUser:
		return pool.User, l.User
	case symphony.KindState:
		return pool.Handlers, l.State
	case symphony.KindTable:
		return pool.Handlers, l.Table
	case symphony.KindSharedState:
		return pool.SharedState, l.SharedState
	case symphony.KindGeneric:
		return pool.Default, l.Generic
	case symphony.KindTrigger:
		return pool.Expiry, l.Trigger
	}
	return "", keyspace.Pattern{}
}

// check returns an error if no key can match.
func (q searchQuery) check(pools *pool.Pools) error {
	a, pattern := q.pattern(pools)
	if a == "" {
		return fmt.Errorf("%w: there is no kind %q to search for", symphony.ErrInvalidArgument, q.kind)
	}
	if q.tenant != "" {
		return pattern.CheckPart(0, q.tenant)
	}
	return nil
}

// searchWork walks over the keys of a pool until it has found enough records.
func (h *handler) searchWork(q searchQuery) work[listing[foundRecord]] {
	name := to("search", "tenant", q.tenant, "kind", q.kind, "id", q.id, "field", q.field, "value", q.value)
	return work[listing[foundRecord]]{name: name, run: func(ctx context.Context) (l listing[foundRecord], err error) {
		a, pattern := q.pattern(h.pools)
		parts := slices.Repeat([]string{keyspace.Any}, len(pattern.Params()))
		if q.tenant != "" {
			parts[0] = q.tenant
		}
		prefix, seen, matches := h.pools.Prefix(a), map[string]bool{}, idMatcher(q.id)
		for page, err := range scan(ctx, h.pools, a, globText(prefix)+pattern.Glob(parts...)) {
			if err != nil {
				return l, err
			}
			var found []foundRecord
			for _, key := range page {
				parts, ok := pattern.Parse(strings.TrimPrefix(key, prefix))
				if !ok || q.tenant != "" && parts[0] != q.tenant || seen[key] {
					continue
				}
				if f := (foundRecord{pool: a, key: key, parts: parts}); matches(f.id()) {
					found = append(found, f)
				}
			}
			if found, err = h.withField(ctx, q, a, found); err != nil {
				return l, err
			}
			for _, f := range found {
				if seen[f.key] = true; len(l.all) == searchShown {
					l.more = true
					return l.sorted(), nil
				}
				l.all = append(l.all, f)
			}
		}
		return l.sorted(), nil
	}}
}

func (l listing[T]) sorted() listing[T] {
	if all, ok := any(l.all).([]foundRecord); ok {
		slices.SortFunc(all, func(a, b foundRecord) int { return slices.Compare(a.parts, b.parts) })
	}
	return l
}

// withField returns those of the records that have the field of a query. It
// sends HGET for each, in one round trip.
func (h *handler) withField(ctx context.Context, q searchQuery, a pool.Alias, found []foundRecord) (with []foundRecord, err error) {
	if q.field == "" || len(found) == 0 {
		return found, nil
	}
	client, err := h.pools.Client(a)
	if err != nil {
		return nil, err
	}
	cmds := make(rueidis.Commands, len(found))
	for i, f := range found {
		cmds[i] = client.B().Hget().Key(f.key).Field(q.field).Build()
	}
	for i, reply := range client.DoMulti(ctx, cmds...) {
		text, err := reply.ToString()
		if _, refused := rueidis.IsRedisErr(err); refused || rueidis.IsRedisNil(err) {
			continue // it does not exist, or is no hash
		}
		if err != nil {
			return nil, err
		}
		if q.value == "" || text == q.value {
			found[i].field, _ = cutText(text, 2*maxShown)
			with = append(with, found[i])
		}
	}
	return with, nil
}

// cutText returns the first bytes of a text.
func cutText(s string, limit int) (string, bool) {
	if len(s) <= limit {
		return s, false
	}
	return s[:limit], true
}

// idMatcher returns a function that reports whether an id matches the text that
// a person wrote, in which * stands for any text.
func idMatcher(id string) func(string) bool {
	words := strings.Split(id, "*")
	first, last := words[0], words[len(words)-1]
	return func(s string) bool {
		if id == "" || len(words) == 1 {
			return id == "" || s == id
		}
		s, ok := strings.CutPrefix(s, first)
		for _, word := range words[1 : len(words)-1] {
			var found bool
			_, s, found = strings.Cut(s, word)
			ok = ok && found
		}
		return ok && strings.HasSuffix(s, last)
	}
}

// globText returns a glob that matches a text alone.
func globText(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}
