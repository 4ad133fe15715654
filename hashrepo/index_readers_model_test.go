package hashrepo_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// foundTicket is what a read returned for one id.
type foundTicket struct {
	id     string
	ticket ticket
	err    error
	idOnly bool
}

// read makes a random read of the library.
func (r *indexRace) read(w *indexWorker) {
	q := randomQuery()
	switch n := rand.N(100); {
	case n < 35:
		r.readFind(w, q)
	case n < 50:
		r.readOne(w, q)
	case n < 75:
		r.readPages(w, q)
	case n < 85:
		r.readCount(w, q)
	case n < 92:
		r.readIDs(w)
	default:
		r.readGet(w)
	}
}

// begin returns the begin of an operation.
func (r *indexRace) begin(w *indexWorker, name string) span {
	r.count(name)
	w.walks = !r.complete.Load()
	at := span{first: r.now()}
	w.since.Store(at.first)
	return at
}

// readFind reads with Find or All. It may stop early.
func (r *indexRace) readFind(w *indexWorker, q ticketQuery) {
	name, limit := "Find", -1
	if rand.N(6) == 0 {
		limit = rand.N(10)
	}
	if len(q.conds) == 0 {
		name = "All"
	}
	at := r.begin(w, name)
	records := r.repo.Find(ctx, q.where()...)
	if name == "All" {
		records = r.repo.All(ctx)
	}
	var found []foundTicket
	for record, err := range records {
		if found = append(found, foundTicket{id: record.ID, ticket: record.Value, err: err}); len(found) == limit {
			break
		}
	}
	at.last = r.now()
	r.check(w, name, &q, at, found, len(found) != limit)
}

// readOne reads with FindOne or FindByField.
func (r *indexRace) readOne(w *indexWorker, q ticketQuery) {
	name := "FindOne"
	if rand.N(2) == 0 {
		q = ticketQuery{conds: []ticketCond{eqCond(emailField, ticketEmail.Field, oneOf(ticketEmails...), ticketEmailOf, same)}, needed: []ticketField{emailField}}
	}
	at := r.begin(w, name)
	record, err := r.repo.FindOne(ctx, q.where()...)
	at.last = r.now()
	if errors.Is(err, hashrepo.ErrNotFound) {
		r.check(w, name, &q, at, nil, true)
		return
	}
	r.check(w, name, &q, at, []foundTicket{{id: record.ID, ticket: record.Value, err: err}}, false)
}

func (r *indexRace) readIDs(w *indexWorker) {
	ordered := r.complete.Load()
	at := r.begin(w, "IDs")
	var found []foundTicket
	last := ""
	for id, err := range r.repo.IDs(ctx) {
		if err == nil && ordered && id <= last {
			r.violation("IDs returned %s after %s", id, last)
		}
		last = id
		found = append(found, foundTicket{id: id, err: err, idOnly: true})
	}
	at.last = r.now()
	r.check(w, "IDs", &ticketQuery{}, at, found, true)
}

func (r *indexRace) readGet(w *indexWorker) {
	h := oneOf(r.keys...)
	at := r.begin(w, "Get")
	t, err := r.repo.Get(ctx, h.id)
	at.last = r.now()
	switch outcome := outcomeOf(err); outcome.class {
	case "", badRecord:
		r.check(w, "Get", &ticketQuery{}, at, []foundTicket{{id: h.id, ticket: t, err: err}}, false)
	case notFound, wrongType:
		h.mu.Lock()
		defer h.mu.Unlock()
		if !h.unknown && always(h.during(at), func(s *ticketState) bool { return s.kind == recordKey }) {
			r.violation("Get of %s: %v\n%s", h.id, err, h.describe(at))
		}
	default:
		r.violation("Get of %s: %v", h.id, err)
	}
}

// readCount counts. If other programs write, Count may count records that are
// gone.
func (r *indexRace) readCount(w *indexWorker, q ticketQuery) {
	at := r.begin(w, "Count")
	n, err := r.repo.Count(ctx, q.where()...)
	at.last = r.now()
	if err != nil {
		r.violation("Count of %v: %v", &q, err)
		return
	}
	least, most := int64(0), int64(0)
	for _, h := range r.keys {
		h.mu.Lock()
		states := h.during(at)
		if h.unknown || !always(states, func(s *ticketState) bool { return !q.mayMatch(s) }) {
			most++
		}
		if !h.unknown && always(states, q.finds) {
			least++
		}
		h.mu.Unlock()
	}
	if n < least || n > most && !r.foreign {
		r.violation("Count of %v is %d, not between %d and %d", &q, n, least, most)
	}
}

// check checks what a read returned. If the read is complete, it must have
// returned every record that matched all the time.
func (r *indexRace) check(w *indexWorker, name string, q *ticketQuery, at span, found []foundTicket, complete bool) {
	seen := map[string]bool{}
	for _, f := range found {
		if f.err != nil && f.id == "" {
			r.violation("%s of %v: %v", name, q, f.err)
			return
		}
		if seen[f.id] {
			r.violation("%s of %v returned %s twice", name, q, f.id)
		}
		seen[f.id] = true
		r.checkFound(w, name, q, at, f)
	}
	if !complete {
		return
	}
	for _, h := range r.keys {
		h.mu.Lock()
		if !h.unknown && !seen[h.id] && always(h.during(at), q.finds) {
			r.violation("%s of %v did not return %s\n%s", name, q, h.id, h.describe(at))
		}
		h.mu.Unlock()
	}
}

// checkFound requires that a record matched at some time of a read.
func (r *indexRace) checkFound(w *indexWorker, name string, q *ticketQuery, at span, f foundTicket) {
	h := r.byID[f.id]
	if h == nil {
		r.violation("%s of %v returned %s, which was never written", name, q, f.id)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.unknown {
		s := ticketState{kind: recordKey, ticket: f.ticket}
		for field := range ticketFields {
			s.stored[field] = f.ticket.isStored(field)
		}
		if f.err == nil && !f.idOnly && !q.matches(&s) {
			r.violation("%s of %v returned %s: %v", name, q, f.id, &f.ticket)
		}
		return
	}
	var decode *codec.DecodeError
	for _, s := range h.during(at) {
		switch {
		case f.idOnly && s.kind == recordKey,
			s.kind == otherKey && outcomeOf(f.err).class == wrongType && w.walks,
			errors.As(f.err, &decode) && s.unread && q.mayMatch(&s),
			f.err == nil && !s.unread && q.matches(&s) && s.ticket.equals(&f.ticket):
			return
		}
	}
	r.violation("%s of %v returned %s: %v, %v\n%s", name, q, f.id, &f.ticket, f.err, h.describe(at))
}

// ticketOrder is an order of pages.
type ticketOrder struct {
	order      hashrepo.Order[ticket]
	text       string
	field      ticketField // ticketFields: by id
	descending bool
}

func randomOrder() ticketOrder {
	type handle interface {
		Asc() hashrepo.Order[ticket]
		Desc() hashrepo.Order[ticket]
		Name() string
	}
	if rand.N(4) == 0 {
		return ticketOrder{text: "id", field: ticketFields}
	}
	handles := map[ticketField]handle{
		emailField: ticketEmail, cityField: ticketCity, scoreField: ticketScore, loadField: ticketLoad, rateField: ticketRate, atField: ticketAt, openField: ticketOpen,
	}
	f := oneOf(emailField, cityField, scoreField, scoreField, loadField, rateField, atField, openField)
	o := ticketOrder{order: handles[f].Asc(), text: handles[f].Name(), field: f}
	if rand.N(2) == 0 {
		o.order, o.descending, o.text = handles[f].Desc(), true, o.text+" descending"
	}
	return o
}

// compare compares records by their order.
func (o *ticketOrder) compare(a, b foundTicket) int {
	n := 0
	if o.field != ticketFields {
		n = a.ticket.compare(&b.ticket, o.field)
	}
	if n = cmp.Or(n, cmp.Compare(a.id, b.id)); o.descending {
		return -n
	}
	return n
}

// query returns the query for the records that are in the order.
func (o *ticketOrder) query(q ticketQuery) ticketQuery {
	if o.field == ticketFields {
		return q
	}
	all := ticketQuery{conds: slices.Clone(q.conds), needed: append(slices.Clone(q.needed), o.field)}
	all.conds = append(all.conds, ticketCond{field: o.field, text: "by " + o.text, holds: func(*ticket) bool { return true }})
	return all
}

// readPages reads all pages of a query.
func (r *indexRace) readPages(w *indexWorker, q ticketQuery) {
	o := randomOrder()
	checked := o.query(q)
	query := hashrepo.Query[ticket]{Where: q.where(), Order: o.order, Limit: oneOf(1, 2, 3, 7, 50, 1000)}
	name := fmt.Sprintf("Page by %s, %d records,", o.text, query.Limit)
	var last foundTicket // at the end of the page before
	before := r.begin(w, "Page")
	for {
		at := span{first: r.now()}
		page, err := r.repo.Page(ctx, query)
		at.last = r.now()
		r.count("pages")
		if class := outcomeOf(err).class; r.foreign && (class == badRecord || class == wrongType && w.walks) {
			return
		}
		if err != nil || len(page.Records) > query.Limit {
			r.violation("%s of %v: %d records, %v", name, &q, len(page.Records), err)
			return
		}
		seen := map[string]bool{}
		first := last
		for _, record := range page.Records {
			f := foundTicket{id: record.ID, ticket: record.Value}
			if last.id != "" && o.compare(last, f) >= 0 {
				r.violation("%s of %v returned %s %v after %s %v", name, &q, f.id, &f.ticket, last.id, &last.ticket)
			}
			last, seen[f.id] = f, true
			r.checkFound(w, name, &checked, at, f)
		}
		// The page may begin after the last record of the page before.
		r.checkPage(name, &checked, &o, span{before.first, at.last}, seen, first, last, page.Next == "")
		if query.After = page.Next; page.Next == "" {
			return
		}
		if len(page.Records) > 0 {
			before = at
		}
	}
}

// checkPage requires that a page has every record between the last of the page
// before and its own last that had one place in the order all the time.
func (r *indexRace) checkPage(name string, q *ticketQuery, o *ticketOrder, at span, seen map[string]bool, before, last foundTicket, isLast bool) {
	for _, h := range r.keys {
		if seen[h.id] {
			continue
		}
		h.mu.Lock()
		states := h.during(at)
		f := foundTicket{id: h.id, ticket: states[0].ticket}
		if !h.unknown && always(states, func(s *ticketState) bool {
			return q.finds(s) && o.compare(f, foundTicket{id: h.id, ticket: s.ticket}) == 0
		}) && (before.id == "" || o.compare(before, f) < 0) && (isLast || last.id != "" && o.compare(f, last) < 0) {
			r.violation("%s of %v did not return %s between %s and %s (last page: %v)\n%s", name, q, h.id, before.id, last.id, isLast, h.describe(at))
		}
		h.mu.Unlock()
	}
}

// maintain runs Reindex or Sweep.
func (r *indexRace) maintain(w *indexWorker) {
	<-time.After(rand.N(20 * time.Millisecond)) // not all the time
	if rand.N(3) == 0 {
		r.reindex(w)
		return
	}
	r.begin(w, "Sweep")
	if _, err := r.repo.Sweep(ctx); err != nil {
		r.violation("Sweep: %v", err)
	}
}

// reindex indexes the records that other programs changed before.
func (r *indexRace) reindex(w *indexWorker) {
	at := r.begin(w, "Reindex")
	for _, err := range r.repo.Reindex(ctx) {
		if class := outcomeOf(err).class; class != "" && class != badRecord && !errors.Is(err, hashrepo.ErrExists) {
			r.violation("Reindex: %v", err)
			return
		}
	}
	r.complete.Store(true)
	for _, h := range r.keys {
		h.mu.Lock()
		now := r.now()
		version := keyVersion{since: span{now, now}}
		for _, s := range h.last(version.since) {
			for f := range ticketFields {
				if s.strange[f] < at.first && !s.unread {
					s.strange[f] = 0
				}
			}
			if s.unlisted < at.first && !s.unread {
				s.unlisted = 0
			}
			version.states = append(version.states, s)
		}
		h.add(version, r.forget())
		h.mu.Unlock()
	}
}

// checkAtRest checks what is left when nobody writes: the records are those of
// the histories, the indexes hold what the records say, the reads return
// exactly the records that match, and when the records have expired, no key is
// left.
func (r *indexRace) checkAtRest() {
	w := &indexWorker{}
	emails := map[string]bool{}
	for _, h := range r.keys {
		r.persist(w, h)
		r.settle(h, emails)
	}
	if r.foreign {
		r.reindex(w)
	}
	_, err := r.repo.Sweep(ctx)
	require.NoError(r.t, err)
	requireIndexes[ticket](r.t, r.pools, r.space, r.codec)
	for i := 0; i < 50 && len(r.violations) < 10; i++ {
		q := randomQuery()
		r.requireCount(q) // first, since the others remove what is stale
		r.readFind(w, q)
		r.readPages(w, q)
		r.readIDs(w)
		r.readOne(w, q)
	}
	for _, h := range r.keys {
		require.NoError(r.t, r.do("PEXPIRE", r.prefix+h.id, "1").Error())
	}
	require.Eventually(r.t, func() bool { return !slices.ContainsFunc(r.left(), r.isRecord) }, time.Minute, time.Millisecond)
	_, err = r.repo.Sweep(ctx)
	require.NoError(r.t, err)
	if left := r.left(); len(left) > 0 {
		r.violation("after all records have expired and Sweep, there are the keys %q", left)
	}
}

// left returns the keys of the tenant, except the one that says which indexes
// are complete.
func (r *indexRace) left() (keys []string) {
	for _, key := range pooltest.Keys(r.t, r.pools, pool.User) {
		if strings.Contains(key, r.tenant) && !strings.HasPrefix(key, "%indexed") {
			keys = append(keys, key)
		}
	}
	return keys
}

func (r *indexRace) isRecord(key string) bool { return strings.HasPrefix(key, r.prefix) }

// settle reads what a key holds, which must be what it may hold. It deletes a
// record that cannot be decoded. Another program may have given two records one
// email, so settle deletes a record whose email is already in emails too.
func (r *indexRace) settle(h *keyHistory, emails map[string]bool) {
	stored, err := r.do("HKEYS", r.prefix+h.id).AsStrSlice()
	s := ticketState{}
	switch {
	case err != nil:
		s.kind = otherKey
	case len(stored) > 0:
		s.kind = recordKey
		s.ticket, err = r.repo.Get(ctx, h.id)
		if s.unread = err != nil; s.unread && outcomeOf(err).class != badRecord {
			r.violation("Get of %s: %v", h.id, err)
		}
		for f := range ticketFields {
			s.stored[f] = slices.Contains(stored, ticketNames[f])
		}
	}
	at := span{r.now(), r.now()}
	if !h.unknown && !slices.ContainsFunc(h.during(at), func(may ticketState) bool {
		return may.kind == s.kind && may.stored == s.stored && may.unread == s.unread && (s.unread || may.ticket.equals(&s.ticket))
	}) {
		r.violation("at rest, %s is %v\n%s", h.id, &s, h.describe(at))
	}
	again := s.stored[emailField] && emails[s.ticket.Email]
	if emails[s.ticket.Email] = true; again && !r.foreign {
		r.violation("at rest, a second record has the email %s\n%s", s.ticket.Email, h.describe(at))
	}
	if s.unread || again {
		_, err := r.repo.Delete(ctx, h.id)
		require.NoError(r.t, err)
		s = ticketState{}
	}
	h.unknown, h.versions = false, []keyVersion{{states: []ticketState{s}}}
}

// requireCount requires that Count is exact.
func (r *indexRace) requireCount(q ticketQuery) {
	n, err := r.repo.Count(ctx, q.where()...)
	least, most := int64(0), int64(0)
	for _, h := range r.keys {
		s := &h.versions[0].states[0]
		least += number(q.finds(s))
		most += number(q.matches(s))
	}
	if err != nil || n < least || n > most {
		r.violation("at rest, Count of %v is %d, not between %d and %d: %v", &q, n, least, most, err)
	}
}
