package pool

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/symphony-go/symphony/internal/acl"
)

// ConnectError reports that one alias cannot be used. [Open] and [Pools.Ping]
// return one for each such alias, joined. The text of the joined error has one
// line for each cause, which names all aliases with that cause. No text
// contains a password of a URL.
type ConnectError struct {
	Alias Alias

	// Addr is host:port, several of them separated by commas, or the path of a
	// socket. It is "(not shown)" if the resolver does not find the host,
	// because the host may then be a misplaced password. If the context of Open
	// ends first, each host that is a single word, except localhost, is hidden
	// in the same way.
	Addr string

	// Database is the number of the database. On a cluster it is 0.
	Database int

	// Err is the error of the connection, of the server or of
	// [Config.NewClient].
	Err error

	// Hint is the likely mistake and its remedy. It is empty for an unknown
	// cause, and if Err contains the remedy.
	Hint string
}

// Error returns the alias, the address, the reason and the hint. It says that
// the server does not answer only if it sent no byte.
func (e *ConnectError) Error() string { return describe([]*ConnectError{e}) }

// Unwrap returns the reason.
func (e *ConnectError) Unwrap() error { return e.Err }

// newConnectError returns the ConnectError of an alias. It hides the address if
// the resolver does not find the host.
func newConnectError(a Alias, s *endpoint, database int, addr string, err error) *ConnectError {
	err = acl.Explain(redactDialError(err, addr))
	if lookup := (*net.DNSError)(nil); errors.As(err, &lookup) && lookup.Name == notShown {
		addr = notShown
	}
	return &ConnectError{Alias: a, Addr: addr, Database: database, Err: err, Hint: hint(err, s)}
}

// connectErrors joins ConnectErrors.
type connectErrors []*ConnectError

// joinConnectErrors joins errors in the order of their aliases. The result is
// nil if there is none.
func joinConnectErrors(byAlias map[Alias]*ConnectError) error {
	if len(byAlias) == 0 {
		return nil
	}
	var errs connectErrors
	for _, a := range slices.Sorted(maps.Keys(byAlias)) {
		errs = append(errs, byAlias[a])
	}
	return errs
}

func (errs connectErrors) Error() string {
	type cause struct{ addr, reason, hint string }
	var causes []cause
	byCause := make(map[cause][]*ConnectError)
	for _, e := range errs {
		c := cause{e.Addr, e.Err.Error(), e.Hint}
		if byCause[c] == nil {
			causes = append(causes, c)
		}
		byCause[c] = append(byCause[c], e)
	}
	lines := make([]string, len(causes))
	for i, c := range causes {
		lines[i] = describe(byCause[c])
	}
	return strings.Join(lines, "\n")
}

func (errs connectErrors) Unwrap() []error {
	all := make([]error, len(errs))
	for i, e := range errs {
		all[i] = e
	}
	return all
}

// describe returns the text of errors that have the same cause.
func describe(errs []*ConnectError) string {
	names := make([]string, len(errs))
	for i, e := range errs {
		names[i] = string(e.Alias)
		if isMissingDatabase(e.Err) {
			names[i] = fmt.Sprintf("%s (database %d)", e.Alias, e.Database)
		}
	}
	e := errs[0]
	verb := "cannot be used"
	if !hasAnswered(e.Err) {
		verb = "does not answer"
	}
	reason := strings.TrimSuffix(e.Err.Error(), ".")
	text := fmt.Sprintf("pool: %s at %s %s: %s", strings.Join(names, ", "), e.Addr, verb, reason)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}
