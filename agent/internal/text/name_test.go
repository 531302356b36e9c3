package text

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestSameName(t *testing.T) {
	for _, group := range [][]string{
		{"Muller", "Müller", "MÜLLER", "Mu\u0308ller", "Ｍｕｌｌｅｒ", "Mul\u00adler", " müller\u200b"},
		{"Meissner", "Meißner", "MEIẞNER"},
		{"bjorn", "björn", "bjørn", "bjǫrṅ", "bjoⓇn"},
		{"aaa", "ååå", "ÅÅÅ", "\u212b\u212b\u212b"},
		{"Caesar", "Cæsar"},
		{"Chloe", "Chlœ"},
		{"Ann Lee", "Ann  Lee", "Ann\u00a0Lee", "ann lee"},
		{"カナ", "かな", "ｶﾅ"},
		{"Ağ", "Ag"},
		{"ΣΟΦΟΣ", "σοφος"},
		{"x@y", "x＠y"},
		{"Șerban", "șerban", "Serban"},
		{"kiosk", "\u212aio\u017fk"},
	} {
		for _, other := range group[1:] {
			if !SameName(group[0], other) {
				t.Errorf("%q and %q are %q and %q", group[0], other, Name(group[0]), Name(other))
			}
		}
	}
	for _, pair := range [][2]string{
		{"bjorn", "bjoern"}, {"Muller", "Mueller"}, {"Ann Lee", "AnnLee"}, {"a", ""}, {"a", "b"}, {"\u0301", "\u0308"}, {"\u0301", ""}, {"a.b", "ab"}, {"ada", "ad\x00a"},
	} {
		if SameName(pair[0], pair[1]) {
			t.Errorf("%q and %q are both %q", pair[0], pair[1], Name(pair[0]))
		}
	}
}

// What compares equal in a narrower sense has one name.
func TestNameIsTheWidestComparison(t *testing.T) {
	letters := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune(nobodySees+"abSßøÆœıİſKÅéűŞかカﾊ")), rapid.Rune()))
	rapid.Check(t, func(t *rapid.T) {
		a := letters.Draw(t, "a")
		b := rapid.SampledFrom([]func(string) string{Lower, Seen, Trim, Name, func(s string) string { return " " + s + "\u200b" }}).Draw(t, "how")(a)
		if utf8.ValidString(a) && !SameName(a, b) {
			t.Fatalf("%q has the name %q, %q has %q", a, Name(a), b, Name(b))
		}
		if c := letters.Draw(t, "c"); Alike(a, c) && !SameName(a, c) {
			t.Fatalf("%q and %q", a, c)
		}
		if !strings.ContainsFunc(a, func(r rune) bool { return r > 0x7f }) && Name(a) != Lower(Seen(a)) {
			t.Fatalf("%q has the name %q", a, Name(a))
		}
	})
}
