package expr

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const mixed = `{"one": 1, "text1": "1", "yes": true, "textyes": "true", "zip": "012", "at": "2024-05-31", "none": null, "name": "Ada",
	"nums": [1, 2.0], "words": ["a", "1"], "both": [1, "2", null], "obj": {"a": 1}, "objs": [{"admin": true}, {"admin": 1}],
	"n10": 1.0, "n1e0": 1e0, "half": 0.50, "big": 9007199254740993, "bigf": 9007199254740993.0, "near": 9007199254740992,
	"vast": 12345678901234567890123, "vast1": 12345678901234567890124, "vaste": 1.2345678901234567890123e22, "huge": 1e999999999, "tiny": 1e-999999999, "fine": 0.10000000000000000001, "tenth": 0.1}`

// A comparison of unlike types is never true or false: it fails, and its error
// names both values.
func TestUnlikeTypesAreNotCompared(t *testing.T) {
	env := record(t, mixed)
	for text, want := range map[string]string{
		`user.one == user.yes`:                  `== cannot compare a number (1) with true or false (true) (write string(user.one) == string(user.yes))`,
		`user.one == true`:                      `== cannot compare a number (1) with true or false (true) (write user.one == 1)`,
		`user.textyes == true`:                  `== cannot compare a text ("true") with true or false (true) (write user.textyes == "true")`,
		`user.yes == "true"`:                    `== cannot compare true or false (true) with a text ("true") (write user.yes == true)`,
		`user.yes != 1`:                         `!= cannot compare true or false (true) with a number (1) (write user.yes != true)`,
		`user.one == "1"`:                       `== cannot compare a number (1) with a text ("1") (write user.one == 1)`,
		`"1" != user.one`:                       `!= cannot compare a text ("1") with a number (1) (write 1 != user.one)`,
		`user.one == "x"`:                       `== cannot compare a number (1) with a text ("x") (write string(user.one) == "x")`,
		`user.one == user.text1`:                `== cannot compare a number (1) with a text ("1") (write string(user.one) == user.text1)`,
		`user.zip == 12`:                        `== cannot compare a text ("012") with a number (12) (write user.zip == "12")`,
		`user.one < user.text1`:                 `< cannot compare a number (1) with a text ("1") (write user.one < float(user.text1))`,
		`user.text1 >= 5`:                       `>= cannot compare a text ("1") with a number (5) (write float(user.text1) >= 5)`,
		`user.yes < user.yes`:                   `< cannot compare true or false (true) with true or false (true)`,
		`user.at < now`:                         `< cannot compare a text ("2024-05-31") with a time (2024-05-31T12:00:00Z) (write date(user.at) < now)`,
		`user.at == now`:                        `== cannot compare a text ("2024-05-31") with a time (2024-05-31T12:00:00Z) (write date(user.at) == now)`,
		`user.words == "a"`:                     `== cannot compare a list with a text ("a") (write "a" in user.words)`,
		`user.obj == "a"`:                       `== cannot compare an object with a text ("a") (compare a member of the object)`,
		`user.nums == user.words`:               `== cannot compare a number (1) in it with a text ("a") (compare elements or members of one type)`,
		`user.one not in ["1", "2"]`:            `not in cannot compare a number (1) with a text ("1") (write user.one not in [1, 2])`,
		`!(user.one in ["1", "2"])`:             `in cannot compare a number (1) with a text ("1") (write user.one in [1, 2])`,
		`user.text1 not in user.nums`:           `not in cannot compare a text ("1") with a number (1) (write none(user.nums, string(#) == user.text1))`,
		`user.text1 != user.nums`:               `!= cannot compare a text ("1") with a list (write user.text1 not in user.nums)`,
		`user.one in ["1", "2"]`:                `in cannot compare a number (1) with a text ("1") (write user.one in [1, 2])`,
		`user.one not in ["a", "b"]`:            `not in cannot compare a number (1) with a text ("a") (write string(user.one) not in ["a", "b"])`,
		`user.text1 in [2, 3]`:                  `in cannot compare a text ("1") with a number (2) (write user.text1 in ["2", "3"])`,
		`user.yes in [1]`:                       `in cannot compare true or false (true) with a number (1) (write user.yes in [true])`,
		`user.one in user.words`:                `in cannot compare a number (1) with a text ("a") (write string(user.one) in user.words)`,
		`"1" in user.nums`:                      `in cannot compare a text ("1") with a number (1) (write any(user.nums, string(#) == "1"))`,
		`2 in user.both`:                        `in cannot compare a number (2) with a text ("2") (write string(2) in user.both)`,
		`user.one in user.obj`:                  `in looks for a member of an object, which a text names, not a number (1) (write string(user.one) in user.obj)`,
		`user.one startsWith "1"`:               `startsWith needs a text, not a number (1) (write string(user.one))`,
		`user.name contains user.one`:           `contains needs a text, not a number (1) (write string(user.one))`,
		`user.yes endsWith "e"`:                 `endsWith needs a text, not true or false (true) (write string(user.yes))`,
		`user.one matches "1"`:                  `matches needs a text, not a number (1) (write string(user.one))`,
		`user.words contains "a"`:               `contains needs a text, not a list (to look for an element, use in or any(user.words, ...))`,
		`!user.one`:                             `a number (1) stands where true or false is needed (compare it, such as user.one == 1)`,
		`!user.textyes`:                         `a text ("true") stands where true or false is needed (compare it, such as user.textyes == "true", or ask for any text: !is_empty(user.textyes))`,
		`user.yes && user.one`:                  `a number (1) stands where true or false is needed (compare it, such as user.one == 1)`,
		`user.one || user.yes`:                  `a number (1) stands where true or false is needed (compare it, such as user.one == 1)`,
		`user.one ? 1 : 2`:                      `the condition is a number (1), not true or false (compare it, such as user.one == 1)`,
		`any(user.objs, #.admin == 1)`:          `== cannot compare true or false (true) with a number (1) (write .admin == true)`,
		`all(user.objs, #.admin)`:               `a number (1) stands where true or false is needed (compare it, such as .admin == 1)`,
		`count(filter(user.words, # == 1)) > 0`: `== cannot compare a text ("a") with a number (1) (write # == "1")`,
		`default(user.one, "x") == user.name`:   `== cannot compare a number (1) with a text ("Ada") (write string(default(user.one, "x")) == user.name)`,
		`default(user.one == "1", false)`:       `== cannot compare a number (1) with a text ("1") (write user.one == 1)`,
		`(user.one == "1") ?? false`:            `== cannot compare a number (1) with a text ("1") (write user.one == 1)`,
		`user.vast + 1`:                         `a number (12345678901234567890123) has too many digits to compute with`,
		`9223372036854775807 + user.one`:        `the result is too large`,
		`-9223372036854775807 - 2 * user.one`:   `the result is too large`,
		`4611686018427387904 * (user.one + 1)`:  `the result is too large`,
		`lookup("departments", user.yes)`:       `the key is true or false (true), and no key of the table departments can be one (use the keys "true" and "false", or look up what the table has)`,
		`lookup("flags", user.one, "none")`:     `the key is a number (1), and no key of the table flags can be one (use keys that are numbers, or look up what the table has)`,
	} {
		v, err := eval(t, text, env)
		if err == nil {
			t.Errorf("%s is %v, want an error", text, v.V)
		} else if err.Error() != want {
			t.Errorf("%s:\n got %s\nwant %s", text, err, want)
		}
	}
}

// Values of one type, and null, are compared as usual.
func TestLikeTypesAreCompared(t *testing.T) {
	env := record(t, mixed)
	for text, want := range map[string]any{
		`user.one == 1.0`: true, `user.one == user.n10`: true, `user.n1e0 == user.n10`: true, `user.half == 0.5`: true, `user.half < user.n10`: true,
		`user.n10 in [1]`: true, `user.one in user.nums`: true, `2 in user.nums`: true, `user.nums == [1, 2]`: true, `user.nums == [1, 2, 3]`: false,
		`user.big == user.bigf`: true, `user.big == user.near`: false, `user.big > user.near`: true, `user.big == user.near + 0.0`: false,
		`user.vast == user.vast1`: false, `user.vast < user.vast1`: true, `user.vast == user.vaste`: true, `user.vast > user.big`: true, `user.big < user.vast`: true,
		`user.huge > user.vast`: true, `user.huge == user.huge`: true, `user.tiny > 0`: true, `user.tiny < user.fine`: true, `user.fine > user.tenth`: true, `user.fine == user.tenth`: false,
		`user.huge in [1, 2.5]`: false,
		`string(user.n10)`:      "1", `string(user.half)`: "0.5", `string(user.huge)`: "1e999999999", `string(user.vaste)`: "12345678901234567890123",
		`lookup("departments", user.n10)`: "Sales", `lookup("departments", user.text1)`: "Sales", `lookup("departments", user.n1e0)`: "Sales",
		`lookup("rates", user.half)`: "half", `lookup("rates", 1.5)`: "plain", `lookup("departments", 7, "none")`: "none", `lookup("departments", "x", "none")`: "none",
		`lookup("flags", user.yes)`: "on", `lookup("empty", 5, "none")`: "none",
		`item(user.words, user.n10)`: "a", `count(unique_list([1, user.n10, user.n1e0, "1"]))`: 2, `{"1": "x"}[string(user.n10)]`: "x",
		`user.one == null`: false, `user.none == null`: true, `user.none == 1`: false, `user.none != "x"`: true, `null in user.both`: true, `user.none in [1]`: false,
		`1 in user.both`: true, `user.obj == {"a": 1.0}`: true, `user.obj == {"b": 1}`: false, `user.obj == {"a": 2}`: false,
		`"a" in user.obj`: true, `user.one == null || user.one == 1`: true, `user.text1 == "1" && user.zip == "012"`: true, `user.name startsWith "A"`: true,
		`date(user.at) < now`: true, `user.yes == true`: true, `!user.yes`: false, `int("12.0")`: 12, `int("+7")`: 7, `float("1e-1")`: 0.1, `int("007")`: 7, `int("9007199254740993.0")`: 9007199254740993,
		`"e" + user.one`: "e1", `"e" + user.vast`: "e12345678901234567890123",
	} {
		v, err := eval(t, text, env)
		if err != nil || v.V != want {
			t.Errorf("%s is %v (%T) %v, want %v", text, v.V, v.V, err, want)
		}
	}
}

// When the type is known, an unlike comparison is found before there is a
// record.
func TestUnlikeTypesAreFoundWhenLoaded(t *testing.T) {
	types := Types{
		"user": {
			"id": "int", "share": "number", "name": "string", "active": "bool", "created": "time", "address": "object",
			"tags": "strings", "emails": "objects", "odd": "other",
		},
		"endpoints.users": {"id": "int"},
		"attributes":      {"mail": "values"},
	}
	at := Pos{File: "agent.toml", Line: 7, Column: 11}
	for _, c := range []struct{ text, want string }{
		{`user.id == "1"`, `7:19: == cannot compare user.id, which is a number, with "1", which is a text (write user.id == 1)`},
		{`user.active == 1`, `7:23: == cannot compare user.active, which is true or false, with 1, which is a number (write user.active == true)`},
		{`user.active != "false"`, `7:23: != cannot compare user.active, which is true or false, with "false", which is a text (write user.active != false)`},
		{`user.name == 5`, `7:21: == cannot compare user.name, which is a text, with 5, which is a number (write user.name == "5")`},
		{`user.id < "5"`, `7:19: < cannot compare user.id, which is a number, with "5", which is a text (write user.id < 5)`},
		{`user.created < now`, `7:24: < cannot compare user.created, which is a text, with now, which is a time (write date(user.created) < now)`},
		{`user.active < user.active`, `7:23: < needs what has an order, and user.active is true or false`},
		{`user.tags == [1]`, `== cannot compare user.tags, which is a list, with [1], which is a list`},
		{`["a", 1] == [1, "a"]`, `cannot compare`},
		{`user.tags >= user.tags`, `>= needs what has an order, and user.tags is a list`},
		{`user.id in ["1", "2"]`, `7:19: in cannot compare user.id, which is a number, with an element that is a text (write user.id in [1, 2])`},
		{`user.id not in ["1"]`, `not in cannot compare user.id, which is a number, with an element that is a text (write user.id not in [1])`},
		{`!(user.id in ["1"])`, `: in cannot compare user.id, which is a number, with an element that is a text (write user.id in [1])`},
		{`not (user.id in ["1"])`, `: in cannot compare user.id, which is a number, with an element that is a text (write user.id in [1])`},
		{`user.odd in [1, "1"]`, `in cannot compare user.odd with elements that are a number and elements that are a text (write string(user.odd) in a list of texts)`},
		{`1 in user.tags`, `in cannot compare 1, which is a number, with an element that is a text (write string(1) in user.tags)`},
		{`user.id in user.name`, `in needs a list or an object, and user.name is a text (to look within a text, use contains)`},
		{`user.id in user.address`, `in looks for a member of an object, which a text names, and user.id is a number`},
		{`user.tags == "a"`, `== cannot compare user.tags, which is a list, with "a", which is a text (write "a" in user.tags)`},
		{`user.address == 1`, `== cannot compare user.address, which is an object, with 1, which is a number (compare a member of the object)`},
		{`any(user.tags, # == 1)`, `== cannot compare #, which is a text, with 1, which is a number (write # == "1")`},
		{`any(user.tags, #)`, `# is a text and stands where true or false is needed`},
		{`user.id startsWith "1"`, `startsWith needs a text, and user.id is a number (write string(user.id))`},
		{`user.name matches user.id`, `matches needs a text, and user.id is a number`},
		{`!user.name`, `user.name is a text and stands where true or false is needed`},
		{`user.active && user.id`, `user.id is a number and stands where true or false is needed (compare it, such as user.id == 1)`},
		{`user.name ? 1 : 2`, `user.name is a text and stands where true or false is needed`},
		{`default(user.id, "none") == "none"`, `== cannot compare default(user.id, "none"), which is a text or a number, with "none", which is a text (write string(default(user.id, "none")) == "none")`},
		{`(user.id ?? "x") == 1`, `which is a text or a number, with 1, which is a number`},
		{`(user.active ? 1 : "1") == 1`, `which is a text or a number, with 1, which is a number`},
		{`let n = user.id; n == "1"`, `== cannot compare n, which is a number, with "1", which is a text (write n == 1)`},
		{`endpoints.users.id == "1"`, `== cannot compare endpoints.users.id, which is a number`},
		{`attributes.mail == 1`, `== cannot compare attributes.mail, which is a text or a list, with 1, which is a number`},
		{`user.name - 1 > 0`, `- needs numbers, and user.name is a text (write float(user.name))`},
		{`lookup("flags", user.id)`, `user.id is a number, and no key of the table flags can be one (use keys that are numbers, or look up what the table has)`},
		{`lookup("departments", user.name) == 1`, `== cannot compare lookup("departments", user.name), which is a text, with 1, which is a number`},
		{`find(user.tags, # == "a") == 1`, `which is a text, with 1, which is a number`},
		{`lower(user.odd) == 1`, `== cannot compare lower(user.odd), which is a text, with 1, which is a number (write lower(user.odd) == "1")`},
	} {
		err := checked(Source{c.text, at}, types)
		if err == nil {
			t.Errorf("%s: no error", c.text)
		} else if !strings.HasPrefix(err.Error(), "agent.toml:7:") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n got %s\nwant %s", c.text, err, c.want)
		}
	}
	for _, text := range []string{
		`user.id == 1`, `user.share < user.id`, `user.id == null`, `null == user.name`, `user.id in [1, 2.5, null]`, `[1, "a"] == [2, "b"]`, `[1] == ["a", "b"]`, `user.tags == ["a"]`, `user.odd == 1`, `user.unknown in ["1"]`,
		`user.active && !user.odd`, `user.name == default(user.odd, "x")`, `default(user.id, 0) == 0`, `default(user.id, null) == 1`, `user.tags == []`,
		`attributes.mail == "x"`, `"a" in attributes.mail`, `user.id + 1 > 2`, `"e" + user.id == "e1"`, `date(user.created) < now`, `now - date(user.created) == now - now`,
		`user.created startsWith "2024"`, `find(user.emails, #.primary == true).value == "x"`, `any(user.emails, #.primary)`, `user.address.city == "x"`,
		`let n = user; n.id == "1"`, `lookup("departments", user.id) == "Sales"`, `item(user.tags, 1) == "a"`, `user.emails[0].value == 1`, `"city" in user.address`,
		`string(user.id) == "1"`, `len(user.name) == 5`, `user.tags[0] == "a"`, `user.name[0:1] == "A"`, `map(user.tags, len(#)) == [1]`,
	} {
		if err := checked(Source{text, at}, types); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func checked(src Source, types Types) error {
	e, err := NewScope("user", "attributes", "endpoints", "now").WithLookups(testTables).Compile(src)
	if err != nil {
		return err
	}
	if errs := e.Check(types); len(errs) > 0 {
		return errs[0]
	}
	return nil
}

func TestACheckedConditionGivesTrueOrFalse(t *testing.T) {
	for text, wrong := range map[string]bool{`user.name`: true, `user.active`: false, `user.id == 1`: false, `user.odd`: false, `user.id`: true} {
		e, err := NewScope("user").Compile(Source{Text: text})
		if err != nil {
			t.Fatal(err)
		}
		if errs := e.CheckCondition(Types{"user": {"name": "string", "active": "bool", "id": "int"}}); (len(errs) > 0) != wrong {
			t.Errorf("%s: %v", text, errs)
		}
	}
}

// An expression that passes the check never compares unlike types, for values of
// the types that the check was given. == and < compare numbers exactly.
func TestTheCheckFindsWhatAnEvaluationWould(t *testing.T) {
	fields := map[string]any{"n": 7, "s": "7", "b": true, "l": []any{"7", "x"}}
	types := Types{"user": {"n": "int", "s": "string", "b": "bool", "l": "strings"}}
	rapid.Check(t, func(t *rapid.T) {
		operand := rapid.SampledFrom([]string{"user.n", "user.s", "user.b", "user.l", `"7"`, "7", "7.5", "true", `["7"]`, "[7]", "null", "string(user.n)", "default(user.s, 1)", `(user.b ? 1 : "x")`})
		operator := rapid.SampledFrom([]string{"==", "!=", "<", ">=", "in", "not in", "contains", "startsWith", "&&", "||"})
		text := fmt.Sprintf("%s %s %s", operand.Draw(t, "a"), operator.Draw(t, "op"), operand.Draw(t, "b"))
		e, err := NewScope("user").Compile(Source{Text: text})
		if err != nil || len(e.Check(types)) > 0 {
			return
		}
		if _, err := e.Eval(Env{"user": fields}); err != nil {
			t.Fatalf("%s passes the check and fails: %v", text, err)
		}
	})
}

func TestNumbersCompareAsExactFractions(t *testing.T) {
	spelling := rapid.StringMatching(`-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,4})?([eE][+-]?[0-9])?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := spelling.Draw(t, "a"), spelling.Draw(t, "b")
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		sign, ok := compareNumbers(decoded(jsonNumber(a)), decoded(jsonNumber(b)))
		if !ok || sign != x.Cmp(y) {
			t.Fatalf("%s and %s compare as %d, exactly as %d", a, b, sign, x.Cmp(y))
		}
	})
}
