package inspect

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/symphony-go/symphony"
)

// counted are the kinds that a page shows of a tenant.
var counted = []struct {
	kind, name string
	tone       tone // if there are any
}{
	{symphony.KindUser, "Users", ""},
	{symphony.KindState, "States", ""},
	{symphony.KindTable, "Rows", ""},
	{symphony.KindSharedState, "Shared", ""},
	{symphony.KindGeneric, "Values", ""},
	{symphony.KindFeed, "Feeds", ""},
	{symphony.KindLimit, "Limits", ""},
	{symphony.KindPermanent, "Without a lifetime", ""},
	{symphony.KindWaiting, "Items", ""},
	{symphony.KindInFlight, "In flight", ""},
	{symphony.KindDead, "Dead letters", bad},
	{symphony.KindTrigger, "Triggers", ""},
	{symphony.KindTriggerDue, "Due", warning},
	{symphony.KindTriggerInFlight, "Running", ""},
	{symphony.KindTriggerWaiting, "Waiting", ""},
	{symphony.KindTriggerDead, "Dead triggers", bad},
}

// tally has the numbers of counted. There is one for each tenant.
type tally [16]int64

func (t *tally) of(kind string) int64 {
	for i, c := range counted {
		if c.kind == kind {
			return t[i]
		}
	}
	return 0
}

// records returns the number of all records, which the first kinds count.
func (t *tally) records() (sum int64) {
	for _, n := range t[:7] {
		sum += n
	}
	return sum
}

// tenantRow is a tenant with its numbers.
type tenantRow struct {
	name string
	tally
}

// census is the result of a walk over all tenants.
type census struct {
	rows []tenantRow // sorted by name
	sum  tally
}

// tenantsWork counts the records, items and triggers of each tenant.
func (h *handler) tenantsWork() work[census] {
	return work[census]{name: "tenants", keep: true, run: func(ctx context.Context) (c census, err error) {
		for t, err := range symphony.Tenants(ctx, h.pools, paceOf(ctx).options()...) {
			if err != nil {
				return c, err
			}
			row := tenantRow{name: t.Tenant}
			for i, k := range counted {
				row.tally[i] = t.Keys[k.kind]
				c.sum[i] += t.Keys[k.kind]
			}
			c.rows = append(c.rows, row)
		}
		return c, nil
	}}
}

// walkAgain runs a walk again.
func (h *handler) walkAgain(_ context.Context, r request) (string, error) {
	switch r.get("of") {
	case "tenants":
		restart(h.jobs, h.tenantsWork())
		return "tenants", nil
	case "queues":
		restart(h.jobs, h.queuesWork())
		return "queues", nil
	case "schedules":
		restart(h.jobs, h.schedulesWork())
		return "triggers", nil
	}
	return "", errNoPage
}

// tenantsShown is how many tenants a page has.
const tenantsShown = 100

// tenants is the page of all tenants.
func (h *handler) tenants(ctx context.Context, r request) (page, error) {
	work := h.tenantsWork()
	o := ask(ctx, h.jobs, work)
	s := section{Form: &form{Action: "tenants", Button: "Filter", Fields: []field{
		{Name: "q", Label: "Name contains", Value: r.get("q")}, {Name: "sort", Value: r.get("sort"), Hidden: true},
	}}}
	addWalk(&s, o, "all tenants", work.name)
	p := page{title: "Tenants", current: "Tenants"}
	if !o.known {
		s.Text = "The names of all keys are being counted. The table appears when that has ended. If you know the name of a tenant, you need not wait:"
		s.Form = &form{Action: "tenant", Button: "Open", Fields: []field{{Name: "name", Label: "Tenant", Required: true}}}
		p.sections = []section{s}
		return p, nil
	}
	rows := o.value.rows
	if q := r.get("q"); q != "" {
		rows = slices.DeleteFunc(slices.Clone(rows), func(t tenantRow) bool { return !strings.Contains(t.name, q) })
	}
	sorted := r.get("sort")
	if at := slices.IndexFunc(counted, func(k struct {
		kind, name string
		tone       tone
	},
	) bool {
		return k.kind == sorted
	}); at >= 0 {
		rows = slices.SortedStableFunc(slices.Values(rows), func(a, b tenantRow) int { return cmp.Compare(b.tally[at], a.tally[at]) })
	}
	from := min(r.number("from"), len(rows))
	until := min(from+tenantsShown, len(rows))
	t := &table{Caption: "Tenants", Empty: "There are no tenants."}
	if r.get("q") != "" {
		t.Empty = "No tenant has this in its name."
	}
	t.Note = strconv.Itoa(len(rows)) + " in all"
	if len(rows) > tenantsShown {
		t.Note = count(int64(from+1)) + " to " + count(int64(until)) + " of " + count(int64(len(rows)))
	}
	t.Columns = []column{{Name: "Tenant", URL: to("tenants", "q", r.get("q")), Sorted: sortState(sorted == "", "ascending")}}
	for _, k := range counted {
		t.Columns = append(t.Columns, column{
			Name: k.name, Number: true, URL: to("tenants", "q", r.get("q"), "sort", k.kind), Sorted: sortState(sorted == k.kind, "descending"),
		})
	}
	for _, row := range rows[from:until] {
		cells := []cell{linked(row.name, to("tenant", "name", row.name))}
		for i, k := range counted {
			cells = append(cells, alarming(row.tally[i], k.tone))
		}
		t.add(shown(row.name, 1000), cells...)
	}
	s.Table = t
	s.Links = pages("tenants", from, tenantsShown, len(rows), "q", r.get("q"), "sort", sorted)
	p.sections = []section{s}
	return p, nil
}

func sortState(is bool, direction string) string {
	if is {
		return direction
	}
	return "none"
}

// pages returns links to the pages before and after this one.
func pages(path string, from, shown, all int, params ...string) (links []link) {
	if from > 0 {
		before := ""
		if from > shown {
			before = strconv.Itoa(from - shown)
		}
		links = append(links, link{Text: "Previous page", URL: to(path, append(params, "from", before)...)})
	}
	if from+shown < all {
		links = append(links, link{Text: "Next page", URL: to(path, append(params, "from", strconv.Itoa(from+shown))...)})
	}
	return links
}

// tenant is the page of one tenant.
func (h *handler) tenant(ctx context.Context, r request) (page, error) {
	tenant := r.get("name")
	if err := h.pools.Layout().User.CheckPart(0, tenant); err != nil {
		return page{}, err
	}
	p := page{title: "Tenant " + shown(tenant, 60), current: "Tenants"}
	s := section{Links: []link{
		{Text: "Queues", URL: to("queues", "tenant", tenant)},
		{Text: "Triggers", URL: to("triggers", "tenant", tenant)},
		{Text: "Dead letters", URL: to("dead", "tenant", tenant)},
		{Text: "Search its records", URL: to("search", "tenant", tenant)},
	}}
	if h.canWrite {
		s.Links = append(s.Links, link{Text: "Erase…", URL: to("erase", "tenant", tenant), Danger: true})
	}
	work := h.tenantsWork()
	o := ask(ctx, h.jobs, work)
	addWalk(&s, o, "all tenants", "")
	at, found := slices.BinarySearchFunc(o.value.rows, tenant, func(t tenantRow, name string) int { return cmp.Compare(t.name, name) })
	switch {
	case found:
		for i, k := range counted {
			s.Facts = append(s.Facts, fact{k.name, alarming(o.value.rows[at].tally[i], k.tone)})
		}
	case o.known:
		s.Text = "The last walk found nothing of this tenant."
	default:
		s.Text = "Its numbers appear when the walk over all tenants has ended. The pages below do not wait for it."
	}
	p.sections = []section{s, h.queuesOfTenant(ctx, tenant)}
	return p, nil
}

// queuesOfTenant shows the queues of a tenant in the services that are known.
// It reads the schedules of these services and walks over nothing.
func (h *handler) queuesOfTenant(ctx context.Context, tenant string) section {
	s := section{Heading: "Queues"}
	o := ask(ctx, h.jobs, h.queuesWork())
	addWalk(&s, o, "the queues", "")
	t := queueTable("Queues with items")
	var errs []error
	for _, service := range o.value.services {
		for q, err := range Queues(ctx, h.pools, Filter{QueueName: QueueName{Tenant: tenant, Service: service}}, false) {
			if err != nil {
				errs = append(errs, err)
				break
			}
			if len(t.Rows) < rowsShown {
				h.addQueue(t, q)
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		s.Notices = append(s.Notices, problem(err))
	}
	t.Empty = "No queue of the services that the last walk found has items."
	if !o.known {
		t.Empty = "The services are being looked for."
	}
	s.Table = t
	return s
}
