package pending

import (
	"context"
	"strings"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

// ScanQueues finds the queues of some tenants with SCAN, those that are in no index
// too, since only the Python package filled them.
func (s *Set) ScanQueues(ctx context.Context, op string, tenants ...string) ([]Queue, error) {
	if len(tenants) == 0 {
		return nil, nil
	}
	f, err := s.queueFilter(tenants)
	if err != nil {
		return nil, err
	}
	var names []Queue
	for page, err := range s.Store.Scan(ctx, op, store.List, f, nil) {
		if err != nil {
			return nil, err
		}
		for _, key := range page.IDs {
			names = append(names, f.queues(key)...)
		}
	}
	return names, nil
}

// queueFilter is the lists of some tenants of a service.
type queueFilter struct {
	list            keyspace.Pattern
	service, tenant string            // the tenant is Any where there are several
	tenants         map[string]string // by what precedes the entity in their keys
}

func (s *Set) queueFilter(tenants []string) (queueFilter, error) {
	f := queueFilter{s.list, s.Service, keyspace.Any, make(map[string]string, len(tenants))}
	if len(tenants) == 1 {
		f.tenant = tenants[0]
	}
	const entity = "\x01"
	for _, tenant := range tenants {
		key, err := s.list.Key(tenant, s.Service, entity, "action")
		if err != nil {
			return f, fault.Target{Op: "Scan", Pool: s.Alias}.NotApplied(err)
		}
		before, _, _ := strings.Cut(key, entity)
		f.tenants[before] = tenant
	}
	return f, nil
}

// Glob matches every queue of the queueFilter, and maybe more.
func (f queueFilter) Glob() string {
	return f.list.Glob(f.tenant, f.service, keyspace.Any, keyspace.Any)
}

// ID is the key itself.
func (f queueFilter) ID(key string) (string, bool) { return key, len(f.queues(key)) > 0 }

// names reads a key. One of the Python package can be read in more than one way:
// then it counts for every tenant that it may belong to, so that none is
// forgotten.
func (f queueFilter) queues(key string) (names []Queue) {
	for at := 1; at < len(key); at++ {
		if key[at-1] != ':' {
			continue
		}
		if tenant, ok := f.tenants[key[:at]]; ok {
			if name, ok := f.queue(tenant, key, at); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// name reads a key as one of the tenant's, whose entity begins at a place.
func (f queueFilter) queue(tenant, key string, at int) (Queue, bool) {
	if parts, ok := f.list.Parse(key); ok && parts[0] == tenant && parts[1] == f.service {
		return Queue{tenant, parts[2], parts[3]}, true
	}
	if !f.list.IsPython() {
		return Queue{}, false
	}
	entity, action, ok := strings.Cut(key[at:], ":")
	again, err := f.list.Key(tenant, f.service, entity, action)
	return Queue{tenant, entity, action}, ok && err == nil && again == key
}
