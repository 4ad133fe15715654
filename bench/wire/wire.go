// Package wire counts the traffic between a client and a server. It wraps the
// connections of the client and reads the Redis protocol in both directions, so
// it does not count other clients of the server.
package wire

import (
	"net"
	"slices"
	"strings"
	"sync"
)

// Traffic is the traffic of a client's connections.
type Traffic struct {
	// Trips is the number of round trips: how often a command was sent while no
	// reply was outstanding. Commands that follow without waiting are in the
	// same round trip.
	Trips          int
	Commands       []string // their names, in order
	Housekeeping   int      // commands that the client sends on its own, which are in no other number
	Sent, Received int      // bytes
}

// Counter counts the traffic of all connections that it wraps. The zero value
// is ready to use.
type Counter struct {
	mu      sync.Mutex
	traffic Traffic
	failed  error
}

// Wrap returns a connection that the counter counts.
func (c *Counter) Wrap(under net.Conn) net.Conn { return &conn{Conn: under, counter: c} }

// Take returns the traffic since the last Take. It returns an error if the
// traffic was not the Redis protocol.
func (c *Counter) Take() (Traffic, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.traffic
	c.traffic = Traffic{}
	return t, c.failed
}

// conn is a connection. waiting is the number of commands without a complete
// reply.
type conn struct {
	net.Conn
	counter  *Counter
	commands frames
	replies  frames
	waiting  int
	counted  bool // whether the round trip that is under way is
}

func (c *conn) Write(p []byte) (int, error) {
	c.sent(p) // before the answer can come
	return c.Conn.Write(p)
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.received(p[:n])
	return n, err
}

// housekeeping lists commands that clients send on their own.
var housekeeping = []string{"PING", "HELLO", "CLIENT", "AUTH", "SELECT", "COMMAND", "CLUSTER", "ROLE", "INFO"}

func (c *conn) sent(p []byte) {
	k := c.counter
	k.mu.Lock()
	defer k.mu.Unlock()
	k.traffic.Sent += len(p)
	k.note(c.commands.feed(p, func(_ byte, name string) {
		name = strings.ToUpper(name)
		if c.waiting++; c.waiting == 1 {
			c.counted = false
		}
		if slices.Contains(housekeeping, name) {
			k.traffic.Housekeeping++
			return
		}
		if !c.counted {
			c.counted = true
			k.traffic.Trips++
		}
		k.traffic.Commands = append(k.traffic.Commands, name)
	}))
}

func (c *conn) received(p []byte) {
	k := c.counter
	k.mu.Lock()
	defer k.mu.Unlock()
	k.traffic.Received += len(p)
	k.note(c.replies.feed(p, func(kind byte, _ string) {
		if kind != '>' && c.waiting > 0 { // a push answers nothing
			c.waiting--
		}
	}))
}

func (c *Counter) note(err error) {
	if err != nil && c.failed == nil {
		c.failed = err
	}
}
