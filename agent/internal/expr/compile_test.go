package expr

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestMistakesAreFoundWhenCompiled(t *testing.T) {
	at := Pos{File: "agent.toml", Line: 7, Column: 11}
	for _, c := range []struct{ text, want string }{
		{`lowr(user.name)`, `agent.toml:7:11: unknown name lowr (did you mean "lower"?)`},
		{`lower(usr.name)`, `agent.toml:7:17: unknown name usr (did you mean "user"?)`},
		{`Sales`, `agent.toml:7:11: unknown name Sales (a field of the record is user.Sales, and a text needs quotes: 'Sales')`},
		{`upper(5)`, `agent.toml:7:17: cannot use int as argument (type string) to call upper`},
		{`left(user.name)`, `agent.toml:7:11: not enough arguments to call left`},
		{`lower(user.name, 1)`, `agent.toml:7:11: too many arguments to call lower`},
		{`left(user.name, "x")`, `agent.toml:7:27: cannot use string as argument (type int) to call left`},
		{`lower(user.name) + 1`, `agent.toml:7:28: invalid operation: + (mismatched types string and int)`},
		{`user + 1`, `agent.toml:7:16: invalid operation: + (mismatched types object and int)`},
		{`user.name +`, `agent.toml:7:21: unexpected end of the expression`},
		{`user.name )`, `agent.toml:7:21: unexpected ")"`},
		{`"Łódź" + lowr(1)`, `agent.toml:7:20: unknown name lowr (did you mean "lower"?)`},
		{"user.name +\n  lowr(1)", `agent.toml:8:3: unknown name lowr (did you mean "lower"?)`},
		{``, `agent.toml:7:11: the expression is empty`},
		{`lookup("departmens", 1)`, `agent.toml:7:18: there is no table "departmens" in [lookups] (did you mean "departments"?)`},
		{`regex_replace(user.name, "(", "")`, "agent.toml:7:36: error parsing regexp: missing closing ): `(`"},
		{`date_add(now, 1, "day")`, `agent.toml:7:28: unknown unit day (did you mean "days"?)`},
		{`format_date(now, "YYYY")`, `agent.toml:7:28: the layout has an unknown part YYYY`},
		{`translit(user.name, "xx")`, `agent.toml:7:31: unknown language xx (one of de da no nb sv fi ru uk el)`},
		{`e164(user.phone, "Holland")`, `agent.toml:7:28: unknown country Holland (two letters of ISO 3166, such as NL)`},
		{`reduce(user.list, #acc + #)`, `agent.toml:7:11: reduce is not available`},
		{`repeat("x", 100)`, `agent.toml:7:11: unknown name repeat`},
		{`Sales + 1`, `unknown name Sales (a field of the record is user.Sales`},
		{`$env.user`, `agent.toml:7:11: unknown name $env`},
		{`now.Year()`, `agent.toml:7:15: values have no methods (use a function: rollcall functions lists them)`},
		{`user.name.Foo()`, `agent.toml:7:21: values have no methods (use a function: rollcall functions lists them)`},
		{`lower`, `agent.toml:7:11: lower is a function (call it: lower(...))`},
		{`map(user.list, #index)`, `agent.toml:7:26: #index is not available (# is the element)`},
		{`"` + strings.Repeat("x", MaxExpression) + `"`, `agent.toml:7:11: the expression is longer than 8 KiB`},
		{strings.Repeat("1+", maxNodes) + "1", `compilation failed: expression exceeds maximum allowed nodes`},
	} {
		_, err := testScope().Compile(Source{c.text, at})
		if err == nil {
			t.Errorf("%.60s: no error", c.text)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s:\n got %s\nwant %s", c.text, err, c.want)
		}
	}
}

// TestScopesCompileSideBySide: a scope is used by several goroutines, and all scopes
// share the description of the language.
func TestScopesCompileSideBySide(t *testing.T) {
	shared := NewScope("user", "settings").WithMembers("settings", "role")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			own := NewScope("ad").WithMembers("link", fmt.Sprint("key", i))
			for range 20 {
				_, one := shared.Compile(Source{Text: `upper(user.name) + settings.role`})
				_, two := own.Template(Source{Text: fmt.Sprintf("{{ link.key%d }} {{ any(ad.list, # matches '^a+') }}", i)}, EscapeNone)
				_, three := own.Compile(Source{Text: fmt.Sprintf("link.key%d + user.name", i+1)})
				if one != nil || two != nil || three == nil {
					t.Errorf("%v, %v, %v", one, two, three)
				}
			}
		})
	}
	all.Wait()
}
