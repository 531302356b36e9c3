package engine

import (
	"slices"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// TestLeaversLoseTheirGroups strips a leaver at a real domain controller and gives the
// groups back to the returner, but for one that does not exist any more. A group out of
// scope stays all along.
func TestLeaversLoseTheirGroups(t *testing.T) {
	source := &feed{records: []ident.Record{person("1", "Ada"), person("2", "Bo")}}
	s := onDC(t, map[string]*feed{"strip": source})
	a := s.configured.Load().automations["strip"]
	a.Settings.Scope = append(a.Settings.Scope, s.dc.OU("Groups"))
	a.Settings.Missing.StripGroups = true
	s.Rules.Scope = a.Settings.Scope
	s.Replace(map[string]Automation{"strip": a}, nil)
	s.run("strip")
	ada := s.account("strip:1")
	var in []ident.DN
	for _, name := range []string{"strip sales", "strip crm", "strip soon gone"} {
		in = append(in, s.dc.AddGroup(t, s.dc.OU("Groups"), name, ada.DN))
	}
	stays := s.dc.AddGroup(t, s.dc.OU("Elsewhere"), "strip stays", ada.DN)
	groups := func() []string {
		all := s.dc.Get(s, ident.DN("<GUID="+string(ada.GUID)+">"), "memberOf").Attributes.Values("memberOf")
		var names []string
		for _, dn := range all {
			names = append(names, ident.DN(dn).Name())
		}
		slices.Sort(names)
		return names
	}
	step := func(what string, class ident.Class, enabled bool, want ...string) {
		t.Helper()
		r := s.wantRun("strip", store.RunOK)
		if class != "" && r.Counts[class][ident.ResultApplied] != 1 || class == "" && r.Count(ident.ResultApplied) > 0 {
			t.Errorf("%s: %+v", what, r.Counts)
		}
		if got := groups(); !slices.Equal(got, want) || s.enabled(ada.GUID) != enabled {
			t.Errorf("%s: enabled %t, in %q", what, s.enabled(ada.GUID), got)
		}
	}
	everybody := source.records
	source.records = everybody[1:]
	step("the key is missing", ident.ClassDisable, false, "strip crm", "strip sales", "strip soon gone", "strip stays")
	step("a run later", ident.ClassGroups, false, "strip stays")
	step("and then", "", false, "strip stays")
	s.dc.Delete(t, in[2])
	source.records = everybody
	step("back", ident.ClassGroups, true, "strip crm", "strip sales", "strip stays")
	step("and then", "", true, "strip crm", "strip sales", "strip stays")
	if link, _ := s.link("strip", "1"); len(link.Stripped) > 0 || stays == "" {
		t.Errorf("still remembered: %v", link.Stripped)
	}
}
