package sdk

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Classifier returns nil when nothing is wrong with an answer, and an *Error
// otherwise. A connector's own Classifier examines what its API says in the
// body, and falls back on Classify.
type Classifier func(*Response) error

// Classify judges an answer by its status alone, as most APIs mean it. A 403
// with an HTML body comes from something in front of the application, not from
// the API.
func Classify(r *Response) error {
	status := r.Status()
	if status >= 200 && status < 300 {
		return nil
	}
	kind := abi.KindBadResponse
	switch {
	case status == 401:
		kind = abi.KindAuth
	case status == 403 && r.HTML():
		kind = abi.KindBlocked
	case status == 402 || status == 403:
		kind = abi.KindForbidden
	case status == 404 || status == 405 || status == 410:
		kind = abi.KindConfig
	case status == 429:
		kind = abi.KindRateLimited
	case status == 408 || status >= 500:
		kind = abi.KindUnavailable
	}
	return r.Errorf(kind, "%s answered %d%s", r.path, status, r.excerpt())
}

// Errorf returns an Error about this answer, with its status and the wait that
// its headers ask for.
func (r *Response) Errorf(kind abi.Kind, format string, args ...any) *Error {
	e := Errorf(kind, format, args...)
	e.Status = r.Status()
	e.After = r.After(time.Now())
	return e
}

// HTML reports whether the body is a page for people.
func (r *Response) HTML() bool {
	if strings.Contains(strings.ToLower(r.Header("Content-Type")), "html") {
		return true
	}
	return strings.HasPrefix(strings.TrimSpace(r.Text(64)), "<")
}

// Place returns the name of the request that this answers, without its query.
func (r *Response) Place() string { return r.path }

// excerpt quotes the beginning of a short answer, unless it is an HTML page.
func (r *Response) excerpt() string {
	if r.HTML() {
		return " with an HTML page"
	}
	text := strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, r.Text(200)))
	if text == "" {
		return ""
	}
	return ": " + text
}

// epoch is the value from which a reset header holds a time, not a duration.
const epoch = 1_000_000_000

// After returns how long the headers ask to wait, 0 when they do not say. They
// are Retry-After, in seconds or as a date (measured against the server's own
// clock if the answer has a Date), and x-ratelimit-reset, in seconds.
func (r *Response) After(now time.Time) time.Duration {
	if text := r.Header("Retry-After"); text != "" {
		if s, ok := seconds(text); ok {
			return s
		}
		if at, err := time.Parse(httpDate, text); err == nil {
			if server, err := time.Parse(httpDate, r.Header("Date")); err == nil {
				now = server
			}
			return max(at.Sub(now), 0)
		}
	}
	if status := r.Status(); status != 429 && status != 503 {
		return 0
	}
	s, ok := seconds(r.Header("X-RateLimit-Reset"))
	if ok && s >= epoch*time.Second {
		return max(time.Unix(int64(s/time.Second), 0).Sub(now), 0)
	}
	return s
}

// httpDate is the preferred form of RFC 9110 section 5.6.7.
const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"

// seconds reads a number of seconds, with or without a fraction.
func seconds(text string) (time.Duration, bool) {
	s, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || s < 0 || s > 9e9 {
		return 0, false
	}
	return time.Duration(s * float64(time.Second)), true
}
