package keyspace

// Layout holds the pattern of each kind of record. Start from [Default],
// [Python], [Cluster] or [ClusterByTenant] and change the patterns that should
// differ:
//
//	l := keyspace.Default()
//	l.User = keyspace.MustCompile("{tenant}:member:{id}")
//
// A pattern takes the same parts in the same order as the pattern of [Default]
// in the same field. The pattern for triggers may also have a shard as its
// second part, if the shard is the hash tag.
//
// Layouts can be compared with ==. Patterns from two calls of [Compile] are not
// equal, even if their templates are.
type Layout struct {
	User        Pattern // tenant, id
	State       Pattern // tenant, name of the handler, user
	Table       Pattern // tenant, table, primary key
	SharedState Pattern // tenant, name of the state, user
	Trigger     Pattern // tenant, action, id; on a cluster, a shard follows the tenant
	BatchList   Pattern // tenant, service, entity, action
	PendingSet  Pattern // service
	Generic     Pattern // tenant, key
	Feed        Pattern // tenant, name of the feeds, id
	Topic       Pattern // tenant, name; of channels
	Limit       Pattern // tenant, name of the limit
}

// IsZero reports whether no pattern is set.
func (l Layout) IsZero() bool { return l == Layout{} }

// Default returns the layout for a single server. Each key can be parsed into
// its parts. If no part contains ":" or "%", the keys are those of [Python].
//
//	User         {tenant}:user:{id}
//	State        {tenant}:state:{name}:{user}
//	Table        {tenant}:df:{table}:pkid:{pk}
//	SharedState  {tenant}:SS:{state}:{user}
//	Trigger      {tenant}:EXPTRIGGER:{action}:{id}
//	BatchList    {tenant}:batch:{service}:{entity}:{action}
//	PendingSet   pending_batches:{service}
//	Generic      {tenant}:{key}
//	Feed         {tenant}:feed:{name}:{id}
//	Topic        {tenant}:topic:{name}
//	Limit        {tenant}:limit:{name}
//
// No two of these patterns share a key, except that a generic key can be equal
// to a key of any other pattern. On a single server, the repositories therefore
// store generic values in a separate database.
func Default() Layout { return defaultLayout }

// Python returns the layout of the Python package, byte for byte. Parts are
// verbatim, except that ":" becomes "_" in the action and ID of a trigger, in
// the name and user of a shared state, and in the table and primary key of a
// row.
//
// In that package, different parts can make the same key: the state "a" of the
// user "b:u" is the state "a:b" of the user "u", and the records of the tenant
// "acme:user" are among the users of "acme". Methods therefore return
// [ErrInvalidKey] for a part with a ":". The exceptions are the last part of a
// user, a state, a queue and a generic value, which nothing follows.
//
// [AllowAmbiguous] accepts a ":" everywhere, for data that has such parts. Then
// All, DeleteAll and similar methods of one tenant can reach the records of
// another tenant, and two IDs can share a record.
//
// If a service shares no data with that package, use [Default].
func Python(opts ...PythonOption) Layout {
	if pythonDialect(opts)&ambiguous != 0 {
		return ambiguousLayout
	}
	return pythonLayout
}

// Cluster returns the layout for Redis Cluster, in which keys that change
// together must share a slot. It is [Default] with other patterns for queues,
// pending sets and triggers. The hash tag of queues and pending sets is the
// service. The hash tag of a trigger is a shard, which follows the tenant.
//
//	Trigger      {tenant}{{shard}}:EXPTRIGGER:{action}:{id}
//	BatchList    {tenant}:batch:{{service}}:{entity}:{action}
//	PendingSet   pending_batches:{{service}}
//
// Other records are spread over the slots by their keys. A part with "{" or "}"
// would choose the slot, so methods return [ErrInvalidKey] for it in every
// pattern of the layout.
//
// If several records of a tenant must share a slot, use [ClusterByTenant].
func Cluster() Layout { return clusterLayout }

// ClusterByTenant returns a layout for Redis Cluster in which the records of a
// tenant share a slot, whatever their kind. Their hash tag is the tenant. The
// patterns of queues, pending sets and triggers are those of [Cluster].
//
//	User         {{tenant}}:user:{id}
//	State        {{tenant}}:state:{name}:{user}
//	Table        {{tenant}}:df:{table}:pkid:{pk}
//	SharedState  {{tenant}}:SS:{state}:{user}
//	Generic      {{tenant}}:{key}
//	Feed         {{tenant}}:feed:{name}:{id}
//	Topic        {{tenant}}:topic:{name}
//	Limit        {{tenant}}:limit:{name}
//
// A slot is on one node. So the records of a tenant must fit into the memory of
// one node, and one node handles all commands on them. A cluster that grows
// moves whole tenants to new nodes, and never a part of one. With a few large
// tenants, some nodes have much to do and others little.
//
// Use ClusterByTenant if hash types have indexes, because a record and its
// indexes must share a slot. Use it too if commands or scripts of your own
// change several records of a tenant at once. Otherwise use [Cluster], which
// spreads the records of each tenant over all nodes.
//
// The two layouts make different keys, so a layout does not find the records
// that were stored with the other.
//
// Parts with "{" or "}" are refused as in [Cluster].
func ClusterByTenant() Layout { return clusterByTenantLayout }

var (
	defaultLayout         = layout(0)
	pythonLayout          = layout(python)
	ambiguousLayout       = layout(python | ambiguous)
	clusterLayout         = withHashTags(layout(braceless))
	clusterByTenantLayout = withTenantTags(clusterLayout)
)

func layout(d dialect) Layout {
	pattern := func(source string) Pattern { return must(compile(source, d)) }
	return Layout{
		User:        pattern("{tenant}:user:{id}"),
		State:       pattern("{tenant}:state:{name}:{user}"),
		Table:       pattern("{tenant}:df:{table}:pkid:{pk}"),
		SharedState: pattern("{tenant}:SS:{state}:{user}"),
		Trigger:     pattern("{tenant}:EXPTRIGGER:{action}:{id}"),
		BatchList:   pattern("{tenant}:batch:{service}:{entity}:{action}"),
		PendingSet:  pattern("pending_batches:{service}"),
		Generic:     pattern("{tenant}:{key}"),
		Feed:        pattern("{tenant}:feed:{name}:{id}"),
		Topic:       pattern("{tenant}:topic:{name}"),
		Limit:       pattern("{tenant}:limit:{name}"),
	}
}

func withHashTags(l Layout) Layout {
	l.Trigger = MustCompile("{tenant}{{shard}}:EXPTRIGGER:{action}:{id}")
	l.BatchList = MustCompile("{tenant}:batch:{{service}}:{entity}:{action}")
	l.PendingSet = MustCompile("pending_batches:{{service}}")
	return l
}

func withTenantTags(l Layout) Layout {
	l.User = MustCompile("{{tenant}}:user:{id}")
	l.State = MustCompile("{{tenant}}:state:{name}:{user}")
	l.Table = MustCompile("{{tenant}}:df:{table}:pkid:{pk}")
	l.SharedState = MustCompile("{{tenant}}:SS:{state}:{user}")
	l.Generic = MustCompile("{{tenant}}:{key}")
	l.Feed = MustCompile("{{tenant}}:feed:{name}:{id}")
	l.Topic = MustCompile("{{tenant}}:topic:{name}")
	l.Limit = MustCompile("{{tenant}}:limit:{name}")
	return l
}
