package orchestration_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

const hour = orchestration.Duration(time.Hour)

// call is a webhook step whose body is the text.
func call(name, body string) orchestration.Step {
	return orchestration.Step{Name: name, Webhook: &orchestration.Webhook{
		Ref: "crm/" + name, Application: "crm", Call: abi.Webhook{Name: name, Path: "/x", MessageType: abi.MessageText, Body: body},
	}}
}

func delay(name string) orchestration.Step { return orchestration.Step{Name: name, Delay: 24 * hour} }

func mail(name, text string) orchestration.Step {
	return orchestration.Step{Name: name, Mail: &orchestration.Mail{To: []string{"{{ ad.mail }}"}, Subject: "s", Text: text}}
}

func update(name, value string) orchestration.Step {
	return orchestration.Step{Name: name, Directory: &orchestration.Directory{
		Action: orchestration.ActionUpdate, Attributes: map[string]string{"mobile": value},
	}}
}

func when(s orchestration.Step, condition string) orchestration.Step {
	s.If = condition
	return s
}

func onError(s orchestration.Step, do orchestration.OnErrorDo, to string) orchestration.Step {
	s.OnError = &orchestration.OnError{Do: do, Goto: to}
	return s
}

func steps(s ...orchestration.Step) orchestration.Definition {
	return orchestration.Definition{Name: "o", Steps: s}
}

func compile(t testing.TB, d orchestration.Definition) *orchestration.Orchestration {
	t.Helper()
	o, err := orchestration.Compile(d, orchestration.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestMistakes checks that every mistake is found, with its step and member, and
// that what is right is not refused.
func TestMistakes(t *testing.T) {
	cancel := func(text string) orchestration.Definition {
		d := steps(call("a", "x"))
		d.CancelWhen = text
		return d
	}
	withPassword := func(s ...orchestration.Step) orchestration.Definition {
		d := steps(s...)
		d.Password = true
		return d
	}
	for name, c := range map[string]struct {
		d    orchestration.Definition
		want string // "" is none
	}{
		"no steps":                  {steps(), "orchestration o: steps: it has no steps"},
		"a step that does nothing":  {steps(orchestration.Step{}), "step step1: it does nothing"},
		"two kinds":                 {steps(orchestration.Step{Delay: hour, Command: []string{"x"}}), "it is command and delay at once"},
		"a name twice":              {steps(call("a", "x"), call("a", "x")), "step a: name: step 1 has this name too"},
		"a default name twice":      {steps(call("step2", "x"), call("", "x")), "step step2: name: "},
		"an unknown name":           {steps(call("a", "{{ user.id }}")), "1:4: orchestration o: step a: webhook.body: unknown name user"},
		"an unknown function":       {steps(mail("a", "{{ uper(ad.cn) }}")), `step a: mail.text: `},
		"a condition that is none":  {steps(when(call("a", "x"), `"yes"`)), "step a: if: "},
		"a condition with a typo":   {steps(when(call("a", "x"), `lnk == null`)), "1:1: orchestration o: step a: if: unknown name lnk"},
		"goto nowhere":              {steps(onError(call("first", "x"), "goto", "frist")), `step first: on_error: there is no step "frist" to go to (did you mean "first"?)`},
		"an unknown on_error":       {steps(onError(call("a", "x"), "ignore", "")), `on_error: "ignore" is nothing`},
		"a loop to itself":          {steps(onError(call("a", "x"), "goto", "a")), "step a: on_error: a loop without a bound"},
		"a loop over two":           {steps(call("a", "x"), onError(call("b", "x"), "goto", "a")), "step b: on_error: a loop without a bound"},
		"a loop past its delay":     {steps(when(delay("d"), "ad.disabled"), onError(call("b", "x"), "goto", "d")), "a loop without a bound"},
		"a loop with a delay":       {steps(delay("d"), onError(call("b", "x"), "goto", "d")), ""},
		"a loop that reminds":       {steps(mail("m", "x"), onError(orchestration.Step{Name: "w", WaitUntil: "ad.disabled", Deadline: hour}, "goto", "m")), ""},
		"a jump ahead":              {steps(onError(call("a", "x"), "goto", "c"), call("b", "x"), call("c", "x")), ""},
		"an unknown step":           {steps(call("greet", "x"), call("b", "{{ steps.gret.response.id }}")), `1:4: orchestration o: step b: webhook.body: there is no step "gret" (did you mean "greet"?)`},
		"a later step":              {steps(call("a", "{{ steps.b.response.id }}"), call("b", "x")), "step a: webhook.body: the step b runs later"},
		"itself":                    {steps(call("a", "{{ steps.a.response.id }}")), "the step a is this step itself"},
		"a later step in a loop":    {steps(call("a", `{{ default(steps.c.error, "") }}`), delay("b"), onError(call("c", "x"), "goto", "a")), ""},
		"an answer":                 {steps(call("a", "x"), call("b", "{{ steps.a.response.id }}{{ steps.a.status }}")), ""},
		"all answers":               {steps(call("a", "x"), call("b", "{{ json(steps) }}")), "steps stands for the answers of all steps"},
		"no such member":            {steps(call("a", "x"), call("b", "{{ steps.a.body }}")), `has no member "body"`},
		"a mail does not answer":    {steps(mail("a", "x"), call("b", "{{ steps.a.response }}")), "the step a (mail) has no response"},
		"a mail can fail":           {steps(onError(mail("a", "x"), "continue", ""), call("b", `{{ default(steps.a.error, "") }}`)), ""},
		"a delay cannot fail":       {steps(delay("a"), call("b", "{{ steps.a.error }}")), "the step a is a delay, which cannot fail"},
		"link without application":  {steps(mail("a", "{{ link.key }}")), "link belongs to the application of a webhook"},
		"link in cancel_when":       {cancel("link == null"), "orchestration o: cancel_when: link belongs to"},
		"links in cancel_when":      {cancel("links.crm == null"), ""},
		"a member of link":          {steps(call("a", "{{ link.id }}")), "step a: webhook.body: "},
		"cancel_when with a typo":   {cancel("!ad.disabled &&"), "orchestration o: cancel_when: "},
		"password elsewhere":        {steps(call("a", "{{ password }}")), "unknown name password"},
		"password in a body":        {withPassword(call("a", "{{ password }}")), ""},
		"password in a mail":        {withPassword(mail("a", "{{ password }}")), ""},
		"password in the directory": {withPassword(update("a", "{{ password }}")), "password cannot be used here"},
		"password in a command":     {withPassword(orchestration.Step{Command: []string{"/x", "{{ password }}"}}), "command[1]: password cannot be used here"},
		"password in a condition":   {withPassword(when(call("a", "x"), `password == "x"`)), "if: password cannot be used here"},
		"an answer to the password": {withPassword(call("a", "{{ password }}"), call("b", "{{ steps.a.response.id }}")), "the response of a is not kept"},
		"no address":                {steps(orchestration.Step{Name: "a", Mail: &orchestration.Mail{Subject: "s", Text: "t"}}), "mail.to: "},
		"a chosen program":          {steps(orchestration.Step{Name: "a", Command: []string{"{{ ad.x }}"}}), "command[0]: no value decides which program runs"},
		"an unknown action":         {steps(orchestration.Step{Name: "a", Directory: &orchestration.Directory{Action: "mvoe"}}), `did you mean "move"?`},
		"a move without ou":         {steps(orchestration.Step{Name: "a", Directory: &orchestration.Directory{Action: "move"}}), "directory.ou: the action move needs ou"},
		"enable with groups":        {steps(orchestration.Step{Name: "a", Directory: &orchestration.Directory{Action: "enable", Groups: []string{"CN=x,DC=y"}}}), "the action enable has no groups"},
		"no DN":                     {steps(orchestration.Step{Name: "a", Directory: &orchestration.Directory{Action: "move", OU: "Staff"}}), "directory.ou: "},
		"an attribute of its own":   {steps(orchestration.Step{Name: "a", Directory: &orchestration.Directory{Action: "update", Attributes: map[string]string{"userAccountControl": "512"}}}), "directory.attributes.userAccountControl: "},
		"a delay beyond the whole":  {orchestration.Definition{Name: "o", Within: hour, Steps: []orchestration.Step{delay("a")}}, "step a: delay: 24h is longer than the 1h"},
		"delays beyond the whole":   {orchestration.Definition{Name: "o", Within: 30 * hour, Steps: []orchestration.Step{delay("a"), delay("b")}}, "step b: delay: with it the delays are longer"},
		"a negative delay":          {steps(orchestration.Step{Name: "a", Delay: -hour}), "step a: delay: the time cannot be negative"},
		"a stray deadline":          {steps(orchestration.Step{Name: "a", Delay: hour, Deadline: hour}), "deadline: only wait_until has a deadline"},
	} {
		_, err := orchestration.Compile(c.d, orchestration.Options{})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got\n%v\nwant %s", name, err, c.want)
		}
	}
}

// TestAllMistakesAreReported checks that one mistake hides no other, and that a
// caller learns the step, the member and the place of each.
func TestAllMistakesAreReported(t *testing.T) {
	d := steps(
		when(call("a", "{{ foo }}"), "bar"),
		onError(mail("b", "x\n{{ steps.nobody.response }}"), "goto", "nobody"),
	)
	d.CancelWhen = "baz"
	place := func(step int, member string) expr.Pos {
		if member == "mail.text" {
			return expr.Pos{File: "x.toml", Line: 7, Column: 11}
		}
		return expr.Pos{File: "x.toml", Line: 100 + step, Column: 1}
	}
	_, err := orchestration.Compile(d, orchestration.Options{Place: place})
	var all orchestration.MistakesError
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		got = append(got, m.Pos.String()+" "+m.Name+" "+m.Member)
	}
	slices.Sort(got)
	want := []string{"x.toml:100:1 a if", "x.toml:100:4 a webhook.body", "x.toml:101:1 b on_error", "x.toml:8:4 b mail.text", "x.toml:99:1  cancel_when"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestOptions checks what Compile knows only from its caller.
func TestOptions(t *testing.T) {
	options := orchestration.Options{
		Applications: []string{"crm", "sms"}, Settings: map[string][]string{"crm": {"role"}}, Kinds: map[string][]string{"sms": {"person", "user"}},
	}
	for body, want := range map[string]string{
		"{{ links.smss.key }}":                  `there is no application "smss" (did you mean "sms"?)`,
		"{{ links.sms.id }}":                    `a link has no member "id"`,
		`{{ links["sms/person"].key }}`:         "",
		`{{ links["sms/persom"].key }}`:         `application sms has no links of the kind "persom" (did you mean "person"?)`,
		`{{ links["smss/person"].key }}`:        `there is no application "smss" (did you mean "sms"?)`,
		`{{ links["sms/user"].key }}`:           `the link of a user is named by the application alone (write links.sms)`,
		`{{ links["sms/person"].id }}`:          `a link has no member "id"`,
		`{{ links["crm/anything"].key }}`:       "", // what the connector has is not known
		"{{ settings.rol }}":                    `did you mean "role"?`,
		"{{ settings.role }}":                   "",
		`{{ lookup("departments", ad.x, "") }}`: "",
		`{{ lookup("department", ad.x, "") }}`:  "department",
	} {
		d := steps(call("a", body))
		d.Lookups = map[string]map[string]string{"departments": {"1": "Sales"}}
		_, err := orchestration.Compile(d, options)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
}

// TestWarnings checks that a condition that is always the same is named.
func TestWarnings(t *testing.T) {
	o := compile(t, steps(when(call("a", "x"), "1 > 2"), when(call("b", "x"), "ad.disabled")))
	w := o.Warnings()
	if len(w) != 1 || w[0].Name != "a" || w[0].Member != "if" || !strings.Contains(w[0].Error(), "it is always false") {
		t.Errorf("%v", w)
	}
}

// TestDefinitionIsJSON checks that a definition that was kept means the same
// later.
func TestDefinitionIsJSON(t *testing.T) {
	d := steps(
		onError(call("a", "{{ ad.cn }}"), "continue", ""), delay(""), orchestration.Step{WaitUntil: "ad.disabled", Deadline: hour},
		update("u", `{{ lookup("t", ad.cn) }}`), mail("m", "x"),
	)
	d.Lookups = map[string]map[string]string{"t": {"a": "b"}}
	d.Within, d.CancelWhen = 100*hour, "ad == null"
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back orchestration.Definition
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	one, two := compile(t, d).Describe(), compile(t, back).Describe()
	if !slices.Equal(one, two) {
		t.Errorf("%q, then %q", one, two)
	}
	again, _ := json.Marshal(back)
	if string(again) != string(b) {
		t.Errorf("%s, then %s", b, again)
	}
}

func TestDescribe(t *testing.T) {
	got := compile(t, steps(
		when(onError(call("deactivate", "x"), "goto", "tell"), "link != null"), delay(""),
		orchestration.Step{WaitUntil: "ad.disabled", Deadline: 7 * 24 * hour},
		onError(update("u", "x"), "continue", ""), mail("tell", "x"),
		orchestration.Step{Directory: &orchestration.Directory{Action: "add_groups", Groups: []string{"CN=A,DC=x"}}},
	)).Describe()
	want := []string{
		"1 deactivate  webhook crm/deactivate if link != null on error goto tell",
		"2 step2       delay 24h",
		"3 step3       wait_until ad.disabled for at most 7d",
		"4 u           directory update mobile on error continue",
		"5 tell        mail to {{ ad.mail }}",
		"6 step6       directory add_groups CN=A,DC=x",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
