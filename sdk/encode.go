package sdk

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// appendRequest writes what http_send reads, names sorted. It is written out by
// hand because reflection is what costs most of a page in WebAssembly, where
// each turn of a loop and each call of a function is checked against the clock.
func appendRequest(to []byte, r abi.Request) []byte {
	to = append(to, `{"method":`...)
	to = appendText(to, r.Method)
	to = appendField(to, `,"url":`, r.URL)
	to = appendField(to, `,"path":`, r.Path)
	to = appendFields(to, `,"query":`, r.Query)
	to = appendFields(to, `,"headers":`, r.Headers)
	to = appendField(to, `,"body":`, r.Body)
	to = appendField(to, `,"auth":`, r.Auth)
	if r.Cost != 0 {
		to = append(to, `,"cost":`...)
		to = strconv.AppendInt(to, r.Cost, 10)
	}
	return append(to, '}')
}

func appendField(to []byte, name, value string) []byte {
	if value == "" {
		return to
	}
	return appendText(append(to, name...), value)
}

func appendFields(to []byte, name string, values map[string]string) []byte {
	if len(values) == 0 {
		return to
	}
	to = append(to, name...)
	next := byte('{')
	for _, k := range slices.Sorted(maps.Keys(values)) {
		to = appendText(append(to, next), k)
		to = appendText(append(to, ':'), values[k])
		next = ','
	}
	return append(to, '}')
}

// appendText writes a string as encoding/json does: what is not UTF-8 becomes
// U+FFFD.
func appendText(to []byte, s string) []byte {
	if !plain(s) {
		quoted, _ := json.Marshal(s) // a string can always be written
		return append(to, quoted...)
	}
	to = append(to, '"')
	to = append(to, s...)
	return append(to, '"')
}

// plain reports whether a string stands in JSON as it is: printable ASCII
// without quotes and backslashes.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
