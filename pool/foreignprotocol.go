package pool

import (
	"bytes"
	"fmt"
)

// foreignProtocolError is returned if the first data of a server is not that of
// a Redis server.
type foreignProtocolError struct {
	name string // of the protocol
}

const protocolTLS = "TLS"

// newForeignProtocolError returns the error for the first data of a server.
func newForeignProtocolError(data []byte) error {
	name := "another protocol"
	switch {
	case bytes.HasPrefix(data, []byte("HTTP/")):
		name = "HTTP"
	case bytes.HasPrefix(data, []byte("SSH-")):
		name = "SSH"
	case bytes.HasPrefix(data, []byte("220 ")), bytes.HasPrefix(data, []byte("220-")):
		name = "SMTP or FTP"
	case bytes.HasPrefix(data, []byte("ERROR\r\n")):
		name = "memcached"
	case len(data) > 2 && data[0] == 0x15 && data[1] == 3: // an alert
		name = protocolTLS
	case len(data) > 2 && data[0] == 'E' && data[1] == 0: // an ErrorResponse
		name = "PostgreSQL"
	case len(data) > 5 && data[3] == 0 && data[4] == 10: // a greeting of version 10
		name = "MySQL"
	}
	return &foreignProtocolError{name}
}

func (e *foreignProtocolError) Error() string {
	return fmt.Sprintf("%v: the port speaks %s, not the protocol of Redis", ErrUnexpectedReply, e.name)
}

// Unwrap returns [ErrUnexpectedReply].
func (e *foreignProtocolError) Unwrap() error { return ErrUnexpectedReply }
