package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
)

// Schema is the schema of the records that a selector selects.
type Schema struct {
	Tenant string // empty: of all tenants
	Kind   string // symphony.KindUser, KindState, KindTable or KindSharedState
	Name   string // of the handler, the table or the state; empty: all

	checker *hashrepo.Checker
}

// NewSchema reads a schema that [hashrepo.Describe] returned, as JSON. The
// selector is KIND, KIND/NAME, TENANT/KIND or TENANT/KIND/NAME; the name is
// that of the handler, the table or the state.
func NewSchema(selector string, file io.Reader) (Schema, error) {
	kinds := []string{symphony.KindUser, symphony.KindState, symphony.KindTable, symphony.KindSharedState}
	parts := strings.Split(selector, "/")
	var s Schema
	if !slices.Contains(kinds, parts[0]) && len(parts) > 1 {
		s.Tenant, parts = parts[0], parts[1:]
	}
	if s.Kind = parts[0]; !slices.Contains(kinds, s.Kind) {
		return s, fmt.Errorf("%q names no records; write KIND, KIND/NAME, TENANT/KIND or TENANT/KIND/NAME, with one of the kinds %s", selector, strings.Join(kinds, ", "))
	}
	if s.Name = strings.Join(parts[1:], "/"); s.Kind == symphony.KindUser && s.Name != "" {
		return s, fmt.Errorf("%q has a name, but records of the kind user have none; write user, or TENANT/user", selector)
	}
	var schema hashrepo.Schema
	data := json.NewDecoder(file)
	data.DisallowUnknownFields()
	err := data.Decode(&schema)
	if err == nil {
		s.checker, err = hashrepo.NewChecker(schema)
	}
	if err != nil {
		return s, fmt.Errorf("the file is not a schema as hashrepo.Describe returns: %w", err)
	}
	return s, nil
}

// selects reports whether the schema is that of a record or of a key beside a
// space.
func (s *Schema) selects(k symphony.Key) bool {
	name := ""
	if k.Kind != symphony.KindUser && len(k.Parts) > 0 {
		name = k.Parts[0]
	}
	return s.Kind == k.Kind && (s.Tenant == "" || s.Tenant == k.Tenant) && (s.Name == "" || s.Name == name)
}

// schemaOf returns the most special schema of a key, or nil. A tenant counts
// more than a name, and the last schema more than the others.
func (c *checker) schemaOf(k symphony.Key) *Schema {
	var found *Schema
	rank := func(s *Schema) int {
		n := 0
		if s.Tenant != "" {
			n += 2
		}
		if s.Name != "" {
			n++
		}
		return n
	}
	for i := range c.schemas {
		if s := &c.schemas[i]; s.selects(k) && (found == nil || rank(s) >= rank(found)) {
			found = s
		}
	}
	return found
}

// record is a record with a schema, and its fields.
type record struct {
	key    symphony.Key
	schema *Schema
	fields map[string]string
}

// handlerFields are the fields that StateHandler.Merge writes, whatever the
// type.
var handlerFields = []string{"handler_type", "timestamp"}

// checkDescribed checks the fields of records, and their entries in indexes.
func (c *checker) checkDescribed(client rueidis.Client, records []record) error {
	if len(records) == 0 {
		return nil
	}
	cmds := make(rueidis.Commands, len(records))
	for i, r := range records {
		cmds[i] = client.B().Hgetall().Key(r.key.Name).Build()
	}
	for i, reply := range client.DoMulti(c.ctx, cmds...) {
		fields, err := reply.AsStrMap()
		if _, refused := rueidis.IsRedisErr(err); refused {
			continue // the key was replaced
		}
		if err != nil {
			return fmt.Errorf("HGETALL of %s: %w", records[i].key.Name, err)
		}
		records[i].fields = fields
		if len(fields) == 0 {
			continue // it has expired meanwhile
		}
		if err := c.checkFields(records[i]); err != nil {
			return err
		}
	}
	return c.checkIndexed(client, slices.DeleteFunc(records, func(r record) bool { return len(r.fields) == 0 || !r.schema.checker.Schema().Listed }))
}

func (c *checker) checkFields(r record) error {
	fields := r.fields
	if r.key.Kind == symphony.KindState {
		fields = map[string]string{}
		declared := r.schema.checker.Schema().Fields
		for name, text := range r.fields {
			if !slices.Contains(handlerFields, name) || slices.ContainsFunc(declared, func(f hashrepo.SchemaField) bool { return f.Name == name }) {
				fields[name] = text
			}
		}
	}
	for _, err := range r.schema.checker.Check(fields) {
		remedy := ""
		if !errors.Is(err, symphony.ErrUnknownField) {
			remedy = "; a read of the record fails: write the field again, or remove it with HDEL"
		}
		if err := c.report("value", r.key, "%v%s", err, remedy); err != nil {
			return err
		}
	}
	return nil
}

// space is the list and the indexes of the records of a space.
type space struct {
	name           string // what precedes an id and, if something follows it, a NUL and that
	prefix, suffix string
	indexed        string // the key that says what Reindex has completed
}

// spaceOf returns the space of a record with a schema.
func (c *checker) spaceOf(k symphony.Key) (space, string, bool) {
	pattern := map[string]keyspace.Pattern{
		symphony.KindUser: c.pools.Layout().User, symphony.KindState: c.pools.Layout().State,
		symphony.KindTable: c.pools.Layout().Table, symphony.KindSharedState: c.pools.Layout().SharedState,
	}[k.Kind]
	parts := append([]string{k.Tenant}, k.Parts...)
	at := len(parts) - 1
	if k.Kind == symphony.KindSharedState {
		at = 1 // the name of the state
	}
	id := parts[at]
	parts[at] = keyspace.Any
	bound, err := pattern.Bind(parts...)
	if err != nil {
		return space{}, "", false
	}
	prefix, suffix := bound.Parts()
	poolPrefix := c.pools.Prefix(k.Pool)
	s := newSpace(poolPrefix, poolPrefix+prefix, suffix, bound.ForCluster())
	coded := strings.TrimSuffix(strings.TrimPrefix(k.Name, s.prefix), suffix)
	return s, coded, id != ""
}

// newSpace returns a space. docs/bytes.md describes the keys.
func newSpace(poolPrefix, prefix, suffix string, forCluster bool) space {
	s := space{name: prefix, prefix: prefix, suffix: suffix}
	if suffix != "" {
		s.name += "\x00" + suffix
	}
	group := strings.TrimPrefix(s.name, poolPrefix)
	if open, end := strings.IndexByte(group, '{'), strings.IndexByte(group, '}'); forCluster && open >= 0 && end > open+1 {
		group = group[:end+1]
	} else {
		group, _, _ = strings.Cut(group, ":")
	}
	s.indexed = keyspace.Beside("indexed", poolPrefix+group)
	return s
}

// key returns the key of a kind. The kind of an index is that of symphony.Key:
// "index-" and its name.
func (s space) key(kind string) string {
	if name, ok := strings.CutPrefix(kind, "index-"); ok {
		return keyspace.Beside("index", s.name) + ":" + name
	}
	return keyspace.Beside(kind, s.name)
}

// tail is the part of the keys of the space after their kind.
func (s space) tail() string { return strings.TrimPrefix(s.key("ids"), "%ids") }
