package acl

import "strings"

// Row is a row of the table of permissions in docs/security.md.
type Row struct {
	Name     string   // of the repository, or of what else needs them
	Commands []string // rules of ACL SETUSER, such as +time
}

// Rows are the rows of the table. A test compares them with the document.
var Rows = []Row{
	{"pool.Open", strings.Fields("+ping +select")},
	{"User", strings.Fields("+eval +evalsha +exec +exists +hdel +hget +hkeys +hlen +hmget +hset +multi +persist +pexpire +pttl +scan +type " +
		"+unlink")},
	{"StateHandler", strings.Fields("+eval +evalsha +exec +exists +hdel +hget +hkeys +hlen +hmget +hset +multi +persist +pexpire +pttl +scan +type " +
		"+unlink")},
	{"Table", strings.Fields("+eval +evalsha +exec +exists +hdel +hget +hincrby +hkeys +hlen +hmget +hset +multi +persist +pexpire +pttl " +
		"+scan +type +unlink")},
	{"SharedState", strings.Fields("+eval +evalsha +exec +exists +hdel +hget +hkeys +hlen +hmget +hset +multi +persist +pexpire +pttl +scan +type " +
		"+unlink")},
	{"Generic", strings.Fields("+del +eval +evalsha +exists +get +persist +pexpire +pttl +scan +set +type +unlink")},
	{"Limiter", strings.Fields("+del +eval +evalsha +get +set +time")},
	{"Batch", strings.Fields("+eval +evalsha +exec +exists +hdel +hexists +hget +hkeys +hlen +hmget +hrandfield +hscan +hset +llen +lmove " +
		"+lpush +lrange +ltrim +multi +persist +pexpire +pttl +rename +rpush +sadd +scard +script|load +sismember " +
		"+smembers +srem +time +type +unlink +zadd +zcard +zcount +zincrby +zrange +zrangebyscore +zrem " +
		"+zremrangebyrank +zrevrange +zscore")},
	{"WorkBatches", strings.Fields("+get +scan +set +sscan +zmscore")},
	{"Trigger", strings.Fields("+del +eval +evalsha +get +hdel +hget +hset +pexpiretime +scan +script|load +set +time +zadd +zrem +zscore")},
	{"Listener", strings.Fields("+exists +hexists +hlen +hmget +hscan +hsetnx +pexpire +pttl +zcard +zcount +zrange +zrangebyscore +zscan")},
	{"Feed", strings.Fields("+eval +evalsha +exists +persist +pexpire +pttl +time +type +unlink +xadd +xlen +xrange +xrevrange")},
	{"Topic", strings.Fields("+publish +subscribe")},
	{"cached reads", strings.Fields("+client|caching +client|tracking")},
	{"indexes", strings.Fields("+hscan +pexpiretime +time +zadd +zcard +zlexcount +zrange +zrangebylex +zrangebyscore +zrem +zrevrangebylex " +
		"+zscan +zscore")},
	{"tenants", strings.Fields("+hgetall +pexpireat +sscan +xadd +xrange +zmscore +zscan")},
}
