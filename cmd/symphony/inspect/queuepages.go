package inspect

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
)

// rowsShown is how many rows a table has at most.
const rowsShown = 500

// queueCensus is the result of a walk over all queues.
type queueCensus struct {
	services []string // with items in a pending set or a queue
	queues   []Queue  // the worst, at most rowsShown
	found    int64    // all of them
	sum      Queue    // the sums of all
}

// queuesWork looks for services and queues.
func (h *handler) queuesWork() work[queueCensus] {
	return work[queueCensus]{name: "queues", keep: true, run: func(ctx context.Context) (c queueCensus, err error) {
		services := map[string]bool{}
		for q, err := range Queues(ctx, h.pools, Filter{}, true) {
			if err != nil {
				return c, err
			}
			services[q.Service] = true
			c.add(q)
		}
		c.services = slices.Sorted(maps.Keys(services))
		c.trim()
		return c, nil
	}}
}

func (c *queueCensus) add(q Queue) {
	c.found++
	c.sum.Waiting += q.Waiting
	c.sum.InFlight += q.InFlight
	c.sum.Dead += q.Dead
	c.sum.Oldest = max(c.sum.Oldest, q.Oldest)
	if c.queues = append(c.queues, q); len(c.queues) >= 4*rowsShown {
		c.trim()
	}
}

// trim keeps the queues that an operator looks for first.
func (c *queueCensus) trim() {
	slices.SortFunc(c.queues, func(a, b Queue) int {
		return cmp.Or(-cmp.Compare(a.Oldest, b.Oldest), -cmp.Compare(a.Dead, b.Dead), -cmp.Compare(a.Waiting, b.Waiting),
			slices.Compare(a.parts(), b.parts()))
	})
	c.queues = c.queues[:min(len(c.queues), rowsShown)]
}

func queueTable(caption string) *table {
	return &table{
		Caption: caption, Columns: columns("Tenant", "Service", "Entity", "Action", "Waiting#", "In flight#", "Oldest#", "Next delivery", "Dead#"),
		Empty: "There are none.",
	}
}

func (h *handler) addQueue(t *table, q Queue) {
	params := []string{"tenant", q.Tenant, "service", q.Service, "entity", q.Entity, "action", q.Action}
	t.add(strings.Join(q.parts(), "\x01"),
		linked(q.Tenant, to("tenant", "name", q.Tenant)), linked(q.Service, to("queues", "service", q.Service)), name(q.Entity),
		linked(q.Action, to("queue", params...)), amount(q.Waiting), amount(q.InFlight), age(q.Oldest), delivery(q.Ready), alarming(q.Dead, bad))
}

// delivery returns a cell with the time of the next delivery.
func delivery(ready time.Time) cell {
	if !ready.IsZero() && time.Until(ready) < time.Second {
		return text("now")
	}
	return moment(ready)
}

func age(l Lifetime) cell {
	if l == 0 {
		return cell{Text: "none", Tone: dim}
	}
	return text(roughly(time.Duration(l)))
}

// queues is the page of the queues of a service, or of all.
func (h *handler) queues(ctx context.Context, r request) (page, error) {
	f := r.filter()
	p := page{title: "Queues", current: "Queues"}
	filter := &form{Action: "queues", Button: "Show", Fields: []field{
		{Name: "service", Label: "Service", Value: f.Service, Hint: "With a service, nothing is walked over."},
		{Name: "tenant", Label: "Tenant", Value: f.Tenant},
		{Name: "entity", Label: "Entity", Value: f.Entity},
		{Name: "action", Label: "Action", Value: f.Action},
	}}
	if f.Service == "" {
		p.sections = h.allQueues(ctx, f, filter)
		return p, nil
	}
	p.title = "Queues of " + shown(f.Service, 60)
	t := queueTable("Queues with items, from the schedule of the service")
	var c queueCensus
	byTenant := map[string]*share{}
	limited := time.Now().Add(pageTime / 2)
	complete := true
	for q, err := range Queues(ctx, h.pools, f, false) {
		if err != nil {
			return page{}, err
		}
		c.add(q)
		if byTenant[q.Tenant] == nil {
			byTenant[q.Tenant] = &share{tenant: q.Tenant}
		}
		byTenant[q.Tenant].add(q)
		if complete = time.Now().Before(limited); !complete {
			break
		}
	}
	c.trim()
	for _, q := range c.queues {
		h.addQueue(t, q)
	}
	t.Empty = "No queue of the service has items."
	t.Note = queuesNote(c)
	s := section{Form: filter, Table: t, Links: []link{{Text: "Dead letters of the service", URL: to("dead", "service", f.Service, "tenant", f.Tenant, "of", symphony.KindQueue)}}}
	if !complete {
		s.Notices = append(s.Notices, notice{warning, "The service has more queues than fit on a page. Name a tenant to see the others."})
	}
	p.sections = []section{{Facts: sums(c.sum)}, fairness(byTenant, c.sum), s}
	return p, nil
}

func queuesNote(c queueCensus) string {
	if c.found > int64(len(c.queues)) {
		return fmt.Sprintf("the oldest %s of %s", count(int64(len(c.queues))), count(c.found))
	}
	return count(c.found) + " in all"
}

func sums(q Queue) []fact {
	return []fact{{"Waiting", amount(q.Waiting)}, {"In flight", amount(q.InFlight)}, {"Oldest item", age(q.Oldest)}, {"Dead letters", alarming(q.Dead, bad)}}
}

// allQueues shows the queues that a walk found.
func (h *handler) allQueues(ctx context.Context, f Filter, filter *form) []section {
	work := h.queuesWork()
	o := ask(ctx, h.jobs, work)
	s := section{Form: filter}
	addWalk(&s, o, "the queues", work.name)
	if !o.known {
		s.Text = "The queues of all services are being looked for."
		return []section{s}
	}
	for _, service := range o.value.services {
		s.Links = append(s.Links, link{Text: shown(service, 60), URL: to("queues", "service", service), Label: "Service " + shown(service, 60)})
	}
	t := queueTable("Queues of all services")
	t.Note = queuesNote(o.value)
	for _, q := range o.value.queues {
		if f.matches(q.QueueName) {
			h.addQueue(t, q)
		}
	}
	return []section{{Heading: "All queues", Facts: sums(o.value.sum)}, s, {Table: t}}
}

// share is the part of a tenant in the work of a service.
type share struct {
	tenant string
	queues int64
	Queue
}

func (s *share) add(q Queue) {
	s.queues++
	s.Waiting += q.Waiting
	s.InFlight += q.InFlight
	s.Dead += q.Dead
	s.Oldest = max(s.Oldest, q.Oldest)
}

// fairness shows how the work of a service is shared between tenants: each gets
// a turn, so a tenant with many items may have the larger part of those that
// wait, and not of those in flight.
func fairness(byTenant map[string]*share, sum Queue) section {
	t := &table{
		Caption: "Fairness", Note: "Tenants take turns: one with many items waits longer, and does not take the turns of others.",
		Columns: columns("Tenant", "Queues#", "Waiting#", "In flight#", "Oldest#"), Empty: "No tenant has items.",
	}
	shares := slices.SortedFunc(maps.Values(byTenant), func(a, b *share) int {
		return cmp.Or(-cmp.Compare(a.Oldest, b.Oldest), -cmp.Compare(a.Waiting, b.Waiting), cmp.Compare(a.tenant, b.tenant))
	})
	for _, s := range shares[:min(len(shares), 20)] {
		t.add(s.tenant, linked(s.tenant, to("tenant", "name", s.tenant)), amount(s.queues), part(s.Waiting, sum.Waiting), part(s.InFlight, sum.InFlight), age(s.Oldest))
	}
	if len(shares) > 20 {
		t.Note += fmt.Sprintf(" The 20 tenants with the oldest items, of %s.", count(int64(len(shares))))
	}
	return section{Table: t}
}

// part returns a cell with a number and its part of the sum.
func part(n, sum int64) cell {
	c := amount(n)
	if sum > 0 {
		c.Sub = fmt.Sprintf("%d%%", n*100/sum)
	}
	return c
}

// itemsShown is how many items of a queue a page shows of each kind.
const itemsShown = 20

// queue is the page of one queue.
func (h *handler) queue(ctx context.Context, r request) (page, error) {
	f := r.filter()
	p := page{title: "Queue " + shown(strings.Join(f.parts(), "/"), 120), current: "Queues"}
	q := Queue{QueueName: f.QueueName}
	if err := q.read(ctx, h.pools, f); err != nil {
		return page{}, err
	}
	batch, err := f.batch(h.pools, f.Tenant)
	if err != nil {
		return page{}, err
	}
	facts := append(sums(q), fact{"Next delivery", delivery(q.Ready)})
	p.sections = []section{{Facts: facts, Links: []link{
		{Text: "Dead letters", URL: to("dead", "of", symphony.KindQueue, "tenant", f.Tenant, "service", f.Service, "entity", f.Entity, "action", f.Action)},
		{Text: "Tenant", URL: to("tenant", "name", f.Tenant)},
		{Text: "Service", URL: to("queues", "service", f.Service)},
	}}}
	items, err := batch.Chunk(ctx, f.queue(), 0, itemsShown-1)
	if err != nil {
		return page{}, err
	}
	t := &table{Caption: "Waiting", Note: fmt.Sprintf("the first %d of the list", itemsShown), Columns: columns("Place#", "Value"), Empty: "No item waits in the list."}
	for i, item := range items {
		t.add(strconv.Itoa(i), text(strconv.Itoa(i+1)), value(h.view.show(item)))
	}
	p.sections = append(p.sections, section{Table: t})
	for _, held := range []struct {
		caption, until, empty string
		list                  iter.Seq2[listrepo.HeldItem[[]byte], error]
	}{
		{"In flight", "Lease ends", "No item is in flight.", batch.Claimed(ctx, f.queue())},
		{"Waiting for another attempt", "Next attempt", "No item waits for another attempt.", batch.Delayed(ctx, f.queue())},
	} {
		t := &table{Caption: held.caption, Note: fmt.Sprintf("%d at most", itemsShown), Columns: columns("ID", "Attempt#", held.until, "Value"), Empty: held.empty}
		for item, err := range held.list {
			if err != nil {
				return page{}, err
			}
			t.add(item.ID, name(item.ID), amount(int64(item.Attempt)), moment(item.Until), value(h.view.show(item.Value)))
			if len(t.Rows) == itemsShown {
				break
			}
		}
		p.sections = append(p.sections, section{Table: t})
	}
	return p, nil
}
