package hashrepo_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
)

// writeOutcome is what a write returned about one key.
type writeOutcome struct {
	class  string  // of the error; empty if there is none
	n      int64   // a number, or -1 if there is none
	ticket *ticket // nil if there is none
	holder string  // the id in an error about a unique field
	err    error
}

// The classes of errors that writes may return.
const (
	notFound  = "not found"
	exists    = "exists"
	held      = "held" // by another record
	wrongType = "wrong type"
	badField  = "bad field"
	badRecord = "bad record" // cannot be decoded
	otherErr  = "other"
)

func outcomeOf(err error) writeOutcome {
	o := writeOutcome{n: -1, err: err}
	var decode *codec.DecodeError
	switch {
	case err == nil:
	case errors.Is(err, hashrepo.ErrExists) && strings.Contains(err.Error(), "is unique"):
		o.class = held
		_, text, _ := strings.Cut(err.Error(), "the record ")
		text, _, _ = strings.Cut(text, " has it")
		o.holder, _ = strconv.Unquote(text)
	case errors.Is(err, hashrepo.ErrExists):
		o.class = exists
	case errors.Is(err, hashrepo.ErrNotFound):
		o.class = notFound
	case errors.Is(err, hashrepo.ErrWrongType):
		o.class = wrongType
	case errors.Is(err, hashrepo.ErrFieldType):
		o.class = badField
	case errors.As(err, &decode):
		o.class = badRecord
	default:
		o.class = otherErr
	}
	return o
}

// writeResult is a result that a write may have.
type writeResult struct {
	next   ticketState
	class  string
	n      int64  // -1: not known
	claims string // the email for which no other record may have been held
}

func (r *writeResult) agrees(o writeOutcome) bool {
	return r.class == o.class && (r.n == o.n || r.n < 0 || o.n < 0) && (o.ticket == nil || r.class != "" || o.ticket.equals(&r.next.ticket))
}

// ticketView is a view with random options, and what they mean.
type ticketView struct {
	repo               *hashrepo.HashRepo[ticket]
	lifetime           time.Duration // 0 for none
	keep               bool
	ifExists, ifAbsent bool
}

func randomView(repo *hashrepo.HashRepo[ticket], mayBeAbsent bool) ticketView {
	v := ticketView{}
	var opts []hashrepo.Option
	switch rand.N(10) {
	case 0, 1, 2, 3, 4:
		v.lifetime = hashrepo.DefaultLifetime
	case 5, 6:
		v.lifetime = time.Duration(5+rand.N(60)) * time.Millisecond
		opts = append(opts, hashrepo.TTL(v.lifetime))
	case 7:
		v.lifetime = time.Duration(100+rand.N(1000)) * time.Millisecond
		opts = append(opts, hashrepo.TTL(v.lifetime))
	default:
		opts = append(opts, hashrepo.NoTTL())
	}
	if v.keep = rand.N(4) == 0; v.keep {
		opts = append(opts, hashrepo.KeepTTL())
	}
	switch rand.N(8) {
	case 0:
		v.ifExists = true
		opts = append(opts, hashrepo.IfExists())
	case 1:
		if v.ifAbsent = mayBeAbsent; v.ifAbsent {
			opts = append(opts, hashrepo.IfAbsent())
		}
	}
	v.repo = repo.With(opts...)
	return v
}

// write returns the results of a write that changes a record. change changes
// the record, which may be new, or returns the class of its error. setsEmail
// reports whether the write passes the email to the index.
func (v *ticketView) write(s ticketState, due func(time.Duration) span, setsEmail bool, change func(next *ticketState, existed bool) (class string, n int64)) []writeResult {
	if s.kind == otherKey {
		results := []writeResult{{next: s, class: wrongType, n: -1}}
		if setsEmail {
			results = append(results, writeResult{next: s, class: held, n: -1})
		}
		return results
	}
	existed := s.kind == recordKey
	if v.ifExists && !existed {
		return []writeResult{{next: s, class: notFound, n: -1}}
	}
	if v.ifAbsent && existed {
		next := s
		class, _ := change(&next, true) // some methods look at the field first
		return []writeResult{{next: s, class: exists, n: -1}, {next: s, class: class, n: -1}}[:1+number(class != "")]
	}
	next := ticketState{kind: recordKey}
	if existed {
		next = s
	}
	class, n := change(&next, existed)
	if class != "" {
		return []writeResult{{next: s, class: class, n: -1}}
	}
	next.unlisted = 0
	if !existed || !v.keep {
		next.due = due(v.lifetime)
	}
	result := writeResult{next: next, n: n}
	if !setsEmail || !next.stored[emailField] {
		return []writeResult{result}
	}
	changed := !existed || s.ticket.Email != next.ticket.Email
	if changed {
		result.claims = next.ticket.Email
	}
	if !changed && s.strange[emailField] == 0 {
		return []writeResult{result}
	}
	return []writeResult{result, {next: s, class: held, n: -1}}
}

// setAll is the change of Upsert and Replace.
func (t *ticket) setAll(next *ticketState, _ bool) (string, int64) {
	for f := range ticketFields {
		next.set(t, f)
	}
	return "", -1
}

// ticketPatch is a patch of one field, and what it does.
type ticketPatch struct {
	field  ticketField
	text   string
	value  any
	patch  hashrepo.Patch[ticket]
	change func(next *ticketState) (class string)
}

func setPatch(from ticket, f ticketField) ticketPatch {
	patches := [ticketFields]hashrepo.Patch[ticket]{
		ticketEmail.Set(from.Email), ticketCity.Set(from.City), ticketScore.Set(from.Score), ticketLoad.Set(from.Load), ticketRate.Set(from.Rate),
		ticketAt.Set(from.At), ticketTags.Set(from.Tags), ticketOpen.Set(from.Open), ticketNote.Set(from.Note),
	}
	return ticketPatch{field: f, text: fmt.Sprintf("set %s %v", ticketNames[f], from.value(f)), value: from.value(f), patch: patches[f],
		change: func(next *ticketState) string { next.set(&from, f); return "" }}
}

func clearPatch(f ticketField) ticketPatch {
	return ticketPatch{field: f, text: "clear " + ticketNames[f], patch: hashrepo.At[ticket](ticketNames[f]).Clear(),
		change: func(next *ticketState) string { next.clear(f); return "" }}
}

func addScorePatch(by int64) ticketPatch {
	return ticketPatch{field: scoreField, text: fmt.Sprint("add to score ", by), value: by, patch: ticketScore.Add(by), change: func(next *ticketState) string {
		if next.unread {
			return badField
		}
		return addTo(next, scoreField, func(t *ticket) { t.Score += by })
	}}
}

func addLoadPatch(by float64) ticketPatch {
	return ticketPatch{field: loadField, text: fmt.Sprint("add to load ", by), patch: ticketLoad.Add(by),
		change: func(next *ticketState) string { return addTo(next, loadField, func(t *ticket) { t.Load += by }) }}
}

func appendPatch(tags []string) ticketPatch {
	return ticketPatch{field: tagsField, text: fmt.Sprint("append ", tags), value: tags, patch: ticketTags.Append(tags...), change: func(next *ticketState) string {
		return addTo(next, tagsField, func(t *ticket) { t.Tags = slices.Concat(t.Tags, tags) })
	}}
}

func addTo(next *ticketState, f ticketField, add func(*ticket)) string {
	t := next.ticket
	add(&t)
	next.set(&t, f)
	return ""
}

// randomPatches returns patches of different fields.
func randomPatches() []ticketPatch {
	var patches []ticketPatch
	for _, f := range rand.Perm(int(ticketFields))[:1+rand.N(3)] {
		patches = append(patches, randomPatch(ticketField(f)))
	}
	return patches
}

func randomPatch(f ticketField) ticketPatch {
	switch n := rand.N(5); {
	case n == 0:
		return clearPatch(f)
	case f == scoreField && n < 4:
		return addScorePatch(oneOf[int64](-5, -1, 1, 1, 7))
	case f == loadField && n < 4:
		return addLoadPatch(oneOf(-0.25, 0.25, 1.5))
	case f == tagsField && n < 4:
		return appendPatch([]string{oneOf(ticketTagTexts...)})
	}
	return setPatch(randomTicket(), f)
}

// applyPatches is the change of Update.
func applyPatches(patches []ticketPatch) func(*ticketState, bool) (string, int64) {
	return func(next *ticketState, _ bool) (string, int64) {
		for i := range patches {
			if class := patches[i].change(next); class != "" {
				return class, -1
			}
		}
		return "", -1
	}
}

func setsEmail(patches []ticketPatch) bool {
	return slices.ContainsFunc(patches, func(p ticketPatch) bool { return p.field == emailField })
}
