package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// TestProposalsPlan: what is proposed for the people of Pipedrive's simulator plans
// without an error, and nobody is set aside because of the proposal.
func TestProposalsPlan(t *testing.T) {
	w := newWorld(t, 30)
	before, err := os.ReadFile(w.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		endpoint string
		creates  bool
	}{{"users", true}, {"persons", false}} {
		var answer service.SuggestAnswer
		out := w.want(0, "--output", "json", "suggest", "mapping", "pipedrive/"+c.endpoint)
		if err := json.Unmarshal([]byte(out.stdout), &answer); err != nil {
			t.Fatal(err)
		}
		head, automation, ok := strings.Cut(answer.TOML, "# An automation that uses it.")
		if !ok {
			t.Fatalf("no automation is proposed:\n%s", answer.TOML)
		}
		_, automation, _ = strings.Cut(automation, "\n")
		automation = strings.ReplaceAll(strings.ReplaceAll(automation, "# ", ""), "OU=Staff,...", "OU=Staff,"+string(w.dc.BaseDN))
		w.write("agent.toml", string(before)+"\n"+head+automation)
		got := w.rollcall("--output", "json", "plan", answer.DataSource)
		var p ident.Plan
		if err := json.Unmarshal([]byte(got.stdout), &p); err != nil {
			t.Fatalf("%s: exit %d, %s, %v\n%s", c.endpoint, got.code, got.stderr, err, head+automation)
		}
		if p.Records.Delivered == 0 || len(p.Quarantined) > 0 && c.creates {
			t.Errorf("%s: %+v, set aside %+v", c.endpoint, p.Records, p.Quarantined)
		}
		if made := len(p.Changes) > 0; made != c.creates {
			t.Errorf("%s: %d changes", c.endpoint, len(p.Changes))
		}
	}
}
