package sdk

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// appendRequest writes the JSON that http_send reads, with names sorted. It
// avoids encoding/json because reflection is the largest cost of a page in
// WebAssembly, where every loop iteration and function call checks the
// deadline.
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
	for _, k := range names(values) {
		to = appendText(append(to, next), k)
		to = appendText(append(to, ':'), values[k])
		next = ','
	}
	return append(to, '}')
}

// names returns the names of fields, sorted.
func names(values map[string]string) []string {
	all := make([]string, 0, len(values))
	for k := range values {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// appendText writes a string as encoding/json does: invalid UTF-8 becomes
// U+FFFD.
func appendText(to []byte, s string) []byte {
	start := len(to)
	to = append(append(to, '"'), s...)
	if plain(to[start+1:]) {
		return append(to, '"')
	}
	quoted, _ := json.Marshal(s) // a string can always be written
	return append(to[:start], quoted...)
}

const (
	ones = 0x0101_0101_0101_0101
	tops = 0x8080_8080_8080_8080
)

// plain reports whether a text needs no escaping in JSON: ASCII without quotes,
// backslashes and control characters. It examines 8 bytes at once.
func plain(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		v := binary.LittleEndian.Uint64(b)
		quote, slash := v^('"'*ones), v^('\\'*ones)
		if ((quote-ones)&^quote|(slash-ones)&^slash|(v-' '*ones)&^v|v)&tops != 0 {
			return false
		}
	}
	for _, c := range b {
		if c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
