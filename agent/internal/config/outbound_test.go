package config

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// outboundBase returns the base with webhooks and orchestrations.
func outboundBase(t *testing.T) string {
	t.Helper()
	more, err := os.ReadFile("testdata/outbound.toml")
	if err != nil {
		t.Fatal(err)
	}
	return base(t) + string(more)
}

// given returns what the configuration sets of a webhook, without a manifest.
func given(c *Config) Complete {
	return func(ref string) (orchestration.Webhook, map[string]Pos) {
		w := orchestration.Webhook{Ref: ref, Application: c.ApplicationOf(ref)}
		if own, ok := c.Webhooks[ref]; ok {
			w.Call, _ = own.Call()
		}
		return w, nil
	}
}

// notYet begins each warning of what is read and not carried out.
const notYet = "this version "

func TestOutboundIsRead(t *testing.T) {
	c := mustLoad(t, map[string]string{"agent.toml": outboundBase(t)})
	for _, w := range c.Warnings {
		if !strings.Contains(w.Message, notYet) {
			t.Error(w.String())
		}
	}
	if len(c.Warnings) != 0 {
		t.Errorf("%d warnings of what is not carried out", len(c.Warnings))
	}
	leaver, _ := c.OrchestrationDefinition("leaver", given(c))
	hour, day := orchestration.Duration(time.Hour), orchestration.Duration(24*time.Hour)
	retry := orchestration.Retry{Attempts: 8, Backoff: orchestration.Duration(30 * time.Second), Max: 6 * hour}
	want := orchestration.Definition{
		Name: "leaver", OnError: orchestration.OnError{Do: "stop"}, CancelWhen: "!ad.disabled", Within: 30 * day,
		Steps: []orchestration.Step{
			{Name: "deactivate", If: "link != null", Retry: retry, OnError: &orchestration.OnError{Do: "goto", Goto: "tell"}, Webhook: &orchestration.Webhook{Ref: "pipedrive/deactivate_user", Application: "pipedrive"}},
			{Delay: day, Retry: retry},
			{WaitUntil: `ad.department == "x"`, Deadline: 7 * day, Retry: retry},
			{
				Directory: &orchestration.Directory{Action: "remove_groups", Groups: []string{"CN=CRM,OU=Groups,DC=example,DC=com"}},
				OnError:   &orchestration.OnError{Do: "continue"}, Retry: retry,
			},
			{Name: "tell", Retry: retry, Mail: &orchestration.Mail{
				To: []string{"a@example.com", "{{ manager.mail }}"}, Cc: []string{"b@example.com"}, Subject: "s", HTML: "<p>{{ ad.cn }}</p>",
			}},
		},
	}
	if diff := cmp.Diff(want, leaver); diff != "" {
		t.Errorf("leaver (-want +got):\n%s", diff)
	}
	welcome, _ := c.OrchestrationDefinition("welcome", given(c))
	stale := c.Triggered["stale"]
	person, _ := c.Webhooks["infobip_person"].Call()
	for _, check := range []struct {
		name      string
		got, want any
	}{
		{"password", welcome.Password, true},
		{"within", time.Duration(welcome.Within), orchestration.DefaultWithin},
		{"on_error", welcome.OnError, orchestration.OnError{Do: "stop"}},
		{"after a creation, once", c.Automations["crm"].Starts(ident.ClassCreate), []string{"welcome"}},
		{"after a disable", c.Automations["crm"].Starts(ident.ClassDisable), []string{"leaver"}},
		{"after a move", len(c.Automations["crm"].Starts(ident.ClassMove)), 0},
		{"limits.start", c.Automations["crm"].Limits.Start, plan.Limit{Count: 50}},
		{"limits.start by default", c.Automations["staff"].Limits.Start, plan.Limit{Count: 20, Percent: 20}},
		{"automations over records", sortedKeys(c.Automations), []string{"crm", "staff"}},
		{"stale", []any{stale.Base, stale.Orchestration, stale.Every, stale.Limits.Start, stale.Filter != nil}, []any{
			ident.DN("OU=Staff,DC=example,DC=com"), "leaver", 30 * 24 * time.Hour, plan.Limit{Percent: 10}, true,
		}},
		{"application of from", c.Webhooks["new_agent"].Application, "infobip"},
		{"verify", person.Verify, &abi.Verify{
			Method: "GET", Path: "/people/2/persons", Params: map[string]string{"type": "EXTERNAL_ID", "identifier": "{{ ad.objectGUID }}"},
		}},
		{"used", c.UsedApplications(), []string{"infobip", "pipedrive"}},
		{"secrets", slices.ContainsFunc(c.NamedSecrets(), func(s NamedSecret) bool { return s.Key == "[mail] password" }), true},
	} {
		if diff := cmp.Diff(check.want, check.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", check.name, diff)
		}
	}
}

// TestOverAPreconfiguredWebhook checks what a configuration replaces of a
// connector's webhook, and that the connector's own stays as it is.
func TestOverAPreconfiguredWebhook(t *testing.T) {
	base := abi.Webhook{
		Name: "create_agent", Method: "POST", Path: "/agents", Params: map[string]string{"a": "1", "b": "2"}, Body: `{}`, MessageType: abi.MessageJSON,
		LinkKey: "/id", Repeatable: true, Scopes: []string{"s"},
	}
	params := map[string]Text{"b": {Text: "{{ ad.cn }}", Pos: Pos{File: "f", Line: 3, Column: 4}}}
	url := Text{Text: "https://x.example/y"}
	for name, c := range map[string]struct {
		webhook Webhook
		want    func(*abi.Webhook)
	}{
		"one param":   {Webhook{Params: params}, func(w *abi.Webhook) { w.Params = map[string]string{"a": "1", "b": "{{ ad.cn }}"} }},
		"url":         {Webhook{URL: &url}, func(w *abi.Webhook) { w.Path, w.URL = "", url.Text }},
		"no body":     {Webhook{Body: &Text{}}, func(w *abi.Webhook) { w.Body, w.MessageType = "", abi.MessageNone }},
		"verify":      {Webhook{Verify: &Verify{Method: "GET", Path: &Text{Text: "/z"}}}, func(w *abi.Webhook) { w.Repeatable, w.Verify = false, &abi.Verify{Method: "GET", Path: "/z"} }},
		"ends link":   {Webhook{EndsLink: new(true)}, func(w *abi.Webhook) { w.EndsLink = true }},
		"description": {Webhook{Description: "d"}, func(w *abi.Webhook) { w.Description = "d" }},
	} {
		want := base
		want.Name = "mine"
		c.want(&want)
		c.webhook.Name = "mine"
		got, places := c.webhook.Over(base)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if name == "one param" && places["params.b"].Line != 3 {
			t.Errorf("places %v", places)
		}
	}
	if base.Params["b"] != "2" {
		t.Error("the manifest was changed")
	}
}

// TestWarningsOfOutbound loads what is valid but probably not intended.
func TestWarningsOfOutbound(t *testing.T) {
	for name, c := range map[string]struct{ old, with, want string }{
		"an unused webhook":       {"webhook = \"new_agent\"", "webhook = \"infobip/create_agent\"", `warning: webhook "new_agent" is used nowhere`},
		"an unused orchestration": {`created = "welcome", disabled = "leaver"`, `created = "welcome"`, ""},
		"by hand only": {
			"[orchestrations.leaver]", "[orchestrations.other]\nsteps = [{ delay = \"1h\" }]\n[orchestrations.leaver]",
			"orchestration \"other\" is named by no automation (it runs only for whom somebody starts it)",
		},
		"a password that nobody gets": {`text = "{{ password }}"`, `text = "x"`, "which does not use password: nobody would learn it"},
		"deletes":                     {`disabled = "leaver" }`, `disabled = "leaver", deleted = "leaver" }`, "after.deleted starts nothing yet: no automation deletes anybody in this version"},
		"a filter that is constant":   {`where = '!ad.disabled && date_diff(from_filetime(ad.lastLogonTimestamp), now, "days") > 90 && links.pipedrive != null'`, `where = 'true'`, "where does not look at the object: it is the same for everybody (name an attribute, such as ad.department)"},
		"limits of nothing":           {"within = \"30d\"", "within = \"30d\"\nlimits = { groups = 7, delete = 3 }", "limits.delete limits nothing: no directory step of the orchestration does that"},
		"a constant if":               {`if = 'link != null'`, `if = 'true'`, "it is always true, whatever the object is"},
	} {
		text := strings.Replace(outboundBase(t), c.old, c.with, 1)
		if text == outboundBase(t) {
			t.Fatalf("%s: the base has no %s", name, c.old)
		}
		var got []string
		for _, w := range mustLoad(t, map[string]string{"agent.toml": text}).Warnings {
			if !strings.HasPrefix(w.Message, notYet) {
				got = append(got, w.String())
			}
		}
		if all := strings.Join(got, "\n"); !strings.Contains(all, c.want) || c.want == "" && all != "" {
			t.Errorf("%s: got  %s\nwant %s", name, all, c.want)
		}
	}
}

// TestPasswordsAreHandedOverWhereThereIsOne: nothing else starts the orchestration
// that delivers them.
func TestPasswordsAreHandedOverWhereThereIsOne(t *testing.T) {
	const none = `orchestration "welcome" hands over an initial password, and there is none here`
	for name, c := range map[string]struct{ old, with, want string }{
		"after another change": {`disabled = "leaver" }`, `disabled = "leaver", updated = "welcome" }`, `updated = "welcome"`},
		"by a schedule":        {"orchestration = \"leaver\"", "orchestration = \"welcome\"", `orchestration = "welcome"`},
		"of another automation": {
			"[automations.stale]", "[automations.other]\ndata_source = \"people\"\naction = \"create\"\nou = \"OU=Staff,DC=example,DC=com\"\n" +
				"after = { created = \"welcome\" }\n[automations.stale]", `after = { created = "welcome" }`,
		},
	} {
		text := strings.Replace(outboundBase(t), c.old, c.with, 1)
		got := loadErrors(t, map[string]string{"agent.toml": text})
		if len(got) != 1 || !strings.Contains(got[0], none) {
			t.Fatalf("%s: %q", name, got)
		}
		line, err := strconv.Atoi(strings.Split(got[0], ":")[1])
		if err != nil || !strings.Contains(strings.Split(text, "\n")[line-1], c.want) {
			t.Errorf("%s: %s", name, got[0])
		}
	}
	got := strings.Join(loadErrors(t, map[string]string{"agent.toml": strings.Replace(outboundBase(t), `password = { deliver = "welcome" }`, "", 1)}), "\n")
	if !strings.Contains(got, "unknown name password (the initial password is known only to the orchestration that password.deliver") {
		t.Error(got)
	}
	unused := strings.Replace(outboundBase(t), "{{ password }}", "x", 1)
	mustLoad(t, map[string]string{"agent.toml": strings.Replace(unused, `orchestration = "leaver"`, `orchestration = "welcome"`, 1)})
}

// TestDigestOfOutbound: what follows the changes of a plan belongs to it by its
// name. How it is done does not.
func TestDigestOfOutbound(t *testing.T) {
	of := func(text string) string {
		d, err := mustLoad(t, map[string]string{"agent.toml": text}).Digest("crm")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	text := outboundBase(t)
	for _, edit := range []struct {
		old, with   string
		same        bool
		differences string // those for the automation
	}{
		{`path = "/people/2/persons"`, `path = "/people/3/persons"`, true, ""},
		{`delay = "24h"`, `delay = "25h"`, true, ""},
		{`smtps://mail`, `smtps://mail2`, true, ""},
		{`every = "30d"`, `every = "31d"`, true, ""},
		{`start = 50`, `start = 51`, true, "[automations.crm] (limits)"},
		{`disabled = "leaver"`, `enabled = "leaver"`, false, "[automations.crm] (after)"},
		{`password = { deliver = "welcome" }`, `password = { length = 24 }`, false, "[automations.crm] (password)"},
	} {
		changed := strings.Replace(text, edit.old, edit.with, 1)
		changed = strings.Replace(changed, "{{ password }}", "{{ default(ad.x, 'x') }}", 1)
		before := strings.Replace(text, "{{ password }}", "{{ default(ad.x, 'x') }}", 1)
		if changed == before {
			t.Fatalf("the base does not hold %s", edit.old)
		}
		if same := of(changed) == of(before); same != edit.same {
			t.Errorf("%s -> %s: same digest is %t", edit.old, edit.with, same)
		}
		former, now := mustLoad(t, map[string]string{"agent.toml": before}), mustLoad(t, map[string]string{"agent.toml": changed})
		if got := said(now.DifferencesFor(former, "crm")); got != edit.differences {
			t.Errorf("%s -> %s: differences for the automation: %s", edit.old, edit.with, got)
		}
		if len(now.Differences(former)) == 0 {
			t.Errorf("%s -> %s: no difference at all", edit.old, edit.with)
		}
	}
}

func TestOutlineNamesWhatIsCalled(t *testing.T) {
	dir := writeFiles(t, map[string]string{"agent.toml": outboundBase(t)})
	out := ReadOutline(filepath.Join(dir, "agent.toml"))
	got := [][]string{out.Automations, out.Webhooks, out.Orchestrations}
	want := [][]string{{"crm", "staff"}, {"infobip_person", "new_agent"}, {"leaver", "welcome"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestStepLimits: what is not written has the default of an automation, and so has
// an orchestration that is no longer there.
func TestStepLimits(t *testing.T) {
	c := mustLoad(t, map[string]string{"agent.toml": strings.Replace(outboundBase(t), "within = \"30d\"", "within = \"30d\"\nlimits = { groups = \"10%\" }", 1)})
	want := map[ident.Class]plan.Limit{}
	for class, limit := range plan.DefaultLimits() {
		switch class {
		case ident.ClassUpdate, ident.ClassRename, ident.ClassMove, ident.ClassEnable, ident.ClassDisable, ident.ClassDelete, ident.ClassGroups:
			want[class] = limit
		}
	}
	if d := cmp.Diff(want, c.StepLimits("gone")); d != "" {
		t.Error(d)
	}
	want[ident.ClassGroups] = plan.Limit{Percent: 10}
	if d := cmp.Diff(want, c.StepLimits("leaver")); d != "" {
		t.Error(d)
	}
}

// TestWhereATriggerLooks: only within scope, and links of any kind may be meant.
func TestWhereATriggerLooks(t *testing.T) {
	base := outboundBase(t)
	const staff = `base = "OU=Staff,DC=example,DC=com"`
	with := func(old, changed string) map[string]string {
		text := strings.Replace(base, old, changed, 1)
		if text == base {
			t.Fatalf("the base has no %s", old)
		}
		return map[string]string{"agent.toml": text}
	}
	got := loadErrors(t, with(staff, `base = "OU=Elsewhere,DC=example,DC=com"`))
	if len(got) != 1 || !strings.Contains(got[0], `base "OU=Elsewhere,DC=example,DC=com" is outside of scope: nothing would begin`) {
		t.Errorf("%q", got)
	}
	mustLoad(t, with(staff, `base = "DC=example,DC=com"`)) // above the scope: all of it
	mustLoad(t, with(staff, ""))
	mustLoad(t, with("links.pipedrive != null'", "links[\"pipedrive/person\"] != null'"))
	got = loadErrors(t, with("links.pipedrive != null'", "links.pipedriv != null && links[\"infobp/person\"] != null'"))
	if all := strings.Join(got, "\n"); len(got) != 2 || !strings.Contains(all, `there is no application "pipedriv"`) || !strings.Contains(all, `there is no application "infobp"`) {
		t.Errorf("%q", got)
	}
}
