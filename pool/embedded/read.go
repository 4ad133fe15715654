package embedded

import (
	"bufio"
	"bytes"

	mini "github.com/alicebob/miniredis/v2/server"
)

// read runs a command for a hook, and returns its reply as the connection of p
// sees it. It reports false if the command failed, or if the connection is in a
// transaction, which has not run.
func read(server *mini.Server, p *mini.Peer, command ...string) (any, bool) {
	if conn, known := stateOf(p); !known || conn.queues {
		return nil, false
	}
	var reply bytes.Buffer
	reader := mini.NewPeer(bufio.NewWriter(&reply))
	reader.Ctx = p.Ctx
	server.Dispatch(reader, command)
	reader.Flush()
	value, err := mini.ParseReply(bufio.NewReader(&reply))
	return value, err == nil
}
