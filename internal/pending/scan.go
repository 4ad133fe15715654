package pending

import (
	"context"
	"strings"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

// ScanQueues returns the queues of tenants. It sends SCAN, so it also finds
// queues that are not in the schedule because only the Python package pushes
// to them.
func (s *Set) ScanQueues(ctx context.Context, op string, tenants ...string) ([]Queue, error) {
	if len(tenants) == 0 {
		return nil, nil
	}
	filter, err := s.newQueueFilter(tenants)
	if err != nil {
		return nil, err
	}
	var queues []Queue
	for page, err := range s.Store.Scan(ctx, op, store.List, filter, nil) {
		if err != nil {
			return nil, err
		}
		for _, key := range page.IDs {
			queues = append(queues, filter.queues(key)...)
		}
	}
	return queues, nil
}

// queueFilter selects the queues of some tenants of a service among all keys.
type queueFilter struct {
	list            keyspace.Pattern
	service, tenant string            // tenant is keyspace.Any if there are several
	tenants         map[string]string // by the text before the entity in their keys
}

func (s *Set) newQueueFilter(tenants []string) (queueFilter, error) {
	f := queueFilter{s.list, s.Service, keyspace.Any, make(map[string]string, len(tenants))}
	if len(tenants) == 1 {
		f.tenant = tenants[0]
	}
	const marker = "\x01"
	for _, tenant := range tenants {
		key, err := s.list.Key(tenant, s.Service, marker, marker)
		if err != nil {
			return f, fault.Target{Op: "Scan", Pool: s.Alias}.NotApplied(err)
		}
		before, _, _ := strings.Cut(key, marker)
		f.tenants[before] = tenant
	}
	return f, nil
}

// Glob returns a glob that matches every queue of the filter, and maybe more.
func (f queueFilter) Glob() string {
	return f.list.Glob(f.tenant, f.service, keyspace.Any, keyspace.Any)
}

// ID returns the key itself, and reports whether it is a queue of the filter.
func (f queueFilter) ID(key string) (string, bool) { return key, len(f.queues(key)) > 0 }

// queues returns the queues that a key can be. A key of the Python package
// can have several readings; it then counts for every tenant that it can
// belong to, so that no queue is missed.
func (f queueFilter) queues(key string) (queues []Queue) {
	for at := 1; at < len(key); at++ {
		if key[at-1] != ':' {
			continue
		}
		if tenant, ok := f.tenants[key[:at]]; ok {
			if q, ok := f.queue(tenant, key, at); ok {
				queues = append(queues, q)
			}
		}
	}
	return queues
}

// queue returns the queue of a tenant at a key whose entity begins at index
// at.
func (f queueFilter) queue(tenant, key string, at int) (Queue, bool) {
	if parts, ok := f.list.Parse(key); ok && parts[0] == tenant && parts[1] == f.service {
		return Queue{tenant, parts[2], parts[3]}, true
	}
	if !f.list.IsPython() {
		return Queue{}, false
	}
	entity, action, ok := strings.Cut(key[at:], ":")
	rebuilt, err := f.list.Key(tenant, f.service, entity, action)
	return Queue{tenant, entity, action}, ok && err == nil && rebuilt == key
}
