package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Trim returns s without white space and invisible characters at its ends. White
// space of every kind counts, the no-break space included. Invisible characters
// between visible ones stay: the joiners within an Indic or Persian word are
// part of its spelling.
func Trim(s string) string {
	if s == "" || graphic(s[0]) && graphic(s[len(s)-1]) {
		return s
	}
	return strings.TrimRightFunc(strings.TrimLeftFunc(s, unseen), func(r rune) bool { return unseen(r) && !modifier(r) })
}

// Blank reports whether s contains nothing visible.
func Blank(s string) bool { return Trim(s) == "" }

// AllBlank reports whether none of the values contains anything visible.
func AllBlank(values []string) bool {
	for _, v := range values {
		if !Blank(v) {
			return false
		}
	}
	return true
}

// Seen returns the visible part of s: without invisible characters, and with one
// blank for each stretch of white space within. Use it to compare; the value to
// write is that of Trim.
func Seen(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	blank := false
	for _, r := range Trim(s) {
		switch {
		case unicode.IsSpace(r):
			blank = true
			continue
		case Invisible(r):
			continue
		case blank:
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Alike reports whether a and b look the same except for the case of letters, so
// that a person who retypes one may get the other.
func Alike(a, b string) bool { return a == b || Lower(Seen(a)) == Lower(Seen(b)) }

// Invisible reports whether a character takes no room and has no shape:
// zero-width characters, joiners, direction marks, soft hyphens, fillers, and
// selectors for the shape of the character before.
func Invisible(r rune) bool { return r > unicode.MaxASCII && unicode.Is(ignorable, r) }

func unseen(r rune) bool { return unicode.IsSpace(r) || Invisible(r) }

// modifier reports whether a character changes the visible one before it: the
// colour of an emoji, the shape of a letter, the flag of a region.
func modifier(r rune) bool {
	return unicode.Is(unicode.Variation_Selector, r) || 0xe0020 <= r && r <= 0xe007f
}

func graphic(c byte) bool { return '!' <= c && c <= '~' }

// plain reports whether Seen would leave s unchanged.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if graphic(s[i]) {
			continue
		}
		if s[i] != ' ' || i == 0 || i == len(s)-1 || s[i-1] == ' ' {
			return !utf8.ValidString(s) // leave bytes alone
		}
	}
	return true
}

// ignorable is Default_Ignorable_Code_Point of Unicode 16
// (DerivedCoreProperties.txt), restricted to assigned characters.
var ignorable = &unicode.RangeTable{
	LatinOffset: 1,
	R16: []unicode.Range16{
		{Lo: 0x00ad, Hi: 0x00ad, Stride: 1}, // soft hyphen
		{Lo: 0x034f, Hi: 0x034f, Stride: 1}, // grapheme joiner
		{Lo: 0x061c, Hi: 0x061c, Stride: 1}, // Arabic letter mark
		{Lo: 0x115f, Hi: 0x1160, Stride: 1}, // Hangul fillers
		{Lo: 0x17b4, Hi: 0x17b5, Stride: 1}, // Khmer inherent vowels
		{Lo: 0x180b, Hi: 0x180f, Stride: 1}, // Mongolian selectors and separator
		{Lo: 0x200b, Hi: 0x200f, Stride: 1}, // zero width, joiners, direction
		{Lo: 0x202a, Hi: 0x202e, Stride: 1}, // direction
		{Lo: 0x2060, Hi: 0x206f, Stride: 1}, // word joiner, operators, direction
		{Lo: 0x3164, Hi: 0x3164, Stride: 1}, // Hangul filler
		{Lo: 0xfe00, Hi: 0xfe0f, Stride: 1}, // variation selectors
		{Lo: 0xfeff, Hi: 0xfeff, Stride: 1}, // byte order mark
		{Lo: 0xffa0, Hi: 0xffa0, Stride: 1}, // half-width Hangul filler
		{Lo: 0xfff0, Hi: 0xfff8, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x1bca0, Hi: 0x1bca3, Stride: 1}, // shorthand format controls
		{Lo: 0x1d173, Hi: 0x1d17a, Stride: 1}, // musical format controls
		{Lo: 0xe0000, Hi: 0xe0fff, Stride: 1}, // tags, variation selectors
	},
}
