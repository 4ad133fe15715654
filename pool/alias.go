package pool

import (
	"strings"
	"unicode"
)

// Alias names a pool. Programs may add their own beside the six below, through
// Config.Databases or Config.URLs; a name is not empty and holds no blank, no
// control character and none of : % { }, since it may become a prefix of keys.
type Alias string

// The pools that the domain repositories live on, each with the database it has
// where Config gives it no other.
const (
	Default     Alias = "default"               // generic values; database 15
	User        Alias = "user"                  // users; database 11
	Handlers    Alias = "handlers"              // state handlers, tables and batches; database 10
	SharedState Alias = "symphony_shared_state" // shared state; database 9
	Expiry      Alias = "expiry"                // triggers; database 8
	PubSub      Alias = "pubsub"                // messages; database 7
)

var databases = map[Alias]int{
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

// prefix is what the keys of a begin with where pools share a database.
func (a Alias) prefix() string { return string(a) + ":" }
