package dispatch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestFirstOf: the first request is told, with what comes before it, or why there is
// none.
func TestFirstOf(t *testing.T) {
	call := &orchestration.Webhook{Ref: "crm/off", Application: "crm", Call: abi.Webhook{Method: "PUT", Path: "/users/{{ ad.mail }}"}}
	mail := &orchestration.Mail{To: []string{"ada@example.com"}, Subject: "s", Text: "t"}
	for name, c := range map[string]struct {
		steps  []orchestration.Step
		cancel string
		mail   string
		want   string
	}{
		"at once":         {steps: []orchestration.Step{{Name: "off", Webhook: call}}, mail: "a", want: "off crm/off PUT /users/a [] "},
		"a step passed":   {steps: []orchestration.Step{{If: "false", Webhook: call}, {Name: "off", Webhook: call}}, mail: "a", want: "off crm/off PUT /users/a [] "},
		"after others":    {steps: []orchestration.Step{{Name: "tell", Mail: mail}, {Delay: orchestration.Duration(24 * time.Hour)}, {Name: "off", Webhook: call}}, mail: "a", want: "off crm/off PUT /users/a [tell (mail) step2 (delay of 24h)] "},
		"a missing value": {steps: []orchestration.Step{{Name: "off", Webhook: call}}, want: "off crm/off  [] ad.mail is absent"},
		"a condition":     {steps: []orchestration.Step{{Name: "wait", WaitUntil: "ad.mail != null"}, {Webhook: call}}, want: "wait   [] waits until ad.mail != null"},
		"cancelled":       {steps: []orchestration.Step{{Webhook: call}}, cancel: "true", mail: "a", want: "   [] cancel_when holds: true"},
		"no webhook":      {steps: []orchestration.Step{{Name: "tell", Mail: mail}}, mail: "a", want: "   [tell (mail)] no step sends a request"},
	} {
		o, err := orchestration.Compile(orchestration.Definition{Name: "o", Steps: c.steps, CancelWhen: c.cancel}, orchestration.Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		e := ident.Entry{GUID: "g", DN: "CN=A,DC=c", Attributes: ident.Attributes{}}
		if c.mail != "" {
			e.Attributes["mail"] = []string{c.mail}
		}
		f := FirstOf(o, orchestration.Values{Object: &e, Now: time.Now()})
		got := fmt.Sprint(f.Step, " ", f.Webhook, " ", strings.TrimSpace(f.Request), " ", f.Before, " ")
		want, cause, _ := strings.Cut(c.want, "] ")
		if got != want+"] " || !strings.Contains(f.Cause, cause) || (cause == "") != (f.Cause == "") {
			t.Errorf("%s: %q, cause %q, want %q", name, got, f.Cause, c.want)
		}
	}
}
