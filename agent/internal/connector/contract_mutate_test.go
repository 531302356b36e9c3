//go:build contract

package connector

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// mutation is a request with one mistake in it.
type mutation struct {
	what string
	request
}

// wrong are values that take the place of a valid one.
var wrong = []struct {
	name  string
	value any
}{
	{"null", nil},
	{"a number", 12345},
	{"a text", "x"},
	{"a number as text", "12345"},
	{"true", true},
	{"a list", []any{}},
	{"an object", map[string]any{}},
	{"an unknown value", "NOT_A_VALUE"},
	{"a long text", strings.Repeat("x", 5000)},
	{"an empty text", ""},
}

// mutations are the request with each member of its body and query left out,
// and with other values in its place.
func mutations(r request) (out []mutation) {
	var body any
	if json.Unmarshal(r.body, &body) == nil && body != nil {
		mutate(body, "body", func(what string, changed any) {
			text, err := json.Marshal(changed)
			if err != nil {
				return
			}
			m := mutation{what, r}
			m.body = text
			out = append(out, m)
		})
		m := mutation{"no body", r}
		m.body = nil
		out = append(out, m)
	}
	query, _ := url.ParseQuery(r.query)
	for _, name := range slices.Sorted(maps.Keys(query)) {
		for what, values := range map[string][]string{"left out": nil, "an unknown value": {"NOT_A_VALUE"}, "an empty text": {""}, "a long text": {strings.Repeat("x", 5000)}} {
			changed := maps.Clone(query)
			if changed[name] = values; values == nil {
				delete(changed, name)
			}
			m := mutation{"query " + name + ": " + what, r}
			m.query = changed.Encode()
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b mutation) int { return strings.Compare(a.what, b.what) })
	return out
}

// mutate calls emit with every changed form of v, which is at that place.
func mutate(v any, at string, emit func(what string, changed any)) {
	for _, w := range wrong {
		emit(at+": "+w.name, w.value)
	}
	switch v := v.(type) {
	case map[string]any:
		with := maps.Clone(v)
		with["unknownMember"] = 1
		emit(at+": an unknown member", with)
		for _, name := range slices.Sorted(maps.Keys(v)) {
			without := maps.Clone(v)
			delete(without, name)
			emit(at+"/"+name+": left out", without)
			mutate(v[name], at+"/"+name, func(what string, changed any) {
				with := maps.Clone(v)
				with[name] = changed
				emit(what, with)
			})
		}
	case []any:
		for i := range v {
			mutate(v[i], fmt.Sprint(at, "/", i), func(what string, changed any) {
				with := slices.Clone(v)
				with[i] = changed
				emit(what, with)
			})
		}
	}
}
