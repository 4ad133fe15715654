package codec

import (
	"strings"
	"time"
)

// appendTime appends t in UTC, with as many digits of a second as it needs.
func appendTime(dst []byte, t time.Time) ([]byte, error) {
	if sec := t.Unix(); sec < firstSecond || sec > lastSecond {
		return dst, errYear
	}
	return t.UTC().AppendFormat(dst, time.RFC3339Nano), nil
}

// The first second of the year 0 and the last second of the year 9999, in Unix
// time.
const (
	firstSecond = -62167219200
	lastSecond  = 253402300799
)

// parseTime parses RFC 3339 and the output of Python's isoformat. A time
// without an offset is in UTC. A date without a time is midnight.
func parseTime(s string) (time.Time, error) {
	switch s {
	case "":
		return time.Time{}, errEmpty
	case "null":
		return time.Time{}, errNull
	}
	if t, ok := parseRFC3339UTC(s); ok {
		return t, nil
	}
	p := timeParser{text: s}
	year := p.digits(4)
	p.byte('-')
	month := p.digits(2)
	p.byte('-')
	day := p.digits(2)
	if p.failed || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return time.Time{}, errTime
	}
	if p.text == "" {
		return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC), nil
	}
	if c := p.text[0]; c != 'T' && c != 't' && c != ' ' {
		return time.Time{}, errTime
	}
	p.text = p.text[1:]
	hour := p.digits(2)
	p.byte(':')
	minute := p.digits(2)
	p.byte(':')
	second := p.digits(2)
	nanos := p.fraction()
	east, eastNanos := p.offset()
	if p.failed || p.text != "" || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, errTime
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second-east, nanos-eastNanos, time.UTC)
	if sec := t.Unix(); sec < firstSecond || sec > lastSecond {
		return time.Time{}, errYear
	}
	return t, nil
}

// parseRFC3339UTC parses what appendTime writes. It returns false if the text
// may be a time in another format.
func parseRFC3339UTC(s string) (t time.Time, ok bool) {
	const shortest = len("2006-01-02T15:04:05Z")
	if len(s) < shortest || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[len(s)-1] != 'Z' {
		return t, false
	}
	year, month, day := twoDigits(s, 0)*100+twoDigits(s, 2), twoDigits(s, 5), twoDigits(s, 8)
	hour, minute, second := twoDigits(s, 11), twoDigits(s, 14), twoDigits(s, 17)
	if year > 9999 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return t, false
	}
	nanos := 0
	if len(s) > shortest {
		p := timeParser{text: s[shortest-1 : len(s)-1]}
		nanos = p.fraction()
		if p.failed || p.text != "" {
			return t, false
		}
	}
	seconds := (daysBefore(year, month)+day-1)*86400 + hour*3600 + minute*60 + second
	return time.Unix(int64(seconds)+firstSecond, int64(nanos)).UTC(), true
}

// daysBefore returns the number of days from the first day of the year 0 to the
// first day of the month. Here a year begins in March, so that the leap day is
// its last day: month m, counted from 0, begins after (153m+2)/5 days. The
// calendar repeats every 400 years. The function adds them so that no year is
// negative.
func daysBefore(year, month int) int {
	const march, cycle = 60, 146097
	year += 400
	m := month - 3
	if m < 0 {
		m, year = m+12, year-1
	}
	return year*365 + year/4 - year/100 + year/400 + (153*m+2)/5 + march - cycle
}

// twoDigits returns the number of two digits at s[i]. If they are not digits,
// it returns a number that is out of every range.
func twoDigits(s string, i int) int {
	tens, ones := s[i]-'0', s[i+1]-'0'
	if tens > 9 || ones > 9 {
		return 10000
	}
	return int(tens)*10 + int(ones)
}

// timeParser parses a text from the front. failed is set as soon as something
// does not match.
type timeParser struct {
	text   string
	failed bool
}

func (p *timeParser) digits(n int) int {
	if len(p.text) < n {
		p.failed = true
		return 0
	}
	v := 0
	for i := range n {
		if !isDigit(p.text[i]) {
			p.failed = true
			return 0
		}
		v = v*10 + int(p.text[i]-'0')
	}
	p.text = p.text[n:]
	return v
}

func (p *timeParser) byte(c byte) {
	if p.text == "" || p.text[0] != c {
		p.failed = true
		return
	}
	p.text = p.text[1:]
}

// fraction parses a decimal point and one to nine digits as nanoseconds.
func (p *timeParser) fraction() int {
	if p.text == "" || p.text[0] != '.' {
		return 0
	}
	n := digitsEnd(p.text, 1) - 1
	if n < 1 || n > 9 {
		p.failed = true
		return 0
	}
	p.text = p.text[1:]
	v := p.digits(n)
	for range 9 - n {
		v *= 10
	}
	return v
}

// offset parses the offset from UTC, which is positive east of Greenwich.
// Python writes offsets with seconds and fractions of a second too.
func (p *timeParser) offset() (seconds, nanos int) {
	if p.text == "" {
		return 0, 0
	}
	sign := 1
	switch p.text[0] {
	case 'Z', 'z':
		p.text = p.text[1:]
		return 0, 0
	case '-':
		sign = -1
	case '+':
	default:
		p.failed = true
		return 0, 0
	}
	p.text = p.text[1:]
	hours := p.digits(2)
	p.byte(':')
	minutes := p.digits(2)
	if p.text != "" {
		p.byte(':')
		seconds = p.digits(2)
		nanos = p.fraction()
	}
	if hours > 23 || minutes > 59 || seconds > 59 {
		p.failed = true
	}
	return sign * (hours*3600 + minutes*60 + seconds), sign * nanos
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// parseDuration parses a duration as Go writes it (1h30m0s), integer
// nanoseconds, and the string of a Python timedelta.
func parseDuration(s string) (time.Duration, error) {
	switch s {
	case "":
		return 0, errEmpty
	case "null":
		return 0, errNull
	}
	if n, err := parseInt(s, 64); err == nil || err == errRange {
		return time.Duration(n), err
	}
	if strings.IndexByte(s, ':') >= 0 {
		return parseTimedelta(s)
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errDuration
	}
	return d, nil
}

// parseTimedelta parses the string of a Python timedelta, for example
// "1 day, 0:00:02.500000". Only the days have a sign.
func parseTimedelta(s string) (time.Duration, error) {
	var days int64
	if before, clock, ok := strings.Cut(s, ", "); ok {
		number, unit, _ := strings.Cut(before, " ")
		n, err := parseInt(number, 32)
		if err != nil || unit != "day" && unit != "days" {
			return 0, errDuration
		}
		days, s = n, clock
	}
	p := timeParser{text: s}
	hours := p.digits(1)
	if p.text != "" && isDigit(p.text[0]) {
		hours = hours*10 + p.digits(1)
	}
	p.byte(':')
	minutes := p.digits(2)
	p.byte(':')
	seconds := p.digits(2)
	nanos := p.fraction()
	if p.failed || p.text != "" || hours > 23 || minutes > 59 || seconds > 59 {
		return 0, errDuration
	}
	const day = 24 * time.Hour
	clock := time.Duration(hours*3600+minutes*60+seconds)*time.Second + time.Duration(nanos)
	switch limit := int64((1<<63 - 1) / day); {
	case days > limit || days < -limit-1:
		return 0, errRange
	case days == -limit-1: // the time of day may bring it back into range
		d := time.Duration(-limit)*day - (day - clock)
		if d > 0 {
			return 0, errRange
		}
		return d, nil
	case days == limit:
		d := time.Duration(limit)*day + clock
		if d < 0 {
			return 0, errRange
		}
		return d, nil
	default:
		return time.Duration(days)*day + clock, nil
	}
}
