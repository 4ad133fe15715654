package inspect

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
)

// overview is the first page. It sends INFO to each server, and waits for
// nothing else.
func (h *handler) overview(ctx context.Context, _ request) (page, error) {
	p := page{title: "Overview", current: "Overview"}
	servers, err := Servers(ctx, h.pools)
	p.sections = []section{h.serversSection(servers, err), h.tenantsSummary(ctx), h.poolsSection(servers), h.findingsSection(ctx)}
	return p, nil
}

func (h *handler) serversSection(servers []Server, err error) section {
	s := section{Heading: "Servers"}
	if err != nil {
		s.Notices = append(s.Notices, problem(err))
	}
	t := &table{
		Caption: "Servers of the pools",
		Columns: columns("Server", "Version", "Role", "Memory#", "Eviction", "Persistence", "Clients#", "Commands/s#", "Keys#", "With lifetime#", "Hits#"),
		Empty:   "No server answered.",
	}
	for _, server := range servers {
		t.add(server.Addr,
			name(server.Addr), text(server.Version), text(printable(server.Role)), memoryCell(server), evictionCell(server), persistenceCell(server),
			amount(server.Clients), amount(server.Ops), amount(server.Keys), amount(server.Expiring), rateCell(server.Hits, server.Misses))
		s.Notices = append(s.Notices, h.meanings(server)...)
	}
	slices.SortStableFunc(s.Notices, func(a, b notice) int { return severity(a.Tone) - severity(b.Tone) })
	s.Table = t
	return s
}

func severity(t tone) int { return slices.Index([]tone{bad, warning, dim, good}, t) }

func memoryCell(s Server) cell {
	c := cell{Text: size(s.Memory), Sub: "no limit"}
	if s.Limit > 0 {
		c.Sub = fmt.Sprintf("%d%% of %s", s.Memory*100/s.Limit, size(s.Limit))
		if s.Memory*10 > s.Limit*9 {
			c.Tone = warning
		}
	}
	return c
}

func evictionCell(s Server) cell {
	c := text(s.Eviction)
	if s.evicts() {
		c.Tone = bad
	}
	return c
}

func persistenceCell(s Server) cell {
	if s.AppendOnly {
		return text("every write (AOF)")
	}
	c := cell{Text: "snapshots or none", Tone: bad}
	if !s.LastSave.IsZero() {
		c.Sub = "last one " + roughly(time.Since(s.LastSave)) + " ago"
	}
	if s.Role == "slave" {
		c.Tone = ""
	}
	return c
}

// rateCell returns a cell with a rate of hits.
func rateCell(hits, misses int64) cell {
	if hits+misses == 0 {
		return cell{Text: "none", Tone: dim}
	}
	return cell{Text: fmt.Sprintf("%.1f%%", 100*float64(hits)/float64(hits+misses)), Sub: fmt.Sprintf("%s of %s", count(hits), count(hits+misses))}
}

// meanings compares the settings of a server with the promises of the
// repositories.
func (h *handler) meanings(s Server) (all []notice) {
	add := func(t tone, format string, args ...any) {
		all = append(all, notice{t, printable(s.Addr + ": " + fmt.Sprintf(format, args...))})
	}
	switch major, _, _ := strings.Cut(s.Version, "."); {
	case len(major) == 1 && major < "7":
		add(bad, "Redis %s is too old. The library needs 7.0, and some calls fail.", s.Version)
	case h.pools.SupportsFieldTTL(s.Pools[0]):
		add(good, "Version %s has everything that the library uses.", s.Version)
	default:
		add(good, "Version %s has everything that the library uses, apart from lifetimes of fields (SetFor).", s.Version)
	}
	if s.evicts() {
		add(bad, "Records, queues and triggers disappear when the memory is full (maxmemory-policy %s). Set maxmemory-policy noeviction.", s.Eviction)
	} else {
		add(good, "Nothing is evicted (maxmemory-policy noeviction). If the memory is full, writes return an error, and what is stored stays.")
	}
	switch {
	case s.Limit == 0:
		add(dim, "There is no memory limit. If the machine runs out of memory, the system may end the server. With maxmemory, it refuses writes before that.")
	case s.Memory*10 > s.Limit*9:
		add(warning, "The memory is nearly full (%s of %s). When it is, enqueues, triggers and writes of records fail.", size(s.Memory), size(s.Limit))
	}
	switch {
	case s.Role == "slave":
		add(dim, "This is a replica. It serves reads with the option ReadReplicas, which may be stale.")
	case s.AppendOnly:
		add(good, "Queues and triggers survive a crash (appendonly yes). With appendfsync everysec, the last second may be lost.")
	default:
		add(bad, "Queues and triggers are lost in a crash (appendonly no)%s. Set appendonly yes.", unsaved(s))
	}
	if s.WriteFailed {
		add(bad, "The last write to the disk failed. Look at the log of the server.")
	}
	return all
}

func unsaved(s Server) string {
	if s.Unsaved == 0 {
		return ""
	}
	return fmt.Sprintf(": %s changes since the last snapshot", count(s.Unsaved))
}

// tenantsSummary shows the sums of the last walk over all tenants.
func (h *handler) tenantsSummary(ctx context.Context) section {
	s := section{Heading: "Tenants", Links: []link{{Text: "All tenants", URL: "tenants"}, {Text: "Queues", URL: "queues"}, {Text: "Dead letters", URL: "dead"}}}
	work := h.tenantsWork()
	work.wait = 100 * time.Millisecond // the first page does not wait for a large database
	o := ask(ctx, h.jobs, work)
	addWalk(&s, o, "all tenants", work.name)
	if !o.known {
		s.Text = "A walk over the names of all keys counts what each tenant has. It runs in the background."
		return s
	}
	sum := o.value.sum
	s.Facts = []fact{
		{"Tenants", amount(int64(len(o.value.rows)))},
		{"Records", amount(sum.records())},
		{"Records without a lifetime", amount(sum.of(symphony.KindPermanent))},
		{"Items in queues", amount(sum.of(symphony.KindWaiting))},
		{"Items in flight", amount(sum.of(symphony.KindInFlight))},
		{"Triggers", amount(sum.of(symphony.KindTrigger))},
		{"Triggers due", alarming(sum.of(symphony.KindTriggerDue), warning)},
		{"Firings running", amount(sum.of(symphony.KindTriggerInFlight))},
		{"Firings waiting", amount(sum.of(symphony.KindTriggerWaiting))},
		{"Dead letters of queues", alarming(sum.of(symphony.KindDead), bad)},
		{"Dead letters of triggers", alarming(sum.of(symphony.KindTriggerDead), bad)},
	}
	return s
}

// poolsSection shows the pools and the counters of this process.
func (h *handler) poolsSection(servers []Server) section {
	t := &table{
		Caption: "Pools", Note: "Commands and caches are those of this process, since it started.",
		Columns: columns("Pool", "Servers", "Keys begin with", "Link", "Commands#", "Errors#", "Cache hits#", "Cached#"),
		Empty:   "There are no pools.",
	}
	stats := h.pools.Stats()
	for _, a := range h.pools.Aliases() {
		var addrs []string
		for _, s := range servers {
			if slices.Contains(s.Pools, a) {
				addrs = append(addrs, s.Addr)
			}
		}
		at := cell{Text: "none", Tone: dim}
		if len(addrs) > 0 {
			at = name(strings.Join(addrs, " "))
		}
		s := stats[a]
		prefix := cell{Text: "the tenant", Tone: dim}
		if h.pools.Prefix(a) != "" {
			prefix = name(h.pools.Prefix(a))
		}
		state := cell{Text: "up", Tone: good}
		if s.Down {
			state = cell{Text: "down", Tone: bad, Sub: "since " + s.Since.UTC().Format(time.TimeOnly) + ": " + printable(s.LastError)}
		}
		t.add(string(a), text(string(a)), at, prefix, state, amount(s.Commands), alarming(s.Errors, warning),
			rateCell(s.CacheHits, s.CacheMisses), cell{Text: count(s.CacheEntries), Sub: size(s.CacheBytes), Tone: dim})
	}
	return section{Table: t}
}

// findingsSection shows the findings of pool.Report in a sample of the records.
func (h *handler) findingsSection(ctx context.Context) section {
	s := section{Heading: "Lifetimes in a sample"}
	o := ask(ctx, h.jobs, work[pool.Report]{name: "report", wait: 300 * time.Millisecond, run: func(ctx context.Context) (pool.Report, error) {
		return h.pools.Report(ctx)
	}})
	if o.err != nil {
		s.Notices = append(s.Notices, problem(o.err))
	}
	if !o.known {
		s.Text = "A sample of the records is being read."
		return s
	}
	for _, finding := range o.value.Findings {
		ofServer := func(r pool.ServerReport) bool { return strings.HasPrefix(finding, r.Addr) }
		if !slices.ContainsFunc(o.value.Servers, ofServer) { // those are above
			s.Notices = append(s.Notices, notice{warning, printable(sentence(finding))})
		}
	}
	t := &table{
		Caption: "Records in a sample of a thousand keys of each pool", Columns: columns("Pool", "Pattern", "Sampled#", "Without a lifetime#"),
		Empty: "There are no records.",
	}
	for _, k := range o.value.Kinds {
		t.add(string(k.Alias)+" "+k.Kind, text(string(k.Alias)), name(k.Pattern), text(strconv.Itoa(k.Sampled)), amount(int64(k.Permanent)))
	}
	s.Table = t
	return s
}
