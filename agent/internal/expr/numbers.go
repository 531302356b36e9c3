package expr

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// A number is an int when it is whole and fits; a float64 when that has
// exactly its digits; otherwise a json.Number in the spelling of abi.Number,
// which compares but does not compute.

// decoded converts a JSON number to one of these types, however it is spelled.
// Anything that is not a JSON number stays text.
func decoded(n json.Number) any {
	s := n.String()
	if i, err := strconv.Atoi(s); err == nil && (s[0] != '0' || len(s) == 1) && s[0] != '+' && !strings.HasPrefix(s, "-0") {
		return i
	}
	m, ok := abi.ParseNumber(s)
	if !ok {
		return s
	}
	normal := m.String()
	if i, err := strconv.Atoi(normal); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(normal, 64)
	if err == nil && spelled(f) == normal {
		return f
	}
	return json.Number(normal)
}

// spelled returns a number in the spelling of abi.Number.
func spelled(f float64) string {
	s := strconv.FormatFloat(f, 'e', -1, 64)
	if normal, ok := abi.NumberKey(s); ok {
		return normal
	}
	return s // not finite
}

// parsed reads a number from text as people write it, also +5, .5 and 1.
func parsed(s string) (any, bool) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "+")
	sign := ""
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		s, sign = rest, "-"
	}
	mantissa, exponent := s, ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent = s[:i], s[i:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole == "" && fraction == "" {
		return nil, false
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	number := sign + whole + exponent
	if _, ok := abi.ParseNumber(number); !ok {
		return nil, false
	}
	return decoded(json.Number(number)), true
}

// asFloat returns a number as a float64, for computing.
func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	case json.Number:
		fail("%s has too many digits to compute with", described(v))
	}
	return 0, false
}

// asInt returns a whole number as an int; false for anything else.
func asInt(v any) (int, bool) {
	switch v := normal(v).(type) {
	case int:
		return v, true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v), true
		}
	}
	return 0, false
}
