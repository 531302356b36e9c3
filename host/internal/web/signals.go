package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// epoch is the value from which a reset header holds a time in seconds, not a
// duration; millis is the value from which it holds a time in milliseconds.
const (
	epoch  = 1e9
	millis = 1e12
)

// asked returns how long an answer asks to wait before the next request, and
// why; 0 when it does not. A 429 or 503 asks with Retry-After or the reset of a
// rate limit; any answer asks when its rate limit has nothing remaining.
func asked(status int, h http.Header, now time.Time) (time.Duration, string) {
	server := now
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		server = at
	}
	refused := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
	var wait time.Duration
	if refused {
		wait = retryAfter(h.Get("Retry-After"), server)
	}
	remaining, reset := window(h)
	if empty := remaining == "0"; empty || refused {
		wait = max(wait, resetIn(reset, server))
	}
	if wait <= 0 {
		return 0, ""
	}
	if refused {
		return wait, fmt.Sprintf("the application answered %d and asks to wait", status)
	}
	return wait, "the application says that its rate limit is used up"
}

// retryAfter reads seconds or a date (RFC 9110 section 10.2.3). A date is
// compared with the server's own clock.
func retryAfter(text string, server time.Time) time.Duration {
	if s, ok := seconds(text); ok {
		return duration(s)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(server), 0)
	}
	return 0
}

// window returns what remains of a rate limit and when it resets. It knows the
// headers in use: X-RateLimit-*, X-Rate-Limit-*, RateLimit-*, and the RateLimit
// field of the IETF drafts.
func window(h http.Header) (remaining, reset string) {
	for _, prefix := range []string{"X-Ratelimit-", "X-Rate-Limit-", "Ratelimit-"} {
		if v := h.Get(prefix + "Remaining"); v != "" {
			return first(v), first(h.Get(prefix + "Reset"))
		}
	}
	for _, prefix := range []string{"X-Ratelimit-", "X-Rate-Limit-", "Ratelimit-"} {
		if v := h.Get(prefix + "Reset"); v != "" {
			return "", first(v)
		}
	}
	for part := range strings.FieldsFuncSeq(h.Get("Ratelimit"), func(c rune) bool { return c == ',' || c == ';' }) {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "remaining", "r":
			remaining = strings.TrimSpace(value)
		case "reset", "t":
			reset = strings.TrimSpace(value)
		}
	}
	return remaining, reset
}

// first returns the value before parameters and further values.
func first(text string) string {
	if i := strings.IndexAny(text, ",;"); i >= 0 {
		text = text[:i]
	}
	return strings.TrimSpace(text)
}

// resetIn reads a duration in seconds, or a time in seconds or milliseconds
// since 1970.
func resetIn(text string, server time.Time) time.Duration {
	s, ok := seconds(text)
	switch {
	case !ok:
		return 0
	case s >= millis:
		s /= 1000
		fallthrough
	case s >= epoch:
		s -= float64(server.Unix())
	}
	return duration(max(s, 0))
}

func seconds(text string) (float64, bool) {
	s, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return s, err == nil && s >= 0 // false for NaN
}

// duration converts seconds and keeps them within a Duration.
func duration(s float64) time.Duration {
	const most = 1e9
	return time.Duration(min(s, most) * float64(time.Second))
}
