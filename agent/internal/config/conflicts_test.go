package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// conflictBase has two applications and a person's title in both.
const conflictBase = `
[agent]
state_dir = "state"
modules_dir = "modules"

[directory]
urls = ["ldaps://dc1.example.com"]
base_dn = "DC=example,DC=com"
scope = ["OU=Staff,DC=example,DC=com"]
bind_dn = "rollcall@example.com"
bind_password = "@{env:PASSWORD}"

[applications.crm]
connector = "pipedrive"
auth = "api_key"
api_key = "@{env:KEY}"
[applications.hr]
connector = "pipedrive"
auth = "api_key"
api_key = "@{env:KEY}"

[data_sources.people]
category = "lifecycle"
application = "crm"
endpoints = ["users"]
primary_key = "id"
[data_sources.people.attributes]
sAMAccountName = { value = "{{ sam_safe(user.name) }}", apply = "create" }
displayName = "{{ user.name }}"
title = "{{ user.title }}"
department = { value = "{{ user.department }}", authoritative = "directory" }
company = "'Example'"
proxyAddresses = { values = ["smtp:{{ user.email }}"], merge = "add" }
info = { value = "{{ user.info }}", apply = "if_empty" }
[automations.staff]
data_source = "people"
action = "lifecycle"
ou = "OU=Staff,DC=example,DC=com"
match = ["displayName"]

[data_sources.more]
category = "update"
application = "hr"
endpoints = ["users"]
primary_key = "id"
[data_sources.more.attributes]
mobile = "{{ user.mobile }}"
department = "{{ user.department }}"
company = "'Example'"
proxyAddresses = { values = ["smtp:{{ user.other }}"], merge = "add" }
info = "{{ user.note }}"
[automations.more]
data_source = "more"
action = "update"
match = ["mobile"]

[webhooks.put]
application = "crm"
method = "PUT"
path = "/v1/users/{{ link.key }}"
params = { dept = "{{ ad.department }}" }
message_type = "json"
body = '{"title": "{{ ad.Title }}"}'
[orchestrations.send]
steps = [{ name = "tell", webhook = "put" }]
[orchestrations.write]
steps = [{ directory = { action = "update", attributes = { mobile = "1", pager = "2" } } }]
`

// TestConflicts: what certainly has no end is an error, what two may undo of each
// other a warning, and both places are named.
func TestConflicts(t *testing.T) {
	const (
		sendTitle = "\n[automations.react]\ntrigger = \"directory\"\non = [\"disabled\", \"modified(title)\"]\norchestration = \"send\"\n"
		writes    = "\n[automations.react]\ntrigger = \"directory\"\non = [\"modified(mobile)\"]\norchestration = \"write\"\n"
	)
	for name, c := range map[string]struct {
		old, new string // in conflictBase
		more     string
		err      string // "": it loads
		warning  string // "": none
	}{
		"none": {},
		"two applications": {
			old: `mobile = "{{ user.mobile }}"`, new: "mobile = \"{{ user.mobile }}\"\nTitle = \"{{ user.job }}\"",
			warning: `automations more and staff both write Title: of whoever is linked to both applications, each run would undo what the other one wrote (see agent.toml:48:1)`,
		},
		"two applications, one of which asks first": {old: "action = \"update\"\n", new: "action = \"update\"\napproval = \"always\"\n", more: "\n[data_sources.more.attributes.title]\nvalue = \"{{ user.job }}\"\n"},
		"two applications that share nobody":        {old: "action = \"update\"\nmatch = [\"mobile\"]\n", new: "action = \"update\"\nmatch = [\"mobile\"]\nadopt = \"never\"\n", more: "\n[data_sources.more.attributes.title]\nvalue = \"{{ user.job }}\"\n"},
		"one application, the same people": {
			old: `application = "hr"`, new: `application = "crm"`, more: "\n[data_sources.more.attributes.title]\nvalue = \"{{ user.job }}\"\n",
			err: `automations more and staff both write title of the same people, and each would undo what the other writes: it is also mapped at agent.toml:`,
		},
		"one application, other people": {
			old: `application = "hr"`, new: "application = \"crm\"\nwhere = 'user.other'", more: "\n[data_sources.more.attributes.title]\nvalue = \"{{ user.job }}\"\n",
		},
		"sent back": {
			more: sendTitle,
			err:  `agent.toml:71:20: automation react sends changes of title to application crm (step tell, webhook put), which is authoritative for it: data source people maps it at agent.toml:30:1, and a run would put it back (authoritative = "directory" for title there lets the directory decide; or do not ask for it)`,
		},
		"sent back, of any attribute": {
			more: strings.Replace(sendTitle, "modified(title)", "modified", 1),
			err:  `agent.toml:71:20: automation react sends changes of title`,
		},
		"sent back, the directory decides": {more: strings.Replace(sendTitle, "title", "department", 1)},
		"sent back, not of what is asked":  {more: strings.Replace(sendTitle, "title", "displayName", 1)},
		"sent to another application":      {old: "[webhooks.put]\napplication = \"crm\"", new: "[webhooks.put]\napplication = \"hr\"", more: sendTitle},
		"it makes the link":                {old: "message_type = \"json\"", new: "link_key = \"/id\"\nverify = { path = \"/x\" }\nmessage_type = \"json\"", more: sendTitle},
		"only read":                        {old: "method = \"PUT\"\npath = \"/v1/users/{{ link.key }}\"\nparams = { dept = \"{{ ad.department }}\" }\nmessage_type = \"json\"\nbody = '{\"title\": \"{{ ad.Title }}\"}'", new: "method = \"GET\"\npath = \"/v1/x\"\nparams = { title = \"{{ ad.title }}\" }", more: sendTitle},
		"the webhook of a connector":       {old: `webhook = "put"`, new: `webhook = "crm/update_user"`, more: sendTitle},
		"written and put back, without end": {
			more: writes,
			err:  `the orchestration write writes mobile (agent.toml:67:70), which the runs of automation more put back for whoever is linked (agent.toml:47:1), and that begins it again: there is no end`,
		},
		"written and put back": {
			more:    strings.Replace(writes, "mobile", "title", 1),
			warning: `the orchestration write writes mobile (agent.toml:67:70), which the runs of automation more put back for whoever is linked (agent.toml:47:1)`,
		},
		"written for those without a link": {
			more:    strings.Replace(writes, "orchestration =", "where = 'links.hr == null'\norchestration =", 1),
			warning: `the orchestration write writes mobile (agent.toml:67:70), which the runs of automation more put back`,
		},
		"after an update": {
			old: "action = \"update\"\n", new: "action = \"update\"\nafter = { updated = \"write\" }\n",
			err: `the orchestration write writes mobile (agent.toml:68:70), which the next run puts back (agent.toml:47:1), and that update begins it again: there is no end`,
		},
		"two that answer each other": {
			old: "mobile = \"1\", ", new: "", more: strings.Replace(writes, "modified(mobile)", "modified(facsimileTelephoneNumber)", 1) + `
[orchestrations.other]
steps = [{ directory = { action = "update", attributes = { facsimileTelephoneNumber = "3" } } }]
[automations.reacts]
trigger = "directory"
on = ["modified(pager)"]
orchestration = "other"
`,
			warning: `automations react and reacts begin each other: pager (agent.toml:67:69) begins reacts, and facsimiletelephonenumber (agent.toml:75:88) begins react. It ends when`,
		},
		"enabled and disabled again": {
			more:    stepsOf("on1", "disabled", `"enable"`) + stepsOf("on2", "enabled", `"disable"`),
			warning: `automations on1 and on2 begin each other: enable of on1 begins on2, and disable of on2 begins on1`,
		},
		"in and out of groups": {
			more:    stepsOf("on1", "member_removed", `"add_groups", groups = ["CN=G,OU=Staff,DC=example,DC=com"]`) + stepsOf("on2", "member_added", `"remove_groups", groups = ["CN=G,OU=Staff,DC=example,DC=com"]`),
			warning: `automations on1 and on2 begin each other: add_groups of on1 begins on2, and remove_groups of on2 begins on1`,
		},
		"moved by one, written by the other": {
			more:    stepsOf("on1", "moved", `"update", attributes = { pager = "2" }`) + stepsOf("on2", "modified(pager)", `"move", ou = "OU=Staff,DC=example,DC=com"`),
			warning: `automations on1 and on2 begin each other: pager (agent.toml:70:69) begins on2, and move of on2 begins on1`,
		},
		"in and out of named groups": {
			more: stepsOf("on1", "member_removed", `"add_groups", groups = ["CN=G,OU=Staff,DC=example,DC=com"]`) +
				strings.Replace(stepsOf("on2", "member_added", `"remove_groups", groups = ["CN=G,OU=Staff,DC=example,DC=com"]`),
					"trigger", "where = 'change.group.name == \"H\"'\ntrigger", 1),
		},
		"one way only": {more: stepsOf("on1", "moved", `"disable"`) + stepsOf("on2", "disabled", `"disable"`)},
		"leavers are enabled": {
			old: "data_source = \"people\"\n", new: "data_source = \"people\"\nmissing = { action = \"disable\" }\n",
			more:    stepsOf("on1", "disabled", `"enable"`),
			warning: `the orchestration on1 enables whoever is disabled, also those whom the runs of automation staff disable because they have left`,
		},
		"leavers are enabled, with a condition": {
			old: "data_source = \"people\"\n", new: "data_source = \"people\"\nmissing = { action = \"disable\" }\n",
			more: strings.Replace(stepsOf("on1", "disabled", `"enable"`), "trigger", "where = 'ad.title == \"x\"'\ntrigger", 1),
		},
		"taken from a group": {
			old: "match = [\"displayName\"]\n", new: "match = [\"displayName\"]\ngroups = [\"CN=g,OU=Staff,DC=example,DC=com\"]\n",
			more:    stepsOf("on1", "member_added", `"remove_groups", groups = ["CN=G,OU=Staff,DC=example,DC=com"]`),
			warning: `the orchestration on1 removes people from the group CN=G,OU=Staff,DC=example,DC=com (agent.toml:71:63) after they came into one, and the runs of automation staff add whoever is linked to it again (agent.toml:40:12)`,
		},
		"leavers are taken from a group": {
			old: "match = [\"displayName\"]\n", new: "match = [\"displayName\"]\ngroups = [\"CN=g,OU=Staff,DC=example,DC=com\"]\n",
			more: stepsOf("on1", "disabled", `"remove_groups", groups = ["CN=G,OU=Staff,DC=example,DC=com"]`),
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := conflictBase
			if c.old != "" {
				if text = strings.Replace(text, c.old, c.new, 1); text == conflictBase {
					t.Fatalf("the base has no %s", c.old)
				}
			}
			files := map[string]string{"agent.toml": text + c.more}
			if c.err != "" {
				if got := loadErrors(t, files); len(got) != 1 || !strings.Contains(got[0], c.err) {
					t.Errorf("%s", cmp.Diff([]string{c.err}, got))
				}
				return
			}
			var got []string
			for _, w := range mustLoad(t, files).Warnings {
				if strings.Contains(w.Message, "both write") || strings.Contains(w.Message, " writes ") || strings.Contains(w.Message, "begin each other") ||
					strings.Contains(w.Message, "enables whoever") || strings.Contains(w.Message, "removes people") {
					got = append(got, strings.ReplaceAll(w.Message, filepath.Dir(w.Pos.File)+"/", ""))
				}
			}
			if c.warning == "" && len(got) > 0 || c.warning != "" && (len(got) != 1 || !strings.Contains(got[0], c.warning)) {
				t.Errorf("%s", cmp.Diff([]string{c.warning}, got))
			}
		})
	}
}

// stepsOf is an automation with an orchestration of the same name that has one
// directory step.
func stepsOf(name, on, action string) string {
	return fmt.Sprintf("\n[orchestrations.%s]\nsteps = [{ directory = { action = %s } }]\n"+
		"[automations.%s]\ntrigger = \"directory\"\non = [%q]\norchestration = %q\n", name, action, name, on, name)
}

// TestWarningsHaveAnOrder: two at one place come in the same order each time.
func TestWarningsHaveAnOrder(t *testing.T) {
	here := Pos{File: "agent.toml", Line: 3}
	for range 20 {
		l := &loader{warnings: []Warning{{Pos: here, Key: "k", Message: "b"}, {Pos: here, Key: "k", Message: "a"}, {Pos: here, Key: "k", Message: "b"}}}
		got := l.sortedWarnings()
		if len(got) != 2 || got[0].Message != "a" {
			t.Fatalf("%+v", got)
		}
	}
}
