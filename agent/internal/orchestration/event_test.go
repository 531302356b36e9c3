package orchestration_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// to is a step that calls an application.
func to(application, body string) orchestration.Step {
	s := call(application, body)
	s.Webhook.Application, s.Webhook.Ref = application, application+"/x"
	return s
}

// TestNothingGoesBack: a step that calls the application that the change came from is
// skipped, also where its condition could not be told, and the next one goes on.
func TestNothingGoesBack(t *testing.T) {
	back, other := to("crm", "{{ ad.mail }}"), to("hr", "{{ ad.mail }}")
	back.If = "steps.none.response == 1 || ad.mail == 5"
	back.If = "ad.mail > 5"
	o := compile(t, steps(back, other))
	state, decision, err := o.Advance(o.Start(began), orchestration.Values{
		Object: person(ident.Attributes{"mail": {"a@x"}}, true), From: []string{"crm"}, Now: began,
	})
	if err != nil || decision.Do != orchestration.DoDeliver || decision.Step != 1 {
		t.Fatalf("%+v, %v", decision, err)
	}
	want := []orchestration.Passed{{Step: 0, Turn: 1, Outcome: orchestration.OutcomeSkipped, Reason: "not sent: this change came from crm"}}
	if d := cmp.Diff(want, decision.Passed); d != "" || state.Answers["crm"].Outcome != orchestration.OutcomeSkipped {
		t.Errorf("%s%+v", d, state.Answers)
	}
}

func TestOnlyTo(t *testing.T) {
	wait := orchestration.Step{Name: "wait", Delay: orchestration.Duration(60e9)}
	mail := orchestration.Step{Name: "mail", Mail: &orchestration.Mail{To: []string{"a@x"}, Subject: "s", Text: "t"}}
	for name, c := range map[string]struct {
		steps []orchestration.Step
		from  []string
		want  bool
	}{
		"to it alone":            {[]orchestration.Step{to("crm", "x"), wait}, []string{"crm"}, true},
		"from nowhere":           {[]orchestration.Step{to("crm", "x")}, nil, false},
		"to another one":         {[]orchestration.Step{to("crm", "x"), to("hr", "x")}, []string{"crm"}, false},
		"something else is done": {[]orchestration.Step{to("crm", "x"), mail}, []string{"crm"}, false},
		"it only waits":          {[]orchestration.Step{wait}, []string{"crm"}, false},
	} {
		if got := compile(t, steps(c.steps...)).OnlyTo(c.from); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestTheLastImage: an object that was deleted is as it was last seen, and nobody can
// log on with it.
func TestTheLastImage(t *testing.T) {
	o := compile(t, steps(call("a", "{{ ad.mail }} {{ string(ad.disabled) }} {{ ad.dn }} {{ old.title }}")))
	e := ident.Event{
		GUID: "g", DN: "CN=Ada,OU=Staff,DC=x", From: "CN=Ada,OU=Staff,DC=x", Parts: []ident.EventPart{{Kind: ident.EventDeleted}},
		Image: ident.Attributes{
			"mail": {"a@x"}, "title": {"Boss"}, "useraccountcontrol": {"512"}, "thumbnailphoto": {"\xff\xd8"}, "info": {"unused"},
			"manager": {"CN=B,DC=x"},
		},
	}
	image := o.ImageOf(e)
	if d := cmp.Diff(&ident.Entry{GUID: "g", DN: e.DN, Attributes: ident.Attributes{"mail": {"a@x"}, "useraccountcontrol": {"512"}}}, image); d != "" {
		t.Errorf("image (-want +got)\n%s", d)
	}
	if d := cmp.Diff(&ident.Entry{GUID: "g", DN: e.DN, Attributes: ident.Attributes{"title": {"Boss"}}}, o.FormerOf(e)); d != "" {
		t.Errorf("old (-want +got)\n%s", d)
	}
	ad, _ := o.Env(0, o.Start(began), orchestration.Values{Object: image, Gone: true})["ad"].(map[string]any)
	if ad["disabled"] != true || ad["mail"] != "a@x" || ad["dn"] != "CN=Ada,OU=Staff,DC=x" {
		t.Errorf("%v", ad)
	}
	e.Parts = []ident.EventPart{{Kind: ident.EventDisabled}}
	if o.ImageOf(e) != nil {
		t.Error("an object that is there has an image")
	}
	e.From = ""
	if o.FormerOf(e) != nil {
		t.Error("an object that was not there has a former state")
	}
}

// TestWhatWasEmptyBefore: what others have set since is not taken for the former value.
func TestWhatWasEmptyBefore(t *testing.T) {
	o := compile(t, steps(call("a", "{{ default(old.title, 'none') }}")))
	e := ident.Event{
		GUID: "g", DN: "CN=Ada,DC=x", From: "CN=Ada,DC=x", Image: ident.Attributes{"title": {"Boss"}},
		Parts: []ident.EventPart{{Kind: ident.EventModified, Attribute: "title", New: []string{"Boss"}}},
	}
	in := orchestration.Input{Change: &orchestration.Change{Kind: "modified"}, Old: o.FormerOf(e)}
	now := person(ident.Attributes{"title": {"Head"}}, true)
	old, _ := o.Env(0, o.Start(began), orchestration.Values{Object: now, Old: in.Before(now)})["old"].(map[string]any)
	if old == nil || old["title"] != nil {
		t.Errorf("%v", old)
	}
}

// TestTheChange as expressions see it.
func TestTheChange(t *testing.T) {
	o := compile(t, steps(call("a", "{{ change.group.name }}")))
	env := o.Env(0, o.Start(began), orchestration.Values{Change: &orchestration.Change{
		Kind: "member_added", Kinds: []string{"member_added"}, Group: &orchestration.ChangeGroup{GUID: "g", DN: "CN=CRM,DC=x", Name: "CRM"},
	}})
	want := map[string]any{
		"kind": "member_added", "kinds": []any{"member_added"}, "attributes": []any{},
		"group": map[string]any{"dn": "CN=CRM,DC=x", "name": "CRM", "objectGUID": "g"},
	}
	if d := cmp.Diff(want, env["change"]); d != "" {
		t.Error(d)
	}
	env = o.Env(0, o.Start(began), orchestration.Values{Change: &orchestration.Change{Kind: "updated", Attributes: []string{"mail"}}})
	want = map[string]any{"kind": "updated", "kinds": []any{"updated"}, "attributes": []any{"mail"}, "group": nil}
	if d := cmp.Diff(want, env["change"]); d != "" {
		t.Error(d)
	}
}

// TestWhatIsSent: body and parameters of calls that write, and make no link.
func TestWhatIsSent(t *testing.T) {
	put := to("crm", "{{ ad.Mail }} {{ ad.sn }} {{ ad.mail }}")
	put.Webhook.Call.Method = "PUT"
	reads, makes := to("hr", ""), to("new", "{{ ad.mail }}")
	reads.Webhook.Call.Method, reads.Webhook.Call.Params = "GET", map[string]string{"term": "{{ ad.mail }}"}
	makes.Webhook.Call.LinkKey = "/id"
	got := compile(t, steps(put, reads, makes)).Sends()
	if len(got) != 1 || got[0].Application != "crm" || strings.Join(got[0].Attributes, " ") != "mail sn" {
		t.Errorf("%+v", got)
	}
}
