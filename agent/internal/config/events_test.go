package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// leavers is the example of the documentation.
const leavers = `
[automations.leavers]
trigger       = "directory"
on            = ["disabled", "deleted", "modified(title,  Department )"]
base          = "OU=Staff,DC=example,DC=com"
where         = 'links.pipedrive != null && (change.kind == "deleted" || "disabled" in change.kinds) && old.title != ad.title'
orchestration = "leaver"
limits        = { start = "20%" }

[automations.groups]
trigger       = "directory"
on            = ["modified", "member_added", "member_removed"]
object        = "group"
orchestration = "leaver"
`

func TestAutomationsThatChangesBegin(t *testing.T) {
	c := mustLoad(t, map[string]string{"agent.toml": outboundBase(t) + leavers})
	a, groups := c.Triggered["leavers"], c.Triggered["groups"]
	for _, check := range []struct {
		name      string
		got, want any
	}{
		{"events", a.Events, []ident.On{
			{Kind: ident.EventDisabled}, {Kind: ident.EventDeleted}, {Kind: ident.EventModified, Attributes: []string{"title", "department"}},
		}},
		{"trigger, object, base", []any{a.Trigger, a.Object, a.Base}, []any{TriggerDirectory, ident.ObjectUser, ident.DN("OU=Staff,DC=example,DC=com")}},
		{"limit", a.Limits.Start, plan.Limit{Percent: 20}},
		{"filter", a.Filter != nil, true},
		{"of groups", []any{groups.Object, groups.Filter == nil, groups.Limits.Start}, []any{ident.ObjectGroup, true, plan.DefaultStart()}},
		{"events of groups", groups.Events, []ident.On{
			{Kind: ident.EventModified}, {Kind: ident.EventMemberAdded}, {Kind: ident.EventMemberRemoved},
		}},
	} {
		if d := cmp.Diff(check.want, check.got); d != "" {
			t.Errorf("%s (-want +got)\n%s", check.name, d)
		}
	}
	_, over := c.Automations["leavers"]
	if over {
		t.Error("it is among the automations over records")
	}
}

// TestWarningsAboutChanges: an attribute may be one of an extended schema, and where
// may look at the change alone.
func TestWarningsAboutChanges(t *testing.T) {
	text := strings.Replace(leavers, "title,  Department", "titel, phone", 1)
	text = strings.Replace(text, "where         = 'links", "where         = 'now != null' # 'links", 1)
	c := mustLoad(t, map[string]string{"agent.toml": outboundBase(t) + text})
	var got []string
	for _, w := range c.Warnings {
		if strings.HasPrefix(w.Key, "automations.leavers") {
			got = append(got, w.Message+" | "+w.Hint)
		}
	}
	if d := cmp.Diff([]string{
		`titel is no attribute that AD has for users by itself | did you mean "title"? it is right if your schema has it`,
		`phone is no attribute that AD has for users by itself | did you mean "telephoneNumber"? it is right if your schema has it`,
		`where does not look at the object: it is the same for everybody | name an attribute, such as ad.department`,
	}, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestChangesThatNobodySees: what can never fire is refused when it is loaded, with the
// reason.
func TestChangesThatNobodySees(t *testing.T) {
	for name, reason := range map[string]string{
		"objectClass": "it says what an object is, which stays", "isDeleted": "that is of the kinds deleted and restored",
		"unicodePwd": "the directory shows it to nobody", "lastLogon": "each domain controller has its own",
		"tokenGroups": "the directory computes it when it is asked for",
	} {
		text := strings.Replace(leavers, "title,  Department", name, 1)
		all := strings.Join(loadErrors(t, map[string]string{"agent.toml": outboundBase(t) + text}), "\n")
		if want := "no change of " + name + " can be seen: " + reason; !strings.Contains(all, want) {
			t.Errorf("%s does not say %q", all, want)
		}
	}
}
