package hashrepo_test

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
)

// ticket is a record with an index of each kind.
type ticket struct {
	Email string    `redis:"email,omitzero,unique"`
	City  string    `redis:"city,index"`
	Score int64     `redis:"score,index"`
	Load  float64   `redis:"load,index"`
	Rate  *float64  `redis:"rate,index"`
	At    time.Time `redis:"at,omitzero,index"`
	Tags  []string  `redis:"tags,index"`
	Open  bool      `redis:"open,index"`
	Note  string    `redis:"note"`
}

var (
	ticketEmail = hashrepo.TextOf(func(t *ticket) *string { return &t.Email })
	ticketCity  = hashrepo.TextOf(func(t *ticket) *string { return &t.City })
	ticketScore = hashrepo.NumberOf(func(t *ticket) *int64 { return &t.Score })
	ticketLoad  = hashrepo.NumberOf(func(t *ticket) *float64 { return &t.Load })
	ticketRate  = hashrepo.FieldOf(func(t *ticket) **float64 { return &t.Rate })
	ticketAt    = hashrepo.FieldOf(func(t *ticket) *time.Time { return &t.At })
	ticketTags  = hashrepo.ListOf(func(t *ticket) *[]string { return &t.Tags })
	ticketOpen  = hashrepo.FieldOf(func(t *ticket) *bool { return &t.Open })
	ticketNote  = hashrepo.FieldOf(func(t *ticket) *string { return &t.Note })
)

// ticketField is a field of a ticket, by its position.
type ticketField int

const (
	emailField ticketField = iota
	cityField
	scoreField
	loadField
	rateField
	atField
	tagsField
	openField
	noteField
	ticketFields // how many there are
)

var ticketNames = [ticketFields]string{"email", "city", "score", "load", "rate", "at", "tags", "open", "note"}

// value returns a field of the ticket.
func (t *ticket) value(f ticketField) any {
	return [ticketFields]any{t.Email, t.City, t.Score, t.Load, t.Rate, t.At, t.Tags, t.Open, t.Note}[f]
}

// copyField sets a field to that of another ticket.
func (t *ticket) copyField(from *ticket, f ticketField) {
	switch f {
	case emailField:
		t.Email = from.Email
	case cityField:
		t.City = from.City
	case scoreField:
		t.Score = from.Score
	case loadField:
		t.Load = from.Load
	case rateField:
		t.Rate = from.Rate
	case atField:
		t.At = from.At
	case tagsField:
		t.Tags = from.Tags
	case openField:
		t.Open = from.Open
	default:
		t.Note = from.Note
	}
}

// isStored reports whether a write of the ticket stores the field.
func (t *ticket) isStored(f ticketField) bool {
	switch f {
	case emailField:
		return t.Email != ""
	case rateField:
		return t.Rate != nil
	case atField:
		return !t.At.IsZero()
	case tagsField:
		return t.Tags != nil
	}
	return true
}

// compare compares tickets by a field.
func (t *ticket) compare(other *ticket, f ticketField) int {
	switch f {
	case rateField:
		if t.Rate == nil || other.Rate == nil {
			return cmp.Compare(number(t.Rate != nil), number(other.Rate != nil))
		}
		return cmp.Compare(*t.Rate, *other.Rate)
	case emailField:
		return cmp.Compare(t.Email, other.Email)
	case cityField:
		return cmp.Compare(t.City, other.City)
	case scoreField:
		return cmp.Compare(t.Score, other.Score)
	case loadField:
		return cmp.Compare(t.Load, other.Load)
	case atField:
		return t.At.Compare(other.At)
	case tagsField:
		return slices.Compare(t.Tags, other.Tags)
	case openField:
		return cmp.Compare(codecText(t.Open), codecText(other.Open))
	}
	return cmp.Compare(t.Note, other.Note)
}

func codecText(v any) string {
	text, err := codec.Compact.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// equals reports whether two tickets have the same values. A field that is not
// stored differs from an empty one.
func (t *ticket) equals(other *ticket) bool {
	for f := range ticketFields {
		if t.isStored(f) != other.isStored(f) || t.isStored(f) && t.compare(other, f) != 0 {
			return false
		}
	}
	return true
}

func (t *ticket) String() string {
	text := "{"
	for f := range ticketFields {
		if t.isStored(f) {
			text += ticketNames[f] + ":" + codecText(t.value(f)) + " "
		}
	}
	return text + "}"
}

// ticketState is what the key of a ticket holds.
type ticketState struct {
	kind    keyKind
	ticket  ticket // fields that are not stored are zero
	stored  [ticketFields]bool
	unread  bool // the score is no number
	due     span // when the key expires; zero if never
	strange [ticketFields]int64
	// strange is the time at which another program had changed a field, or 0 if
	// the index has the field as it is; unlisted is that of the record.
	unlisted int64
}

type keyKind int

const (
	noKey keyKind = iota
	recordKey
	otherKey // of another Redis type
)

// span is when something happened: not before the first and not after the last
// time.
type span struct{ first, last int64 }

func (s span) isZero() bool { return s == span{} }

// in returns the states in which the key may be at a time of the span, if it
// entered the state before.
func (s *ticketState) in(at span) []ticketState {
	var states []ticketState
	if s.due.isZero() || s.due.last >= at.first {
		states = append(states, *s)
	}
	if !s.due.isZero() && s.due.first <= at.last {
		states = append(states, ticketState{})
	}
	return states
}

func (s *ticketState) equals(other *ticketState) bool {
	return s.kind == other.kind && s.stored == other.stored && s.unread == other.unread && s.due == other.due &&
		s.strange == other.strange && s.unlisted == other.unlisted && s.ticket.equals(&other.ticket)
}

// set stores a field of a ticket, or removes it.
func (s *ticketState) set(from *ticket, f ticketField) {
	s.ticket.copyField(from, f)
	s.stored[f] = from.isStored(f)
	s.strange[f] = 0
	if f == scoreField {
		s.unread = false
	}
}

// clear removes a field.
func (s *ticketState) clear(f ticketField) {
	s.set(new(ticket), f)
	s.stored[f] = false
}

// disturb records that another program had changed fields at a time.
func (s *ticketState) disturb(at int64, fields ...ticketField) {
	for _, f := range fields {
		s.strange[f] = at
	}
}

// disturbAll records that another program had made the record at a time.
func (s *ticketState) disturbAll(at int64) {
	for f := range ticketFields {
		s.strange[f] = at
	}
	s.unlisted = at
}

func (s *ticketState) String() string {
	text := [...]string{"no key", "record", "another type"}[s.kind]
	if s.kind == recordKey {
		text += " " + s.ticket.String() + " without"
		for f := range ticketFields {
			if !s.stored[f] {
				text += " " + ticketNames[f]
			}
		}
		if s.unread {
			text += ", bad score"
		}
		for f := range ticketFields {
			if s.strange[f] != 0 {
				text += fmt.Sprintf(", strange %s", ticketNames[f])
			}
		}
		if s.unlisted != 0 {
			text += ", unlisted"
		}
	}
	if !s.due.isZero() {
		text += fmt.Sprintf(", due %v-%v", time.Duration(s.due.first), time.Duration(s.due.last))
	}
	return text
}
