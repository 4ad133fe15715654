package embedded

import (
	"bufio"
	"bytes"
	"math"
	"strconv"

	mini "github.com/alicebob/miniredis/v2/server"
)

// refuseIncrement is a hook that refuses HINCRBY as Redis does: if the field is
// not written as Redis writes an integer, or if the sum has more than 64 bits.
// miniredis accepts more texts, and its sums wrap around.
func refuseIncrement(server *mini.Server, p *mini.Peer, cmd string, args ...string) bool {
	if cmd != "HINCRBY" || len(args) != 3 {
		return false
	}
	by, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return false // miniredis refuses it
	}
	text, ok := readField(server, p, args[0], args[1])
	if !ok {
		return false
	}
	stored, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || strconv.FormatInt(stored, 10) != text:
		p.WriteError("ERR hash value is not an integer")
	case by > 0 && stored > math.MaxInt64-by || by < 0 && stored < math.MinInt64-by:
		p.WriteError("ERR increment or decrement would overflow")
	default:
		return false
	}
	return true
}

// readField returns the text of a field as the connection sees it. It reports
// false if the field is absent, or in a transaction that has not run.
func readField(server *mini.Server, p *mini.Peer, key, field string) (string, bool) {
	var reply bytes.Buffer
	w := bufio.NewWriter(&reply)
	reader := mini.NewPeer(w)
	reader.Ctx = p.Ctx
	if conn, known := stateOf(p); !known || conn.queues {
		return "", false
	}
	server.Dispatch(reader, []string{"HGET", key, field})
	reader.Flush()
	value, err := mini.ParseReply(bufio.NewReader(&reply))
	text, ok := value.(string)
	return text, err == nil && ok
}
