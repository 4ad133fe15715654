package embedded

import (
	"strconv"
	"strings"

	mini "github.com/alicebob/miniredis/v2/server"
)

// refuseEntry is a hook that refuses XADD as Redis does if the id is `<ms>-*`
// and the last entry of the stream has a later ms. miniredis adds the entry
// with another id.
func refuseEntry(server *mini.Server, p *mini.Peer, cmd string, args ...string) bool {
	if cmd != "XADD" {
		return false
	}
	ms, ok := startOfID(args)
	if !ok {
		return false
	}
	reply, _ := read(server, p, "XREVRANGE", args[0], "+", "-", "COUNT", "1")
	entries, _ := reply.([]any)
	if len(entries) == 0 {
		return false
	}
	entry, _ := entries[0].([]any)
	if len(entry) == 0 {
		return false
	}
	id, _ := entry[0].(string)
	start, _, _ := strings.Cut(id, "-")
	last, err := strconv.ParseUint(start, 10, 64)
	if err != nil || last <= ms {
		return false
	}
	p.WriteError("ERR The ID specified in XADD is equal or smaller than the target stream top item")
	return true
}

// startOfID returns the ms of the id of XADD. It reports whether the id is
// `<ms>-*`.
func startOfID(args []string) (uint64, bool) {
	i := 1
	if i < len(args) && strings.EqualFold(args[i], "NOMKSTREAM") {
		i++
	}
	if i < len(args) && (strings.EqualFold(args[i], "MAXLEN") || strings.EqualFold(args[i], "MINID")) {
		if i++; i < len(args) && (args[i] == "=" || args[i] == "~") {
			i++
		}
		i++
	}
	if i >= len(args) {
		return 0, false
	}
	start, partial := strings.CutSuffix(args[i], "-*")
	ms, err := strconv.ParseUint(start, 10, 64)
	return ms, partial && err == nil
}
