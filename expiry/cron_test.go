package expiry

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests need no time zones of the machine

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/internal/fault"
)

// dueTimes returns when a spec is due from the beginning of one day in its zone
// to that of another.
func dueTimes(t testing.TB, spec, zone, from, to string) (all []time.Time) {
	t.Helper()
	loc, err := location(zone)
	require.NoError(t, err)
	at, err := time.ParseInLocation(time.DateOnly, from, loc)
	require.NoError(t, err)
	end, err := time.ParseInLocation(time.DateOnly, to, loc)
	require.NoError(t, err)
	rule, err := cronRule(spec, zone)
	require.NoError(t, err)
	for at = at.Add(-time.Millisecond); ; {
		at, err = rule.next(at, at)
		require.NoError(t, err)
		if !at.Before(end) {
			return all
		}
		all = append(all, at.In(loc))
	}
}

// On the days on which the clock is set, a time of the day is due once, and
// every hour is due as often as the day has hours.
func TestDaysOf23And25Hours(t *testing.T) {
	cases := map[string]struct {
		zone, day, next string
		spec            string
		want            string
	}{
		"Berlin, the clock skips 02:30":            {"Europe/Berlin", "2026-03-29", "2026-03-30", "30 2 * * *", "03:00+02"},
		"Berlin, the clock skips 02:00":            {"Europe/Berlin", "2026-03-29", "2026-03-30", "0 2 * * *", "03:00+02"},
		"Berlin, the clock skips several times":    {"Europe/Berlin", "2026-03-29", "2026-03-30", "*/20 2,3 * * *", "03:00+02 03:20+02 03:40+02"},
		"Berlin, 02:30 twice":                      {"Europe/Berlin", "2026-10-25", "2026-10-26", "30 2 * * *", "02:30+02"},
		"Berlin, several times twice":              {"Europe/Berlin", "2026-10-25", "2026-10-26", "*/20 2,3 * * *", "02:00+02 02:20+02 02:40+02 03:00+01 03:20+01 03:40+01"},
		"Berlin, seconds":                          {"Europe/Berlin", "2026-10-25", "2026-10-26", "15 30 2 * * *", "02:30+02"},
		"New York, the clock skips 02:30":          {"America/New_York", "2026-03-08", "2026-03-09", "30 2 * * *", "03:00-04"},
		"New York, 01:30 twice":                    {"America/New_York", "2026-11-01", "2026-11-02", "30 1 * * *", "01:30-04"},
		"Lord Howe, the clock skips half an hour":  {"Australia/Lord_Howe", "2026-10-04", "2026-10-05", "15 2 * * *", "02:30+11"},
		"Lord Howe, half an hour twice":            {"Australia/Lord_Howe", "2026-04-05", "2026-04-06", "45 1 * * *", "01:45+11"},
		"Lord Howe, each half hour, a short day":   {"Australia/Lord_Howe", "2026-10-04", "2026-10-05", "*/30 0-3 * * *", "00:00+1030 00:30+1030 01:00+1030 01:30+1030 02:30+11 03:00+11 03:30+11"},
		"Apia, a day that was skipped":             {"Pacific/Apia", "2011-12-29", "2012-01-01", "0 12 * * *", "12:00-10 00:00+14 12:00+14"},
		"Beirut, the clock skips midnight":         {"Asia/Beirut", "2026-03-29", "2026-03-30", "0 0 * * *", "01:00+03"},
		"Berlin, a usual day":                      {"Europe/Berlin", "2026-06-01", "2026-06-02", "30 2 * * *", "02:30+02"},
		"Berlin, in the half hour before the jump": {"Europe/Berlin", "2026-03-29", "2026-03-30", "30 1,4 * * *", "01:30+01 04:30+02"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, at := range dueTimes(t, c.spec, c.zone, c.day, c.next) {
				got = append(got, at.Format("15:04-07"))
				if strings.Contains(c.want, "+1030") && at.Format("-0700") == "+1030" {
					got[len(got)-1] = at.Format("15:04-0700")
				}
			}
			require.Equal(t, c.want, strings.Join(got, " "))
		})
	}
	hours := map[string]struct {
		zone, day, next string
		want            int
	}{
		"Berlin 23":     {"Europe/Berlin", "2026-03-29", "2026-03-30", 23},
		"Berlin 25":     {"Europe/Berlin", "2026-10-25", "2026-10-26", 25},
		"Berlin 24":     {"Europe/Berlin", "2026-10-26", "2026-10-27", 24},
		"New York 23":   {"America/New_York", "2026-03-08", "2026-03-09", 23},
		"New York 25":   {"America/New_York", "2026-11-01", "2026-11-02", 25},
		"Lord Howe 24½": {"Australia/Lord_Howe", "2026-04-05", "2026-04-06", 24},
	}
	for name, c := range hours {
		t.Run(name, func(t *testing.T) {
			all := dueTimes(t, "0 * * * *", c.zone, c.day, c.next)
			require.Len(t, all, c.want)
			for _, at := range all {
				require.Zero(t, at.Minute())
			}
		})
	}
	require.Len(t, dueTimes(t, "*/30 * * * *", "Australia/Lord_Howe", "2026-04-05", "2026-04-06"), 49, "24 and a half hours")
	require.Len(t, dueTimes(t, "*/30 * * * *", "Australia/Lord_Howe", "2026-10-04", "2026-10-05"), 47, "23 and a half hours")
}

// A time of the day is due once for every day of a decade, in order, in zones
// with other rules. A spec for every hour is due at the instants at which the
// clock shows it, as a search minute by minute finds them.
func TestEveryDayOnce(t *testing.T) {
	zones := []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca", "Asia/Beirut", "UTC"}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		loc, err := location(zone)
		require.NoError(t, err)
		hour, minute := rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute")
		year := rapid.IntRange(2020, 2040).Draw(t, "year")
		rule, err := cronRule(time.Date(0, 1, 1, hour, minute, 0, 0, time.UTC).Format("4 15 * * *"), zone)
		require.NoError(t, err)
		at := time.Date(year, 1, 1, 0, 0, 0, 0, loc).Add(-time.Millisecond)
		for day := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() == year; day = day.AddDate(0, 0, 1) {
			next, err := rule.next(at, at)
			require.NoError(t, err)
			require.True(t, next.After(at))
			at = next
			require.Equal(t, day.Format(time.DateOnly), at.In(loc).Format(time.DateOnly))
		}
		hourly, err := cronRule(time.Date(0, 1, 1, 0, minute, 0, 0, time.UTC).Format("4 * * * *"), zone)
		require.NoError(t, err)
		from := time.Date(year, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), 1, 0, 0, 0, 0, loc)
		var want, got []time.Time
		for at := from.UTC(); at.Before(from.Add(31 * 24 * time.Hour)); at = at.Add(time.Minute) {
			if at.In(loc).Minute() == minute && at.In(loc).Second() == 0 {
				want = append(want, at)
			}
		}
		for at := from.Add(-time.Millisecond); ; got = append(got, at.UTC()) {
			if at, err = hourly.next(at, at); err != nil || !at.Before(from.Add(31*24*time.Hour)) {
				break
			}
		}
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestCronSpecs(t *testing.T) {
	for spec, want := range map[string]string{
		"30 2 * * MON":         "2026-01-05T02:30:00",
		"0 0 1 JAN *":          "2027-01-01T00:00:00",
		"0 12 13 * FRI":        "2026-01-02T12:00:00", // either day
		"0 12 29 2 *":          "2028-02-29T12:00:00",
		"*/10 30 2 * * *":      "2026-01-01T02:30:00",
		"@daily":               "2026-01-02T00:00:00",
		"@hourly":              "2026-01-01T01:00:00",
		"@weekly":              "2026-01-04T00:00:00",
		"@monthly":             "2026-02-01T00:00:00",
		"@yearly":              "2027-01-01T00:00:00",
		" 5   0\t* * * ":       "2026-01-01T00:05:00",
		"0 22-2 * * *":         "2026-01-01T01:00:00",
		"0 9-17/4 * * mon-fri": "2026-01-01T09:00:00",
		"0 0 * * 7":            "2026-01-04T00:00:00",
		"0 0 31 * *":           "2026-01-31T00:00:00",
		"59 59 23 31 DEC *":    "2026-12-31T23:59:59",
		"15,45 0 * * *":        "2026-01-01T00:15:00",
		"0 0 ? * ?":            "2026-01-02T00:00:00",
		"0 0 15 * SUN,SAT":     "2026-01-03T00:00:00",
		"* * * * *":            "2026-01-01T00:01:00",
		"* * * * * *":          "2026-01-01T00:00:01",
		"@every 1h30m":         "2026-01-01T01:30:00",
		"@every 36h":           "2026-01-02T12:00:00",
		"1-5/2 0 1 * *":        "2026-01-01T00:01:00",
		"0 0 1 1,JUL *":        "2026-07-01T00:00:00",
		"0 0 1-7 * *":          "2026-01-02T00:00:00",
		"00 03 * * *":          "2026-01-01T03:00:00",
		"0 0 1 */3 *":          "2026-04-01T00:00:00",
		"@midnight":            "2026-01-02T00:00:00",
		"@annually":            "2027-01-01T00:00:00",
	} {
		rule, err := cronRule(spec, "")
		require.NoError(t, err, spec)
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		next, err := rule.next(at, at)
		require.NoError(t, err, spec)
		require.Equal(t, want, next.UTC().Format("2006-01-02T15:04:05"), spec)
		text := rule.text()
		c, rest := splitRule(text)
		require.Empty(t, rest)
		require.NoError(t, c.err)
		require.Equal(t, rule, c.rule, "the rule is read back")
	}
}

// The 29th of February is found across a century without one.
func TestTheLongestWait(t *testing.T) {
	rule, err := cronRule("0 0 29 FEB *", "Europe/Berlin")
	require.NoError(t, err)
	at := time.Date(2096, 3, 1, 0, 0, 0, 0, time.UTC)
	at, err = rule.next(at, at)
	require.NoError(t, err)
	require.Equal(t, "2104-02-28T23:00:00Z", at.UTC().Format(time.RFC3339))
}

func TestInvalidRules(t *testing.T) {
	for _, c := range []struct{ spec, zone, names string }{
		{"", "UTC", "the spec is empty"},
		{"* * * *", "UTC", "* * * *"},
		{"* * * * * * *", "UTC", "* * * * * * *"},
		{"60 * * * *", "UTC", "60"},
		{"0 24 * * *", "UTC", "24"},
		{"0 0 0 * *", "UTC", "0 0 0"},
		{"0 0 * * MOON", "UTC", "MOON"},
		{"0 0 30 2 *", "UTC", "30 2"},
		{"@reboot", "UTC", "@reboot"},
		{"@every", "UTC", "@every"},
		{"@every 5", "UTC", "90m"},
		{"@every 1ms", "UTC", "1s"},
		{"@every -1h", "UTC", "1s"},
		{"@every 5m", "Nowhere/Town", "Nowhere/Town"},
		{"0 0 * * *", "Local", "Local"},
		{"0 0 * * *", "../../etc/passwd", "passwd"},
		{"0 0 * * *", "CEST", "CEST"},
		{"0 0 * * *", "Europe/berlin ", "tzdata"},
		{"TZ=UTC 0 0 * * *", "UTC", "pass it as the zone"},
		{"CRON_TZ=UTC 0 0 * * *", "UTC", "pass it as the zone"},
		{"*/0 * * * *", "UTC", "*/0"},
		{"5-1-2 * * * *", "UTC", "5-1-2"},
		{strings.Repeat("1,", 5000) + "1 * * * *", "UTC", "spec"},
	} {
		_, err := cronRule(c.spec, c.zone)
		require.ErrorIs(t, err, fault.ErrInvalidSchedule, c.spec)
		require.ErrorContains(t, err, c.names)
		require.Less(t, len(err.Error()), 30000)
	}
	for every, names := range map[time.Duration]string{0: "1s", -time.Hour: "-1h0m0s", 60: "60*time.Second", 999 * time.Millisecond: "999ms"} {
		_, err := everyRule(every)
		require.ErrorIs(t, err, fault.ErrInvalidSchedule)
		require.ErrorContains(t, err, names)
	}
}

// The times of a period are on a grid from when the trigger was due, and none
// is past.
func TestPeriodsDoNotDrift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		every := time.Duration(rapid.Int64Range(1000, int64(400*24*time.Hour/time.Millisecond)).Draw(t, "every")) * time.Millisecond
		rule, err := everyRule(every)
		require.NoError(t, err)
		due := time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "due"))
		now := due.Add(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(5*every)).Draw(t, "late")))
		next, err := rule.next(due, now)
		require.NoError(t, err)
		require.True(t, next.After(now) && next.After(due))
		require.Zero(t, next.Sub(due)%every)
		require.False(t, next.Add(-every).After(now) && next.Add(-every).After(due), "an earlier time would do")
	})
	rule, err := everyRule(1500*time.Millisecond + 1)
	require.NoError(t, err)
	require.Equal(t, 1501*time.Millisecond, rule.Every, "rounded up")
	longest, err := everyRule(1<<63 - 1)
	require.NoError(t, err)
	next, err := longest.next(time.UnixMilli(0), time.UnixMilli(9e15))
	require.NoError(t, err)
	require.True(t, next.After(time.UnixMilli(9e15)))
}

// What is not a rule stays a payload.
func TestSplitRule(t *testing.T) {
	c, rest := splitRule("@11:every 600007:compact1")
	require.Equal(t, Rule{Every: time.Minute}, c.rule)
	require.Equal(t, "@11:every 60000", c.text)
	require.Equal(t, "7:compact1", rest)
	for _, text := range []string{"", "7:compact1", "@", "@x:every 1", "@99:every 60000", "@-1:"} {
		c, rest = splitRule(text)
		require.Nil(t, c, text)
		require.Equal(t, text, rest)
	}
	for _, text := range []string{"@7:every 1", "@5:every", "@13:monthly 60000", "@9:cron UTC ", "@0:"} {
		c, _ = splitRule(text)
		require.ErrorIs(t, c.err, fault.ErrInvalidSchedule, text)
	}
	require.Empty(t, Rule{}.String())
	require.True(t, Rule{}.IsZero())
	require.Equal(t, "every 1m0s", Rule{Every: time.Minute}.String())
	require.Equal(t, "0 0 * * * UTC", Rule{Cron: "0 0 * * *", Zone: "UTC"}.String())
}

// Every time zone of the machine can be used.
func TestTimeZones(t *testing.T) {
	names, err := os.ReadFile("/usr/share/zoneinfo/tzdata.zi")
	if err != nil {
		t.Skip("this machine has no list of time zones")
	}
	var zones []string
	for line := range strings.Lines(string(names)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Z" {
			zones = append(zones, fields[1])
		}
	}
	slices.Sort(zones)
	for _, zone := range zones {
		all := dueTimes(t, "30 2 * * *", zone, "2026-01-01", "2027-01-01")
		require.GreaterOrEqual(t, len(all), 365, zone)
		require.LessOrEqual(t, len(all), 366, zone)
	}
}
