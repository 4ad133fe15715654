package expiry

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
)

// Rule says when a recurring trigger is due. The zero Rule is that of a trigger
// that fires once.
type Rule struct {
	Every time.Duration // the period of SetEvery, and of SetCron with @every; else 0
	Cron  string        // the spec of SetCron, with single spaces; else ""
	Zone  string        // the time zone of Cron
}

// IsZero reports whether r is the rule of a trigger that fires once.
func (r Rule) IsZero() bool { return r == Rule{} }

// String returns the rule as text, such as "every 1h30m0s" or "30 2 * * *
// Europe/Berlin". It returns "" for the zero Rule.
func (r Rule) String() string {
	switch {
	case r.IsZero():
		return ""
	case r.Cron == "":
		return "every " + r.Every.String()
	}
	return r.Cron + " " + r.Zone
}

// smallestPeriod is the smallest period of a recurring trigger.
const smallestPeriod = time.Second

// everyRule returns the rule of a period, rounded up to whole milliseconds.
func everyRule(every time.Duration) (Rule, error) {
	if unit := duration.ForgottenUnit(every); unit != "" {
		return Rule{}, fmt.Errorf("%w: the period is %v; %s", fault.ErrInvalidSchedule, every, unit)
	}
	if every < smallestPeriod {
		return Rule{}, fmt.Errorf("%w: the period is %v; use at least %v, or let the handler do the work several times", fault.ErrInvalidSchedule, every, smallestPeriod)
	}
	ms, err := strconv.ParseInt(duration.Milliseconds(every), 10, 64)
	return Rule{Every: duration.FromMilliseconds(ms)}, err
}

// cronRule returns the rule of a spec in a time zone.
func cronRule(spec, zone string) (Rule, error) {
	zone = cmp.Or(zone, "UTC")
	if _, err := location(zone); err != nil {
		return Rule{}, err
	}
	spec = strings.Join(strings.Fields(spec), " ")
	if period, ok := strings.CutPrefix(spec, "@every "); ok {
		every, err := time.ParseDuration(period)
		if err != nil {
			return Rule{}, fmt.Errorf("%w: the spec %q has no period: %w; write one like @every 90m", fault.ErrInvalidSchedule, spec, err)
		}
		return everyRule(every)
	}
	if spec == "" {
		return Rule{}, fmt.Errorf("%w: the spec is empty; write minute, hour, day of the month, month and day of the week, as in \"30 2 * * MON\"", fault.ErrInvalidSchedule)
	}
	r := Rule{Cron: spec, Zone: zone}
	if _, err := r.next(time.Now(), time.Now()); err != nil {
		return Rule{}, err
	}
	return r, nil
}

// next returns when a trigger with the rule is due after it was due at a time:
// the first time of the rule after now. A period counts from when it was due.
func (r Rule) next(due, now time.Time) (time.Time, error) {
	if r.Cron == "" {
		late := max(now.Sub(due), 0) // at most the largest Duration
		at := due.Add(late - late%r.Every).Add(r.Every)
		if !at.After(now) { // due is centuries ago
			at = now.Add(r.Every)
		}
		return at, nil
	}
	schedule, err := newCronSchedule(r.Cron, r.Zone)
	if err != nil {
		return time.Time{}, err
	}
	after := due
	if now.After(due) {
		after = now
	}
	at := schedule.next(after)
	if at.IsZero() {
		return time.Time{}, fmt.Errorf("%w: the spec %q has no time in the next %d years; change its day or month", fault.ErrInvalidSchedule, r.Cron, searchYears)
	}
	return at, nil
}

// text returns the rule as Redis holds it: its length and its text, as in
// `@11:every 60000` or `@29:cron Europe/Berlin 30 2 * * *`. The zero Rule has
// none.
func (r Rule) text() string {
	if r.IsZero() {
		return ""
	}
	text := "every " + duration.Milliseconds(r.Every)
	if r.Cron != "" {
		text = "cron " + r.Zone + " " + r.Cron
	}
	return "@" + strconv.Itoa(len(text)) + ":" + text
}

// recurrence is the rule of a recurring trigger as Redis holds it.
type recurrence struct {
	text string // with its length
	rule Rule
	err  error // why this version cannot read the text
}

// splitRule returns the rule at the beginning of a payload, or nil, and the
// rest. See lua/lib/rule.lua.
func splitRule(stored string) (*recurrence, string) {
	rest, ok := strings.CutPrefix(stored, "@")
	if !ok {
		return nil, stored
	}
	digits, rest, _ := strings.Cut(rest, ":")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || n > len(rest) {
		return nil, stored
	}
	c := &recurrence{text: strings.TrimSuffix(stored, rest[n:])}
	c.rule, c.err = parseRule(rest[:n])
	return c, rest[n:]
}

// parseRule parses the text of a rule. It does not check the spec and the time
// zone.
func parseRule(text string) (Rule, error) {
	kind, rest, _ := strings.Cut(text, " ")
	switch kind {
	case "every":
		ms, err := strconv.ParseInt(rest, 10, 64)
		if every := duration.FromMilliseconds(ms); err == nil && every >= smallestPeriod {
			return Rule{Every: every}, nil
		}
	case "cron":
		if zone, spec, ok := strings.Cut(rest, " "); ok && zone != "" && spec != "" {
			return Rule{Cron: spec, Zone: zone}, nil
		}
	}
	return Rule{}, fmt.Errorf("expiry: %w: this version cannot read the rule %.100q; set the trigger again, or update this program", fault.ErrInvalidSchedule, text)
}
