package expiry

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
)

// SetEvery sets a recurring trigger: it is due after a period, and again and
// again in that period. The period is rounded up to whole milliseconds. It
// counts from when the trigger was due, not from when its work ended. The step
// that acknowledges a firing, or makes it a dead letter, sets the trigger again
// for the next time that is not past. So the times do not drift, and the times
// that were missed while no listener ran fire once.
//
// If the trigger exists, SetEvery replaces it. If it has the same period
// already, it stays due when it is, so every start of a program may call
// SetEvery. [Schedule.Set] makes it a trigger that fires once, and
// [Schedule.Delete] ends it. [Schedule.Debounce] moves the next time, from
// which the period then counts.
//
// SetEvery returns the errors of Set. If the period is under a second, it
// returns [ErrInvalidSchedule]. With the pattern of [keyspace.Python], if no
// listener has handled the action in the last hour, it returns
// [ErrUnsupported].
func (s *Schedule) SetEvery(ctx context.Context, action, id string, every time.Duration) error {
	return s.setEvery(ctx, setRequest{op: "SetEvery", action: action, id: id}, every)
}

// SetPayloadEvery sets a trigger like [Schedule.SetEvery], with a payload as in
// [Schedule.SetPayload] for all of its firings. If the trigger has the same
// period already, the payload changes nevertheless. It returns the errors of
// both.
func (s *Schedule) SetPayloadEvery(ctx context.Context, action, id string, payload any, every time.Duration) error {
	return s.setEvery(ctx, setRequest{op: "SetPayloadEvery", action: action, id: id, hasPayload: true, payload: payload}, every)
}

func (s *Schedule) setEvery(ctx context.Context, c setRequest, every time.Duration) error {
	w, err := s.begin(ctx, c.op, c.action, c.id)
	if err != nil {
		return err
	}
	if c.rule, err = everyRule(every); err != nil {
		return w.NotApplied(err)
	}
	c.delay = c.rule.Every
	return s.set(ctx, c)
}

// SetCron sets a recurring trigger like [Schedule.SetEvery], which is due at
// the times of a cron spec in a time zone:
//
//	err := schedule.SetCron(ctx, "report", "daily", "30 2 * * *", "Europe/Berlin")
//
// The spec has the fields minute, hour, day of the month, month and day of the
// week, or these after a field for the second. Months and days of the week may
// have names, such as JAN and MON. If both days are restricted, either
// suffices. The spec may also be @hourly, @daily, @weekly, @monthly or @yearly,
// or @every with a [time.ParseDuration], which is SetEvery.
//
// The zone is a name of the IANA database, such as "Europe/Berlin"; "" is UTC.
// It needs the time zones of the machine, or a program that imports
// time/tzdata, and so does the listener.
//
// If the clock in the zone is set forward over a time of the spec, the trigger
// is due when the clock is set. If the clock shows a time twice, the trigger is
// due the first time. So a spec for a time of the day is due once on every day,
// also on one of 23 or 25 hours. A spec for every hour is due whenever the
// clock shows a time of the spec, so it is due 23 or 25 times on these days.
//
// The first time is computed by the clock of this machine, and the others by
// that of the server.
//
// SetCron returns the errors of SetEvery. If the spec cannot be read or has no
// time in the next ten years, or if the zone is unknown, it returns
// [ErrInvalidSchedule] and sends nothing.
func (s *Schedule) SetCron(ctx context.Context, action, id, spec, zone string) error {
	return s.setCron(ctx, setRequest{op: "SetCron", action: action, id: id}, spec, zone)
}

// SetPayloadCron sets a trigger like [Schedule.SetCron], with a payload as in
// [Schedule.SetPayloadEvery]. It returns the errors of both.
func (s *Schedule) SetPayloadCron(ctx context.Context, action, id string, payload any, spec, zone string) error {
	return s.setCron(ctx, setRequest{op: "SetPayloadCron", action: action, id: id, hasPayload: true, payload: payload}, spec, zone)
}

func (s *Schedule) setCron(ctx context.Context, c setRequest, spec, zone string) error {
	w, err := s.begin(ctx, c.op, c.action, c.id)
	if err != nil {
		return err
	}
	if c.rule, err = cronRule(spec, zone); err != nil {
		return w.NotApplied(err)
	}
	if c.delay = c.rule.Every; c.delay == 0 {
		now := s.core.Clock().Now()
		c.isAt = true
		if c.at, err = c.rule.next(now, now); err != nil {
			return w.NotApplied(err)
		}
	}
	return s.set(ctx, c)
}

// Rule returns the rule of a recurring trigger, also while its handler runs. It
// sends one script.
//
// If the trigger does not exist or is not recurring, Rule returns
// [ErrNotFound]. If this version cannot read the rule, it returns
// [ErrInvalidSchedule]. It also returns the errors of [Schedule.Due].
func (s *Schedule) Rule(ctx context.Context, action, id string) (Rule, error) {
	w, err := s.begin(ctx, "Rule", action, id)
	if err != nil {
		return Rule{}, err
	}
	w.Write = false
	m, err := runScript(w.In(ctx), s.core.Client, s.lua.rule, w.keys(), nil)
	if rueidis.IsRedisNil(err) {
		return Rule{}, w.NotApplied(fault.ErrNotFound)
	}
	if err != nil {
		return Rule{}, sentError(w.Target, err)
	}
	c, err := readRule(m)
	if err != nil {
		return Rule{}, w.Applied(err)
	}
	return c.rule, nil
}

// nextDue returns when a recurring trigger that has fired is due next. m has
// the server's clock, the due time of the firing, and the rule.
func (s *Schedule) nextDue(w operation, m rueidis.RedisMessage) (time.Time, error) {
	parts, err := m.ToArray()
	if err != nil {
		return time.Time{}, w.Applied(errReply)
	}
	now, errNow := parts[0].AsInt64()
	due, errDue := parts[1].AsInt64()
	c, err := readRule(parts[2])
	if errNow != nil || errDue != nil {
		err = errReply
	}
	if err != nil {
		return time.Time{}, w.Applied(err)
	}
	at, err := c.rule.next(time.UnixMilli(due), time.UnixMilli(now))
	if err != nil {
		return time.Time{}, w.NotApplied(err)
	}
	return at, nil
}

// readRule reads a rule with its length.
func readRule(m rueidis.RedisMessage) (*recurrence, error) {
	text, err := m.ToString()
	if err != nil {
		return nil, errReply
	}
	c, rest := splitRule(text)
	if c == nil || rest != "" {
		return nil, errReply
	}
	return c, c.err
}
