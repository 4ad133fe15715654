package pool

import (
	"strings"
	"unicode"
)

// Alias names a pool. Each alias has its own database, except on a cluster and
// with [Config.PrefixKeys]. A program adds aliases with [Config.Databases] or
// [Config.URLs].
//
// An alias can become a prefix of keys. It must not be empty, and must not
// contain white space, control characters or any of these nine characters:
//
//	: % { } * ? [ ] \
type Alias string

// The predefined aliases. Each uses the database given here, unless
// [Config.Databases] or [Config.URLs] selects another.
const (
	Default     Alias = "default"               // generic values; database 15
	User        Alias = "user"                  // users; database 11
	Handlers    Alias = "handlers"              // state handlers, tables and batches; database 10
	SharedState Alias = "symphony_shared_state" // shared state; database 9
	Expiry      Alias = "expiry"                // triggers; database 8
	PubSub      Alias = "pubsub"                // messages; database 7
)

var defaultDatabases = map[Alias]int{
	Default:     15,
	User:        11,
	Handlers:    10,
	SharedState: 9,
	Expiry:      8,
	PubSub:      7,
}

func (a Alias) valid() bool {
	return a != "" && !strings.ContainsFunc(string(a), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`:%{}*?[]\`, r)
	})
}

// keyPrefix returns the prefix of a's keys in a database that aliases share.
func (a Alias) keyPrefix() string { return string(a) + ":" }
