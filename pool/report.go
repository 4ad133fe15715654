package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/keyspace"
)

// Report is what [Pools.Report] found.
type Report struct {
	Servers  []ServerReport // in the order of their addresses
	Kinds    []KindReport   // in the order of alias and pattern
	Rights   []RightsReport // in the order of alias and repository; those that are complete are left out
	Findings []string       // what is at odds with what the repositories promise, each with its remedy

	// RightsUnchecked is why rights could not be checked. It is empty if they
	// were.
	RightsUnchecked string
}

// ServerReport describes one server.
type ServerReport struct {
	Addr       string
	Aliases    []Alias // that use the server
	Version    string  // of Redis, or the version of Redis that another server implements
	Mode       string  // standalone or cluster
	Replica    bool
	Replicas   int    // that are connected to it
	UsedMemory int64  // bytes
	MaxMemory  int64  // bytes; 0 if there is no limit
	Eviction   string // maxmemory-policy
	AppendOnly bool
	SaveFailed bool // whether the last snapshot, or the last write of the append-only file, failed

	// Notifications are the flags of notify-keyspace-events, by which a
	// listener finds the triggers that other services set. They may be
	// [NotificationsUnknown].
	Notifications string

	Databases map[int]DatabaseReport // those that have keys
}

// NotificationsUnknown is [ServerReport.Notifications] if the server does not
// let its user read the setting.
const NotificationsUnknown = "unknown"

// DatabaseReport counts the keys of one database of a server.
type DatabaseReport struct {
	Keys     int64
	Expiring int64 // those with a lifetime
}

// KindReport describes the records of one pattern of the layout in a sample of
// the keys of an alias.
type KindReport struct {
	Alias     Alias
	Kind      string // the field of [keyspace.Layout]
	Pattern   string
	Sampled   int
	Permanent int // those without a lifetime

	spaces map[string]lifetimes // of a kind whose repositories set one lifetime, by the space
}

// lifetimes counts the sampled records of one repository.
type lifetimes struct{ sampled, permanent int }

// reportSample is how many keys of an alias a Report looks at.
const reportSample = 1000

// Report describes the servers of all aliases, and a sample of their records.
// It is for the log at the start of a service and for a page of its operator.
//
// Findings names servers that evict records when their memory is full, servers
// that lose queues and triggers when they crash, and spaces of hashes, such as
// the users of a tenant, of which some have a lifetime and others do not: a
// repository was constructed with [symphony.NoTTL] in one place, and without it
// in another.
//
// Rights names, for each repository, the commands of its row in
// docs/security.md that the user of its alias may not run. It does not check
// patterns of keys and channels. ACL DRYRUN runs no command. Without the right
// to it, Report says so in RightsUnchecked.
//
// For each alias, Report sends INFO and CONFIG GET to every node, SCAN until it
// has seen a thousand keys or all, PTTL for those keys in one pipeline, and ACL
// WHOAMI. For each user it sends ACL DRYRUN for all commands in one pipeline.
// It changes nothing.
//
// If ctx has no deadline, each call ends after [Config.Timeout]. If a command
// fails, Report returns the rest of the report, and an error that joins those
// of the commands. After [Pools.Close], it returns [ErrClosed].
//
// [symphony.NoTTL]: https://pkg.go.dev/github.com/symphony-go/symphony#NoTTL
func (p *Pools) Report(ctx context.Context) (Report, error) {
	if p.closed.Load() {
		return Report{}, ErrClosed
	}
	servers := map[string]*ServerReport{}
	var r Report
	var errs []error
	for _, a := range p.Aliases() {
		for addr, node := range p.clients[a].Nodes() {
			if known := servers[addr]; known != nil {
				known.Aliases = append(known.Aliases, a)
				continue
			}
			info, err := node.Do(ctx, node.B().Info().Build()).ToString()
			if err != nil {
				errs = append(errs, &OpError{Op: "Report", Pool: a, Err: fmt.Errorf("INFO of %s: %w", addr, err)})
				continue
			}
			s := newServerReport(addr, info)
			s.Aliases = []Alias{a}
			s.Notifications = notifications(ctx, node)
			servers[addr] = &s
		}
		kinds, err := p.reportKinds(ctx, a)
		if err != nil {
			errs = append(errs, &OpError{Op: "Report", Pool: a, Err: err})
		}
		r.Kinds = append(r.Kinds, kinds...)
	}
	rights, unchecked, failed := p.reportRights(ctx)
	r.Rights, r.RightsUnchecked, errs = rights, unchecked, append(errs, failed...)
	for _, addr := range slices.Sorted(maps.Keys(servers)) {
		r.Servers = append(r.Servers, *servers[addr])
	}
	r.Findings = r.findings()
	return r, errors.Join(errs...)
}

// notifications returns the flags of notify-keyspace-events.
func notifications(ctx context.Context, node rueidis.Client) string {
	flags, err := node.Do(ctx, node.B().ConfigGet().Parameter("notify-keyspace-events").Build()).AsStrMap()
	if value, ok := flags["notify-keyspace-events"]; err == nil && ok {
		return value
	}
	return NotificationsUnknown
}

// newServerReport reads the reply of INFO.
func newServerReport(addr, info string) ServerReport {
	s := ServerReport{Addr: addr, Databases: map[int]DatabaseReport{}}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		switch name {
		case "redis_version":
			s.Version = value
		case "redis_mode":
			s.Mode = value
		case "connected_slaves":
			s.Replicas, _ = strconv.Atoi(value)
		case "rdb_last_bgsave_status", "aof_last_bgrewrite_status", "aof_last_write_status":
			s.SaveFailed = s.SaveFailed || value != "ok"
		case "role":
			s.Replica = value == "slave"
		case "used_memory":
			s.UsedMemory, _ = strconv.ParseInt(value, 10, 64)
		case "maxmemory":
			s.MaxMemory, _ = strconv.ParseInt(value, 10, 64)
		case "maxmemory_policy":
			s.Eviction = value
		case "aof_enabled":
			s.AppendOnly = value == "1"
		}
		if n, err := strconv.Atoi(strings.TrimPrefix(name, "db")); err == nil && strings.HasPrefix(name, "db") {
			var d DatabaseReport
			for part := range strings.SplitSeq(value, ",") {
				what, count, _ := strings.Cut(part, "=")
				switch what {
				case "keys":
					d.Keys, _ = strconv.ParseInt(count, 10, 64)
				case "expires":
					d.Expiring, _ = strconv.ParseInt(count, 10, 64)
				}
			}
			s.Databases[n] = d
		}
	}
	return s
}

// layoutKind is a field of a layout.
type layoutKind struct {
	name    string
	pattern keyspace.Pattern
	hash    bool
}

func layoutKinds(l keyspace.Layout) []layoutKind {
	return []layoutKind{
		{"User", l.User, true},
		{"State", l.State, true},
		{"Table", l.Table, true},
		{"SharedState", l.SharedState, true},
		{"Trigger", l.Trigger, false},
		{"BatchList", l.BatchList, false},
		{"PendingSet", l.PendingSet, false},
		{"Feed", l.Feed, false},
		{"Limit", l.Limit, false},
		{"Generic", l.Generic, false},
	}
}

// reportKinds describes a sample of the records of an alias.
func (p *Pools) reportKinds(ctx context.Context, a Alias) ([]KindReport, error) {
	keys, err := p.sampleKeys(ctx, a)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	client := p.clients[a]
	cmds := make(rueidis.Commands, len(keys))
	for i, key := range keys {
		cmds[i] = client.B().Pttl().Key(key).Build()
	}
	found := map[string]*KindReport{}
	for i, reply := range client.DoMulti(ctx, cmds...) {
		left, err := reply.AsInt64()
		if err != nil {
			return nil, fmt.Errorf("PTTL: %w", err)
		}
		for _, kind := range layoutKinds(p.layout) {
			parts, ok := kind.pattern.Parse(strings.TrimPrefix(keys[i], p.prefixes[a]))
			if !ok || left == -2 {
				continue
			}
			if found[kind.name] == nil {
				found[kind.name] = &KindReport{Alias: a, Kind: kind.name, Pattern: kind.pattern.String(), spaces: map[string]lifetimes{}}
			}
			found[kind.name].add(kind, parts, left == -1)
			break
		}
	}
	kinds := make([]KindReport, 0, len(found))
	for _, kind := range found {
		kinds = append(kinds, *kind)
	}
	slices.SortFunc(kinds, func(a, b KindReport) int { return cmp.Compare(a.Kind, b.Kind) })
	return kinds, nil
}

// add counts a record with the given parts of its key.
func (k *KindReport) add(kind layoutKind, parts []string, permanent bool) {
	forever := 0
	if permanent {
		forever = 1
	}
	k.Sampled++
	k.Permanent += forever
	if !kind.hash {
		return
	}
	if space, err := kind.pattern.Bind(parts[:len(parts)-1]...); err == nil {
		sum := k.spaces[space.String()]
		k.spaces[space.String()] = lifetimes{sum.sampled + 1, sum.permanent + forever}
	}
}

// sampleKeys returns keys of an alias, from each primary of a cluster about the
// same number.
func (p *Pools) sampleKeys(ctx context.Context, a Alias) (keys []string, err error) {
	nodes := p.clients[a].Nodes()
	for _, node := range nodes {
		var mine []string
		for cursor := uint64(0); len(mine) < reportSample/len(nodes); {
			cmd := node.B().Scan().Cursor(cursor).Match(p.prefixes[a] + "*").Count(reportSample).Build()
			page, err := node.Do(ctx, cmd).AsScanEntry()
			if err != nil {
				return nil, fmt.Errorf("SCAN: %w", err)
			}
			mine = append(mine, page.Elements...)
			if cursor = page.Cursor; cursor == 0 {
				break
			}
		}
		keys = append(keys, mine[:min(len(mine), reportSample)]...)
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil // a replica has the keys of its primary
}

// findings returns what is at odds with the promises of the repositories.
func (r *Report) findings() (all []string) {
	for _, s := range r.Servers {
		if s.Eviction != "" && s.Eviction != "noeviction" {
			all = append(all, fmt.Sprintf("%s evicts records, queues and triggers when its memory is full (maxmemory-policy %s); set maxmemory-policy noeviction", s.Addr, s.Eviction))
		}
		if !s.AppendOnly && !s.Replica {
			all = append(all, fmt.Sprintf("%s loses queues and triggers when it crashes (appendonly no); set appendonly yes", s.Addr))
		}
	}
	for _, s := range r.Servers {
		if s.SaveFailed {
			all = append(all, s.Addr+" could not save its data the last time; see its log, and give it room on its disk")
		}
	}
	for _, k := range r.Kinds {
		all = append(all, k.findings()...)
	}
	return all
}

// mostMixed is of how many spaces of a kind the findings say that only some of
// the records expire.
const mostMixed = 3

// findings returns the spaces in which only some of the records expire.
func (k *KindReport) findings() (all []string) {
	mixed := 0
	for _, space := range slices.Sorted(maps.Keys(k.spaces)) {
		n := k.spaces[space]
		if n.permanent == 0 || n.permanent == n.sampled {
			continue
		}
		if mixed++; mixed <= mostMixed {
			all = append(all, fmt.Sprintf("of %d records %s of the pool %s, %d expire and %d do not; construct the repository in one place, with NoTTL or TTL",
				n.sampled, space, k.Alias, n.sampled-n.permanent, n.permanent))
		}
	}
	if mixed > mostMixed {
		all = append(all, fmt.Sprintf("in %d more spaces %s of the pool %s, some records expire and others do not", mixed-mostMixed, k.Pattern, k.Alias))
	}
	return all
}
