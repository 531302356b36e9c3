package text

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// nobodySees are the characters that the documentation lists.
const nobodySees = " \t\r\n\v\f\u0085\u00a0\u1680\u2000\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000" +
	"\u200b\u200c\u200d\ufeff\u2060\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u00ad\u061c\u3164"

func TestTrim(t *testing.T) {
	for _, r := range nobodySees {
		for _, s := range []string{"Ada", "Ada Novak", "é", "می\u200cخواهم"} {
			if got := Trim(string(r) + s + string(r) + " "); got != s {
				t.Errorf("%U around %q gives %q", r, s, got)
			}
		}
		if !Blank(string(r)) || !Blank(strings.Repeat(string(r), 3)) {
			t.Errorf("%U alone is not blank", r)
		}
	}
	for s, want := range map[string]string{
		"": "", " ": "", nobodySees: "", "\ufe0f": "", "\u2764\ufe0f ": "\u2764\ufe0f", "a\u00ad b": "a\u00ad b", "\x00": "\x00", " \xff ": "\xff",
		"क्\u200d": "क्", "🏴\U000e0067\U000e007f": "🏴\U000e0067\U000e007f",
	} {
		if got := Trim(s); got != want {
			t.Errorf("Trim(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestSeen(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "Ada Novak": "Ada Novak", " Ada \u00a0 Novak ": "Ada Novak", "Ada\u3000Novak": "Ada Novak", "No\u00advak": "Novak",
		"\u202a+31 20\u202c": "+31 20", "a\u200b \u200bb": "a b", "می\u200cخواهم": "میخواهم", "Ada  Novak": "Ada Novak", "\xff\x00 ": "\xff\x00 ", "é\t": "é",
	} {
		if got := Seen(s); got != want {
			t.Errorf("Seen(%q) = %q, want %q", s, got, want)
		}
	}
	if !Alike("ada\u200b@x.com ", "ADA@x.com") || Alike("ad a@x.com", "ada@x.com") || Alike("\u017f", "s") {
		t.Error("Alike")
	}
}

func TestTrimAndSeenAreStable(t *testing.T) {
	letters := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune(nobodySees+"aZé\ufe0f\u0301")), rapid.Rune()))
	rapid.Check(t, func(t *rapid.T) {
		s := letters.Draw(t, "s")
		trimmed, seen := Trim(s), Seen(s)
		if Trim(trimmed) != trimmed || Seen(seen) != seen || Seen(trimmed) != seen || !strings.Contains(s, trimmed) || (seen == "") != (trimmed == "") {
			t.Fatalf("%q: trimmed %q, seen %q", s, trimmed, seen)
		}
		if strings.ContainsFunc(seen, func(r rune) bool { return Invisible(r) || unicode.IsSpace(r) && r != ' ' }) {
			t.Fatalf("%q: seen %q", s, seen)
		}
	})
}
