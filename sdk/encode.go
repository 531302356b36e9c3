package sdk

import (
	"math/bits"
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
	to = append(to, '"')
	for {
		n := plain(s)
		to, s = append(to, s[:n]...), s[n:]
		if s == "" {
			return append(to, '"')
		}
		n = 1
		switch c := s[0]; {
		case c == '"' || c == '\\':
			to = append(to, '\\', c)
		case c == '\n':
			to = append(to, `\n`...)
		case c < ' ':
			to = append(to, `\u00`...)
			to = append(to, hexDigits[c>>4], hexDigits[c&15])
		default:
			var r rune
			r, n = utf8.DecodeRuneInString(s)
			to = utf8.AppendRune(to, r)
		}
		s = s[n:]
	}
}

const (
	hexDigits = "0123456789abcdef"
	ones      = 0x0101_0101_0101_0101
	tops      = 0x8080_8080_8080_8080
)

// plain returns how much of a text needs no escaping in JSON, up to the first
// quote, backslash, control character or byte that is not ASCII. It examines 8
// bytes at once.
func plain(s string) int {
	n := 0
	for ; len(s)-n >= 8; n += 8 {
		v := eight(s[n : n+8])
		quote, slash := v^('"'*ones), v^('\\'*ones)
		if found := ((quote-ones)&^quote | (slash-ones)&^slash | (v-' '*ones)&^v | v) & tops; found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for ; n < len(s); n++ {
		if c := s[n]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			break
		}
	}
	return n
}

// eight returns the first eight bytes of a text as a number.
func eight(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
