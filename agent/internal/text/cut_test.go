package text

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCharactersStayWhole(t *testing.T) {
	for _, c := range []string{"a", "é", "e\u0301", "e\u0301\u0323", "😀", "👍🏽", "👩\u200d👧", "🇳🇱", "❤\ufe0f", "क\u094d\u200d", "\u0301", "ß", "ﬁ"} {
		for _, after := range []string{"", "x", "é", "😀", "🇳"} {
			if n := First(c + after); n != len(c) && (c != "🇳🇱" || after != "🇳") && (c != "क\u094d\u200d" || after == "" || after == "x") {
				t.Errorf("the first character of %q is %q, want %q", c+after, (c + after)[:n], c)
			}
		}
		for n := range Units(c) {
			if got := Cut(c, n); got != "" {
				t.Errorf("%q cut to %d is %q", c, n, got)
			}
		}
		if got := Cut("ab"+c+"z", 2+Units(c)); got != "ab"+c {
			t.Errorf("ab%sz is cut to %q", c, got)
		}
	}
}

func TestACutTextFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("aé\u0301😀\u200d\ufe0f🏽🇳ß ")))).Draw(t, "s")
		n := rapid.IntRange(0, 40).Draw(t, "n")
		got := Cut(s, n)
		if Units(s) != len(utf16.Encode([]rune(s))) || !strings.HasPrefix(s, got) || Units(got) > n || !utf8.ValidString(got) {
			t.Fatalf("%q cut to %d is %q", s, n, got)
		}
		if rest := s[len(got):]; rest != "" && Units(got)+Units(rest[:First(rest)]) <= n {
			t.Fatalf("%q cut to %d is %q: there is room for more", s, n, got)
		}
	})
}
