package hashrepo_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/symphony-go/symphony/hashrepo"
)

// Few different values, so that records have values in common.
var (
	ticketCities = []string{"", "Berlin", "Bern", "Bonn", "Brno", "Kiel", "Köln", "K\x00", "K\x01"}
	ticketEmails = func() (emails []string) {
		for n := range 16 {
			emails = append(emails, fmt.Sprintf("%c%d@example.com", 'a'+n%4, n))
		}
		return emails
	}()
	ticketTagTexts = []string{"new", "old", "sold", "so", ""}
	ticketEpoch    = time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
)

func oneOf[V any](values ...V) V { return values[rand.N(len(values))] }

func randomTime() time.Time {
	return ticketEpoch.Add(time.Duration(rand.N(20)) * (time.Hour + time.Nanosecond))
}

func randomScore() int64 { return rand.N(int64(40)) - 8 }

func randomLoad() float64 { return float64(rand.N(20)-4) / 4 }

func randomTags() []string {
	tags := make([]string, 0, 3)
	for range rand.N(4) {
		tags = append(tags, oneOf(ticketTagTexts...))
	}
	return tags
}

// randomTicket returns a ticket in which some fields are not stored.
func randomTicket() ticket {
	t := ticket{City: oneOf(ticketCities...), Score: randomScore(), Load: randomLoad(), Open: rand.N(2) == 0, Note: fmt.Sprint(rand.N(1_000_000))}
	if rand.N(3) == 0 {
		t.Email = oneOf(ticketEmails...)
	}
	if rand.N(3) > 0 {
		rate := randomLoad()
		t.Rate = &rate
	}
	if rand.N(3) > 0 {
		t.At = randomTime()
	}
	if rand.N(3) > 0 {
		t.Tags = randomTags()
	}
	return t
}

// ticketCond is a condition, and what it means.
type ticketCond struct {
	cond  hashrepo.Cond[ticket]
	text  string
	field ticketField
	// absent reports whether it holds if the field is not stored, holds whether
	// it holds for a stored field.
	absent bool
	holds  func(t *ticket) bool
}

func (c *ticketCond) matches(s *ticketState) bool {
	if s.kind != recordKey || c.field == scoreField && s.unread {
		return false
	}
	if !s.stored[c.field] {
		return c.absent
	}
	return c.holds(&s.ticket)
}

// isPath reports whether the index of the field may be walked for the
// condition.
func (c *ticketCond) isPath() bool { return c.field != noteField && !c.absent }

func eqCond[V any](f ticketField, h hashrepo.Field[ticket, V], v V, at func(*ticket) V, equal func(a, b V) bool) ticketCond {
	return ticketCond{cond: h.Eq(v), text: h.Name() + " = " + codecText(v), field: f, holds: func(t *ticket) bool { return equal(at(t), v) }}
}

func inCond[V any](f ticketField, h hashrepo.Field[ticket, V], values []V, at func(*ticket) V, equal func(a, b V) bool) ticketCond {
	return ticketCond{cond: h.In(values...), text: h.Name() + " in " + codecText(values), field: f, holds: func(t *ticket) bool {
		return slices.ContainsFunc(values, func(v V) bool { return equal(at(t), v) })
	}}
}

// rangeCond returns a range of a random kind between two values.
func rangeCond[V any](f ticketField, h hashrepo.Field[ticket, V], low, high V, at func(*ticket) V, compare func(a, b V) int) ticketCond {
	if compare(low, high) > 0 && rand.N(8) > 0 {
		low, high = high, low
	}
	switch rand.N(3) {
	case 0:
		return ticketCond{cond: h.Between(low, high), text: fmt.Sprintf("%q <= %s < %q", codecText(low), h.Name(), codecText(high)), field: f,
			holds: func(t *ticket) bool { return compare(low, at(t)) <= 0 && compare(at(t), high) < 0 }}
	case 1:
		return ticketCond{cond: h.AtLeast(low), text: fmt.Sprintf("%s >= %q", h.Name(), codecText(low)), field: f,
			holds: func(t *ticket) bool { return compare(low, at(t)) <= 0 }}
	}
	return ticketCond{cond: h.AtMost(high), text: fmt.Sprintf("%s <= %q", h.Name(), codecText(high)), field: f,
		holds: func(t *ticket) bool { return compare(at(t), high) <= 0 }}
}

func same[V comparable](a, b V) bool { return a == b }

func ticketEmailOf(t *ticket) string { return t.Email }
func ticketCityOf(t *ticket) string  { return t.City }
func ticketScoreOf(t *ticket) int64  { return t.Score }
func ticketLoadOf(t *ticket) float64 { return t.Load }
func ticketOpenOf(t *ticket) bool    { return t.Open }
func ticketAtOf(t *ticket) time.Time { return t.At }

func randomEmailCond() ticketCond {
	switch rand.N(4) {
	case 0, 1:
		return eqCond(emailField, ticketEmail.Field, oneOf(ticketEmails...), ticketEmailOf, same)
	case 2:
		return inCond(emailField, ticketEmail.Field, []string{oneOf(ticketEmails...), oneOf(ticketEmails...), oneOf(ticketEmails...)}, ticketEmailOf, same)
	}
	prefix := oneOf("a", "b", "a1", "", "z")
	return ticketCond{cond: ticketEmail.Prefix(prefix), text: "email begins with " + prefix, field: emailField,
		holds: func(t *ticket) bool { return strings.HasPrefix(t.Email, prefix) }}
}

func randomCityCond() ticketCond {
	switch rand.N(4) {
	case 0:
		return eqCond(cityField, ticketCity.Field, oneOf(ticketCities...), ticketCityOf, same)
	case 1:
		return inCond(cityField, ticketCity.Field, []string{oneOf(ticketCities...), oneOf(ticketCities...)}, ticketCityOf, same)
	case 2:
		return rangeCond(cityField, ticketCity.Field, oneOf(ticketCities...), oneOf(ticketCities...), ticketCityOf, cmp.Compare)
	}
	prefix := oneOf("B", "Be", "K", "K\x00", "")
	return ticketCond{cond: ticketCity.Prefix(prefix), text: fmt.Sprintf("city begins with %q", prefix), field: cityField,
		holds: func(t *ticket) bool { return strings.HasPrefix(t.City, prefix) }}
}

func randomNumberCond[N int64 | float64](f ticketField, h hashrepo.Number[ticket, N], random func() N, at func(*ticket) N) ticketCond {
	switch rand.N(4) {
	case 0:
		return eqCond(f, h.Field, random(), at, same)
	case 1:
		return inCond(f, h.Field, []N{random(), random(), random()}, at, same)
	}
	return rangeCond(f, h.Field, random(), random(), at, cmp.Compare)
}

func randomRateCond() ticketCond {
	if rand.N(3) == 0 {
		return ticketCond{cond: ticketRate.Eq(nil), text: "no rate", field: rateField, absent: true, holds: func(*ticket) bool { return false }}
	}
	low, high := randomLoad(), randomLoad()
	return rangeCond(rateField, ticketRate, &low, &high, func(t *ticket) *float64 { return t.Rate },
		func(a, b *float64) int { return cmp.Compare(*a, *b) })
}

func randomAtCond() ticketCond {
	if rand.N(4) == 0 {
		return eqCond(atField, ticketAt, randomTime(), ticketAtOf, time.Time.Equal)
	}
	return rangeCond(atField, ticketAt, randomTime(), randomTime(), ticketAtOf, time.Time.Compare)
}

func randomTagsCond() ticketCond {
	tag := oneOf(ticketTagTexts...)
	return ticketCond{cond: ticketTags.Contains(tag), text: fmt.Sprintf("tags contain %q", tag), field: tagsField,
		holds: func(t *ticket) bool { return slices.Contains(t.Tags, tag) }}
}

func randomNoteCond() ticketCond {
	limit := oneOf("3", "5", "7", "9")
	return ticketCond{cond: ticketNote.AtMost(limit), text: "note <= " + limit, field: noteField,
		holds: func(t *ticket) bool { return t.Note <= limit }}
}

// ticketQuery is a list of conditions, all of which must hold.
type ticketQuery struct {
	conds  []ticketCond
	needed []ticketField // whose indexes may be walked; none: the list is
}

// randomQuery returns up to three conditions.
func randomQuery() (q ticketQuery) {
	for range oneOf(0, 1, 1, 1, 1, 2, 2, 3) {
		c := oneOf(
			randomEmailCond, randomEmailCond, randomCityCond, randomCityCond, randomRateCond, randomAtCond, randomTagsCond, randomNoteCond,
			func() ticketCond { return randomNumberCond(scoreField, ticketScore, randomScore, ticketScoreOf) },
			func() ticketCond { return randomNumberCond(scoreField, ticketScore, randomScore, ticketScoreOf) },
			func() ticketCond { return randomNumberCond(loadField, ticketLoad, randomLoad, ticketLoadOf) },
			func() ticketCond { return eqCond(openField, ticketOpen, rand.N(2) == 0, ticketOpenOf, same) },
		)()
		q.conds = append(q.conds, c)
		if c.isPath() {
			q.needed = append(q.needed, c.field)
		}
	}
	return q
}

func (q *ticketQuery) where() []hashrepo.Cond[ticket] {
	conds := make([]hashrepo.Cond[ticket], len(q.conds))
	for i := range q.conds {
		conds[i] = q.conds[i].cond
	}
	return conds
}

// matches reports whether the key holds a record for which the conditions hold.
func (q *ticketQuery) matches(s *ticketState) bool {
	if s.kind != recordKey {
		return false
	}
	for i := range q.conds {
		if !q.conds[i].matches(s) {
			return false
		}
	}
	return true
}

// mayMatch is matches for a record that cannot be decoded, whose score may be
// anything.
func (q *ticketQuery) mayMatch(s *ticketState) bool {
	if s.kind != recordKey {
		return false
	}
	for i := range q.conds {
		if !q.conds[i].matches(s) && !(s.unread && q.conds[i].field == scoreField) {
			return false
		}
	}
	return true
}

// finds reports whether the query must find the record in this state: it
// matches, it can be decoded, and the index that the query may walk has it.
func (q *ticketQuery) finds(s *ticketState) bool {
	if !q.matches(s) || s.unread {
		return false
	}
	for _, f := range q.needed {
		if s.strange[f] != 0 {
			return false
		}
	}
	return len(q.needed) > 0 || s.unlisted == 0
}

func (q *ticketQuery) String() string {
	texts := make([]string, len(q.conds))
	for i := range q.conds {
		texts[i] = q.conds[i].text
	}
	return strings.Join(texts, ", ")
}
