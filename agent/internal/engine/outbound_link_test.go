package engine

import (
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// A link that an orchestration made belongs to no automation of its application,
// not even to one with the same name: its key is neither missing nor counted,
// whether it is not delivered or reported as deleted.
func TestALinkMadeOutboundIsNobodysLeaver(t *testing.T) {
	source := &feed{}
	s := newScene(t, map[string]*feed{"crm": source})
	a := s.Automations["crm"]
	a.Settings.SourceShrink = plan.DefaultSourceShrink()
	s.Replace(map[string]Automation{"crm": a}, nil)
	source.records = []ident.Record{person("1", "Ada"), person("2", "Bo")}
	s.run("crm")
	guid := s.dc.Find(s, "(employeeNumber=crm:2)", "objectGUID")[0].GUID
	if _, err := s.Unlink(t.Context(), ident.Users("crm"), "2", "test"); err != nil {
		t.Fatal(err)
	}
	link := ident.Link{Application: "crm", Key: "77", GUID: guid, Origin: ident.OriginOutbound, Orchestration: "crm"}
	if err := s.Store.PutLink(t.Context(), link, "test"); err != nil {
		t.Fatal(err)
	}
	for name, records := range map[string][]ident.Record{
		"not delivered":       {person("1", "Ada")},
		"reported as deleted": {person("1", "Ada"), gone("77")},
	} {
		source.records = records
		if r := s.run("crm"); len(r.Counts) != 0 || r.Waiting != 0 {
			t.Errorf("%s: %+v", name, r.Counts)
		}
		if disabled, known := s.account("crm:2").Disabled(); disabled || !known {
			t.Errorf("%s: the account is disabled", name)
		}
	}
	if n, err := s.Store.CountLinks(t.Context(), "crm"); err != nil || n != 1 {
		t.Errorf("%d links count: %v", n, err)
	}
	left, linked, err := s.Store.LinkByKey(t.Context(), ident.Users("crm"), "77")
	if err != nil || !linked || left.MissingSince != nil {
		t.Errorf("link: %+v, %v, %v", left, linked, err)
	}
}
