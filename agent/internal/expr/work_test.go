package expr_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// hostile are expressions of somebody who wants to keep the processor busy. Each says
// what stops it; "" for those that are quick.
var hostile = map[string]string{
	`map(1..9000, regex_replace(user.long, "(?s).*", ""))`:                               "MiB of text",
	`map(1..9000, user.long matches "z(a|b)*y")`:                                         "MiB of text",
	`map(1..9000, user.long == user.same)`:                                               "MiB of text",
	`map(1..9000, user.long contains "zz")`:                                              "MiB of text",
	`map(1..9000, len(upper(user.long)))`:                                                "",
	`map(1..9000, user.list == user.list)`:                                               "MiB of text",
	`map(1..9000, user.long in user.list)`:                                               "MiB of text",
	`regex_replace(user.long, "x*y|x", "z")`:                                             "matches more than",
	`regex_replace(user.long, "", "")`:                                                   "matches more than",
	`regex_replace(user.long, "x", "")`:                                                  "matches more than",
	`regex_replace(user.long, user.huge, "")`:                                            "too large",
	`regex_replace(user.name, "((\\pL{100}){10})", "")`:                                  "too large",
	`user.name matches "(\\pL{1000}\\pL{1000}\\pL{1000})"`:                               "too large",
	`user.name matches "` + strings.Repeat("(a)", 60) + `"`:                              "60 groups",
	`map(1..9000, regex_replace(user.name, user.pattern, ""))`:                           "MiB of text",
	`map(1..300, map(1..300, any(user.list, # contains "zz")))`:                          "list elements",
	`map(1..9000, unique_list(user.list))`:                                               "list elements",
	`map(1..9000, len(join(user.list, "")))`:                                             "makes more than",
	`map(1..9000, date(user.long))`:                                                      "",
	`map(1..9000, translit(user.long, "de"))`:                                            "",
	`let a = user.long + user.long; let b = a + a; map(1..9000, b startsWith user.long)`: "longer than",
}

// TestWorkIsBounded: no expression keeps the processor busy for long, however much it
// is given to look at. Macros of connectors are expressions of somebody else's.
func TestWorkIsBounded(t *testing.T) {
	list := make([]any, 1000)
	for i := range list {
		list[i] = strings.Repeat("y", 200)
	}
	user := map[string]any{
		"long": strings.Repeat("x", 250<<10), "same": strings.Repeat("x", 250<<10), "name": "Ada", "list": list,
		"huge": `\pL{900}\pL{900}`, "pattern": strings.Repeat("(a|b)", 40),
	}
	env := expr.Env{"user": user}
	for text, want := range hostile {
		before := soak.CPU()
		var err error
		e, err := expr.NewScope("user").Compile(expr.Source{Text: text})
		if err == nil {
			_, err = e.Eval(env)
		}
		// Without a bound they take hours; the race detector makes a second of it ten.
		if took := soak.CPU() - before; took > time.Minute {
			t.Errorf("%s took %s", text, took)
		}
		if err != nil && len(err.Error()) > 2000 {
			t.Errorf("%s: a message of %d bytes", text, len(err.Error()))
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		t.Logf("%8s %s: %v", (soak.CPU() - before).Round(time.Millisecond), text[:min(len(text), 70)], err)
	}
}
