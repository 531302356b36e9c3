// Package text holds the rules for comparing texts: which letters differ only in
// case, and which characters are invisible. It knows neither records nor the
// directory, and does no I/O.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lower returns s with its capital letters in lower case. Active Directory takes
// two texts that differ only in this for the same, as names and as values.
//
// It differs from strings.ToLower, which turns other letters into ASCII ones: it
// makes the Kelvin sign U+212A a k, and strings.EqualFold takes U+017F for an s.
// A domain controller does neither, so an OU spelled with such a letter is
// another OU. Lower only knows the pairs that both Samba and Windows take for
// the same letter (see capitals).
func Lower(s string) string {
	capitals := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < utf8.RuneSelf:
			capitals = capitals || 'A' <= c && c <= 'Z'
		case utf8.ValidString(s):
			return strings.Map(lower, s)
		default:
			return s // bytes have no case
		}
	}
	if !capitals {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		b.WriteByte(lowerASCII(s[i]))
	}
	return b.String()
}

// Same reports whether a and b are equal except for the case of letters. It
// compares ASCII without copying, because it runs for the names of each record's
// attributes.
func Same(a, b string) bool {
	for i := 0; i < len(a) && i < len(b); i++ {
		switch x, y := a[i], b[i]; {
		case x >= utf8.RuneSelf || y >= utf8.RuneSelf:
			return a == b || Lower(a) == Lower(b)
		case lowerASCII(x) != lowerASCII(y):
			return false
		}
	}
	return len(a) == len(b)
}

// Compare orders texts of valid UTF-8 as their Lower. Like Same it compares ASCII
// without copying.
func Compare(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		switch x, y := a[i], b[i]; {
		case x >= utf8.RuneSelf || y >= utf8.RuneSelf:
			return strings.Compare(Lower(a), Lower(b))
		case lowerASCII(x) != lowerASCII(y):
			return int(lowerASCII(x)) - int(lowerASCII(y))
		}
	}
	return len(a) - len(b)
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func lower(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		return rune(lowerASCII(byte(r)))
	case r > unicode.MaxASCII && unicode.Is(capitals, r):
		return unicode.ToLower(r)
	}
	return r
}

// capitals holds the letters beyond ASCII that a domain controller takes for the
// same as their small ones. Samba's table of capitals is that of Windows 2000
// (lib/util/charset, generated from its upcase table); TestSameDN measures it
// letter by letter. Newer Windows knows more pairs, such as U+0218. They are
// left out: taking two names for one is the dangerous mistake.
var capitals = &unicode.RangeTable{
	LatinOffset: 2,
	R16: []unicode.Range16{
		{Lo: 0x00c0, Hi: 0x00d6, Stride: 1},
		{Lo: 0x00d8, Hi: 0x00de, Stride: 1},
		{Lo: 0x0100, Hi: 0x012e, Stride: 2},
		{Lo: 0x0132, Hi: 0x0136, Stride: 2},
		{Lo: 0x0139, Hi: 0x0147, Stride: 2},
		{Lo: 0x014a, Hi: 0x0178, Stride: 2},
		{Lo: 0x0179, Hi: 0x017d, Stride: 2},
		{Lo: 0x0181, Hi: 0x01a5, Stride: 1},
		{Lo: 0x01a7, Hi: 0x01bc, Stride: 1},
		{Lo: 0x01c4, Hi: 0x01ca, Stride: 3},
		{Lo: 0x01cd, Hi: 0x01db, Stride: 2},
		{Lo: 0x01de, Hi: 0x01ee, Stride: 2},
		{Lo: 0x01f1, Hi: 0x01f1, Stride: 1},
		{Lo: 0x01f4, Hi: 0x01f4, Stride: 1},
		{Lo: 0x01fa, Hi: 0x0216, Stride: 2},
		{Lo: 0x0386, Hi: 0x03ab, Stride: 1},
		{Lo: 0x03e2, Hi: 0x03ee, Stride: 2},
		{Lo: 0x0401, Hi: 0x040c, Stride: 1},
		{Lo: 0x040e, Hi: 0x042f, Stride: 1},
		{Lo: 0x0460, Hi: 0x0480, Stride: 2},
		{Lo: 0x0490, Hi: 0x04be, Stride: 2},
		{Lo: 0x04c1, Hi: 0x04c3, Stride: 2},
		{Lo: 0x04c7, Hi: 0x04cb, Stride: 4},
		{Lo: 0x04d0, Hi: 0x04ea, Stride: 2},
		{Lo: 0x04ee, Hi: 0x04f4, Stride: 2},
		{Lo: 0x04f8, Hi: 0x04f8, Stride: 1},
		{Lo: 0x0531, Hi: 0x0556, Stride: 1},
		{Lo: 0x1e00, Hi: 0x1e94, Stride: 2},
		{Lo: 0x1ea0, Hi: 0x1ef8, Stride: 2},
		{Lo: 0x1f08, Hi: 0x1f6f, Stride: 1},
		{Lo: 0x1fb8, Hi: 0x1fbb, Stride: 1},
		{Lo: 0x1fc8, Hi: 0x1fcb, Stride: 1},
		{Lo: 0x1fd8, Hi: 0x1fdb, Stride: 1},
		{Lo: 0x1fe8, Hi: 0x1fec, Stride: 1},
		{Lo: 0x1ff8, Hi: 0x1ffb, Stride: 1},
		{Lo: 0x2160, Hi: 0x216f, Stride: 1},
		{Lo: 0x24b6, Hi: 0x24cf, Stride: 1},
		{Lo: 0xff21, Hi: 0xff3a, Stride: 1},
	},
}
