package expr

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/host/soak"
)

func record(t *testing.T, text string) Env {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var fields map[string]any
	if err := dec.Decode(&fields); err != nil {
		t.Fatal(err)
	}
	return Env{"user": fields, "link": nil, "now": time.Date(2024, 5, 31, 12, 0, 0, 0, time.UTC)}
}

const ada = `{"name": "Ada Maria Novak", "email": null, "nick": "", "id": 11, "big": 12345678901234567890123, "price": 1.50,
	"half": 0.5, "active": true, "tags": ["a", "b"], "none": [], "emails": [{"value": "x@y.z", "primary": true}, {"value": "a@b.c"}],
	"address": {"city": "Łódź", "street": null}}`

func TestAbsentNullEmptyPresent(t *testing.T) {
	env := record(t, ada)
	for _, c := range []struct {
		text string
		want Value
	}{
		{`user.name`, Value{State: Present, V: "Ada Maria Novak"}},
		{`user.nick`, Value{State: Empty, V: ""}},
		{`user.email`, Value{State: Null, Cause: "user.email is null"}},
		{`user.mail`, Value{State: Absent, Cause: "user.mail is absent", Missing: "user.mail"}},
		{`user.none`, Value{State: Empty, V: []any{}}},
		{`lower(user.email)`, Value{State: Null, Cause: "user.email is null"}},
		{`lower(trim(user.mail))`, Value{State: Absent, Cause: "user.mail is absent", Missing: "user.mail"}},
		{`left(user.email, 2)`, Value{State: Null, Cause: "user.email is null"}},
		{`left(user.name, user.n)`, Value{State: Absent, Cause: "user.n is absent", Missing: "user.n"}},
		{`user.name + user.email`, Value{State: Null, Cause: "user.email is null"}},
		{`user.email + user.mail`, Value{State: Absent, Cause: "user.mail is absent", Missing: "user.mail"}},
		{`user.address.city`, Value{State: Present, V: "Łódź"}},
		{`user.address.zip`, Value{State: Absent, Cause: "user.address.zip is absent", Missing: "user.address.zip"}},
		{`user.office.zip.x`, Value{State: Absent, Cause: "user.office is absent", Missing: "user.office"}},
		{`user.email.x`, Value{State: Null, Cause: "user.email is null"}},
		{`upper(user.address.street)`, Value{State: Null, Cause: "user.address.street is null"}},
		{`user.age > 5`, Value{State: Absent, Cause: "user.age is absent", Missing: "user.age"}},
		{`user.age - 1`, Value{State: Absent, Cause: "user.age is absent", Missing: "user.age"}},
		{`!user.deleted`, Value{State: Absent, Cause: "user.deleted is absent", Missing: "user.deleted"}},
		{`user.active && user.deleted`, Value{State: Absent, Cause: "user.deleted is absent", Missing: "user.deleted"}},
		{`user.deleted ? 1 : 2`, Value{State: Absent, Cause: "user.deleted is absent", Missing: "user.deleted"}},
		{`!user.active && user.deleted`, Value{State: Present, V: false}},
		{`user.mail == "x"`, Value{State: Present, V: false, Missing: "user.mail"}},
		{`user.email == "x"`, Value{State: Present, V: false}},
		{`user.mail == null`, Value{State: Present, V: true}},
		{`user.mail != nil && user.mail > 3`, Value{State: Present, V: false}},
		{`default(user.mail, "x")`, Value{State: Present, V: "x"}},
		{`default(user.nick, "x")`, Value{State: Present, V: "x"}},
		{`default(user.office.zip + "1", "x")`, Value{State: Present, V: "x"}},
		{`default(user.mail, user.email)`, Value{State: Absent, Cause: "user.mail is absent", Missing: "user.mail"}},
		{`coalesce(user.mail, user.nick, "x")`, Value{State: Empty, V: ""}},
		{`user.mail ?? user.email ?? "x"`, Value{State: Present, V: "x"}},
		{`is_null(user.mail)`, Value{State: Present, V: true}},
		{`is_empty(user.none)`, Value{State: Present, V: true}},
		{`link.key`, Value{State: Null, Cause: "link is null"}},
		{`link != null`, Value{State: Present, V: false}},
		{`word(user.name, 9)`, Value{State: Null, Cause: "the expression gives null"}},
		{`lookup("departments", user.email)`, Value{State: Null, Cause: "user.email is null"}},
		{`lookup("departments", user.email, "none")`, Value{State: Present, V: "none"}},
		{`lookup("departments", 9)`, Value{State: Null, Cause: "the expression gives null"}},
		{`find(user.emails, .primary).value`, Value{State: Present, V: "x@y.z"}},
		{`find(user.emails, .secondary)?.value`, Value{State: Null, Cause: "the expression gives null"}},
		{`map(user.emails, .value)`, Value{State: Present, V: []any{"x@y.z", "a@b.c"}}},
		{`any(user.emails, #.value == "a@b.c")`, Value{State: Present, V: true}},
		{`all(user.emails, .primary)`, Value{State: Present, V: false}},
		{`none(user.phones, # == "")`, Value{State: Absent, Cause: "user.phones is absent", Missing: "user.phones"}},
		{`count(filter(user.emails, .primary))`, Value{State: Present, V: 1}},
		{`user.emails[0].value`, Value{State: Present, V: "x@y.z"}},
		{`user.emails[-1].value`, Value{State: Present, V: "a@b.c"}},
		{`user.emails[5].value`, Value{State: Null, Cause: "user.emails[5] is null"}},
		{`"a" in user.tags`, Value{State: Present, V: true}},
		{`11 in [user.id]`, Value{State: Present, V: true}},
		{`"name" in user`, Value{State: Present, V: true}},
		{`user.name contains "Maria"`, Value{State: Present, V: true}},
		{`user.name matches "^Ada .*k$"`, Value{State: Present, V: true}},
		{`user.address.city[0:2]`, Value{State: Present, V: "Łó"}},
		{`let n = first_word(user.name); n + n`, Value{State: Present, V: "AdaAda"}},
		{`if user.active { "yes" } else { "no" }`, Value{State: Present, V: "yes"}},
		{`user.id + 1`, Value{State: Present, V: 12}},
		{`"e" + user.id`, Value{State: Present, V: "e11"}},
		{`user.half * 2`, Value{State: Present, V: 1.0}},
		{`user.big`, Value{State: Present, V: json.Number("12345678901234567890123")}},
		{`user.price`, Value{State: Present, V: 1.5}},
		{`join([user.name, user.email, user.nick, "x"], "-")`, Value{State: Present, V: "Ada Maria Novak-x"}},
		{`date_diff(date_add(now, -3, "days"), now, "hours")`, Value{State: Present, V: 72}},
	} {
		got, err := eval(t, c.text, env)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		} else if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.text, d)
		}
	}
}

func TestEvaluationErrorsHaveTheirPlace(t *testing.T) {
	env := record(t, ada)
	for text, want := range map[string]string{
		`1 + user.tags`:                     "f.toml:3:7: + cannot be used between a number (1) and a list",
		`"x" + upper(user.address)`:         "f.toml:3:11: the first argument must be a text, not an object",
		`user.name.first`:                   "f.toml:3:15: a text has no members",
		`user.name ? 1 : 2`:                 `f.toml:3:10: the condition is a text ("Ada Maria Novak"), not true or false (compare it, such as user.name == "true", or ask for any text: !is_empty(user.name))`,
		`user.active && user.name`:          `f.toml:3:17: a text ("Ada Maria Novak") stands where true or false is needed (compare it, such as user.name == "true", or ask for any text: !is_empty(user.name))`,
		`user.name > 5`:                     `f.toml:3:15: > cannot compare a text ("Ada Maria Novak") with a number (5) (write float(user.name) > 5)`,
		`int(user.name)`:                    `f.toml:3:5: "Ada Maria Novak" is not a number`,
		`date(user.name)`:                   `f.toml:3:5: "Ada Maria Novak" is not a date`,
		`lookup(user.name, 1)`:              `f.toml:3:5: there is no table "Ada Maria Novak" in [lookups]`,
		`user.id % 0`:                       "f.toml:3:13: division by zero",
		`user.id / 0`:                       "f.toml:3:13: division by zero",
		`left(user.name, "x" + user.name)`:  "", // found when compiled
		`regex_replace("a", user.nick, "")`: "",
		`replace(user.name, user.nick, "")`: "f.toml:3:5: replace: there is nothing to look for",
		`split(user.name, user.nick)`:       "f.toml:3:5: split: the separator is empty",
	} {
		e, err := testScope().Compile(Source{text, Pos{"f.toml", 3, 5}})
		if err == nil {
			_, err = e.Eval(env)
		} else if want != "" {
			t.Errorf("%s does not compile: %v", text, err)
		}
		var typed *Error
		if err != nil && !errors.As(err, &typed) {
			t.Errorf("%s: %T is not an *Error", text, err)
		}
		if want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestABudgetStopsBombs(t *testing.T) {
	env := Env{"user": map[string]any{"long": strings.Repeat("x", 100_000), "list": make([]any, 50_000)}}
	double := `let a = user.long; `
	for i := range 20 {
		double += "let " + string(rune('b'+i)) + " = " + string(rune('a'+i)) + " + " + string(rune('a'+i)) + "; "
	}
	for name, text := range map[string]string{
		"doubling":         double + "len(u)",
		"replace":          `replace(user.long, "x", user.long)`,
		"regex":            `regex_replace(user.long, "x*", "$0$0$0$0$0$0$0$0")`,
		"regex each":       `regex_replace(user.long, "x", "xxxxxxxxxxxxxxxx")`,
		"join":             `join(map(1..60, user.long), "")`,
		"many texts":       `map(1..1000, user.long + "a")`,
		"nested":           `all(1..10000, all(1..10000, all(1..10000, true)))`,
		"nested over let":  `let r = 1..1000; all(r, all(r, all(r, true)))`,
		"range":            `1..1000000000`,
		"range overflow":   `-9223372036854775807..9223372036854775807`,
		"json":             `json(map(1..50, user.long))`,
		"quadratic unique": `map(user.list, count(unique_list(user.list)))`,
		"in":               `filter(user.list, "x" in user.list)`,
	} {
		t.Run(name, func(t *testing.T) {
			begin := soak.CPU()
			_, err := eval(t, text, env)
			if err == nil {
				t.Error("no error")
			}
			if d := soak.CPU() - begin; d > 3*time.Second {
				t.Errorf("took %v of processor time", d)
			}
		})
	}
}

func TestExpressionsAreSafeForConcurrentUse(t *testing.T) {
	e, err := testScope().Compile(Source{Text: `let n = lower(ascii(user.name)); join(map(split(n, " "), left(#, 1) + user.id), "") + regex_replace(n, "[aeiou]", "")`})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := strings.Repeat(string(rune('b'+i)), 5)
			for range 500 {
				v, err := e.Eval(Env{"user": map[string]any{"name": name + " " + name, "id": i}})
				want := name[:1] + string(rune('0'+i)) + name[:1] + string(rune('0'+i)) + strings.NewReplacer("e", "", "i", "").Replace(name+" "+name)
				if err != nil || v.V != want {
					t.Errorf("got %v %v, want %s", v.V, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestFieldsAndVolatility(t *testing.T) {
	for _, c := range []struct {
		text           string
		user, attr     []string
		now, otherwise bool
	}{
		{`user.a + user.b.c + user["d"] + attributes.cn`, []string{"a", "b", "d"}, []string{"cn"}, false, false},
		{`user[user.key]`, []string{"*", "key"}, nil, false, false},
		{`let u = user; u.x`, []string{"*"}, nil, false, false},
		{`find(user.list, .a == user.b)`, []string{"b", "list"}, nil, false, false},
		{`date_diff(user.start, now, "days")`, []string{"start"}, nil, true, true},
		{`guid()`, nil, nil, false, true},
		{`random_digits(3)`, nil, nil, false, true},
		{`user?.a`, []string{"a"}, nil, false, false},
	} {
		e, err := testScope().Compile(Source{Text: c.text})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.user, e.Fields("user")); d != "" {
			t.Errorf("%s: user: %s", c.text, d)
		}
		if d := cmp.Diff(c.attr, e.UsesAttributes()); d != "" {
			t.Errorf("%s: attributes: %s", c.text, d)
		}
		if e.Uses("now") != c.now || e.Volatile() != c.otherwise {
			t.Errorf("%s: uses now %v, volatile %v", c.text, e.Uses("now"), e.Volatile())
		}
	}
	e, err := NewScope("endpoints").Compile(Source{Text: `endpoints.users.email + endpoints["teams"].x[0].name`})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][]string{{"users", "email"}, {"teams", "x"}}, e.Paths("endpoints")); d != "" {
		t.Error(d)
	}
}

func TestMembersCanBeClosed(t *testing.T) {
	s := testScope().WithMembers("attributes", "sAMAccountName", "cn")
	_, err := s.Compile(Source{`lower(attributes.samaccountname)`, Pos{"f", 1, 1}})
	want := `f:1:18: unknown field samaccountname (did you mean "sAMAccountName"?)`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := s.Compile(Source{Text: `attributes.cn + user.anything`}); err != nil {
		t.Error(err)
	}
}

func TestValueTexts(t *testing.T) {
	v := Value{V: []any{"a", nil, "", 3, true, map[string]any{"x": 1}}}
	if got := strings.Join(v.Strings(), "|"); got != `a|3|true|{"x":1}` {
		t.Errorf("Strings: %s", got)
	}
	if v.Text() != `a, 3, true, {"x":1}` {
		t.Errorf("Text: %s", v.Text())
	}
	for _, c := range []struct {
		v    any
		want string
	}{{nil, ""}, {1e21, "1000000000000000000000"}, {0.1, "0.1"}, {false, "false"}, {time.Unix(0, 0).UTC(), "1970-01-01T00:00:00Z"}, {json.Number("007"), "007"}, {json.Number("1e3"), "1000"}, {json.Number("1.50"), "1.5"}, {1e300, "1e300"}, {math.Copysign(0, -1), "0"}} {
		if got := (Value{V: c.v}).Text(); got != c.want {
			t.Errorf("%v: %q, want %q", c.v, got, c.want)
		}
	}
}

func TestARecordIsNotChanged(t *testing.T) {
	env := record(t, ada)
	before := asJSON(t, env["user"])
	for _, text := range []string{`user`, `unique_list(user.tags)`, `map(user.emails, ({"v": .value}))`, `filter(user.emails, .primary)`, `user.tags[0:1]`} {
		if _, err := eval(t, text, env); err != nil {
			t.Fatal(err)
		}
	}
	if after := asJSON(t, env["user"]); after != before {
		t.Errorf("changed from %s to %s", before, after)
	}
}
