package inspect

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/symphony-go/symphony"
)

// letterKey returns the identity of a dead letter in a URL and in a form. It is
// plain ASCII, whatever the names of the letter contain.
func letterKey(d DeadLetter) string {
	v := url.Values{}
	for name, part := range map[string]string{"of": d.Of, "tenant": d.Tenant, "service": d.Service, "entity": d.Entity, "action": d.Action, "id": d.ID} {
		if part != "" {
			v.Set(name, part)
		}
	}
	if d.Of == symphony.KindTrigger {
		v.Set("due", strconv.FormatInt(d.DueAt.UnixMilli(), 10)) // several firings of an id may be dead
	}
	return v.Encode()
}

// letterFilter returns the filter of the queue or action of a key.
func letterFilter(key string) (DeadFilter, error) {
	v, err := url.ParseQuery(key)
	if err != nil {
		return DeadFilter{}, fmt.Errorf("%w: this names no dead letter", symphony.ErrInvalidArgument)
	}
	f := DeadFilter{Of: v.Get("of")}
	f.QueueName = QueueName{v.Get("tenant"), v.Get("service"), v.Get("entity"), v.Get("action")}
	if f.Of != symphony.KindTrigger && (f.Of != symphony.KindQueue || slices.Contains(f.parts(), "")) || f.Action == "" {
		return f, fmt.Errorf("%w: this names no dead letter", symphony.ErrInvalidArgument)
	}
	return f, nil
}

// letters returns the dead letters with the given keys that still exist.
func (h *handler) letters(ctx context.Context, keys []string) (found []DeadLetter, err error) {
	wanted, filters := map[string]bool{}, []DeadFilter{}
	for _, key := range keys {
		f, err := letterFilter(key)
		if err != nil {
			return nil, err
		}
		if wanted[key] = true; !slices.Contains(filters, f) {
			filters = append(filters, f)
		}
	}
	for _, f := range filters {
		for d, err := range Dead(ctx, h.pools, f, h.view) {
			if err != nil {
				return nil, err
			}
			if key := letterKey(d); wanted[key] {
				delete(wanted, key)
				found = append(found, d)
			}
		}
	}
	return found, nil
}

// deadWork lists the dead letters of the filter in a URL.
func (h *handler) deadWork(query url.Values) work[listing[DeadLetter]] {
	f := DeadFilter{Of: query.Get("of")}
	if f.Of != symphony.KindQueue && f.Of != symphony.KindTrigger {
		f.Of = ""
	}
	f.QueueName = QueueName{query.Get("tenant"), query.Get("service"), query.Get("entity"), query.Get("action")}
	return work[listing[DeadLetter]]{name: to("dead", deadParams(query)...), run: func(ctx context.Context) (l listing[DeadLetter], err error) {
		for d, err := range Dead(ctx, h.pools, f, h.view) {
			if err != nil {
				return l, err
			}
			if len(l.all) == rowsShown {
				l.more = true
				break
			}
			d.Reason, _ = cut(d.Reason, maxShown)
			l.all = append(l.all, d)
		}
		return l, nil
	}}
}

// deadParams returns the parameters that select dead letters.
func deadParams(query url.Values) (params []string) {
	for _, name := range []string{"of", "tenant", "service", "entity", "action"} {
		params = append(params, name, query.Get(name))
	}
	return params
}

// dead is the page of dead letters.
func (h *handler) dead(ctx context.Context, r request) (page, error) {
	o := ask(ctx, h.jobs, h.deadWork(r.query))
	s := section{Notices: doneNotices(r), Form: &form{Action: "dead", Button: "Show", Fields: []field{
		{Name: "of", Label: "Of", Value: r.get("of"), Options: []string{"all", symphony.KindQueue, symphony.KindTrigger}},
		{Name: "tenant", Label: "Tenant", Value: r.get("tenant")},
		{Name: "service", Label: "Service", Value: r.get("service")},
		{Name: "entity", Label: "Entity", Value: r.get("entity")},
		{Name: "action", Label: "Action", Value: r.get("action")},
	}}}
	addWalk(&s, o, "dead letters", "")
	t := &table{
		Caption: "Dead letters", Columns: columns("ID", "Of", "Tenant", "Queue or action", "Attempt#", "Died", "Reason", "Value"),
		Empty: "There are no dead letters.",
	}
	if !o.known {
		t.Empty = "Dead letters are being looked for."
	}
	if h.canWrite {
		t.Columns = append(t.Columns, column{Name: "Change"})
	}
	for _, d := range o.value.all {
		what := linked(d.Action, to("triggers", "tenant", d.Tenant, "action", d.Action))
		died := cell{Text: "not known", Tone: dim}
		if d.Of == symphony.KindQueue {
			what = linked(strings.Join([]string{d.Service, d.Entity, d.Action}, "/"),
				to("queue", "tenant", d.Tenant, "service", d.Service, "entity", d.Entity, "action", d.Action))
			died = moment(d.At)
		} else if !d.DueAt.IsZero() {
			died = cell{Text: "due " + d.DueAt.UTC().Format(time.DateTime), Time: d.DueAt.UTC().Format(time.RFC3339)}
		}
		reason, note := cut(d.Reason+d.Problem, 500)
		cells := []cell{
			name(d.ID), text(d.Of), linked(d.Tenant, to("tenant", "name", d.Tenant)), what, amount(int64(d.Attempt)), died,
			{Text: reason, Cut: note}, value(d.Value),
		}
		if h.canWrite {
			cells = append(cells, cell{Links: letterButtons(d, shown(d.ID, 60))})
		}
		t.add(letterKey(d), cells...)
	}
	s.Table = t
	n := count(int64(len(o.value.all)))
	t.Note = n + " in all"
	if o.value.more {
		t.Note = "the first " + n + "; choose a queue or an action to see others"
	}
	if h.canWrite && len(o.value.all) > 0 {
		params := deadParams(r.query)
		s.Links = []link{
			{Text: "Retry all " + n + "…", URL: to("retry", append(params, "all", "1")...)},
			{Text: "Discard all " + n + "…", URL: to("discard", append(params, "all", "1")...), Danger: true},
		}
	}
	return page{title: "Dead letters", current: "Dead letters", sections: []section{s}}, nil
}

func letterButtons(d DeadLetter, what string) []link {
	key := letterKey(d)
	return []link{
		{Text: "Retry…", URL: to("retry", "letter", key), Label: "Retry " + what},
		{Text: "Discard…", URL: to("discard", "letter", key), Label: "Discard " + what, Danger: true},
	}
}

// doneNotices returns the result of the change that led to this page.
func doneNotices(r request) []notice {
	n := count(int64(r.number("n")))
	text := map[string]string{
		"retry":   "Dead letters that are delivered again: " + n + ".",
		"discard": "Dead letters that were removed: " + n + ".",
		"run":     "The trigger is due now.",
	}[r.get("done")]
	switch {
	case text == "":
		return nil
	case n == "0":
		return []notice{{warning, text + " They were gone already."}}
	}
	return []notice{{good, text}}
}

func (h *handler) askRetry(ctx context.Context, r request) (page, error) {
	return h.askSettle(ctx, r, "retry", "Retry", "delivered again: those of queues to the next worker, those of triggers to a listener")
}

func (h *handler) askDiscard(ctx context.Context, r request) (page, error) {
	return h.askSettle(ctx, r, "discard", "Discard", "removed for good, with their values")
}

// askSettle asks before dead letters are retried or discarded. The form has
// their names, so that the answer applies to these and no others.
func (h *handler) askSettle(ctx context.Context, r request, path, verb, what string) (page, error) {
	var letters []DeadLetter
	if r.get("all") != "" {
		o := ask(ctx, h.jobs, h.deadWork(r.query))
		if !o.known {
			return page{}, errors.Join(o.err, context.DeadlineExceeded)
		}
		letters = o.value.all
	} else {
		var err error
		if letters, err = h.letters(ctx, []string{r.get("letter")}); err != nil {
			return page{}, err
		}
	}
	if len(letters) == 0 {
		return page{}, fmt.Errorf("%w: there is no such dead letter any more", symphony.ErrNotFound)
	}
	n := count(int64(len(letters)))
	title, subject := verb+" "+n+" dead letters?", n+" dead letters are"
	if len(letters) == 1 {
		title, subject = verb+" this dead letter?", "1 dead letter is"
	}
	back := to("dead", deadParams(r.query)...)
	f := &form{Action: path + "?" + url.Values{"back": {back}}.Encode(), Button: verb + " " + n, Post: true, Danger: path == "discard", Cancel: back}
	t := &table{Caption: "Dead letters", Columns: columns("ID", "Of", "Tenant", "Queue or action", "Reason", "Value")}
	for i, d := range letters {
		f.Fields = append(f.Fields, field{Name: "letter", Value: letterKey(d), Hidden: true})
		if i < 10 {
			reason, note := cut(d.Reason+d.Problem, 500)
			t.add(letterKey(d), name(d.ID), text(d.Of), name(d.Tenant), name(strings.Trim(strings.Join([]string{d.Service, d.Entity, d.Action}, "/"), "/")),
				cell{Text: reason, Cut: note}, value(d.Value))
		}
	}
	if len(letters) > len(t.Rows) {
		t.Note = fmt.Sprintf("the first %d of %s", len(t.Rows), n)
	}
	return page{title: title, current: "Dead letters", still: true, sections: []section{
		{Text: subject + " " + what + ".", Form: f}, {Table: t},
	}}, nil
}

func (h *handler) doRetry(ctx context.Context, r request) (string, error) {
	return h.doSettle(ctx, r, "retry", func(letters []DeadLetter) (int64, error) { return Retry(ctx, h.pools, Filter{}, letters) })
}

func (h *handler) doDiscard(ctx context.Context, r request) (string, error) {
	return h.doSettle(ctx, r, "discard", func(letters []DeadLetter) (int64, error) { return Discard(ctx, h.pools, Filter{}, letters) })
}

func (h *handler) doSettle(ctx context.Context, r request, what string, settle func([]DeadLetter) (int64, error)) (string, error) {
	letters, err := h.letters(ctx, r.PostForm["letter"])
	var n int64
	if err == nil {
		n, err = settle(letters)
	}
	attrs := []any{"asked", len(r.PostForm["letter"]), "done", n}
	if len(letters) == 1 {
		d := letters[0]
		attrs = append(attrs, "of", d.Of, "tenant", d.Tenant, "service", d.Service, "entity", d.Entity, "action", d.Action, "id", d.ID)
	}
	h.logChange(ctx, r.Request, what, err, attrs...)
	h.jobs.forget("dead")
	h.jobs.forget("triggers")
	back, errURL := url.Parse(r.get("back"))
	if errURL != nil {
		back = &url.URL{}
	}
	return to("dead", append(deadParams(back.Query()), "done", what, "n", strconv.FormatInt(n, 10))...), err
}
