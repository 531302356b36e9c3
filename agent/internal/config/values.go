package config

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Pos is a place in a file: line and column count from 1, the column in
// characters. A Pos without a line is the file as a whole.
type Pos struct {
	File         string
	Line, Column int
}

// String gives "FILE:LINE:COLUMN".
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Text is a template or an expression with the place of its first character.
type Text struct {
	Text string
	Pos  Pos
}

// SecretRef is the text of a field that holds a secret: a reference such as
// "@{env:NAME}", or, with a warning, the secret itself. It never prints the
// secret.
type SecretRef struct {
	Text string
	Pos  Pos
}

// IsZero reports whether the field is not set.
func (s SecretRef) IsZero() bool { return s.Text == "" }

// IsReference reports whether the text is a reference and not the secret
// itself.
func (s SecretRef) IsReference() bool {
	return strings.HasPrefix(s.Text, "@{") && strings.HasSuffix(s.Text, "}")
}

// String gives the reference, or a stand-in for a secret in plain text.
func (s SecretRef) String() string {
	switch {
	case s.IsZero():
		return ""
	case s.IsReference():
		return s.Text
	}
	return "(plain text)"
}

// GoString is String, so that %#v does not print a secret.
func (s SecretRef) GoString() string { return strconv.Quote(s.String()) }

// LogValue is String, so that a log does not print a secret.
func (s SecretRef) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String, so that JSON does not hold a secret.
func (s SecretRef) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// RateLimit is a number of requests in a span of time.
type RateLimit struct {
	Requests int
	Per      time.Duration
}

// String gives the limit as it is written: "40/2s".
func (r RateLimit) String() string {
	if r.Requests == 0 {
		return ""
	}
	return strconv.Itoa(r.Requests) + "/" + r.Per.String()
}

func (r *RateLimit) parse(v any) error {
	wrong := errors.New(`must be requests and a time, like "40/2s"`)
	s, ok := v.(string)
	if !ok {
		return wrong
	}
	count, per, ok := strings.Cut(s, "/")
	n, err := strconv.Atoi(count)
	if !ok || err != nil || n < 1 {
		return wrong
	}
	d, err := parseDuration(per)
	if err != nil || d <= 0 {
		return wrong
	}
	*r = RateLimit{Requests: n, Per: d}
	return nil
}

func (l *Limit) parse(v any) error {
	switch v := v.(type) {
	case int64:
		if v < 0 || v > 1_000_000_000 {
			return errors.New("must be 0 or more")
		}
		*l = Limit{Count: int(v)}
		return nil
	case string:
		digits, ok := strings.CutSuffix(v, "%")
		n, err := strconv.ParseUint(digits, 10, 16)
		if !ok || err != nil || n > 100 {
			return fmt.Errorf(`must be a whole number or a percentage from "0%%" to "100%%", not %q`, v)
		}
		*l = Limit{Percent: int(n)}
		return nil
	}
	return fmt.Errorf(`must be a whole number or a percentage like "5%%", not %s`, kindOf(v))
}

// parseDuration reads Go's durations and whole days ("30d").
func parseDuration(s string) (time.Duration, error) {
	if digits, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("parse duration %q: %w", s, err)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	return time.ParseDuration(s)
}

// kindOf names the type of a decoded TOML value in plain words.
func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a text"
	case int64:
		return "a whole number"
	case float64:
		return "a number with a fraction"
	case bool:
		return "true or false"
	case time.Time:
		return "a date"
	case map[string]any:
		return "a table"
	}
	return "a list"
}
