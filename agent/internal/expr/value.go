package expr

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	plaintext "github.com/rollcall-agent/rollcall/agent/internal/text"
)

// State distinguishes absent, null, empty and present.
type State int

// The states of a value.
const (
	Absent  State = iota // a field that it needs was not delivered
	Null                 // delivered as null, or the expression found nothing
	Empty                // a text or list with nothing visible in it
	Present              // a value
)

// String returns the state in lower case, for messages.
func (s State) String() string {
	return [...]string{"absent", "null", "empty", "present"}[s]
}

// Value is the result of an evaluation.
type Value struct {
	State State
	// V is nil, bool, int, float64, json.Number (a number whose digits neither
	// of the two holds), string, time.Time, time.Duration, []any or
	// map[string]any.
	V any
	// Cause says why the value is absent or null: "user.email is null".
	Cause string
	// Missing names the first field that the evaluation needed although the
	// record does not have it: "user.email". A field that the expression itself
	// tests for null (default, coalesce, is_null, is_empty, ??, == null) is not
	// needed in this sense.
	Missing string
}

// Text returns the value as text: numbers as abi.Number spells them, true and
// false, times as RFC 3339, the elements of a list joined by ", "; "" when there
// is no value.
func (v Value) Text() string {
	if list, ok := v.V.([]any); ok {
		return strings.Join(texts(list), ", ")
	}
	s, _ := asText(v.V)
	return s
}

// Strings returns the value as a list of texts without null and empty
// elements; nil when there is no value.
func (v Value) Strings() []string {
	if list, ok := v.V.([]any); ok {
		return texts(list)
	}
	if s, ok := asText(v.V); ok && s != "" {
		return []string{s}
	}
	return nil
}

func texts(list []any) []string {
	var out []string
	for _, e := range list {
		if s, ok := asText(e); ok && !plaintext.Blank(s) {
			out = append(out, s)
		}
	}
	return out
}

// stateOf returns the state of a value that is not nil.
func stateOf(v any) State {
	switch v := v.(type) {
	case string:
		if plaintext.Blank(v) {
			return Empty
		}
	case []any:
		if len(texts(v)) == 0 {
			return Empty
		}
	}
	return Present
}

// asText converts a scalar to text; false for nil, lists and objects. Objects in
// a list are converted to their JSON, so that they are not lost unnoticed.
func asText(v any) (string, bool) {
	switch v := normal(v).(type) {
	case string:
		return v, true
	case int:
		return strconv.Itoa(v), true
	case float64:
		return spelled(v), true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case time.Time:
		return v.Format(time.RFC3339Nano), true
	case time.Duration:
		return v.String(), true
	case map[string]any:
		b, err := json.Marshal(v)
		return string(b), err == nil
	}
	return "", false
}

// normal converts what decoders deliver to the types of expressions. Elements of
// lists and objects are converted when they are used.
func normal(v any) any {
	switch v := v.(type) {
	case nil, string, bool, int, float64, []any, map[string]any, time.Time, time.Duration:
		return v
	case json.Number:
		return decoded(v)
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return list
	case map[string]string:
		m := make(map[string]any, len(v))
		for k, s := range v {
			m[k] = s
		}
		return m
	case int64:
		return int(v)
	case fmt.Stringer:
		return v.String()
	}
	return v
}

// deepNormal is normal for a whole value. It copies lists and objects that need
// a change, and leaves the caller's value as it is.
func deepNormal(v any) any {
	switch v := normal(v).(type) {
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = deepNormal(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = deepNormal(e)
		}
		return out
	default:
		return v
	}
}
