package ident

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestCommand(t *testing.T) {
	for want, args := range map[string][]string{
		"rollcall link remove app 12":                 {"app", "12"},
		"rollcall link remove app ada.novak@x-y.eu":   {"app", "ada.novak@x-y.eu"},
		"rollcall link remove app Łódź":               {"app", "Łódź"},
		"rollcall link remove -- app -5":              {"app", "-5"},
		"rollcall link remove -- app --force":         {"app", "--force"},
		`rollcall link remove app "Ada Novak"`:        {"app", "Ada Novak"},
		`rollcall link remove app "o'neil"`:           {"app", "o'neil"},
		`rollcall link remove app "@ada"`:             {"app", "@ada"},
		`rollcall link remove app "a,b;c&d|e"`:        {"app", "a,b;c&d|e"},
		`rollcall link remove app ""`:                 {"app", ""},
		`rollcall link remove app '$(reboot)'`:        {"app", "$(reboot)"},
		"rollcall link remove app 'a`b`'":             {"app", "a`b`"},
		`rollcall link remove app 'a"b\c'`:            {"app", `a"b\c`},
		`rollcall link remove app 'o'\''neil "x" !1'`: {"app", `o'neil "x" !1`},
	} {
		got := Command("link remove", args...)
		if got != want {
			t.Errorf("%q is %s, want %s", args, got, want)
		}
		// A shell hands over what was meant.
		out, err := exec.CommandContext(t.Context(), "sh", "-c", `rollcall() { printf '%s\n' "$@"; }; `+got).Output()
		given := slices.DeleteFunc(strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"), func(s string) bool { return s == "--" })
		if err != nil || !slices.Equal(given, append([]string{"link", "remove"}, args...)) {
			t.Errorf("%s hands over %q, %v", got, given, err)
		}
	}
}
