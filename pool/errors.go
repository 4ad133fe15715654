package pool

import (
	"errors"
	"fmt"

	"github.com/symphony-go/symphony/internal/acl"
)

var (
	// ErrUnknownPool is the error of an alias that the Pools do not have. The
	// error that wraps it names the alias and those there are.
	ErrUnknownPool = errors.New("unknown pool")

	// ErrClosed is the error of everything begun after Close: nothing was sent.
	// A call that Close overtakes may end with rueidis.ErrClosing instead, and a
	// write among those may have been applied.
	ErrClosed = errors.New("pools are closed")

	// ErrNoPermission is a command, key or channel that the Redis user has no
	// right to. The error that wraps it names the ACL rule where the server
	// tells; docs/security.md lists the rights of each repository.
	ErrNoPermission = acl.ErrNoPermission

	// ErrUnexpectedReply is a reply that no Redis gives: one of another shape
	// than the command has, or one that announces more than a server sends. A
	// write that got one may have been applied.
	ErrUnexpectedReply = errors.New("unexpected reply from the server")
)

// ConfigError is one mistake in a Config. Open joins all of them:
//
//	var mistake *pool.ConfigError
//	if errors.As(err, &mistake) {
//		log.Print(mistake.Field) // the first: "URLs[user]"
//	}
//
// It never holds a password.
type ConfigError struct {
	Field  string // the field, with the alias for one entry of a map: "URL", "URLs[user]"
	Reason string // what is wrong and how to mend it
}

// Error names the field, what is wrong with it and how to mend it.
func (e *ConfigError) Error() string { return "pool: Config." + e.Field + ": " + e.Reason }

// ConnectError says that one alias does not answer. Open and Ping join one for
// each such alias. It holds no password of a URL.
type ConnectError struct {
	Alias Alias
	Addr  string // host:port, several separated by commas, or the path of a socket; not shown if no resolver finds it
	Err   error  // what the connection, the server or Config.NewClient said
}

// Error names the alias, the address and the reason.
func (e *ConnectError) Error() string {
	return fmt.Sprintf("pool: %s at %s does not answer: %v", e.Alias, e.Addr, e.Err)
}

// Unwrap gives the reason.
func (e *ConnectError) Unwrap() error { return e.Err }
