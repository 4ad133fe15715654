package expiry

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/netresearch/go-cron"

	"github.com/symphony-go/symphony/internal/fault"
)

// cronSchedule is a cron spec in a time zone. The parser and its search know no
// time zones: they compute the times of a clock on the wall. cronSchedule finds
// out when the clock shows them.
//
// A spec with hours is due once for each time that it names. If the clock is
// set forward over that time, it is due when the clock is set; if the clock
// shows the time twice, it is due the first time. A spec for every hour is due
// whenever the clock shows a time of the spec.
type cronSchedule struct {
	spec      *cron.SpecSchedule
	zone      *time.Location
	everyHour bool
}

// searchYears is how far ahead the next time of a spec may be. The 29th of
// February is up to eight years ahead.
const searchYears = 10

var cronParser = cron.MustNewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor | cron.DowOrDom).WithMaxSearchYears(searchYears)

func newCronSchedule(spec, zone string) (*cronSchedule, error) {
	loc, err := location(zone)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(spec, "TZ=") || strings.HasPrefix(spec, "CRON_TZ=") {
		return nil, fmt.Errorf("%w: the spec %q names a time zone; pass it as the zone", fault.ErrInvalidSchedule, spec)
	}
	parsed, err := cronParser.Parse(spec)
	if err != nil {
		return nil, fmt.Errorf("%w: the spec %q cannot be read: %w; write minute, hour, day of the month, month and day of the week, as in \"30 2 * * MON\"", fault.ErrInvalidSchedule, spec, err)
	}
	fields, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("%w: the spec %q has no fields; write minute, hour, day of the month, month and day of the week, as in \"30 2 * * MON\"", fault.ErrInvalidSchedule, spec)
	}
	const allHours = 1<<24 - 1
	return &cronSchedule{fields, loc, fields.Hour&allHours == allHours}, nil
}

// next returns the first time after another, or the zero time.
func (s *cronSchedule) next(after time.Time) time.Time {
	if s.everyHour {
		return s.nextShown(after)
	}
	for wall := s.wall(after); ; {
		if wall = s.spec.Next(wall); wall.IsZero() {
			return time.Time{}
		}
		if at := s.reached(wall); at.After(after) {
			return at
		}
	}
}

// nextShown returns the first time after another at which the clock shows a
// time of the spec.
func (s *cronSchedule) nextShown(after time.Time) time.Time {
	from, shown := after, s.wall(after)
	for search := shown; ; {
		next := s.spec.Next(search)
		if next.IsZero() {
			return time.Time{}
		}
		at := from.Add(next.Sub(shown))
		end := s.setAfter(from)
		if end.IsZero() || at.Before(end) {
			return at
		}
		from, shown = end, s.wall(end)
		search = shown.Add(-1) // the end itself may be a time of the spec
	}
}

// setAfter returns when the clock is set after a time, or an earlier time that
// is after it too. It returns the zero time if the clock is never set again.
func (s *cronSchedule) setAfter(at time.Time) time.Time {
	_, end := at.In(s.zone).ZoneBounds()
	if !end.IsZero() && !end.After(at) { // Go 1.26 does that on the last day of a leap year
		return at.Add(time.Hour)
	}
	return end
}

// wall returns the time that the clock shows at a time, in UTC.
func (s *cronSchedule) wall(at time.Time) time.Time {
	_, offset := at.In(s.zone).Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

// reached returns the first time at which the clock shows a time or has been
// set forward over it.
func (s *cronSchedule) reached(wall time.Time) time.Time {
	at := wall.Add(-27 * time.Hour) // in every zone, the clock shows less then
	for {
		shown := s.wall(at)
		if !shown.Before(wall) {
			return at
		}
		found := at.Add(wall.Sub(shown))
		end := s.setAfter(at)
		if end.IsZero() || found.Before(end) {
			return found
		}
		at = end
	}
}

// locations are the time zones that were loaded. There are only as many as the
// machine has.
var locations sync.Map

func location(zone string) (*time.Location, error) {
	if loc, ok := locations.Load(zone); ok {
		return loc.(*time.Location), nil
	}
	if zone == "Local" {
		return nil, fmt.Errorf("%w: the time zone \"Local\" differs between machines; pass a name such as Europe/Berlin", fault.ErrInvalidSchedule)
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("%w: the time zone %q cannot be loaded: %w; pass a name such as Europe/Berlin, and import time/tzdata if this machine has no time zones", fault.ErrInvalidSchedule, zone, err)
	}
	locations.Store(zone, loc)
	return loc, nil
}
