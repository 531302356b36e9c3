package text

import (
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Units counts the UTF-16 code units of s, the unit in which AD and Windows
// measure texts. Letters beyond U+FFFF and most emoji take two.
func Units(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// Cut returns as many of the first characters of s as fit into n UTF-16 code
// units. It never splits what a reader sees as one character.
func Cut(s string, n int) string {
	for end := 0; end < len(s); {
		size := First(s[end:])
		if n -= Units(s[end : end+size]); n < 0 {
			return s[:end]
		}
		end += size
	}
	return s
}

// First returns the size of the first character of s as a reader sees it: a
// letter with its accents and invisible followers, an emoji with its colour, a
// joined emoji, the two letters of a flag. It simplifies the grapheme clusters
// of Unicode Standard Annex 29, without Hangul made of single jamo.
func First(s string) int {
	r, size := utf8.DecodeRuneInString(s)
	if r < utf8.RuneSelf && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		return size
	}
	flag := regional(r)
	for size < len(s) {
		next, n := utf8.DecodeRuneInString(s[size:])
		switch {
		case flag && regional(next):
			flag = false
		case r == joiner && next > unicode.MaxASCII && !unicode.IsSpace(next), follows(next):
		default:
			return size
		}
		r = next
		size += n
	}
	return size
}

// joiner is the zero-width joiner, which turns two emoji into one.
const joiner = 0x200d

func regional(r rune) bool { return 0x1f1e6 <= r && r <= 0x1f1ff }

// follows reports whether a character belongs to the one before it.
func follows(r rune) bool {
	return unicode.IsMark(r) || Invisible(r) || 0x1f3fb <= r && r <= 0x1f3ff
}
