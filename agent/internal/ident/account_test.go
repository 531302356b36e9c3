package ident

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

func TestAccountNames(t *testing.T) {
	long := strings.Repeat("x", 19)
	for s, want := range map[string]string{
		"o,neil/ada.": "oneilada", "ada": "ada", ".ada.": "ada", "ada novak": "ada novak", "a\u00a0 \tb": "a b", "a\nb": "a b", "@ada": "ada",
		"a\u200bd\u00ada\u202e": "ada", "\ufeffada": "ada", "a\x00b": "ab", "a\u0085b": "a b", "...": "", " . ": "", "\u200b": "", "": "", `"/\[]:;|=,+*?<>@`: "",
		long + "yz": long + "y", long + "😀": long, long + "e\u0301": long, long[:18] + "e\u0301": long[:18] + "e\u0301", long + ".z": long, long + " z": long,
		strings.Repeat("😀", 11): strings.Repeat("😀", 10), "a\ufffdb": "ab", "ada.": "ada", "ada . ": "ada",
	} {
		if got := AccountName(s); got != want {
			t.Errorf("AccountName(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestAFitAccountNameHasNoFault(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("ab. \u00a0\u200b\u202e\u0301😀é"+accountForbidden+"\x00\t\u0085")))).Draw(t, "s")
		got := AccountName(s)
		if got != "" && AccountNameFault(got) != "" || AccountName(got) != got || text.Units(got) > MaxAccountName {
			t.Fatalf("%q became %q: %s", s, got, AccountNameFault(got))
		}
		if s != "" && AccountNameFault(s) == "" && AccountName(s) != s && !strings.Contains(s, "  ") && !strings.HasPrefix(s, ".") {
			t.Fatalf("%q has no fault and became %q", s, got)
		}
	})
}
