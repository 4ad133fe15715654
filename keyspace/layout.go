package keyspace

// Layout names the pattern of every kind of record. Take [Default], [Python] or
// [Cluster] and change what should differ:
//
//	l := keyspace.Default()
//	l.User = keyspace.MustCompile("{tenant}:member:{id}")
//
// A pattern takes the same parts as the default one of its name, in the same
// order. Layouts can be compared with ==.
type Layout struct {
	User        Pattern // tenant, id
	State       Pattern // tenant, name of the handler, user
	Table       Pattern // tenant, table, primary key
	SharedState Pattern // tenant, state, user
	Trigger     Pattern // tenant, action, id; in Cluster a shard after the tenant
	BatchList   Pattern // tenant, service, entity, action
	PendingSet  Pattern // service
	Generic     Pattern // tenant, key
}

// IsZero reports whether no pattern is set.
func (l Layout) IsZero() bool { return l == Layout{} }

// Default is the layout of a single server. Every key tells its parts, and as
// long as no part holds ":" or "%" the keys are those of [Python].
//
//	User         {tenant}:user:{id}
//	State        {tenant}:state:{name}:{user}
//	Table        {tenant}:df:{table}:pkid:{pk}
//	SharedState  {tenant}:SS:{state}:{user}
//	Trigger      {tenant}:EXPTRIGGER:{action}:{id}
//	BatchList    {tenant}:batch:{service}:{entity}:{action}
//	PendingSet   pending_batches:{service}
//	Generic      {tenant}:{key}
//
// No two of these patterns share a key, except that a generic key may be
// anything below its tenant: Generic overlaps with the others by nature, and
// stands in a database of its own.
func Default() Layout { return defaultLayout }

// Python is the layout of the Python package, byte for byte. Parts are verbatim,
// except that a ":" becomes "_" in action and id of a trigger, in state and user
// of a shared state, and in table and primary key of a table.
//
// In that package different parts can give one key: the state "a" of the user
// "b:u" is the state "a:b" of the user "u", and the records of the tenant
// "acme:user" are among the users of "acme". So a part with a ":" is
// [ErrInvalidKey] here, except for the last part of a user, a state, a queue and
// a generic value, which nothing follows. [AllowAmbiguous] takes it, for data
// that has such parts: then All, DeleteAll and the like of one tenant can reach
// the records of another, and two ids can share a record.
//
// Services that share no data with that package are better off with [Default].
func Python(opts ...PythonOption) Layout {
	if pythonDialect(opts)&ambiguous != 0 {
		return ambiguousLayout
	}
	return pythonLayout
}

// Cluster is [Default] for Redis Cluster, where what is changed in one step must
// share a slot: queues and the set of pending tenants are tagged with their
// service, triggers with a shard, which stands after the tenant.
//
//	Trigger      {tenant}{{shard}}:EXPTRIGGER:{action}:{id}
//	BatchList    {tenant}:batch:{{service}}:{entity}:{action}
//	PendingSet   pending_batches:{{service}}
//
// All other records spread over the slots by their keys. A part with "{" or "}"
// is [ErrInvalidKey] in every pattern of the layout: it would choose the slot.
func Cluster() Layout { return clusterLayout }

var (
	defaultLayout   = layout(0)
	pythonLayout    = layout(python)
	ambiguousLayout = layout(python | ambiguous)
	clusterLayout   = sharded(layout(braceless))
)

func layout(d dialect) Layout {
	of := func(source string) Pattern { return must(compile(source, d)) }
	return Layout{
		User:        of("{tenant}:user:{id}"),
		State:       of("{tenant}:state:{name}:{user}"),
		Table:       of("{tenant}:df:{table}:pkid:{pk}"),
		SharedState: of("{tenant}:SS:{state}:{user}"),
		Trigger:     of("{tenant}:EXPTRIGGER:{action}:{id}"),
		BatchList:   of("{tenant}:batch:{service}:{entity}:{action}"),
		PendingSet:  of("pending_batches:{service}"),
		Generic:     of("{tenant}:{key}"),
	}
}

func sharded(l Layout) Layout {
	l.Trigger = MustCompile("{tenant}{{shard}}:EXPTRIGGER:{action}:{id}")
	l.BatchList = MustCompile("{tenant}:batch:{{service}}:{entity}:{action}")
	l.PendingSet = MustCompile("pending_batches:{{service}}")
	return l
}
