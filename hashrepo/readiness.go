package hashrepo

import (
	"context"
	"strings"
	"sync"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/recent"
	"github.com/symphony-go/symphony/internal/store"
)

// readiness is what a process knows about the lists and indexes on its pools.
// Its memory is bounded, whatever the number of tenants: what it forgets is
// asked again.
type readiness struct {
	mu       sync.Mutex
	complete *recent.Set // the lists and indexes that are complete
	warned   *recent.Set // what was logged
}

type readinessKey struct{}

// readiness returns the readiness that is kept with the pools.
func (c *core) readiness() *readiness {
	return c.Attached(readinessKey{}, func() any {
		return &readiness{complete: recent.NewSet(), warned: recent.NewSet()}
	}).(*readiness)
}

// isComplete reports whether the list and the named indexes hold every record
// of the space, because Reindex has passed over it once. Without names, it asks
// for the list alone. It sends HMGET to the primary for what the process does
// not know to be complete. The first time that something is not complete, it
// logs a warning.
//
// A yes is remembered for ever. It stays true after FLUSHALL, because the list
// of an empty space is complete.
func (c *core) isComplete(ctx context.Context, names []string) (bool, error) {
	r := c.readiness()
	fields := c.unknownFields(r, c.listing.indexedFields(names))
	if len(fields) == 0 {
		return true, nil
	}
	t, err := c.BeginAll(ctx, "Find")
	if err != nil {
		return false, err
	}
	t = t.WithKey(c.listing.indexed)
	client := c.OnPrimary().Client
	m, err := client.Do(t.In(ctx), client.B().Hmget().Key(t.Key).Field(fields...).Build()).ToMessage()
	if err != nil {
		return false, t.Failed(err)
	}
	values, err := hmgetValues(&m, len(fields))
	if err != nil {
		return false, t.Failed(err)
	}
	complete := true
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, value := range values {
		if value.IsNil() {
			complete = false
		} else {
			r.complete.Add(c.readinessOf(fields[i]))
		}
	}
	if !complete {
		c.warnIncomplete(r, names)
	}
	return complete, nil
}

// unknownFields returns the fields that are not known to be complete.
func (c *core) unknownFields(r *readiness, fields []string) (unknown []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, field := range fields {
		if !r.complete.Has(c.readinessOf(field)) {
			unknown = append(unknown, field)
		}
	}
	return unknown
}

// readinessOf returns a text for a field of the key of complete lists and
// indexes. Aliases may have databases of their own with equal keys.
func (c *core) readinessOf(field string) string { return string(c.Alias) + "\x00" + field }

// warnIncomplete logs once for all spaces of a template that the space is not
// indexed. A line for each of many tenants would say no more.
func (c *core) warnIncomplete(r *readiness, names []string) {
	subject := strings.Join(append([]string{string(c.Alias), c.Space().Template()}, names...), "\x00")
	if r.warned.Add(subject) {
		c.Logger().Warn("hashrepo: not indexed yet: Find walks the whole database; run Reindex once for each space",
			"space", c.Space().String(), "pool", string(c.Alias), "indexes", names)
	}
}

// indexedFields returns the fields of the key of complete lists and indexes:
// those of the named indexes, or that of the list if there are no names.
func (l *listing) indexedFields(names []string) []string {
	if len(names) == 0 {
		return []string{l.tail}
	}
	fields := make([]string, len(names))
	for i, name := range names {
		fields[i] = l.tail + "\x00" + name
	}
	return fields
}

// markComplete stores that the list and every index of T are complete.
func (c *core) markComplete(ctx context.Context, t fault.Target) error {
	names := make([]string, len(c.plan.indexes))
	for i, x := range c.plan.indexes {
		names[i] = x.name
	}
	fields := c.listing.indexedFields(nil)
	if len(names) > 0 {
		fields = append(fields, c.listing.indexedFields(names)...)
	}
	t = t.WithKey(c.listing.indexed)
	t.Write = true
	cmd := c.Client.B().Hset().Key(t.Key).FieldValue()
	for _, field := range fields {
		cmd = cmd.FieldValue(field, "1")
	}
	_, err := c.Do(ctx, t, cmd.Build(), store.Count)
	return err
}
