package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
)

// Problem is a finding of [Check].
type Problem struct {
	Check string     `json:"check"` // server, type, lifetime, value, index, claim, firing or dead
	Pool  pool.Alias `json:"pool,omitempty"`
	Key   string     `json:"key,omitempty"` // of a record, or an example
	Text  string     `json:"text"`          // what is wrong, and the remedy
}

// Checked counts the keys that [Check] has looked at.
type Checked struct {
	Keys    int64 `json:"keys"`
	Unknown int64 `json:"unknown"` // keys that no pattern of the layout makes
}

// Redis types of the keys of kinds, as TYPE names them.
const (
	typeHash = "hash"
	typeZSet = "zset"
)

// types are the types of the keys of records by kind. Values of Generic may
// have any.
var types = map[string]string{
	symphony.KindUser: typeHash, symphony.KindState: typeHash, symphony.KindTable: typeHash, symphony.KindSharedState: typeHash,
	symphony.KindQueue: "list", symphony.KindPending: "set", symphony.KindTrigger: "string",
}

// Check iterates over problems: servers that may lose data; records whose key
// has another Redis type, or whose lifetime is not that of the others of their
// tenant and kind; entries of indexes without a record; claims and firings that
// no worker has; and dead letters that do not have the form of the library. It
// counts the keys in checked.
//
// If a record has one of the schemas, Check also compares its lifetime, its
// fields and its index entries with it.
//
// It walks all keys with SCAN. For each page it sends TYPE and PTTL for the
// records, and HGETALL for those with a schema, a hundred in one round trip.
// Then it reads the keys of indexes, claims and firings in pages. It holds a
// page, and two numbers for each tenant, table and handler. What changes
// meanwhile is looked at again before it is a problem. An error ends the loop.
func Check(ctx context.Context, pools *pool.Pools, checked *Checked, schemas ...Schema) iter.Seq2[Problem, error] {
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
		c := &checker{ctx: ctx, pools: pools, checked: checked, schemas: schemas, spaces: map[string]*lifetimes{}, incomplete: map[string]bool{}, yield: yield}
		if err := c.run(); err != nil {
			if !errors.Is(err, errStopped) {
				yield(Problem{}, err)
			}
			return
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

// checker checks the keys of all pools.
type checker struct {
	ctx     context.Context //nolint:containedctx // of one call of Check
	pools   *pool.Pools
	checked *Checked
	schemas []Schema
	spaces  map[string]*lifetimes // by the name of the space

	incomplete map[string]bool // spaces that Reindex has not completed, which were reported

	yield func(Problem, error) bool
}

var errStopped = errors.New("the loop ended")

// report yields a problem.
func (c *checker) report(check string, k symphony.Key, format string, args ...any) error {
	if !c.yield(Problem{check, k.Pool, k.Name, fmt.Sprintf(format, args...)}, nil) {
		return errStopped
	}
	return nil
}

// lifetimes counts the records of a space.
type lifetimes struct {
	expiring, permanent int64
	example             symphony.Key // a permanent record
}

// checkedPage is the number of keys that one round trip reads.
const checkedPage = 100

// run yields the problems of all keys.
func (c *checker) run() error {
	var page []symphony.Key
	for k, err := range symphony.Keys(c.ctx, c.pools) {
		if err != nil {
			return err
		}
		c.checked.Keys++
		if k.Kind == "" && !strings.HasPrefix(k.Name, "%") {
			c.checked.Unknown++
		}
		if page = append(page, k); len(page) < checkedPage {
			continue
		}
		if err := c.checkPage(page); err != nil {
			return err
		}
		page = page[:0]
	}
	if err := c.checkPage(page); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.spaces)) {
		s := c.spaces[name]
		if s.permanent == 0 || s.expiring == 0 {
			continue
		}
		if err := c.report("lifetime", s.example, "of %d records %s, %d have no lifetime; construct the repository in one place, with NoTTL or TTL",
			s.permanent+s.expiring, name, s.permanent); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) checkPage(page []symphony.Key) error {
	byPool := map[pool.Alias][]symphony.Key{}
	for _, k := range page {
		if k.Beside == "" && types[k.Kind] != "" {
			byPool[k.Pool] = append(byPool[k.Pool], k)
		}
	}
	for a, records := range byPool {
		if err := c.checkRecords(a, records); err != nil {
			return err
		}
	}
	for _, k := range page {
		if err := c.checkBeside(k); err != nil {
			return err
		}
	}
	return nil
}

// checkBeside checks a key that the library keeps beside a record.
func (c *checker) checkBeside(k symphony.Key) error {
	switch {
	case k.Kind == symphony.KindQueue && (strings.HasPrefix(k.Beside, "claim-") || strings.HasPrefix(k.Beside, "rest-")):
		return c.checkClaim(k)
	case k.Kind == symphony.KindQueue && k.Beside == "due":
		return c.checkLeases(k)
	case k.Kind == symphony.KindTrigger && k.Beside == "status":
		return c.checkFirings(k)
	case types[k.Kind] == typeHash && (k.Beside == "ids" || strings.HasPrefix(k.Beside, "index-")):
		return c.checkEntries(k)
	}
	return nil
}

// checkRecords checks the types, the lifetimes and the fields of records of a
// pool.
func (c *checker) checkRecords(a pool.Alias, records []symphony.Key) error {
	client, err := c.pools.Client(a)
	if err != nil {
		return err
	}
	cmds := make(rueidis.Commands, 0, 2*len(records))
	for _, k := range records {
		cmds = append(cmds, client.B().Type().Key(k.Name).Build(), client.B().Pttl().Key(k.Name).Build())
	}
	var described []record
	replies := client.DoMulti(c.ctx, cmds...)
	for i, k := range records {
		typ, err := replies[2*i].ToString()
		left, errTTL := replies[2*i+1].AsInt64()
		if err := cmp.Or(err, errTTL); err != nil {
			return fmt.Errorf("TYPE and PTTL of %s: %w", k.Name, err)
		}
		if typ == "none" || left == -2 {
			continue // it has expired meanwhile
		}
		if typ != types[k.Kind] {
			if err := c.report("type", k, "the key of a record (%s) has the type %s in place of %s, so its repository returns ErrWrongType; move it away with RENAME, or remove it",
				k.Kind, typ, types[k.Kind]); err != nil {
				return err
			}
			continue
		}
		if types[k.Kind] != typeHash {
			continue
		}
		schema := c.schemaOf(k)
		if schema == nil {
			c.countLifetime(k, left)
			continue
		}
		if err := c.checkLifetime(k, schema, left); err != nil {
			return err
		}
		described = append(described, record{key: k, schema: schema})
	}
	return c.checkDescribed(client, described)
}

// countLifetime counts the lifetime of a record without a schema.
func (c *checker) countLifetime(k symphony.Key, left int64) {
	name := spaceName(k)
	s := c.spaces[name]
	if s == nil {
		s = &lifetimes{}
		c.spaces[name] = s
	}
	if left != -1 {
		s.expiring++
		return
	}
	if s.permanent++; s.permanent == 1 {
		s.example = k
	}
}

// spaceName returns the tenant, the kind and the table or handler of a record.
func spaceName(k symphony.Key) string {
	parts := []string{k.Tenant, k.Kind}
	if k.Kind == symphony.KindState || k.Kind == symphony.KindTable {
		parts = append(parts, k.Parts[0])
	}
	return strings.Join(append(parts, "*"), "/")
}

// checkLifetime compares the lifetime of a record with that of its schema.
func (c *checker) checkLifetime(k symphony.Key, s *Schema, left int64) error {
	lifetime := s.checker.Schema().Lifetime
	switch {
	case lifetime != 0 && left == -1:
		return c.report("lifetime", k, "the record has no lifetime, but records of %s live for %v; a repository with NoTTL or another program wrote it: set one with EXPIRE, or write it again",
			s.checker.Schema().Type, time.Duration(lifetime)*time.Millisecond)
	case lifetime == 0 && left >= 0:
		return c.report("lifetime", k, "the record expires in %v, but records of %s have no lifetime; a repository without NoTTL wrote it: keep it with PERSIST, and construct the repository in one place",
			(time.Duration(left) * time.Millisecond).Round(time.Second), s.checker.Schema().Type)
	}
	return nil
}
