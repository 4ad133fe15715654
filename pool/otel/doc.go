// Package poolotel makes OpenTelemetry traces and metrics of what the pools of
// Symphony send to Redis. It is a module of its own, so only programs that
// import it have OpenTelemetry among their dependencies:
//
//	go get github.com/symphony-go/symphony/pool/otel
//
// [Instrument] returns a [pool.Config] with which [pool.Open] opens observed
// pools. Without it, nothing is measured.
//
// # Spans
//
// Each call that is sent is a client span: one command, a pipeline, or a
// transaction. Its parent is the span in the context of the caller. Its name is
// the operation of the repository, such as User.Get, or the command if the call
// comes from [pool.Pools.Client] or from a worker that looks for work. An
// operation that sends several calls, such as Mutate or Find, has a span for
// each. A read from the client-side cache sends nothing and has none.
//
//	db.system.name           redis
//	db.operation.name        HMGET; BATCH HMGET for a pipeline; or MULTI
//	db.operation.batch.size  commands of a pipeline or a transaction
//	db.namespace             the number of the database
//	server.address           the host; absent if the URL has several
//	server.port              its port
//	error.type               the kind of the error, if there is one
//	db.response.status_code  its code, if it is an error of the server
//	symphony.repository      the type, such as User
//	symphony.operation       the method, such as Get
//	symphony.attempt         from 1; more if other writers were faster
//	symphony.pool            the alias
//	symphony.keys            how many keys the commands name
//	symphony.tenant          only with the option TenantOnSpans
//
// The type of an error is the code of the server, such as WRONGTYPE, or one of
// timeout, canceled, connection, closed, unexpected_reply and _OTHER.
//
// No span has the id of a record, a key or a value. None has the text of an
// error, which may contain them.
//
// [TriggerSpans] and [WorkSpans] make spans of the handlers of triggers and
// queues.
//
// # Metrics
//
// db.client.operation.duration is a histogram in seconds, by the attributes of
// spans except the batch size, the attempt, the keys and the tenant. The others
// are the counters of [pool.Stats], by symphony.pool:
//
//	symphony.pool.commands        commands that were sent
//	symphony.pool.errors          commands that returned an error
//	symphony.pool.down            1 if the last attempt to connect failed
//	symphony.queue.dead_removed   dead letters removed by DeadLimit or DeadFor
//	symphony.cache.hits           records read from memory
//	symphony.cache.misses         records that were not in memory
//	symphony.cache.bypasses       misses that were not cached
//	symphony.cache.invalidations  records dropped, as they may have changed
//	symphony.cache.evictions      records dropped for lack of room
//	symphony.cache.entries        records that are cached now
//	symphony.cache.size           memory that they use, in bytes
//
// [TriggerMetrics] and [WorkMetrics] make histograms of the durations of
// handlers. [ListenerMetrics] makes metrics of the counters of a listener, and
// [QueueMetrics] of the backlog of queues.
package poolotel
