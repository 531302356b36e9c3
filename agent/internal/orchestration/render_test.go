package orchestration_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// staff are values with everything in them.
func staff() orchestration.Values {
	group := &ident.Entry{GUID: "g", DN: "CN=Sales,OU=Groups,DC=example,DC=com", Attributes: ident.Attributes{}}
	group.Attributes.Set("member", "CN=Ada,OU=Staff,DC=example,DC=com")
	group.Attributes.Set("mail", "boss@example.org")
	ad := person(ident.Attributes{
		"cn": {"Ada <A>"}, "mail": {"ada@example.org"}, "givenName": {"Ada"}, "memberOf": {"CN=A,DC=x"}, "objectSid": {"S-1-5-21-1-2-3-1104"},
		"otherTelephone": {"1", "2"}, "description": {"d"}, "thumbnailPhoto": {"\xff\xd8"}, "dash": {"-rf"}, "lines": {"a\r\nBcc: x@example.org"},
		"two": {"a@example.org,b@example.org"}, "logonCount": {"7"}, "isDeleted": {"TRUE"}, "whenCreated": {"20260304050607.0Z"}, "one": {"1"},
		"lockoutTime": {"0"}, "team": {"R+D, x"},
	}, true)
	return orchestration.Values{
		Object: ad, Manager: group, Now: began, Change: &orchestration.Change{Kind: "disabled", Attributes: []string{"userAccountControl"}},
		Links: []orchestration.Link{
			{Application: "crm", Key: "7", Origin: "outbound"}, {Application: "crm", Kind: "person", Key: "8"}, {Application: "sms", Key: "9"},
		},
		Settings: map[string]map[string]any{"crm": {"role": "sales"}},
		Schema: ident.Schema{
			"logoncount": {Syntax: ident.SyntaxInteger, Single: true}, "isdeleted": {Syntax: ident.SyntaxBoolean, Single: true},
			"whencreated": {Syntax: ident.SyntaxTime, Single: true}, "thumbnailphoto": {Syntax: ident.SyntaxBytes, Single: true},
			"one": {Syntax: ident.SyntaxText}, "description": {Syntax: ident.SyntaxText},
		},
	}
}

// body renders a webhook step whose body is one expression.
func body(t *testing.T, expression string, v orchestration.Values, kind string) (string, error) {
	t.Helper()
	s := call("a", "{{ "+expression+" }}")
	s.Webhook.LinkKind = kind
	o := compile(t, steps(s))
	r, err := o.Render(0, o.Start(began), v)
	if err != nil {
		return "", err
	}
	return r.Webhook.Body, nil
}

// TestNamesInScope checks every name that steps may use.
func TestNamesInScope(t *testing.T) {
	for expression, want := range map[string]string{
		"ad.givenName": "Ada", "ad.givenname": "Ada", "ad.GIVENNAME": "Ada", `ad["givenName"]`: "Ada", "ad.dn": "CN=Ada,OU=Staff,DC=example,DC=com",
		"ad.ou": "OU=Staff,DC=example,DC=com", "ad.disabled": "true", "ad.locked": "false", "ad.objectGUID": "6f9619ff-8b86-d011-b42d-00c04fc964ff",
		"ad.objectSid": "S-1-5-21-1-2-3-1104", "item(ad.memberOf, 1)": "CN=A,DC=x", "join(ad.otherTelephone, \"+\")": "1+2", "ad.description": "d",
		"ad.thumbnailPhoto": "/9g=", "ad.logonCount + 1": "8", "ad.isDeleted && true": "true", `format_date(ad.whenCreated, "yyyy")`: "2026",
		"item(ad.one, 1)": "1", "count(manager.member)": "1", "manager.mail": "boss@example.org", "is_null(manager.disabled)": "true",
		"old == null": "true", "change.kind": "disabled", `"userAccountControl" in change.attributes`: "true", "link.key": "7", "link.kind": "user",
		"links.sms.key": "9", `links["crm/person"].key`: "8", "links.other == null": "true", "settings.role": "sales", `format_date(now, "yyyy")`: "2026",
	} {
		if got, err := body(t, expression, staff(), ""); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", expression, got, err, want)
		}
	}
	if got, err := body(t, "link.key", staff(), "person"); err != nil || got != "8" {
		t.Errorf("the link of another kind: %q, %v", got, err)
	}
	for _, name := range []string{"ad", "manager", "old", "change", "link", "links.crm"} {
		if got, err := body(t, name+" == null", orchestration.Values{Now: began}, ""); err != nil || got != "true" {
			t.Errorf("without any: %s == null is %q, %v", name, got, err)
		}
	}
	locked := staff()
	locked.Object.Attributes.Set("lockoutTime", "133000000000000000")
	if got, _ := body(t, "ad.locked", locked, ""); got != "true" {
		t.Errorf("locked: %q", got)
	}
	locked.Object.Attributes.Set("msDS-User-Account-Control-Computed", "0") // the lockout is over
	if got, _ := body(t, "ad.locked", locked, ""); got != "false" {
		t.Errorf("locked until some time ago: %q", got)
	}
}

// TestAttributes checks what has to be read of the objects.
func TestAttributes(t *testing.T) {
	o := compile(t, steps(call("a", "{{ ad.cn }}{{ ad.locked }}{{ ad.dn }}{{ manager.mail }}"), when(mail("m", "{{ ad.cn }}"), "old.disabled")))
	for object, want := range map[string][]string{
		"ad": {"cn", "lockoutTime", "mail", "manager", "msDS-User-Account-Control-Computed", "userAccountControl"}, "manager": {"mail"}, "old": {"userAccountControl"},
	} {
		if got, all := o.Attributes(object); all || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %t, want %q", object, got, all, want)
		}
	}
	if _, all := compile(t, steps(call("a", "{{ json(ad) }}"))).Attributes("ad"); !all {
		t.Error("the whole object is used, and not all is read")
	}
}

// TestAnswersOfSteps checks what later steps see of earlier ones, and what an
// error says when it is not there.
func TestAnswersOfSteps(t *testing.T) {
	answered := func(r orchestration.Result, template string) (string, error) {
		d := steps(onError(call("a", "x"), "continue", ""), call("b", template))
		i := start(t, d)
		i.settle(r)
		got, err := i.o.Render(1, i.state, i.values())
		if err != nil {
			return "", err
		}
		return got.Webhook.Body, nil
	}
	for template, want := range map[string]string{
		"{{ steps.a.response.id }}": "9007199254740993", "{{ steps.a.status }}": "200", `{{ default(steps.a.error, "none") }}`: "none",
	} {
		if got, err := answered(fine, template); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", template, got, err, want)
		}
	}
	if got, err := answered(orchestration.Result{Status: 200, Answered: true, Response: []byte("plain text")}, "{{ steps.a.response }}"); err != nil || got != "plain text" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := answered(no, "{{ steps.a.error }} {{ steps.a.status }}"); err != nil || got != "refused 404" {
		t.Errorf("%q, %v", got, err)
	}
	long := []byte(`"` + strings.Repeat("x", 64<<10) + `"`)
	for want, r := range map[string]orchestration.Result{
		"orchestration o: step b: webhook.body: 1:3: steps.a.response is absent (a value is needed here; default(": no,
		"(the step a failed: refused)": no,
		"(the response of a was not kept: it has 65538 bytes, and at most 65536 are kept)": {Response: long},
		"was not kept: it is neither JSON nor text)":                                       {Response: []byte("\xff\xfe")},
	} {
		_, err := answered(r, "{{ steps.a.response.id }}")
		var named *orchestration.RenderError
		if !errors.As(err, &named) || named.Step != "b" || named.Member != "webhook.body" || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	skipped := start(t, steps(when(call("a", "x"), "!ad.disabled"), call("b", "{{ steps.a.response.id }}")))
	if _, err := skipped.o.Render(1, skipped.state, skipped.values()); err == nil || !strings.Contains(err.Error(), "(the step a was skipped, as its condition was false)") {
		t.Errorf("%v", err)
	}
}

// TestResponsesAreBounded checks that a state keeps only what a step asks for.
func TestResponsesAreBounded(t *testing.T) {
	i := start(t, steps(call("unused", "x"), call("b", "x")))
	i.settle(fine)
	if r := i.state.Answers["unused"].Response; r != nil {
		t.Errorf("kept %s", r)
	}
	var all []orchestration.Step
	uses := ""
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		all = append(all, call(name, "x"))
		uses += "{{ steps." + name + ".response }}"
	}
	i = start(t, steps(append(all, call("end", uses))...))
	sum := 0
	for range 5 {
		i.settle(orchestration.Result{Response: []byte(`"` + strings.Repeat("x", 60<<10) + `"`)})
		i.advance()
	}
	for _, a := range i.state.Answers {
		sum += len(a.Response)
	}
	if sum > 256<<10 || i.state.Answers["e"].Dropped == "" || i.state.Answers["d"].Response == nil {
		t.Errorf("%d bytes are kept", sum)
	}
}

// TestRender checks what the dispatcher gets of each kind of step.
func TestRender(t *testing.T) {
	for name, c := range map[string]struct {
		step orchestration.Step
		want orchestration.Rendered
	}{
		"webhook": {call("a", "{{ ad.givenName }}"), orchestration.Rendered{Webhook: &abi.Webhook{
			Name: "a", Method: "POST", Path: "/x", MessageType: "text", Body: "Ada", Cost: 1,
		}}},
		"mail": {
			orchestration.Step{Mail: &orchestration.Mail{
				To: []string{"{{ manager.mail }}", "{{ [ad.mail, \"hr@example.org\"] }}"}, Cc: []string{"x@example.org"},
				Subject: "{{ ad.cn }} leaves", Text: "{{ ad.cn }} & co", HTML: "<b>{{ ad.cn }}</b>",
			}},
			orchestration.Rendered{Mail: &orchestration.Message{
				To: []string{"boss@example.org", "ada@example.org", "hr@example.org"}, Cc: []string{"x@example.org"},
				Subject: "Ada <A> leaves", Text: "Ada <A> & co", HTML: "<b>Ada &lt;A&gt;</b>",
			}},
		},
		"command": {
			orchestration.Step{Command: []string{"/bin/badge", "--name", "{{ ad.cn }}", "--", "{{ ad.dash }}"}},
			orchestration.Rendered{Command: []string{"/bin/badge", "--name", "Ada <A>", "--", "-rf"}},
		},
		"update": {
			orchestration.Step{Directory: &orchestration.Directory{Action: "update", Attributes: map[string]string{
				"otherTelephone": "{{ ad.otherTelephone }}", "title": `{{ default(ad.title, "") }}`, "department": "  {{ ad.team }} ",
			}}},
			orchestration.Rendered{Directory: &orchestration.Write{Action: "update", Attributes: []orchestration.AttributeValues{
				{Name: "department", Values: []string{"R+D, x"}}, {Name: "otherTelephone", Values: []string{"1", "2"}}, {Name: "title"},
			}}},
		},
		"move": {
			orchestration.Step{Directory: &orchestration.Directory{Action: "move", OU: "OU={{ ad.team }},DC=x"}},
			orchestration.Rendered{Directory: &orchestration.Write{Action: "move", OU: `OU=R\+D\, x,DC=x`}},
		},
		"groups": {
			orchestration.Step{Directory: &orchestration.Directory{Action: "remove_groups", Groups: []string{"CN=B,DC=x", "{{ ad.memberOf }}"}}},
			orchestration.Rendered{Directory: &orchestration.Write{Action: "remove_groups", Groups: []ident.DN{"CN=B,DC=x", "CN=A,DC=x"}}},
		},
		"disable": {
			orchestration.Step{Directory: &orchestration.Directory{Action: "disable"}},
			orchestration.Rendered{Directory: &orchestration.Write{Action: "disable"}},
		},
	} {
		o := compile(t, steps(c.step))
		got, err := o.Render(0, o.Start(began), staff())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestWhatCannotBeRendered checks that nothing is sent with a value that is
// missing or that could mean something else at its place.
func TestWhatCannotBeRendered(t *testing.T) {
	to := func(to string) orchestration.Step {
		return orchestration.Step{Mail: &orchestration.Mail{To: []string{to}, Subject: "s", Text: "t"}}
	}
	subject := to("a@example.org")
	subject.Mail.Subject = "{{ ad.lines }}"
	group := func(action orchestration.Action, text string) orchestration.Step {
		d := &orchestration.Directory{Action: action, Groups: []string{text}}
		if action == "move" {
			d = &orchestration.Directory{Action: action, OU: text}
		}
		return orchestration.Step{Directory: d}
	}
	for name, c := range map[string]struct {
		step orchestration.Step
		want string
	}{
		"an absent value":        {update("u", "{{ ad.title }}"), "step u: directory.attributes.mobile: 1:3: ad.title is absent"},
		"an absent address":      {to("{{ ad.other }}"), "mail.to[0]: 1:3: ad.other is absent"},
		"two addresses in one":   {to("{{ ad.two }}"), `mail.to[0]: "a@example.org,b@example.org" is not one mail address`},
		"no address":             {to("{{ ad.cn }}"), "is not one mail address"},
		"an empty list":          {to("{{ filter(ad.otherTelephone, # == \"3\") }}"), "mail.to: the lists give no address"},
		"a null in a list":       {to("{{ [ad.nothing] }}"), "mail.to[0]: 1:3: "},
		"a header in a subject":  {subject, "mail.subject: 1:3: "},
		"a header in an address": {to("{{ ad.lines }}"), "mail.to[0]: 1:3: "},
		"an option from a value": {orchestration.Step{Command: []string{"/bin/x", "{{ ad.dash }}"}}, `command[1]: the value "-rf" begins with -`},
		"a NUL in an argument":   {orchestration.Step{Command: []string{"/bin/x", `{{ "a\x00" }}`}}, "command[1]: it contains a NUL"},
		"a list as an argument":  {orchestration.Step{Command: []string{"/bin/x", "{{ ad.memberOf }}"}}, "cannot be part of a text"},
		"an absent OU":           {group("move", "OU={{ ad.none }},DC=x"), "directory.ou: 1:1: ad.none is absent (a DN is needed here)"},
		"no DN":                  {group("move", "{{ ad.cn }}"), "directory.ou: 1:1: "},
		"two OUs":                {group("move", "{{ [ad.dn, ad.ou] }}"), "it gives 2 containers"},
		"an empty group":         {group("add_groups", `CN={{ default(ad.none, "") }},DC=x`), "directory.groups[0]: 1:1: the text is empty"},
	} {
		o := compile(t, steps(c.step))
		if got, err := o.Render(0, o.Start(began), staff()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v, want %s", name, got, err, c.want)
		}
	}
}

// TestPasswordStaysSecret checks that the password reaches the steps that may
// have it, and no error and no state.
func TestPasswordStaysSecret(t *testing.T) {
	const password = "S3cret\x01Value"
	header := call("h", "{{ password }}")
	header.Webhook.Call.Headers = map[string]string{"X-P": "{{ password }}"}
	d := steps(onError(header, "continue", ""), mail("m", "{{ password }}"))
	d.Password = true
	o := compile(t, d)
	if !o.UsesPassword(0) || !o.UsesPassword(1) {
		t.Error("the steps use the password")
	}
	v := staff()
	v.Password = password
	_, err := o.Render(0, o.Start(began), v)
	if err == nil || strings.Contains(err.Error(), "S3cret") || !strings.Contains(err.Error(), "webhook.headers.X-P: 1:3: a value is missing") {
		t.Errorf("%v", err)
	}
	if r, err := o.Render(1, o.Start(began), v); err != nil || r.Mail.Text != password {
		t.Errorf("%+v, %v", r, err)
	}
	v.Password = ""
	if _, err := o.Render(1, o.Start(began), v); err == nil {
		t.Error("a mail without its password is sent")
	}
	s := o.Start(began)
	s, _, _ = o.Advance(s, v)
	s, _, err = o.Settle(s, orchestration.Result{Response: []byte(`{"password": "S3cret"}`)}, began.Add(time.Second), 0)
	if err != nil || s.Answers["h"].Response != nil || s.Answers["h"].Dropped == "" {
		t.Errorf("%+v, %v", s.Answers, err)
	}
}
