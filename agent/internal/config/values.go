package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
)

// Pos is a place in a file. A Pos without a line means the file as a whole.
type Pos = expr.Pos

// Text is a template or an expression with the place of its first character.
type Text = expr.Source

// SecretRef says where a secret is. When the file holds the secret itself,
// SecretRef never prints it.
type SecretRef struct {
	secrets.Reference
	Pos Pos
}

// IsZero reports whether the field is not set.
func (s SecretRef) IsZero() bool { return s.Kind == "" }

// RateLimit is a number of requests in a span of time.
type RateLimit struct {
	Requests int
	Per      time.Duration
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

func parseLimit(v any) (plan.Limit, error) {
	switch v := v.(type) {
	case int64:
		if v < 0 || v > 1_000_000_000 {
			return plan.Limit{}, fmt.Errorf("is %d; it must be 0 or more", v)
		}
		return plan.Limit{Count: int(v)}, nil
	case string:
		digits, ok := strings.CutSuffix(v, "%")
		n, err := strconv.ParseFloat(digits, 64)
		if !ok || err != nil || !percentForm.MatchString(digits) || n > 100 {
			return plan.Limit{}, fmt.Errorf(`is %q; it must be a whole number or a percentage from "0%%" to "100%%"`, v)
		}
		return plan.Limit{Percent: n}, nil
	}
	return plan.Limit{}, fmt.Errorf(`must be a whole number or a percentage like "5%%", not %s`, kindOf(v))
}

var percentForm = regexp.MustCompile(`^[0-9]{1,3}(\.[0-9]{1,3})?$`)

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
