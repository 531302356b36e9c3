package fit

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// shipped returns the manifest of a connector that this repository has.
func shipped(t *testing.T, name string) abi.Manifest {
	t.Helper()
	text, err := os.ReadFile("../../../plugins/" + name + "/manifest.toml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := host.ParseManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestEveryShippedWebhookIsUsable: the webhooks of both connectors can be named in
// a step as they are and as a base, are rendered for an object with everything, and
// say what is missing for one with nothing.
func TestEveryShippedWebhookIsUsable(t *testing.T) {
	manifests := map[string]abi.Manifest{"pipedrive": shipped(t, "pipedrive"), "infobip": shipped(t, "infobip")}
	known := func(application string) (abi.Manifest, bool) { m, ok := manifests[application]; return m, ok }
	var text strings.Builder
	text.WriteString("[applications.infobip]\nconnector = \"infobip\"\nauth = \"api_key\"\napi_key = \"@{env:KEY}\"\nbase_url = \"https://x.api.infobip.com\"\n")
	for application, m := range manifests {
		for _, w := range m.Webhooks {
			fmt.Fprintf(&text, "[webhooks.%s_%s]\nfrom = %q\ndescription = \"own\"\nheaders = { X-Own = \"{{ ad.cn }}\" }\n", application, w.Name, application+"/"+w.Name)
			for name, ref := range map[string]string{"as_is": application + "/" + w.Name, "own": application + "_" + w.Name} {
				fmt.Fprintf(&text, "[orchestrations.%s_%s_%s]\n[[orchestrations.%[1]s_%[2]s_%[3]s.steps]]\nwebhook = %q\n", name, application, w.Name, ref)
			}
		}
	}
	cfg := configured(t, "[automations.staff]", text.String()+"\n[automations.staff]")
	if wrong := Webhooks(cfg, known); len(wrong) > 0 {
		t.Error(wrong)
	}
	webhooks := 0
	for application, m := range manifests {
		webhooks += len(m.Webhooks)
		for _, w := range m.Webhooks {
			for _, form := range []string{"as_is", "own"} {
				t.Run(form+"/"+application+"/"+w.Name, func(t *testing.T) {
					o, wrong := Orchestration(cfg, form+"_"+application+"_"+w.Name, known)
					if len(wrong) > 0 {
						t.Fatal(wrong)
					}
					call := o.Definition().Steps[0].Webhook.Call
					renderedForAll(t, o, application)
					if strings.Contains(call.Path+call.Body+fmt.Sprint(call.Params, call.Headers), "{{") {
						missingForNobody(t, o)
					}
				})
			}
		}
	}
	if webhooks != 52 {
		t.Errorf("there are %d webhooks, and the documentation speaks of 52", webhooks)
	}
}

// renderedForAll renders the first step for an object with everything, whose
// values have what must be escaped.
func renderedForAll(t *testing.T, o *orchestration.Orchestration, application string) {
	t.Helper()
	const nasty = `Ada "Q" & <b> {{ ad }} Nováková \ 😀`
	object := ident.Entry{GUID: "6f9619ff-8b86-d011-b42d-00cf4fc964ff", DN: "CN=Ada,OU=Staff,DC=example,DC=com", Attributes: ident.Attributes{}}
	for _, name := range []string{"cn", "sn", "givenname", "displayname", "name", "description", "department", "title", "company"} {
		object.Attributes[name] = []string{nasty}
	}
	for name, value := range map[string]string{
		"mail": "ada.novak@example.org", "samaccountname": "anovak", "mobile": "+385 99 123 4567", "telephonenumber": "+385 1 234 567",
		"useraccountcontrol": "512", "userprincipalname": "anovak@example.org", "c": "HR",
	} {
		object.Attributes[name] = []string{value}
	}
	old := ident.Entry{GUID: object.GUID, DN: object.DN, Attributes: ident.Attributes{
		"mail": {"old@example.org"}, "cn": {nasty}, "mobile": {"+385 99 000 0000"}, "telephonenumber": {"+385 1 000 000"}, "samaccountname": {"anovak"},
	}}
	settings := map[string]any{}
	for _, d := range shipped(t, application).Settings {
		settings[d.Name] = d.Default
		if d.Default == nil {
			settings[d.Name] = "7"
		}
	}
	r, err := o.Render(0, o.Start(time.Now()), orchestration.Values{
		Object: &object, Old: &old, Now: time.Now(), Settings: map[string]map[string]any{application: settings},
		Links: []orchestration.Link{{Application: application, Kind: o.Definition().Steps[0].Webhook.LinkKind, Key: "7", GUID: object.GUID}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(r.Webhook.Path+r.Webhook.URL, "{{") {
		t.Errorf("%s %s", r.Webhook.Method, r.Webhook.Path)
	}
}

// missingForNobody requires that the first step says what is missing for an object
// without attributes and links.
func missingForNobody(t *testing.T, o *orchestration.Orchestration) {
	t.Helper()
	object := ident.Entry{GUID: "6f9619ff-8b86-d011-b42d-00cf4fc964ff", DN: "CN=x,DC=example,DC=com"}
	_, err := o.Render(0, o.Start(time.Now()), orchestration.Values{Object: &object, Now: time.Now()})
	var place *orchestration.RenderError
	var at *expr.Error
	if !errors.As(err, &place) || place.Step == "" || place.Member == "" || !errors.As(err, &at) {
		t.Errorf("not the place of what is missing: %v", err)
	}
}
