package pool

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/operation"
)

// Observer observes the calls of clients. Package poolotel, in the module
// pool/otel, has one that makes traces and metrics. Its methods may be called
// concurrently.
type Observer interface {
	// Opened is called at the end of an [Open] that succeeds.
	Opened(p *Pools)

	// Closed is called once by [Pools.Close], after the connections are closed.
	Closed(p *Pools)

	// Begin is called before a call is sent, in its goroutine. The call is sent
	// with the context that Begin returns, which must derive from ctx. When the
	// call has ended, the function that Begin returns is called once with its
	// first error, or with nil. A nil reply and NOSCRIPT are not errors.
	Begin(ctx context.Context, c Call) (context.Context, func(error))
}

// Propagator is an [Observer] that links handlers to the calls that caused
// their work. If the observer of the pools implements it, the repositories
// store the text of Inject beside each trigger that is set and each item that
// is enqueued, in the same atomic step. A handler receives it from the method
// Origin of expiry.Event and Origins of symphony.Work. Otherwise nothing is
// stored.
type Propagator interface {
	Observer

	// Inject returns a text that identifies the caller, such as the traceparent
	// of W3C Trace Context, or "" if nothing is to be stored. It is called in
	// the goroutine of the call, before the call is sent. A text is ignored if
	// it is longer than [MaxOrigin] or is not printable ASCII.
	Inject(ctx context.Context) string
}

// MaxOrigin is the most bytes of a text that a [Propagator] stores.
const MaxOrigin = 512

// Propagates reports whether the pools have a [Propagator], for the packages of
// this module.
func (p *Pools) Propagates(internal.NotForPublicUse) bool {
	_, ok := p.observer.(Propagator)
	return ok
}

// Origin returns the text that is stored beside triggers and items that are set
// or enqueued with ctx. It is empty if there is none. It is for the packages of
// this module.
func (p *Pools) Origin(_ internal.NotForPublicUse, ctx context.Context) string { //nolint:revive // the marker comes first everywhere
	observer, ok := p.observer.(Propagator)
	if !ok {
		return ""
	}
	text := observer.Inject(ctx)
	if len(text) > MaxOrigin || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return text
}

// Call describes what a client sends in one round trip: one command, a
// pipeline, or a transaction. It contains no id and no value.
type Call struct {
	// The operation of a repository that sends the call. They are empty if the
	// call comes from a client of [Pools.Client], or from a worker or listener
	// that looks for work.
	Repository string // the type of the repository, such as User or HashRepo
	Operation  string // the method, such as Get
	Attempt    int    // the number of the attempt, from 1, of an operation that competes with other writers; otherwise 1

	// Tenant is the tenant of the repository, or empty. Take care not to make a
	// label of metrics of it: there may be many tenants.
	Tenant string

	Pool     Alias
	Addr     string // the server; empty if the URL has several addresses
	Database int    // the number of the database

	// Command is the name of the command, such as HMGET. It is that of a
	// pipeline if all its commands have the same name, MULTI for a transaction,
	// and otherwise empty.
	Command  string
	Commands int // how many commands are sent, with MULTI and EXEC
	Keys     int // how many keys the commands name; a key counts again in each command, except in a transaction
}

// begin tells the observer about a call. It returns the context of the call,
// and the function to call at its end.
func (s *clientState) begin(ctx context.Context, n int, command func(i int) []string) (context.Context, func(error)) {
	c := Call{Attempt: 1, Pool: s.alias, Addr: s.observedAddr, Database: s.database, Commands: n}
	if o := operation.From(ctx); o != nil {
		c.Repository, c.Operation, c.Tenant, c.Attempt = o.Repository, o.Name, o.Tenant, o.Attempt()
	}
	c.read(command)
	observed, end := s.observer.Begin(ctx, c)
	if observed == nil {
		observed = ctx
	}
	if end == nil {
		end = func(error) {}
	}
	return observed, end
}

// read sets Command and Keys from the words of the commands.
func (c *Call) read(command func(i int) []string) {
	var inTx []string // the keys of a transaction
	for i := range c.Commands {
		words := command(i)
		name := commandName(words)
		keys := keysOf(name, words)
		switch {
		case i == 0:
			c.Command = name
		case c.Command == "MULTI":
			for _, key := range keys {
				if !slices.Contains(inTx, key) {
					inTx = append(inTx, key)
					c.Keys++
				}
			}
			continue
		case c.Command != name:
			c.Command = ""
		}
		c.Keys += len(keys)
	}
}

// commandName returns the name of a command. It is the first word of its words.
// A word that cannot be a name is not returned, because it may be a value.
func commandName(words []string) string {
	if len(words) == 0 || len(words[0]) > 30 {
		return ""
	}
	name := strings.ToUpper(words[0])
	if strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'A' || r > 'Z') && r != '_' && r != '.' && r != '-' && (r < '0' || r > '9')
	}) {
		return ""
	}
	return name
}

// keysOf returns the keys in the words of a command, as far as repositories use
// it. Of any other command, it is the word after the name.
func keysOf(name string, words []string) []string {
	switch name {
	case "MULTI", "EXEC", "PING", "SCAN", "INFO", "CLUSTER", "SCRIPT", "CONFIG", "CLIENT", "TIME", "WAIT", "ACL",
		"PUBLISH", "SPUBLISH", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE":
		return nil
	case "EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO":
		if len(words) < 3 {
			return nil
		}
		n, err := strconv.Atoi(words[2])
		if err != nil || n < 0 || n > len(words)-3 {
			return nil
		}
		return words[3 : 3+n]
	case "DEL", "UNLINK", "EXISTS", "MGET", "TOUCH":
		return words[1:]
	}
	return words[min(1, len(words)):min(2, len(words))]
}

// observe begins to observe a call that sends one command.
func (s *clientState) observe(ctx context.Context, cmd rueidis.Completed) (context.Context, func(error)) {
	return s.begin(ctx, 1, func(int) []string { return cmd.Commands() })
}

// observeMulti is like observe, for several commands.
func (s *clientState) observeMulti(ctx context.Context, multi []rueidis.Completed) (context.Context, func(error)) {
	return s.begin(ctx, len(multi), func(i int) []string { return multi[i].Commands() })
}

// observeCached is like observe, for cached reads.
func (s *clientState) observeCached(ctx context.Context, multi []rueidis.CacheableTTL) (context.Context, func(error)) {
	return s.begin(ctx, len(multi), func(i int) []string { return multi[i].Cmd.Commands() })
}

// firstError returns the first error that counts.
func firstError(results ...rueidis.RedisResult) error {
	for _, r := range results {
		if err := r.Error(); countsAsError(err) {
			return err
		}
	}
	return nil
}
