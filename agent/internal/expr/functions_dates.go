package expr

import (
	"slices"
	"strings"
	"time"

	plaintext "github.com/rollcall-agent/rollcall/agent/internal/text"
)

// dateFunctions returns the functions that read, change and write times. Where
// they take a time, they also take a text that date() understands. An empty text
// is not a time: the result is null, as for null.
func dateFunctions() []*function {
	unit := func(at int) func(*library, int, string) (string, string) {
		return func(_ *library, i int, s string) (string, string) {
			if i != at || slices.Contains(units, s) {
				return "", ""
			}
			return "unknown unit " + s, didYouMean(s, units)
		}
	}
	layout := func(_ *library, i int, s string) (string, string) {
		if i != 1 {
			return "", ""
		}
		_, message := parseLayout(s)
		return message, ""
	}
	date := define("date(s, layout)",
		"A time from text: a date of ISO 8601 with or without a time (2024-05-31, 20240531, 2024-05-31T17:00+02, 2024-05-31 17:00:00), "+
			"AD's own (20240531170000.0Z), that of mail (RFC 1123), or as the layout says (see format_date). Without a zone it is UTC. "+
			"Null when the text is empty.",
		`date("31.05.2024", "dd.MM.yyyy") -> "2024-05-31T00:00:00Z"`, parseDate, new(func(any, string) time.Time), new(func(any) time.Time))
	format := define("format_date(t, layout)",
		"A time as text. In the layout yyyy yy MMMM MMM MM M dd d EEEE EEE HH hh h mm ss a stand for parts of the time, "+
			"'text' in quotes for itself.",
		`format_date("2024-05-31", "d MMMM yyyy") -> "31 May 2024"`, formatDate, new(func(any, string) string))
	add := define("date_add(t, n, unit)", "The time n units later: years, months, days, hours or minutes. A month ends at its last day.",
		`format_date(date_add("2024-01-31", 1, "months"), "yyyy-MM-dd") -> "2024-02-29"`, dateAdd, new(func(any, int, string) time.Time))
	diff := define("date_diff(from, to, unit)", "The whole units from one time to another; negative when to is earlier.",
		`date_diff("2024-01-01", "2024-03-01", "days") -> 60`, dateDiff, new(func(any, any, string) int))
	date.literal, format.literal = layout, layout
	add.literal, diff.literal = unit(2), unit(2)
	return []*function{
		date, format, add, diff,
		define("filetime(t)", "The time as AD counts it: 100 ns since 1601 (accountExpires).", `filetime("2024-05-31") -> 133615872000000000`,
			toFileTime, new(func(any) int)),
		define("from_filetime(n)", "The time of a count of 100 ns since 1601; null for 0 and 9223372036854775807, which mean never.",
			`format_date(from_filetime(133615872000000000), "yyyy-MM-dd") -> "2024-05-31"`, fromFileTime, new(func(any) time.Time)),
	}
}

var units = []string{"years", "months", "days", "hours", "minutes"}

// orNull returns the result of a function that may have no value.
func orNull(t time.Time, ok bool) any {
	if !ok {
		return nil
	}
	return t
}

func parseDate(r *run, args []any) any {
	if len(args) == 1 {
		return orNull(timeArg(r, args, 0))
	}
	pieces, message := parseLayout(textArg(args, 1))
	if message != "" {
		fail("%s", message)
	}
	var layout strings.Builder
	for _, p := range pieces {
		if !p.token && strings.ContainsFunc(p.text, isWordRune) {
			fail("date: the layout may have no text besides the parts of the time")
		}
		layout.WriteString(p.text)
	}
	s := plaintext.Trim(textArg(args, 0))
	if s == "" {
		r.noteEmpty()
		return nil
	}
	t, err := time.Parse(layout.String(), s)
	if err != nil {
		fail("%q is not a date of the form %s", s, textArg(args, 1))
	}
	return t
}

func isWordRune(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '_'
}

func formatDate(r *run, args []any) any {
	pieces, message := parseLayout(textArg(args, 1))
	if message != "" {
		fail("%s", message)
	}
	t, ok := timeArg(r, args, 0)
	if !ok {
		return nil
	}
	var b strings.Builder
	for _, p := range pieces {
		if p.token {
			b.WriteString(t.Format(p.text))
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// piece is a part of a layout: a token in Go's spelling, or text.
type piece struct {
	text  string
	token bool
}

// layoutTokens maps the letters of a layout to Go's reference time.
var layoutTokens = map[string]string{
	"yyyy": "2006", "yy": "06", "MMMM": "January", "MMM": "Jan", "MM": "01", "M": "1",
	"dd": "02", "d": "2", "EEEE": "Monday", "EEE": "Mon", "HH": "15", "hh": "03", "h": "3",
	"mm": "04", "ss": "05", "a": "PM",
}

// parseLayout splits a layout into pieces. message says what is wrong with it.
func parseLayout(s string) (pieces []piece, message string) {
	for i := 0; i < len(s); {
		c := s[i]
		n := 1
		switch {
		case c == '\'':
			end := strings.IndexByte(s[i+1:], '\'')
			if end < 0 {
				return nil, "the layout has a quote that does not end"
			}
			pieces = append(pieces, piece{text: s[i+1 : i+1+end]})
			n = end + 2
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			for i+n < len(s) && s[i+n] == c {
				n++
			}
			token, ok := layoutTokens[s[i:i+n]]
			if !ok {
				return nil, "the layout has an unknown part " + s[i:i+n]
			}
			pieces = append(pieces, piece{token, true})
		default:
			pieces = append(pieces, piece{text: s[i : i+1]})
		}
		i += n
	}
	return pieces, ""
}

func dateAdd(r *run, args []any) any {
	t, ok := timeArg(r, args, 0)
	if !ok {
		return nil
	}
	n := intArg(args, 1)
	if n > 10_000_000 || n < -10_000_000 {
		fail("date_add: %d is too far", n)
	}
	switch u := textArg(args, 2); u {
	case "years":
		return addMonths(t, 12*n)
	case "months":
		return addMonths(t, n)
	case "days":
		return t.AddDate(0, 0, n)
	case "hours":
		return addSeconds(t, n*3600)
	case "minutes":
		return addSeconds(t, n*60)
	default:
		fail("unknown unit %s", u)
		return nil
	}
}

// addSeconds adds seconds beyond the 292 years of a time.Duration.
func addSeconds(t time.Time, n int) time.Time {
	return time.Unix(t.Unix()+int64(n), int64(t.Nanosecond())).In(t.Location())
}

// wholeSeconds returns the seconds between two times, also beyond the range of a
// time.Duration.
func wholeSeconds(from, to time.Time) int {
	if to.Before(from) {
		return -wholeSeconds(to, from)
	}
	n := to.Unix() - from.Unix()
	if to.Nanosecond() < from.Nanosecond() {
		n--
	}
	return int(n)
}

// addMonths adds months and stays within the resulting month: 31 January plus
// one month is the last day of February.
func addMonths(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month(), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location()).AddDate(0, n, 0)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

func dateDiff(r *run, args []any) any {
	from, ok := timeArg(r, args, 0)
	to, also := timeArg(r, args, 1)
	if !ok || !also {
		return nil
	}
	switch u := textArg(args, 2); u {
	case "years":
		return months(from, to) / 12
	case "months":
		return months(from, to)
	case "days":
		return wholeSeconds(from, to) / (24 * 3600)
	case "hours":
		return wholeSeconds(from, to) / 3600
	case "minutes":
		return wholeSeconds(from, to) / 60
	default:
		fail("unknown unit %s", u)
		return nil
	}
}

// months counts the whole months from one time to another.
func months(from, to time.Time) int {
	if to.Before(from) {
		return -months(to, from)
	}
	n := (to.Year()-from.Year())*12 + int(to.Month()) - int(from.Month())
	if n > 0 && addMonths(from, n).After(to) {
		n--
	}
	return n
}

// epochDifference is the number of seconds from 1601-01-01 to 1970-01-01
// (MS-DTYP section 2.3.3).
const epochDifference = 11644473600

// never is what AD stores for a time that never comes.
const never = 1<<63 - 1

func toFileTime(r *run, args []any) any {
	t, ok := timeArg(r, args, 0)
	if !ok {
		return nil
	}
	return fileTime(t)
}

func fileTime(t time.Time) int {
	n, ok := FileTime(t)
	if !ok {
		fail("filetime: %s cannot be counted from 1601", t.Format(time.DateOnly))
	}
	return int(n)
}

// FileTime returns the time as AD counts it: 100 ns since 1601 (MS-DTYP section
// 2.3.3). ok is false for a time that cannot be counted so.
func FileTime(t time.Time) (n int64, ok bool) {
	seconds := t.Unix() + epochDifference
	if seconds < 0 || seconds > never/10_000_000-1 {
		return 0, false
	}
	return seconds*10_000_000 + int64(t.Nanosecond()/100), true
}

func fromFileTime(r *run, args []any) any {
	if s, isText := args[0].(string); isText && plaintext.Blank(s) {
		r.noteEmpty()
		return nil
	}
	n := intArg(args, 0)
	if n == 0 || n == never {
		return nil
	}
	if n < 0 {
		fail("from_filetime: %d is before 1601", n)
	}
	return time.Unix(int64(n/10_000_000)-epochDifference, int64(n%10_000_000)*100).UTC()
}
