package sdk

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// reader reads JSON that the host has written, value by value. It is made for
// WebAssembly, where every function call and every turn of a loop tests the
// deadline, at the price of some twenty instructions: it looks at eight bytes at a
// time, and texts without escapes are parts of the input. A null reads as the zero
// value. After the first fault, in err, everything reads as the zero value.
//
// It takes valid JSON for granted where it need not look, as the host has written it.
type reader struct {
	text  string
	at    int
	depth int
	name  string // of the last member, for errors
	err   error
}

// deepest bounds values within values.
const deepest = 1000

var errEnd = errors.New("unexpected end of JSON input")

// skip passes over white space and returns the byte after it; 0 at the end. The
// host writes none, and this much is inlined.
func (r *reader) skip() byte {
	if r.at < len(r.text) && r.text[r.at] > ' ' {
		return r.text[r.at]
	}
	return r.space()
}

func (r *reader) space() byte {
	for r.at < len(r.text) {
		if c := r.text[r.at]; c > ' ' {
			return c
		}
		r.at++
	}
	return 0
}

// take passes over one byte, which must be c.
func (r *reader) take(c byte) bool {
	if r.skip() == c && r.err == nil {
		r.at++
		return true
	}
	return r.missing(c)
}

func (r *reader) missing(c byte) bool {
	switch got := r.skip(); {
	case r.err != nil:
	case got == 0:
		r.err = errEnd
	default:
		r.err = fmt.Errorf("there is %q at byte %d, and not %q", got, r.at, c)
	}
	return false
}

// begins reports whether the next value begins with c; any other than null is a
// fault.
func (r *reader) begins(c byte, what string) bool {
	got := r.skip()
	if r.err != nil || got == c {
		return r.err == nil
	}
	if !r.null() {
		r.wrong(what)
	}
	return false
}

// wrong notes that the value is not what it is read as.
func (r *reader) wrong(what string) {
	switch {
	case r.err != nil:
	case r.skip() == 0:
		r.err = errEnd
	case r.name == "":
		r.err = fmt.Errorf("the call is no %s, such as an array or a text", what)
	default:
		r.err = fmt.Errorf("%s is of another type than rollcall_v1 says", r.name)
	}
}

// null passes over a null. It reports false, and passes over nothing, when the
// value is another.
func (r *reader) null() bool { return r.skip() == 'n' && r.word("null") }

func (r *reader) word(w string) bool {
	if r.err == nil && len(r.text)-r.at >= len(w) && r.text[r.at:r.at+len(w)] == w {
		r.at += len(w)
		return true
	}
	return false
}

// object calls member with the name of each member of an object; it must read the
// value. It reports false for null.
func (r *reader) object(member func(name string)) bool {
	if !r.begins('{', "object") || !r.enter() {
		return false
	}
	for r.skip() != '}' {
		if r.name = r.quoted(); !r.take(':') {
			return false
		}
		member(r.name)
		if r.skip() != '}' && !r.take(',') {
			return false
		}
	}
	return r.leave()
}

// list reads an array.
func list[T any](r *reader, element func() T) []T {
	if !r.begins('[', "array") || !r.enter() {
		return nil
	}
	all := []T{}
	for r.skip() != ']' {
		all = append(all, element())
		if r.skip() != ']' && !r.take(',') {
			return nil
		}
	}
	r.leave()
	return all
}

func (r *reader) enter() bool {
	r.at++
	if r.depth++; r.depth > deepest {
		r.err = fmt.Errorf("more than %d values within values", deepest)
	}
	return r.err == nil
}

func (r *reader) leave() bool {
	r.at++
	r.depth--
	return true
}

func (r *reader) strings() []string { return list(r, r.string) }

// texts reads an object whose members are texts.
func (r *reader) texts() (m map[string]string) {
	if r.skip() == '{' {
		m = map[string]string{}
	}
	r.object(func(name string) { m[name] = r.string() })
	return m
}

// values reads an object with members of any kind.
func (r *reader) values() (m map[string]any) {
	if r.skip() == '{' {
		m = map[string]any{}
	}
	r.object(func(name string) { m[name] = r.value() })
	return m
}

// value reads any value, as encoding/json reads it into an empty interface.
func (r *reader) value() any {
	switch c := r.skip(); {
	case c == '{':
		return r.values()
	case c == '[':
		return list(r, r.value)
	case c == '"':
		return r.quoted()
	case c == 't' || c == 'f':
		return r.bool()
	case c == 'n':
		if !r.null() {
			r.wrong("null")
		}
		return nil
	}
	return r.float()
}

func (r *reader) bool() bool {
	if r.skip(); r.word("true") {
		return true
	}
	if !r.word("false") && !r.null() {
		r.wrong("boolean")
	}
	return false
}

// number returns the text of a number.
func (r *reader) number() string {
	r.skip()
	start := r.at
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			r.at++
			continue
		}
		break
	}
	if r.at == start && !r.null() {
		r.wrong("number")
	}
	if r.err != nil {
		return ""
	}
	return r.text[start:r.at]
}

func (r *reader) float() float64 {
	text := r.number()
	if text == "" || text == "null" {
		return 0
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		r.wrong("number")
	}
	return f
}

// int reads a whole number.
func (r *reader) int() int64 {
	text := r.number()
	if text == "" || text == "null" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		r.wrong("whole number")
	}
	return n
}

func (r *reader) string() string {
	if !r.begins('"', "text") {
		return ""
	}
	return r.quoted()
}

// quoted reads a text.
func (r *reader) quoted() string {
	if !r.take('"') {
		return ""
	}
	start := r.at
	if r.plain() == '"' {
		r.at++
		return r.text[start : r.at-1]
	}
	out := make([]byte, 0, min(len(r.text)-start, 2*(r.at-start)+64))
	for r.err == nil {
		out = append(out, r.text[start:r.at]...)
		if r.at >= len(r.text) {
			r.err = errEnd
			break
		}
		if r.at++; r.text[r.at-1] == '"' {
			break
		}
		out = r.escaped(out)
		start = r.at
		r.plain()
	}
	return string(out)
}

// plain passes over what stands for itself in a text, and returns the byte after
// it: a quote, a backslash, or 0 at the end.
func (r *reader) plain() byte {
	for ; len(r.text)-r.at >= 8; r.at += 8 {
		v := eight(r.text[r.at : r.at+8])
		quote, slash := v^('"'*ones), v^('\\'*ones)
		if found := ((quote-ones)&^quote | (slash-ones)&^slash) & tops; found != 0 {
			r.at += bits.TrailingZeros64(found) / 8
			return r.text[r.at]
		}
	}
	for ; r.at < len(r.text); r.at++ {
		if c := r.text[r.at]; c == '"' || c == '\\' {
			return c
		}
	}
	return 0
}

// escaped appends what follows a backslash.
func (r *reader) escaped(to []byte) []byte {
	if r.at >= len(r.text) {
		return to
	}
	c := r.text[r.at]
	r.at++
	switch c {
	case '"', '\\', '/':
		return append(to, c)
	case 'n':
		return append(to, '\n')
	case 't':
		return append(to, '\t')
	case 'r':
		return append(to, '\r')
	case 'b':
		return append(to, '\b')
	case 'f':
		return append(to, '\f')
	case 'u':
		return utf8.AppendRune(to, r.char())
	}
	r.err = fmt.Errorf("there is an unknown escape, %q, at byte %d", c, r.at-1)
	return to
}

// char reads a code unit after its \u, and the one that makes a pair with it. One
// without its other half is no character, and what follows it stands for itself.
func (r *reader) char() rune {
	first := r.hex()
	if next := r.at; utf16.IsSurrogate(first) && r.word(`\u`) {
		if both := utf16.DecodeRune(first, r.hex()); both != utf8.RuneError || r.err != nil {
			return both
		}
		r.at = next
	}
	return first
}

// hex reads the four digits of a code unit.
func (r *reader) hex() rune {
	if len(r.text)-r.at < 4 {
		r.err = errEnd
		return 0
	}
	n, err := strconv.ParseUint(r.text[r.at:r.at+4], 16, 16)
	if err != nil {
		r.err = fmt.Errorf("%q at byte %d is no code of a character", r.text[r.at:r.at+4], r.at)
	}
	r.at += 4
	return rune(n)
}
