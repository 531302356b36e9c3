package jsonstream

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	ones = 0x0101_0101_0101_0101
	tops = 0x8080_8080_8080_8080
)

// plain returns the number of leading bytes that need no examination: ASCII
// without quotes, backslashes and control characters.
func plain(b []byte) int {
	n := 0
	for ; len(b)-n >= 8; n += 8 {
		v := binary.LittleEndian.Uint64(b[n:])
		quote, slash := v^('"'*ones), v^('\\'*ones)
		// The lowest marked byte is exact; higher ones may be false.
		found := ((quote-ones)&^quote | (slash-ones)&^slash | (v-' '*ones)&^v | v) & tops
		if found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for n < len(b) {
		if c := b[n]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			break
		}
		n++
	}
	return n
}

// text skips a string. escaped says that the string has escapes, so that the
// bytes between the quotes are not its text. A fault in the text is a flaw, not
// an error, because the end of the string is clear.
func (s *scanner) text() (escaped bool, err error) {
	s.pos++
	for {
		s.pos += plain(s.buf[s.pos:])
		if s.pos == len(s.buf) {
			if !s.more() {
				return escaped, s.ended()
			}
			continue
		}
		switch c := s.buf[s.pos]; {
		case c == '"':
			s.pos++
			return escaped, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return escaped, err
			}
		case c < ' ':
			s.note(s.offset(), char(c)+" that is not escaped")
			s.pos++
		default:
			if err := s.rune(); err != nil {
				return escaped, err
			}
		}
	}
}

// rune skips one character that is not ASCII.
func (s *scanner) rune() error {
	for {
		rest := s.buf[s.pos:]
		if r, n := utf8.DecodeRune(rest); r != utf8.RuneError || n > 1 {
			s.pos += n
			return nil
		}
		if utf8.FullRune(rest) {
			s.note(s.offset(), "invalid UTF-8")
			s.pos++
			return nil
		}
		if !s.more() {
			return s.ended()
		}
	}
}

const (
	half      = "half of a surrogate pair"
	badEscape = "an escape that JSON does not have"
)

// escape skips an escape, or the two of a surrogate pair.
func (s *scanner) escape() error {
	var first rune // a first half, at start
	var start int64
	for {
		at := s.offset()
		s.pos++
		if s.at() != 'u' {
			if first != 0 {
				s.note(start, half)
			}
			return s.short(at)
		}
		s.pos++
		r, ok, err := s.hex(at)
		switch {
		case err != nil || !ok:
			return err
		case first != 0:
			if utf16.DecodeRune(first, r) == utf8.RuneError {
				s.note(start, half)
			}
			return nil
		case !utf16.IsSurrogate(r):
			return nil
		}
		first, start = r, at
		if s.at() != '\\' {
			return s.lone(start)
		}
	}
}

// lone notes a high surrogate that no low one follows.
func (s *scanner) lone(start int64) error {
	if s.pos == len(s.buf) {
		return s.ended()
	}
	s.note(start, half)
	return nil
}

// short skips the character after the backslash of an escape.
func (s *scanner) short(at int64) error {
	switch s.at() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	}
	if s.pos == len(s.buf) {
		return s.ended()
	}
	s.note(at, badEscape)
	return nil
}

func (s *scanner) hex(at int64) (r rune, ok bool, err error) {
	for range 4 {
		d := digit(s.at())
		if d < 0 && s.pos == len(s.buf) {
			return 0, false, s.ended()
		}
		if d < 0 {
			s.note(at, badEscape)
			return 0, false, nil
		}
		r = r<<4 | d
		s.pos++
	}
	return r, true, nil
}

func digit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return -1
}

// unescape appends the text of a string, given the bytes between the quotes.
// They must have no flaw.
func unescape(out, in []byte) []byte {
	for i := 0; i < len(in); i++ {
		if in[i] != '\\' {
			out = append(out, in[i])
			continue
		}
		i++
		switch in[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := unit(in[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				r = utf16.DecodeRune(r, unit(in[i+3:]))
				i += 6
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, in[i])
		}
	}
	return out
}

func unit(in []byte) rune {
	return digit(in[0])<<12 | digit(in[1])<<8 | digit(in[2])<<4 | digit(in[3])
}

// number skips a number.
func (s *scanner) number() error {
	if s.at() == '-' {
		s.pos++
	}
	if s.at() == '0' {
		s.pos++
	} else if !s.digits() {
		return s.bad("a digit")
	}
	if s.at() == '.' {
		s.pos++
		if !s.digits() {
			return s.bad("a digit")
		}
	}
	if c := s.at(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.at(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return s.bad("a digit")
		}
	}
	return nil
}

func (s *scanner) digits() bool {
	some := false
	for c := s.at(); c >= '0' && c <= '9'; c = s.at() {
		s.pos++
		some = true
	}
	return some
}

// word skips true, false or null.
func (s *scanner) word(w string) error {
	for i := range len(w) {
		if s.at() != w[i] {
			return s.bad("a value")
		}
		s.pos++
	}
	return nil
}
