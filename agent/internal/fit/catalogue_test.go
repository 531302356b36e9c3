package fit

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

const ownWebhooks = `[webhooks.agent]
from = "pipedrive/create_user"
description = "An agent"
[webhooks.rename]
from = "pipedrive/update_user"
body = '{"name": "{{ ad.cn }}"}'
[webhooks.after_find]
application = "pipedrive"
path = "/v1/x/{{ steps.find.response.data.id }}"
[webhooks.members]
application = "pipedrive"
method = "PUT"
path = "/v1/teams/{{ link.key }}"
params = { all = "{{ manager.mail }} & {{ old.mail }}" }
body = '{"who": {{ ad.member }}, "pin": "{{ settings.pin }}", "own": "{{ ad.extensionAttribute7 }}"}'
[webhooks.elsewhere]
application = "gone"
path = "/x"
[applications.gone]
connector = "gone"
auth = "api_key"
api_key = "@{env:X}"
[applications.idle]
connector = "pipedrive"
enabled = false
auth = "api_key"
api_key = "@{env:X}"
[orchestrations.o]
steps = [{ webhook = "agent" }]
[automations.staff]`

func ownManifests(application string) (abi.Manifest, bool) {
	m := outboundManifest()
	m.Settings = []abi.Setting{{Name: "pin", Type: abi.SettingString, Required: true}}
	m.Cannot = m.Cannot[:2]
	return m, application != "gone"
}

// TestCatalogue lists what steps may name, and says of each why it cannot be sent.
func TestCatalogue(t *testing.T) {
	cfg := configured(t, "[automations.staff]", ownWebhooks)
	list, unknown := Catalogue(cfg, ownManifests)
	var got []string
	for _, w := range list {
		line := strings.Join([]string{w.Name, w.Application, w.Call.Method, w.Call.Path, w.From, strings.Join(w.UsedBy, " ")}, "|")
		if w.Problem != nil {
			_, why, _ := strings.Cut(w.Problem.Error(), ": ")
			line += " ! " + why
		}
		got = append(got, line)
	}
	want := []string{
		"after_find|pipedrive|POST|/v1/x/{{ steps.find.response.data.id }}|| ! webhook after_find: path: it uses the answer of another step (steps) (by itself it has no value there: try the orchestration instead)",
		"agent|pipedrive|POST|/v1/users|pipedrive/create_user|o",
		"elsewhere|gone|||| ! application gone: no connector gone serves, so nothing can be sent to it: `rollcall connectors` says what was found, and why one was refused",
		"members|pipedrive|PUT|/v1/teams/{{ link.key }}||",
		"rename|pipedrive|PUT|/v1/users/{{ link.key }}|pipedrive/update_user| ! webhook rename: the API of connector pipedrive cannot do this (change a user): only active_flag can be changed",
		"idle/create_user|idle|POST|/v1/users|| ! application idle is not enabled, so nothing is sent to it",
		"idle/update_user|idle|PUT|/v1/users/{{ link.key }}|| ! application idle is not enabled, so nothing is sent to it",
		"pipedrive/create_user|pipedrive|POST|/v1/users||",
		"pipedrive/update_user|pipedrive|PUT|/v1/users/{{ link.key }}||",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(unknown) != 1 || !strings.Contains(unknown[0].Error(), "application gone: no connector gone serves") {
		t.Errorf("%v", unknown)
	}
}

// TestUnknownWebhooks: the error names what was probably meant, also when the
// application was left out.
func TestUnknownWebhooks(t *testing.T) {
	cfg := configured(t, "[automations.staff]", ownWebhooks)
	for name, want := range map[string]string{
		"agnet":                 `there is no webhook "agnet" (did you mean "agent"?)`,
		"update_user":           `there is no webhook "update_user" (did you mean "idle/update_user"?)`,
		"pipedrive/updat_user":  `there is no webhook "pipedrive/updat_user" (did you mean "pipedrive/update_user"?)`,
		"pipedriv/update_user":  `there is no application "pipedriv" (did you mean "pipedrive"?)`,
		"pipedrive/":            `there is no webhook "pipedrive/"`,
		"gone/create_user":      "application gone: no connector gone serves",
		"something quite other": `there is no webhook "something quite other"; there are: after_find`,
	} {
		_, err := FindWebhook(cfg, name, ownManifests)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		if unknown := new(ident.UnknownNameError); strings.Contains(want, "there is no") && !errors.As(err, &unknown) {
			t.Errorf("%s: %T", name, err)
		}
	}
}

// TestSampleRequests: everything that a template uses has a value, and lists stay
// lists.
func TestSampleRequests(t *testing.T) {
	cfg := configured(t, "[automations.staff]", ownWebhooks)
	m, _ := ownManifests("pipedrive")
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	got, err := Sample(cfg, "members", m, now)
	want := SampleRequest{
		Method: "PUT", URL: "https://api.example.com/api/v1/teams/4711?all=max.boss%40example.com+%26+crm%40example.com",
		Headers: map[string]string{"Content-Type": "application/json"},
		Body: `{"who": ["CN=Ada Novak,OU=Staff,DC=example,DC=com","CN=Max Boss,OU=Staff,DC=example,DC=com"], "pin": "sample of pin", ` +
			`"own": "sample of extensionAttribute7"}`,
	}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
	if _, err := Sample(cfg, "after_find", m, now); !errors.As(err, new(*StepsError)) || !strings.Contains(err.Error(), ": webhook after_find: path: ") {
		t.Errorf("%v", err)
	}
}
