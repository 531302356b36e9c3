package plan

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

var update = flag.Bool("update", false, "write the plans of testdata anew")

// One plan with every class of operation, every verdict, a quarantine and notes.
func TestMixedPlan(t *testing.T) {
	s := newScene()
	s.set.Limits = map[ident.Class]Limit{ident.ClassCreate: {Count: 1}}
	s.set.SourceShrink = DefaultSourceShrink()
	s.hist = History{
		CurrentLinks: 10, PeakLinks: 10, LastDelivered: 10, Used: map[ident.Class]int{ident.ClassUpdate: 3},
		Decided: func(key ident.Key, class ident.Class, _ string) (int64, ident.Result, bool) {
			return 41, ident.ResultHeld, key == "19" && class == ident.ClassDisable
		},
	}
	s.delivery.Skipped = 3
	s.record("10", map[string]any{"cn": "Joiner One", "groups": []ident.DN{crm, "CN=Gone,OU=Groups,DC=x"}, "title": "Engineer"})
	s.record("11", map[string]any{"cn": "Joiner One"})
	s.account("g1", staff.Child("Old Ada"), "displayName", "Ada (old)", "mail", "ada12@x")
	s.record("12", nil)
	e, l := s.known("13", map[string]any{"title": "CTO", "phone": nil, "proxyAddresses": []string{"smtp:new@x"}})
	s.mapper.rules["proxyAddresses"] = attributeRule{add: true}
	e.Attributes["title"], l.Applied["title"] = []string{"by hand"}, ops.Digest([]string{"CTO"})
	e.Attributes["phone"], l.Applied["phone"] = []string{"+43 1"}, ops.Digest([]string{"+43 1"})
	e.Attributes["proxyaddresses"] = []string{"SMTP:ada13@x"}
	s.known("14", map[string]any{"cn": "Ada Novák", "ou": support})
	e, l = s.known("15", nil)
	since := noon.AddDate(0, 0, -3)
	e.DN, l.Placed, l.MissingSince = leavers.Child("Ada 15"), leavers, &since
	e.Attributes["useraccountcontrol"] = []string{"514"}
	s.known("16", map[string]any{"mail": "unmappable"})
	e, _ = s.known("17", nil)
	e.Attributes["useraccountcontrol"] = []string{"514"}
	s.linked("18")
	s.linked("19")

	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s.plan(t)); err != nil {
		t.Fatal(err)
	}
	const file = "testdata/mixed.json"
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the plan differs from %s (go test -run MixedPlan -update writes it anew):\n%s", file, got.String())
	}
}
