package expr

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	plaintext "github.com/rollcall-agent/rollcall/agent/internal/text"
)

// These patterns match the parts of a date (ISO 8601-1:2019 sections 5.2.2, 5.3,
// 5.4.2; RFC 4517 section 3.3.13 for AD's GeneralizedTime, which has no
// separator before the hour). A fraction belongs to the last unit that is given.
var (
	isoDate = regexp.MustCompile(`^(\d{4})-?(\d{2})-?(\d{2})(.*)$`)
	isoTime = regexp.MustCompile(`^(\d{2})(?::?(\d{2})(?::?(\d{2}))?)?(?:[.,](\d{1,18}))?(.*)$`)
	isoZone = regexp.MustCompile(`^([+\-−])(\d{2})(?::?(\d{2}))?$`)

	weekDate    = regexp.MustCompile(`^\d{4}-?[Ww]\d{2}`)
	ordinalDate = regexp.MustCompile(`^\d{4}-?\d{3}(?:$|[^\d\-])`)
)

// others lists the layouts of dates in mail and HTTP.
var others = []string{time.RFC1123, time.RFC1123Z, "Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 -0700"}

// parseTime reads a date, or a date with a time of day. Without a zone it is
// UTC.
func parseTime(s string) (time.Time, error) {
	switch {
	case weekDate.MatchString(s):
		return time.Time{}, fmt.Errorf("%q counts weeks, which is not read: have it delivered as year, month and day", s)
	case ordinalDate.MatchString(s):
		return time.Time{}, fmt.Errorf("%q counts the days of the year, which is not read: have it delivered as year, month and day", s)
	}
	if t, ok := parseISO(s); ok {
		return t, nil
	}
	for _, layout := range others {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date", s)
}

// ParseTime reads the text of a date as date() does.
func ParseTime(s string) (time.Time, error) { return parseTime(plaintext.Trim(s)) }

func parseISO(s string) (time.Time, bool) {
	m := isoDate.FindStringSubmatch(s)
	if m == nil {
		return time.Time{}, false
	}
	if strings.Count(s[:len(s)-len(m[4])], "-") == 1 {
		return time.Time{}, false
	}
	year, month, day := atoi(m[1]), atoi(m[2]), atoi(m[3])
	midnight := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if midnight.Year() != year || int(midnight.Month()) != month || midnight.Day() != day {
		return time.Time{}, false // such as 30 February
	}
	ofDay, zone, ok := parseTimeOfDay(m[4], s[4] != '-')
	if !ok {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, zone).Add(ofDay), true
}

// parseTimeOfDay reads what follows a date: nothing, a zone, or a time with or
// without a zone. attached allows it to follow without a separator.
func parseTimeOfDay(s string, attached bool) (time.Duration, *time.Location, bool) {
	rest := strings.TrimLeft(s, " ")
	if zone, ok := parseZone(rest); ok {
		return 0, zone, true
	}
	switch {
	case len(rest) < len(s):
	case rest[0] == 'T' || rest[0] == 't':
		rest = rest[1:]
	case !attached:
		return 0, nil, false
	}
	m := isoTime.FindStringSubmatch(rest)
	if m == nil {
		return 0, nil, false
	}
	zone, ok := parseZone(strings.TrimLeft(m[5], " "))
	// Ten or twelve digits and nothing else may be a count of seconds.
	if bare := len(rest) == len(s) && m[3] == "" && m[4] == "" && m[5] == ""; !ok || bare {
		return 0, nil, false
	}
	hour, minute, second := atoi(m[1]), atoi(m[2]), atoi(m[3])
	ofDay := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
	ofDay += fraction(m[4], m[2] != "", m[3] != "")
	if hour > 24 || minute > 59 || second > 60 || hour == 24 && ofDay != 24*time.Hour {
		return 0, nil, false
	}
	return ofDay, zone, true
}

// fraction returns a fraction of a second, or of the minute or hour that is the
// last unit given.
func fraction(digits string, minutes, seconds bool) time.Duration {
	if digits == "" {
		return 0
	}
	unit := time.Hour
	if seconds {
		unit = time.Second
	} else if minutes {
		unit = time.Minute
	}
	f, _ := strconv.ParseFloat("0."+digits, 64)
	return time.Duration(math.Round(f * float64(unit)))
}

// parseZone reads Z, UTC, +01, +0100, +01:00, or nothing, which means UTC.
func parseZone(s string) (*time.Location, bool) {
	switch s {
	case "", "Z", "z", "UTC", "GMT":
		return time.UTC, true
	}
	m := isoZone.FindStringSubmatch(s)
	if m == nil || atoi(m[2]) > 23 || atoi(m[3]) > 59 {
		return nil, false
	}
	seconds := atoi(m[2])*3600 + atoi(m[3])*60
	if m[1] != "+" {
		seconds = -seconds
	}
	if seconds == 0 {
		return time.UTC, true
	}
	return time.FixedZone("", seconds), true
}

// atoi converts digits that a pattern has matched; "" is 0.
func atoi(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// timeArg returns argument i as a time; false when it is a blank text, which
// counts as no value.
func timeArg(r *run, args []any, i int) (time.Time, bool) {
	if t, ok := args[i].(time.Time); ok {
		return t, true
	}
	s := plaintext.Trim(textArg(args, i))
	if s == "" {
		r.noteEmpty()
		return time.Time{}, false
	}
	t, err := parseTime(s)
	if err != nil {
		fail("%s", err)
	}
	return t, true
}
