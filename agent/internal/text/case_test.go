package text

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestLower(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "ada": "ada", "ADA Novak-9": "ada novak-9", "PŘÁTELÉ": "přátelé", "ΣΟΦΙΑ": "σοφια", "ЖУК": "жук", "Ÿ": "ÿ",
		"\u017ftaff": "\u017ftaff", "\u212a": "\u212a", "\u0130": "\u0130", "\u0131": "\u0131", "\u2126": "\u2126", "\u212b": "\u212b",
		"\u0218": "\u0218", "\u01c5": "\u01c5", "ẞ": "ẞ", "ß": "ß", "\xff\x41": "\xff\x41",
	} {
		if got := Lower(s); got != want {
			t.Errorf("Lower(%q) = %q, want %q", s, got, want)
		}
	}
}

// No letter beyond ASCII becomes one of ASCII, nor the other way round, and
// what is lower case stays.
func TestLowerNeverCrossesASCII(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		l := lower(r)
		if (l < 0x80) != (r < 0x80) {
			t.Errorf("%U becomes %U", r, l)
		}
		if lower(l) != l {
			t.Errorf("%U becomes %U and that %U", r, l, lower(l))
		}
		if l != r && unicode.ToUpper(l) != r {
			t.Errorf("%U becomes %U, the small letter of %U", r, l, unicode.ToUpper(l))
		}
	}
}

func TestSameIsFinerThanUnicode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.String().Draw(t, "a")
		b := rapid.OneOf(rapid.Just(strings.ToUpper(a)), rapid.Just(strings.ToLower(a)), rapid.String()).Draw(t, "b")
		if Same(a, b) && !strings.EqualFold(a, b) {
			t.Fatalf("%q and %q", a, b)
		}
		if Same(a, b) != Same(b, a) || !Same(a, a) {
			t.Fatalf("%q and %q: not an equivalence", a, b)
		}
	})
}

// Same gives the same answer as folding both sides, by a shorter way, for texts
// and for bytes that are not text.
func TestSameIsWhatLowerMakesEqual(t *testing.T) {
	piece := rapid.SampledFrom([]string{"a", "A", "k", "K", "\u212a", "é", "É", "\u017f", "s", "\xff", "\xc3", "@", "`", "[", "{", ""})
	rapid.Check(t, func(t *rapid.T) {
		a := strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "a"), "")
		b := rapid.OneOf(rapid.Just(strings.ToUpper(a)), rapid.Just(Lower(a)), rapid.Map(rapid.SliceOfN(piece, 0, 6), func(s []string) string { return strings.Join(s, "") })).Draw(t, "b")
		if want := Lower(a) == Lower(b); Same(a, b) != want {
			t.Fatalf("%q and %q: %t, want %t", a, b, Same(a, b), want)
		}
	})
	if n := testing.AllocsPerRun(100, func() { _ = Same("sAMAccountName", "samaccountname") }); n != 0 {
		t.Errorf("%v allocations for names in ASCII", n)
	}
}

// Compare gives the order of the folded texts, by a shorter way.
func TestCompareIsTheOrderOfLower(t *testing.T) {
	piece := rapid.SampledFrom([]string{"a", "A", "k", "K", "\u212a", "é", "É", "s", "@", "`", "[", "{", "z", ""})
	texts := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 0, 4).Draw(t, "pieces"), "") })
	rapid.Check(t, func(t *rapid.T) {
		a, b := texts.Draw(t, "a"), texts.Draw(t, "b")
		if got, want := Compare(a, b), strings.Compare(Lower(a), Lower(b)); (got < 0) != (want < 0) || (got > 0) != (want > 0) {
			t.Fatalf("Compare(%q, %q) = %d, want the sign of %d", a, b, got, want)
		}
	})
}
