package expr

import (
	"slices"
	"testing"
)

func TestWhatASCIIDrops(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "Ada Novak-O'Neil 3": "", "Łukasz Groß": "", "李明": "李明", "Ada 李": "李", "Жук": "Жук", "e\u0301": "", "☺": "",
	} {
		if got := WithoutASCII(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
		if lost := len([]rune(want)) > 0 && len(foldASCII(s)) >= len(s); lost {
			t.Errorf("%q: ascii() keeps it all", s)
		}
	}
	for s, want := range map[string][]string{"Жук": {"ru", "uk"}, "Їжак": {"uk"}, "ΑΩ": {"el"}, "李": nil} {
		if got := LanguagesOf(s); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
