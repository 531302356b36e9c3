package expr

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDatesInAllTheirForms(t *testing.T) {
	for s, want := range map[string]string{
		"2024-05-31": "2024-05-31T00:00:00Z", "20240531": "2024-05-31T00:00:00Z", " 2024-05-31\u00a0": "2024-05-31T00:00:00Z", "\u200e2024-05-31": "2024-05-31T00:00:00Z",
		"2024-05-31Z": "2024-05-31T00:00:00Z", "2024-05-31+02:00": "2024-05-31T00:00:00+02:00",
		"2024-05-31T10": "2024-05-31T10:00:00Z", "2024-05-31T10:15": "2024-05-31T10:15:00Z", "2024-05-31T10:15:20": "2024-05-31T10:15:20Z",
		"2024-05-31T10:15:20Z": "2024-05-31T10:15:20Z", "2024-05-31t10:15:20z": "2024-05-31T10:15:20Z", "2024-05-31 10:15:20": "2024-05-31T10:15:20Z", "2024-05-31  10:15": "2024-05-31T10:15:00Z",
		"2024-05-31T10:15:20+0000": "2024-05-31T10:15:20Z", "2024-05-31T10:15:20.000+0000": "2024-05-31T10:15:20Z", "2024-05-31T10:15:20+01": "2024-05-31T10:15:20+01:00",
		"2024-05-31T10:15:20-0330": "2024-05-31T10:15:20-03:30", "2024-05-31T10:15:20+05:45": "2024-05-31T10:15:20+05:45", "2024-05-31T10:15:20−02:00": "2024-05-31T10:15:20-02:00",
		"2024-05-31T10:15+01": "2024-05-31T10:15:00+01:00", "2024-05-31 10:15:20 +0200": "2024-05-31T10:15:20+02:00", "2024-05-31 10:15:20 UTC": "2024-05-31T10:15:20Z", "2024-05-31 10:15:20+00": "2024-05-31T10:15:20Z",
		"2024-05-31T10:15:20.5Z": "2024-05-31T10:15:20.5Z", "2024-05-31T10:15:20,123456789Z": "2024-05-31T10:15:20.123456789Z", "2024-05-31T10:15,5": "2024-05-31T10:15:30Z", "2024-05-31T10.25": "2024-05-31T10:15:00Z",
		"20240531T101500Z": "2024-05-31T10:15:00Z", "20240531T1015": "2024-05-31T10:15:00Z", "20240531T10": "2024-05-31T10:00:00Z", "20240531T101520.5+0200": "2024-05-31T10:15:20.5+02:00", "20240531t101500z": "2024-05-31T10:15:00Z",
		"20240531 101500": "2024-05-31T10:15:00Z", "2024-05-31T101500Z": "2024-05-31T10:15:00Z",
		"20240531101500.0Z": "2024-05-31T10:15:00Z", "20240531101500Z": "2024-05-31T10:15:00Z", "20240531101500+0200": "2024-05-31T10:15:00+02:00", "20240531101500": "2024-05-31T10:15:00Z", "202405311015Z": "2024-05-31T10:15:00Z", "2024053110Z": "2024-05-31T10:00:00Z",
		"2024-05-31T24:00": "2024-06-01T00:00:00Z", "2016-12-31T23:59:60Z": "2017-01-01T00:00:00Z", "2024-02-29": "2024-02-29T00:00:00Z", "0001-01-01": "0001-01-01T00:00:00Z",
		"Fri, 31 May 2024 10:15:20 GMT": "2024-05-31T10:15:20Z", "Fri, 31 May 2024 10:15:20 +0200": "2024-05-31T10:15:20+02:00", "Sat, 1 Jun 2024 10:15:20 +0200": "2024-06-01T10:15:20+02:00",
		"2024-W22-5": "!\"2024-W22-5\" counts weeks, which is not read: have it delivered as year, month and day", "2024W225": "!counts weeks", "2024-w22": "!counts weeks",
		"2024-152": "!\"2024-152\" counts the days of the year, which is not read: have it delivered as year, month and day", "2024152": "!counts the days", "2024-152T10:00Z": "!counts the days",
		"2024-02-30": "!is not a date", "2023-02-29": "!", "2024-13-01": "!", "2024-00-10": "!", "2024-05-00": "!", "20240532": "!", "2024-05": "!", "2024": "!", "202405": "!", "31.05.2024": "!", "05/31/2024": "!", "2024-0531": "!", "202405-31": "!", "24-05-31": "!",
		"2024-05-31T": "!", "2024-05-31T25:00": "!", "2024-05-31T24:01": "!", "2024-05-31T10:60": "!", "2024-05-31T10:15:61": "!", "2024-05-31T10:15:20+24": "!", "2024-05-31T10:15:20+01:60": "!", "2024-05-31T10:15:20X": "!", "2024-05-31T10:15:20.": "!", "2024-05-3110:15": "!",
		"1717150500": "!", "1717150500000": "!", "171215101500": "!", "tomorrow": "!", "-2024-05-31": "!", "2024-05-31T1:15": "!",
	} {
		v, err := eval(t, `date(user.d)`, Env{"user": map[string]any{"d": s}})
		if message, fails := strings.CutPrefix(want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), message) || v.V != nil {
				t.Errorf("%q is %v %v, want an error: %s", s, v.V, err, message)
			}
			continue
		}
		if err != nil || v.Text() != want {
			t.Errorf("%q is %s %v, want %s", s, v.Text(), err, want)
		}
	}
}

// Every function that takes a time takes the same texts, and an empty one is
// no value.
func TestAnEmptyTextIsNoTime(t *testing.T) {
	for text, want := range map[string]any{
		`date(%)`: nil, `date(%, "dd.MM.yyyy")`: nil, `format_date(%, "yyyy")`: nil, `date_add(%, 1, "days")`: nil, `date_diff(%, now, "days")`: nil, `date_diff(now, %, "days")`: nil,
		`filetime(%)`: nil, `from_filetime(%)`: nil, `date(%) < now`: nil, `filetime(date(%))`: nil,
		`date(%) == null`: true, `default(filetime(%), 5)`: 5, `date(%) == null || date(%) > now`: true, `coalesce(date(%), now) == now`: true,
	} {
		for _, empty := range []string{"", "  ", "\u00a0\u200b"} {
			v, err := eval(t, strings.ReplaceAll(text, "%", "user.d"), Env{"user": map[string]any{"d": empty}, "now": time.Unix(0, 0).UTC()})
			if err != nil || v.V != want || want == nil && (v.State != Null || v.Cause != "the text is empty where a date is needed") {
				t.Errorf("%s of %q is %v %v %q %v, want %v", text, empty, v.V, v.State, v.Cause, err, want)
			}
		}
	}
	env := Env{"user": map[string]any{"d": "20240531101500.0Z", "n": 20240531, "at": "2024-05-31 10:15 +0000"}}
	for text, want := range map[string]any{
		`format_date(user.d, "yyyy-MM-dd HH:mm")`: "2024-05-31 10:15", `date_diff(user.d, user.at, "minutes")`: 0, `filetime(user.d) == filetime(user.at)`: true,
		`format_date(user.n, "d MMMM yyyy")`: "31 May 2024", `date(user.d) == date(user.at)`: true, `format_date(date_add(user.n, 1, "days"), "yyyy-MM-dd")`: "2024-06-01",
	} {
		if v, err := eval(t, text, env); err != nil || v.V != want {
			t.Errorf("%s is %v %v, want %v", text, v.V, err, want)
		}
	}
}

// Whatever Go writes as a time of ISO 8601 is read as that time.
func TestTimesComeBack(t *testing.T) {
	layouts := []string{time.RFC3339, time.RFC3339Nano, "2006-01-02T15:04:05-0700", "20060102T150405.000000000-0700", "20060102150405-0700", "2006-01-02 15:04:05.999999999 -0700", "20060102T150405-07", "20060102150405.0Z07"}
	rapid.Check(t, func(t *rapid.T) {
		zone := time.FixedZone("", 3600*rapid.IntRange(-12, 14).Draw(t, "zone"))
		at := time.Unix(rapid.Int64Range(-2_000_000_000, 4_000_000_000).Draw(t, "seconds"), int64(rapid.IntRange(0, 999_999_999).Draw(t, "ns"))).In(zone)
		text := at.Format(rapid.SampledFrom(layouts).Draw(t, "layout"))
		got, err := parseTime(text)
		if err != nil || got.Unix() != at.Unix() {
			t.Fatalf("%s is %v %v, want %v", text, got, err, at)
		}
		if strings.Contains(text, "000000000") && !got.Equal(at) {
			t.Fatalf("%s is %v, want %v", text, got, at)
		}
	})
}

// Dates that stand for "never" or "always" in applications are far away.
func TestDatesFarApart(t *testing.T) {
	for text, want := range map[string]string{
		`date_diff("0001-01-01", "2024-05-31", "days")`:                                    "739036",
		`date_diff("2024-05-31", "0001-01-01", "days")`:                                    "-739036",
		`date_diff("2024-05-31", "9999-12-31", "hours")`:                                   "69912528",
		`date_diff("9999-12-31T00:00:30", "2024-05-31", "minutes")`:                        "-4194751680",
		`date_diff("2024-05-31T00:00:00.5", "2024-06-01T00:00:00.4", "days")`:              "0",
		`format_date(date_add("2024-05-31", 10000000, "hours"), "yyyy-MM-dd")`:             "3165-03-17",
		`format_date(date_add("2024-05-31T00:00:30+02:00", -3, "hours"), "yyyy-MM-dd HH")`: "2024-05-30 21",
	} {
		if v, err := eval(t, text, Env{}); err != nil || v.Text() != want {
			t.Errorf("%s is %s, %v, want %s", text, v.Text(), err, want)
		}
	}
}
