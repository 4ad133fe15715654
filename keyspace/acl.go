package keyspace

import (
	"errors"
	"fmt"
	"strings"

	"github.com/symphony-go/symphony/internal/rights"
)

// ErrInvalidACL reports that there are no rules of ACL SETUSER for a request.
// [Layout.CheckACL] returns it.
var ErrInvalidACL = errors.New("no ACL rules")

// Feature is a repository or another feature of the library that needs
// permissions: a row of the table in docs/security.md. It is an option of
// [Layout.ACL] and [Layout.ServiceACL].
type Feature string

// Features of a tenant. Without a Feature, [Layout.ACL] returns the rules of
// all of these.
const (
	ACLUser         Feature = "User"
	ACLStateHandler Feature = "StateHandler"
	ACLTable        Feature = "Table"
	ACLSharedState  Feature = "SharedState"
	ACLGeneric      Feature = "Generic"
	ACLLimiter      Feature = "Limiter"
	ACLBatch        Feature = "Batch"
	ACLTrigger      Feature = "Trigger"
	ACLFeed         Feature = "Feed"
	ACLTopic        Feature = "Topic"

	// ACLCachedReads adds the commands of cached reads.
	ACLCachedReads Feature = "cached reads"

	// ACLIndexes adds the lists and indexes of the repositories of hashes that
	// are given with it. Spaces of one tenant on one pool look at each other's
	// ids, so give all repositories of hashes with an index on that pool.
	ACLIndexes Feature = "indexes"

	// ACLPrimitives are HashRepo, KVRepo and ListRepo with patterns of one's
	// own that begin like the pattern of generic values, such as
	// "{tenant}:order:{id}". It includes every key of the tenant.
	ACLPrimitives Feature = "HashRepo, KVRepo, ListRepo"
)

// Features that see all tenants. [Layout.ACL] refuses them. Without a Feature,
// [Layout.ServiceACL] returns the rules of the features of a tenant for all
// tenants, of ACLWorkBatches and of ACLListener.
const (
	ACLWorkBatches Feature = "WorkBatches" // with ACLBatch
	ACLListener    Feature = "Listener"    // with ACLTrigger
	ACLTenants     Feature = "tenants"     // Tenants, Erase, Export and Import, on all keys of the server
)

var (
	tenantFeatures = []Feature{
		ACLUser, ACLStateHandler, ACLTable, ACLSharedState, ACLGeneric, ACLLimiter, ACLBatch, ACLTrigger, ACLFeed, ACLTopic,
		ACLCachedReads, ACLIndexes, ACLPrimitives,
	}
	serviceFeatures = []Feature{ACLWorkBatches, ACLListener}
)

// An ACLOption is an option of [Layout.ACL], [Layout.ServiceACL] and
// [Layout.CheckACL]: a [Feature], or the result of [ACLServices],
// [ACLPrefixKeys], [ACLOn] or [ACLNewerCommands].
type ACLOption interface{ addTo(*aclRules) }

type aclOption func(*aclRules)

func (o aclOption) addTo(r *aclRules) { o(r) }

func (f Feature) addTo(r *aclRules) {
	r.features = append(r.features, f)
	if f == ACLTenants { // for the channels, since it has all keys
		r.features = append(r.features, ACLBatch, ACLTrigger)
	}
}

// ACLServices limits the rules of queues to these services. Without it, they
// are for all services.
func ACLServices(services ...string) ACLOption {
	return aclOption(func(r *aclRules) { r.services = append(r.services, services...) })
}

// ACLPrefixKeys says whether each key begins with the alias of its pool, as
// with PrefixKeys and SingleDatabase of pool.Config. Without it, keys have a
// prefix if the layout is for a cluster.
func ACLPrefixKeys(on bool) ACLOption {
	return aclOption(func(r *aclRules) { r.prefixed = on })
}

// ACLOn says that the repositories are on the pools of these aliases, as with
// the option On of a repository. Without it, each repository is on its usual
// pool, and [ACLPrimitives] are on all predefined pools. It has an effect only
// if keys have a prefix.
func ACLOn(aliases ...string) ACLOption {
	return aclOption(func(r *aclRules) { r.aliases = append(r.aliases, aliases...) })
}

// ACLNewerCommands adds commands that Redis 7.0 does not have: CLIENT SETINFO,
// and those of lifetimes of fields (Redis 7.4, Valkey 9). A server that does
// not have one of them refuses the rules.
func ACLNewerCommands() ACLOption {
	return aclOption(func(r *aclRules) { r.newer = true })
}

// ACL returns the rules of ACL SETUSER that the connection of one tenant needs:
// commands ("+hset"), key patterns ("~acme:user:*") and channel patterns
// ("&acme:topic:*"). They are for the given features, or for all features of a
// tenant, and include the optional permissions that docs/security.md lists.
//
//	rules := keyspace.Default().ACL("acme", keyspace.ACLUser)
//	args := []string{"ACL", "SETUSER", "acme", "reset", "on", ">secret"}
//	args = append(args, rules...)
//
// The rules keep honest services apart. They do not stop a hostile one: the
// pending sets of services and the schedule of triggers belong to all tenants,
// scripts can occupy the server, and SCAN returns the names of all keys. See
// docs/security.md.
//
// No key pattern matches a record of another tenant, whatever characters the
// parts of its key contain. A rule that is appended takes precedence, so
// "-scan" withholds SCAN.
//
// If there are no such rules for the tenant, ACL returns nil, so that the user
// may do nothing. [Layout.CheckACL] returns the reason.
func (l Layout) ACL(tenant string, opts ...ACLOption) []string {
	if tenant == Any {
		return nil
	}
	rules, _ := l.rules(tenant, opts)
	return rules
}

// ServiceACL returns the rules of ACL SETUSER that the connection of a service
// needs, which works for all tenants: of workers, of listeners and of
// repositories. They are for the given features, or for all features except
// [ACLTenants], and include the optional permissions that docs/security.md
// lists. [ACLListener] includes CONFIG SET; append "-config|set" to withhold
// it.
//
//	rules := keyspace.Default().ServiceACL(
//		keyspace.ACLWorkBatches, keyspace.ACLServices("mail"))
//
// If there are no such rules, ServiceACL returns nil. [Layout.CheckACL] returns
// the reason.
func (l Layout) ServiceACL(opts ...ACLOption) []string {
	rules, _ := l.rules(Any, opts)
	return rules
}

// CheckACL returns the reason for which [Layout.ACL] returns nil, or nil if it
// returns rules. If tenant is [Any], the reason is that of [Layout.ServiceACL].
//
// If a tenant or a service cannot be in a key, or if the layout lacks a
// pattern, CheckACL returns [ErrInvalidKey]. If a text contains a tab, a line
// break or another white space except a space, which no ACL pattern can
// contain, it returns [ErrInvalidACL]. The same holds if the layout cannot
// distinguish tenants, as with [AllowAmbiguous], if the keys of the tenant
// begin with "{" without a prefix and without being a hash tag, or begin like
// those of pending sets, which are in the rules of all tenants, or if a feature
// is unknown or sees all tenants.
func (l Layout) CheckACL(tenant string, opts ...ACLOption) error {
	_, err := l.rules(tenant, opts)
	return err
}

// rules returns the rules for a tenant, or for all tenants if it is Any.
func (l Layout) rules(tenant string, opts []ACLOption) ([]string, error) {
	r := &aclRules{layout: l, tenant: tenant, prefixed: l.Trigger.HashTag() != ""}
	for _, o := range opts {
		if o == nil {
			return nil, fmt.Errorf("%w: an option is nil; remove it", ErrInvalidACL)
		}
		o.addTo(r)
	}
	if len(r.features) == 0 {
		r.features = append(r.features, tenantFeatures...)
		if tenant == Any {
			r.features = append(r.features, serviceFeatures...)
		}
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	r.addCommands("pool.Open")
	if r.newer {
		r.keys = append(r.keys, "%probe") // with which pool.Open looks for HPEXPIRETIME
	}
	for _, f := range r.features {
		r.add(f)
	}
	return r.list()
}

// patternOf returns the pattern of the records of a feature. It reports false
// if the feature has no records.
func (l Layout) patternOf(f Feature) (Pattern, bool) {
	switch f {
	case ACLUser:
		return l.User, true
	case ACLStateHandler:
		return l.State, true
	case ACLTable:
		return l.Table, true
	case ACLSharedState:
		return l.SharedState, true
	case ACLGeneric, ACLPrimitives:
		return l.Generic, true
	case ACLLimiter:
		return l.Limit, true
	case ACLBatch, ACLWorkBatches:
		return l.BatchList, true
	case ACLTrigger, ACLListener:
		return l.Trigger, true
	case ACLFeed:
		return l.Feed, true
	case ACLTopic:
		return l.Topic, true
	}
	return Pattern{}, false
}

// isHash reports whether the records of a feature can have indexes.
func (f Feature) isHash() bool {
	return f == ACLUser || f == ACLStateHandler || f == ACLTable || f == ACLSharedState || f == ACLPrimitives
}

// seesAllTenants reports whether a feature is not one of a single tenant.
func (f Feature) seesAllTenants() bool {
	return f == ACLWorkBatches || f == ACLListener || f == ACLTenants
}

// usualAliases returns the aliases on whose pools a feature usually has keys.
func (f Feature) usualAliases() []string {
	if f != ACLPrimitives {
		row, _ := rights.Find(string(f))
		return []string{row.Alias}
	}
	var all []string
	for _, row := range rights.Rows {
		if row.Alias != "" && !strings.Contains(strings.Join(all, " "), row.Alias) {
			all = append(all, row.Alias)
		}
	}
	return all
}
