// Package rights lists the permissions of Redis users that the library needs:
// the rows of the table in docs/security.md.
package rights

import (
	"slices"
	"strings"

	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/spacekey"
)

// Row lists what one repository or another feature needs. A test compares the
// rows with the document.
type Row struct {
	Name  string   // of the repository, or of another feature
	Alias string   // of its pool; empty if it is that of another row
	Needs []string // names of the rows that it also needs

	Commands []string // rules of ACL SETUSER, such as +time
	Optional []string // rules without which it works with less; docs/security.md says with how much less
	Cluster  []string // further rules on a cluster
	Newer    []string // further optional rules, of commands that Redis 7.0 does not have
	Python   []string // further rules with a pattern of the Python package

	Beside []string // kinds of keys beside its records, as globs; see keyspace.Beside
}

// token matches the token of a claim. Its length is fixed, so that the glob of
// a key does not match other keys that contain the same text.
var token = strings.Repeat("?", queuekey.TokenLen)

// BesideQueue are the kinds of keys beside a queue.
var BesideQueue = []string{
	queuekey.Due, queuekey.Again, queuekey.Delayed, queuekey.Order, queuekey.Back, queuekey.Dead, queuekey.Died, queuekey.Age,
	queuekey.Origins, queuekey.ClaimedOrigins,
	queuekey.Claim + token, queuekey.Rest + token, queuekey.Done + token,
}

// BesidePendingSet are the kinds of keys beside the pending set of a service,
// except the queues and places of a tenant and the key with which workers
// sweep.
var BesidePendingSet = []string{queuekey.Tenants, queuekey.Drained}

// BesideSpace are the kinds of keys beside a space of hashes that has a list or
// an index.
var BesideSpace = []string{spacekey.IDs, spacekey.Checks, spacekey.Entries, spacekey.Index, spacekey.Moved}

// BesideGroup are the kinds of keys beside a group of such spaces.
var BesideGroup = []string{spacekey.Spaces, spacekey.Indexed}

const hashCommands = "+eval +evalsha +exec +exists +hdel +hget +hkeys +hlen +hmget +hset +multi +persist +pexpire +pttl +scan +type +unlink"

// hash returns the row of a repository of hashes, which needs more commands
// than the others.
func hash(name, alias string, more ...string) Row {
	commands := append(strings.Fields(hashCommands), more...)
	slices.Sort(commands)
	row := Row{Name: name, Alias: alias, Commands: commands, Newer: strings.Fields("+hpexpire +hpexpireat +hpexpiretime +hpttl")}
	if !slices.Contains(commands, "+hincrby") {
		row.Optional = []string{"+hincrby"}
	}
	return row
}

// Rows are the rows of the table.
var Rows = []Row{
	{
		Name:     "pool.Open",
		Commands: strings.Fields("+ping +select"),
		Optional: strings.Fields("+hello +role"),
		Cluster:  strings.Fields("+asking +cluster|nodes +cluster|shards +cluster|slots +readonly"),
		Newer:    strings.Fields("+client|setinfo"),
	},
	hash("User", "user"),
	hash("StateHandler", "handlers"),
	hash("Table", "handlers", "+hincrby"),
	hash("SharedState", "symphony_shared_state"),
	{
		Name: "Generic", Alias: "default",
		Commands: strings.Fields("+del +eval +evalsha +exists +get +persist +pexpire +pttl +scan +set +type +unlink"),
		Beside:   []string{"load"},
	},
	{
		Name: "Limiter", Alias: "handlers",
		Commands: strings.Fields("+del +eval +evalsha +get +set +time"),
	},
	{
		Name: "Batch", Alias: "handlers",
		Commands: strings.Fields("+eval +evalsha +exec +exists +hdel +hexists +hget +hkeys +hlen +hmget +hrandfield +hscan +hset +llen +lmove " +
			"+lpush +lrange +ltrim +multi +persist +pexpire +pttl +rename +rpush +sadd +scard +script|load +sismember " +
			"+smembers +srem +time +type +unlink +zadd +zcard +zcount +zincrby +zrange +zrangebyscore +zrem " +
			"+zremrangebyrank +zrevrange +zscore"),
		Optional: strings.Fields("+publish +sort"),
		Beside:   BesideQueue,
	},
	{
		Name: "WorkBatches", Alias: "handlers", Needs: []string{"Batch"},
		Commands: strings.Fields("+get +scan +set +sscan +zmscore"),
		Optional: strings.Fields("+info +publish +subscribe +unsubscribe"),
	},
	{
		Name: "Trigger", Alias: "expiry",
		Commands: strings.Fields("+del +eval +evalsha +get +hdel +hget +hset +pexpiretime +scan +script|load +set +time +zadd +zrem +zscore"),
		Optional: strings.Fields("+publish"),
		Python:   strings.Fields("+exists"),
	},
	{
		Name: "Listener", Alias: "expiry", Needs: []string{"Trigger"},
		Commands: strings.Fields("+exists +hexists +hlen +hmget +hscan +hsetnx +pexpire +pttl +zcard +zcount +zmscore +zrange +zrangebyscore +zrank +zscan"),
		Optional: strings.Fields("+client|info +config|get +config|set +info +publish +subscribe +unsubscribe"),
	},
	{
		Name: "Feed", Alias: "pubsub",
		Commands: strings.Fields("+eval +evalsha +exists +persist +pexpire +pttl +time +type +unlink +xadd +xdel +xlen +xrange +xrevrange"),
		Optional: strings.Fields("+publish +subscribe"),
		Cluster:  strings.Fields("+spublish +ssubscribe"),
	},
	{
		Name: "Topic", Alias: "pubsub",
		Commands: strings.Fields("+publish +subscribe"),
		Cluster:  strings.Fields("+spublish +ssubscribe"),
	},
	{
		Name:     "cached reads",
		Commands: strings.Fields("+client|caching +client|tracking"),
	},
	{
		Name: "indexes",
		Commands: strings.Fields("+hscan +pexpiretime +time +zadd +zcard +zlexcount +zrange +zrangebylex +zrangebyscore +zrem +zrevrangebylex " +
			"+zscan +zscore"),
		Beside: BesideSpace,
	},
	{
		Name: "tenants", Needs: []string{"Batch", "Trigger"},
		Commands: strings.Fields("+hgetall +pexpireat +sscan +xadd +xrange +zmscore +zscan"),
	},
}

// Find returns the row of a name.
func Find(name string) (Row, bool) {
	i := slices.IndexFunc(Rows, func(r Row) bool { return r.Name == name })
	if i < 0 {
		return Row{}, false
	}
	return Rows[i], true
}
