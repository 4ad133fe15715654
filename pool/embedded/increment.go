package embedded

import (
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
	reply, ok := read(server, p, "HGET", args[0], args[1])
	text, found := reply.(string)
	if !ok || !found {
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
