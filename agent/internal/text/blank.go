package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Trim returns s without what nobody sees at its ends: white space of every
// kind, the no-break space included, and invisible characters. What stands
// between others stays: the joiners within an Indic or Persian word are part of
// its spelling.
func Trim(s string) string {
	if s == "" || graphic(s[0]) && graphic(s[len(s)-1]) {
		return s
	}
	return strings.TrimRightFunc(strings.TrimLeftFunc(s, unseen), func(r rune) bool { return unseen(r) && !modifier(r) })
}

// Blank reports whether there is nothing to see in s.
func Blank(s string) bool { return Trim(s) == "" }

// AllBlank reports whether there is nothing to see in any of the values.
func AllBlank(values []string) bool {
	for _, v := range values {
		if !Blank(v) {
			return false
		}
	}
	return true
}

// Seen returns what there is to see of s: without invisible characters, with
// one blank for each stretch of white space within. It is for comparing; what
// is written is what Trim leaves.
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

// Alike reports whether a and b read the same but for the case of letters: what
// somebody types again from what they see.
func Alike(a, b string) bool { return a == b || Lower(Seen(a)) == Lower(Seen(b)) }

// Invisible tells the characters that take no room and have no shape: zero-width
// ones, joiners, marks of direction, soft hyphens, fillers, and what chooses
// among the shapes of the character before it.
func Invisible(r rune) bool { return r > unicode.MaxASCII && unicode.Is(ignorable, r) }

func unseen(r rune) bool { return unicode.IsSpace(r) || Invisible(r) }

// modifier tells what belongs to a visible character before it: the colour of
// an emoji, the shape of a letter, the flag of a region.
func modifier(r rune) bool {
	return unicode.Is(unicode.Variation_Selector, r) || 0xe0020 <= r && r <= 0xe007f
}

func graphic(c byte) bool { return '!' <= c && c <= '~' }

// plain reports whether there is nothing in s that Seen would change.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if graphic(s[i]) {
			continue
		}
		if s[i] != ' ' || i == 0 || i == len(s)-1 || s[i-1] == ' ' {
			return !utf8.ValidString(s) // bytes are left alone
		}
	}
	return true
}

// ignorable is Default_Ignorable_Code_Point of Unicode 16
// (DerivedCoreProperties.txt), as far as its characters are assigned.
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
