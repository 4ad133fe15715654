package inspect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/symphony-go/symphony/pool"
)

// Server has the numbers that a server reports about itself.
type Server struct {
	Addr     string       `json:"addr"`
	Pools    []pool.Alias `json:"pools"`
	Version  string       `json:"version"`
	Role     string       `json:"role"`
	Memory   int64        `json:"memory"`     // bytes
	Limit    int64        `json:"max_memory"` // bytes; 0 if there is no limit
	Clients  int64        `json:"clients"`
	Ops      int64        `json:"ops_per_second"`
	Hits     int64        `json:"keyspace_hits"`
	Misses   int64        `json:"keyspace_misses"`
	Evicted  int64        `json:"evicted_keys"`
	Keys     int64        `json:"keys"`
	Expiring int64        `json:"expiring"` // keys with a lifetime

	Eviction    string    `json:"maxmemory_policy"`
	AppendOnly  bool      `json:"appendonly"`
	LastSave    time.Time `json:"last_save,omitzero"` // of a snapshot, or the start of the server
	Unsaved     int64     `json:"unsaved_changes"`    // since then
	WriteFailed bool      `json:"write_failed"`       // whether the last write to the disk failed
}

// evicts reports whether the server removes records when its memory is full.
func (s Server) evicts() bool { return s.Eviction != "" && s.Eviction != "noeviction" }

// Servers returns the servers of all pools, in the order of their addresses. It
// sends INFO to each. If a server does not reply, it returns the others and an
// error.
func Servers(ctx context.Context, pools *pool.Pools) ([]Server, error) {
	byAddr := map[string]*Server{}
	var errs []error
	for _, a := range pools.Aliases() {
		client, err := pools.Client(a)
		if err != nil {
			return nil, err
		}
		for addr, node := range client.Nodes() {
			if known := byAddr[addr]; known != nil {
				known.Pools = append(known.Pools, a)
				continue
			}
			info, err := node.Do(ctx, node.B().Info().Build()).ToString()
			if err != nil {
				errs = append(errs, fmt.Errorf("INFO of %s: %w", addr, err))
				continue
			}
			byAddr[addr] = newServer(addr, a, info)
		}
	}
	servers := make([]Server, 0, len(byAddr))
	for _, addr := range slices.Sorted(maps.Keys(byAddr)) {
		servers = append(servers, *byAddr[addr])
	}
	return servers, errors.Join(errs...)
}

// newServer reads the reply of INFO.
func newServer(addr string, a pool.Alias, info string) *Server {
	s := &Server{Addr: addr, Pools: []pool.Alias{a}}
	texts := map[string]*string{"redis_version": &s.Version, "role": &s.Role, "maxmemory_policy": &s.Eviction}
	numbers := map[string]*int64{
		"used_memory": &s.Memory, "maxmemory": &s.Limit, "connected_clients": &s.Clients, "instantaneous_ops_per_sec": &s.Ops,
		"keyspace_hits": &s.Hits, "keyspace_misses": &s.Misses, "evicted_keys": &s.Evicted,
		"rdb_changes_since_last_save": &s.Unsaved,
	}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if text := texts[name]; text != nil {
			*text = value
		}
		if number := numbers[name]; number != nil {
			*number, _ = strconv.ParseInt(value, 10, 64)
		}
		switch name {
		case "aof_enabled":
			s.AppendOnly = value == "1"
		case "rdb_last_save_time":
			if at, err := strconv.ParseInt(value, 10, 64); err == nil && at > 0 {
				s.LastSave = time.Unix(at, 0)
			}
		case "rdb_last_bgsave_status", "aof_last_write_status":
			s.WriteFailed = s.WriteFailed || value != "ok"
		}
		if rest, ok := strings.CutPrefix(name, "db"); !ok || rest == "" || strings.Trim(rest, "0123456789") != "" {
			continue
		}
		for part := range strings.SplitSeq(value, ",") {
			what, count, _ := strings.Cut(part, "=")
			n, _ := strconv.ParseInt(count, 10, 64)
			switch what {
			case "keys":
				s.Keys += n
			case "expires":
				s.Expiring += n
			}
		}
	}
	return s
}
