package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
)

const (
	partsShown = 100      // fields, items or members of a record
	recordRead = 16 << 20 // about how many bytes of a record are read
)

// record is the page of a record, or of the records of one key in several
// pools.
func (h *handler) record(ctx context.Context, r request) (page, error) {
	typed, key := r.get("name"), r.get("key")
	p := page{title: "Record", current: "Search"}
	other := section{Form: &form{Action: "record", Button: "Open", Fields: []field{{
		Name: "name", Label: "Key, or tenant/kind/id", Value: printable(typed), Required: true,
		Hint: "such as acme/user/u1, acme/state/HANDLER/USER, acme/table/TABLE/PK, acme/queue/SERVICE/ENTITY/ACTION",
	}}}}
	if typed == "" && key == "" {
		p.sections = []section{other}
		return p, nil
	}
	p.title = "Record " + shown(typed+key, 120)
	n := Name{pool.Alias(r.get("pool")), key} // of a link: the key may look like a path
	if typed != "" {
		var err error
		if n, err = ParseName(h.pools, typed); err != nil {
			return page{}, err
		}
	}
	heads, err := h.heads(ctx, n)
	if err != nil {
		return page{}, err
	}
	for _, head := range heads {
		s, err := h.recordSections(ctx, head)
		if err != nil {
			return page{}, err
		}
		p.sections = append(p.sections, s...)
	}
	if len(heads) == 0 {
		p.status = 404
		other.Notices = []notice{{warning, "There is no such record in any pool: it has expired, was deleted, or has another name."}}
		other.Links = []link{{Text: "Search", URL: "search"}}
	}
	p.sections = append(p.sections, other)
	return p, nil
}

// heads returns the records of a name without their content.
func (h *handler) heads(ctx context.Context, n Name) (heads []Record, err error) {
	aliases := []pool.Alias{n.Pool}
	if n.Pool == "" {
		aliases = h.pools.Aliases()
	}
	seen := map[string]bool{}
	for _, a := range aliases {
		client, err := h.pools.Client(a)
		if err != nil {
			return nil, err
		}
		r := Record{Pool: a, Key: keyOn(h.pools, a, n)}
		if prefix := h.pools.Prefix(a); prefix != "" && seen[r.Key] {
			continue
		}
		seen[r.Key] = h.pools.Prefix(a) != ""
		if r.Type, err = client.Do(ctx, client.B().Type().Key(r.Key).Build()).ToString(); err != nil {
			return nil, fmt.Errorf("%s of the pool %s: %w", r.Key, a, err)
		}
		if r.Type == "none" {
			continue
		}
		r.Memory, _ = client.Do(ctx, client.B().MemoryUsage().Key(r.Key).Build()).AsInt64() // 0 if it may not be asked for
		heads = append(heads, r)
	}
	return heads, nil
}

// limitOf returns how many parts of a record are read, or 0 if they are too
// large to be read.
func limitOf(r Record) int {
	if r.Type == "string" || r.Memory < recordRead {
		return partsShown
	}
	return 0
}

func (h *handler) recordSections(ctx context.Context, head Record) ([]section, error) {
	s := section{Heading: shown(head.Key, 500)}
	limit := limitOf(head)
	if limit == 0 {
		s.Facts = []fact{{"Pool", text(string(head.Pool))}, {"Type", text(head.Type)}, {"Memory", text(size(head.Memory))}}
		s.Notices = []notice{{warning, fmt.Sprintf("The record takes %s, which is too much for a page. Read parts of it with redis-cli.", size(head.Memory))}}
		return []section{s}, nil
	}
	found, err := Records(ctx, h.pools, Name{head.Pool, head.Key}, limit, h.view)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	r := found[0]
	memory := cell{Text: "not known", Tone: dim}
	if r.Memory > 0 {
		memory = text(size(r.Memory))
	}
	s.Facts = []fact{
		{"Pool", text(string(r.Pool))}, {"Type", text(r.Type)}, {"Lifetime ends", rest(r.TTL)}, {"Memory", memory},
		{map[string]string{"string": "Bytes", "hash": "Fields", "list": "Items", "set": "Members", "zset": "Members", "stream": "Entries"}[r.Type], amount(r.Length)},
	}
	s.Table = recordTable(r)
	sections := []section{s}
	if r.Type == "hash" {
		e, err := Indexed(ctx, h.pools, r.Pool, r.Key)
		if err != nil {
			return append(sections, section{Heading: "Indexes", Notices: []notice{problem(err)}}), nil
		}
		sections = append(sections, h.indexSection(e))
	}
	return sections, nil
}

func recordTable(r Record) *table {
	t := &table{Caption: "Content", Empty: "It is empty."}
	switch r.Type {
	case "hash":
		t.Columns = columns("Field", "Value", "Lifetime ends")
	case "zset":
		t.Columns = columns("Place#", "Score#", "Member")
	case "stream":
		t.Columns = columns("Entry", "Value")
	case "string":
		t.Columns = columns("Part", "Value")
	default:
		t.Columns = columns("Place#", "Value")
	}
	for i, part := range r.Parts {
		place := text(strconv.Itoa(i + 1))
		shownValue := value(part.Value)
		switch r.Type {
		case "hash":
			t.add("f"+shown(part.Name, 1000), name(part.Name), shownValue, rest(part.TTL))
		case "zset":
			t.add(strconv.Itoa(i), place, text(part.Score.String()), shownValue)
		case "stream":
			t.add(part.Name, name(part.Name), shownValue)
		case "string":
			if shownValue.Cut != "" {
				shownValue.Cut = "shows " + size(maxShown) + " of " + size(r.Length)
			}
			t.add("value", text("whole value"), shownValue)
		default:
			t.add(strconv.Itoa(i), place, shownValue)
		}
	}
	if r.Type != "string" && int64(len(r.Parts)) < r.Length {
		t.Note = fmt.Sprintf("the first %d of %s", len(r.Parts), count(r.Length))
	}
	return t
}

func (h *handler) indexSection(e IndexEntries) section {
	s := section{Heading: "Indexes"}
	switch {
	case !e.Listed && len(e.Entries) == 0:
		s.Text = "The record is in no list and in no index."
		return s
	case e.Listed:
		s.Facts = []fact{{"In the list of its space", cell{Text: "yes", Tone: good}}, {"The library looks after it", moment(e.Look)}}
	}
	t := &table{Caption: "Entries in indexes", Columns: columns("Field", "Kind", "Indexed value", "State"), Empty: "It has no entry in an index."}
	for _, entry := range e.Entries {
		state := cell{Text: "as the record", Tone: good}
		if entry.Stale {
			state = cell{Text: "stale", Tone: warning, Sub: "queries pass over it, and remove it"}
		}
		indexed, _ := json.Marshal(entry.Text) // a string has JSON
		if h.view.Redact {
			indexed = h.view.show([]byte(entry.Text))
		}
		t.add(entry.Field, name(entry.Field), text(entry.Kind), value(indexed), state)
	}
	s.Table = t
	return s
}

// search is the page that finds records by tenant, kind, id and field.
func (h *handler) search(ctx context.Context, r request) (page, error) {
	q := searchQuery{tenant: r.get("tenant"), kind: r.get("kind"), id: r.get("id"), field: r.get("field"), value: r.get("value")}
	if q.kind == "" {
		q.kind = symphony.KindUser
	}
	p := page{title: "Search", current: "Search"}
	asked := section{Heading: "Records", Form: &form{Action: "search", Button: "Search", Fields: []field{
		{Name: "tenant", Label: "Tenant", Value: q.tenant, Hint: "Empty: all tenants"},
		{Name: "kind", Label: "Kind", Value: q.kind, Options: searchedKinds},
		{Name: "id", Label: "ID", Value: q.id, Hint: "With * for any text. Of states, rows and shared state: the parts, with / between them."},
		{Name: "field", Label: "Has the field", Value: q.field},
	}}}
	if !h.view.Redact {
		asked.Form.Fields = append(asked.Form.Fields, field{Name: "value", Label: "with the value", Value: q.value, Hint: "as it is stored"})
	} else if q.value != "" {
		return page{}, fmt.Errorf("%w: %w", symphony.ErrInvalidArgument, errRedacted)
	}
	open := section{Heading: "A record by its name", Form: &form{Action: "record", Button: "Open", Fields: []field{{
		Name: "name", Label: "Key, or tenant/kind/id", Required: true, Hint: "such as acme/user/u1. It is found at once.",
	}}}}
	if !r.query.Has("tenant") {
		p.sections = []section{asked, open}
		return p, nil
	}
	if err := q.check(h.pools); err != nil {
		return page{}, err
	}
	o := ask(ctx, h.jobs, h.searchWork(q))
	addWalk(&asked, o, "the keys", "")
	t := &table{Caption: "Records", Columns: columns("ID", "Tenant", "Kind"), Empty: "No record matches."}
	if !o.known {
		t.Empty = "Records are being looked for."
	}
	if q.field != "" {
		t.Columns = append(t.Columns, column{Name: q.field})
	}
	for _, found := range o.value.all {
		cells := []cell{linked(found.id(), to("record", "pool", string(found.pool), "key", found.key)), linked(found.parts[0], to("tenant", "name", found.parts[0])), text(q.kind)}
		if q.field != "" {
			cells = append(cells, value(h.view.show([]byte(found.field))))
		}
		t.add(found.key, cells...)
	}
	t.Note = count(int64(len(o.value.all))) + " found"
	if o.value.more {
		t.Note = fmt.Sprintf("the first %d; there may be more, so narrow the search", len(o.value.all))
	}
	p.sections = []section{asked, {Table: t}, open}
	return p, nil
}

var errRedacted = errors.New("values are hidden, so they cannot be searched")
