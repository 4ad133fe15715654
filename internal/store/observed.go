package store

import (
	"slices"

	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/operation"
	"github.com/symphony-go/symphony/keyspace"
)

// observed is what an observer of the pools learns of a store. It is zero if
// there is no observer.
type observed struct {
	repository string
	pattern    keyspace.Pattern // of the keys
}

// observe returns what the observer of the pools learns of a store.
func (s *Store) observe() observed {
	if !s.pools.Observed(internal.NotForPublicUse{}) {
		return observed{}
	}
	if s.spec.Repository != "" {
		return observed{repository: s.spec.Repository}
	}
	name, pattern := s.repository()
	return observed{name, pattern}
}

// OfTenant returns s for the operations of one tenant, if the keys of s do not
// contain the tenant.
func (s *Store) OfTenant(tenant string) *Store {
	if s.observed.repository == "" {
		return s
	}
	view := *s
	view.spec.Tenant = tenant
	return &view
}

// repository returns the name of the type of the repository, and the pattern of
// its keys. It compares the templates of layouts. The keys of a primitive that
// a program uses by itself are in no layout.
func (s *Store) repository() (string, keyspace.Pattern) {
	template := s.space.Template()
	for _, l := range []keyspace.Layout{s.pools.Layout(), keyspace.Default(), keyspace.Cluster(), keyspace.ClusterByTenant(), keyspace.Python()} {
		for _, of := range []struct {
			repository string
			keyspace.Pattern
		}{
			{"User", l.User}, {"StateHandler", l.State}, {"Table", l.Table}, {"SharedState", l.SharedState},
			{"Trigger", l.Trigger}, {"Batch", l.BatchList}, {"Batch", l.PendingSet}, {"Generic", l.Generic}, {"Feed", l.Feed}, {"Topic", l.Topic},
			{"Limiter", l.Limit},
		} {
			if of.String() == template {
				return of.repository, of.Pattern
			}
		}
	}
	pattern, _ := keyspace.Compile(template) // a part that another dialect wrote is not parsed
	switch s.spec.Kind {
	case Hash:
		return "HashRepo", pattern
	case List:
		return "ListRepo", pattern
	case String:
		return "KVRepo", pattern
	}
	return "", pattern
}

// operation returns the operation of a method on a key for the observer, or nil
// if there is none. The key has no prefix. It is empty for a method on the
// whole key space.
func (s *Store) operation(name, key string) *operation.Operation {
	o := s.observed
	if o.repository == "" {
		return nil
	}
	if s.spec.Repository == "" && o.pattern.String() != s.space.Template() { // after WithSpace
		o = s.observe()
	}
	if own, ok := namesOfBatch[name]; ok && o.repository == "Batch" {
		name = own
	}
	return &operation.Operation{Repository: o.repository, Name: name, Tenant: s.tenant(o.pattern, key)}
}

// tenant returns the part of a key that its pattern calls tenant, or "".
func (s *Store) tenant(p keyspace.Pattern, key string) string {
	i := slices.Index(p.Params(), "tenant")
	if i < 0 {
		return s.spec.Tenant
	}
	if key == "" {
		key, _ = s.space.Key("x") // the free part is not the tenant
	}
	if parts, ok := p.Parse(key); ok {
		return parts[i]
	}
	return ""
}

// namesOfBatch are the methods of a Batch whose names are not those of the
// methods of the list that they call.
var namesOfBatch = map[string]string{"Push": "Enqueue", "Range": "Chunk"}
