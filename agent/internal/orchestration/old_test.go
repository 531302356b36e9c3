package orchestration_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// TestTheObjectBeforeTheChange: what an operation replaced is as it was, and all
// else as it is.
func TestTheObjectBeforeTheChange(t *testing.T) {
	now := &ident.Entry{GUID: "g", DN: "CN=Ada King,OU=Leavers,DC=x", Attributes: ident.Attributes{
		"cn": {"Ada King"}, "department": {"Sales"}, "title": {"Boss"}, "useraccountcontrol": {"514"}, "mail": {"a@x"},
	}}
	changes := []ident.AttributeChange{
		{Name: "department", Old: []string{"Support"}, New: []string{"Sales"}},
		{Name: "title", New: []string{"Boss"}},
		{Name: "thumbnailPhoto", Old: []string{"\xff\xd8"}, New: []string{"\xff"}, Binary: true},
		{Name: "info", Old: []string{strings.Repeat("x", 20<<10)}},
		{Name: "unused", Old: []string{"u"}, New: []string{"v"}},
	}
	moved := ident.Operation{Class: ident.ClassDisable, From: "CN=Ada King,OU=Staff,DC=x", To: "CN=Ada King,OU=Leavers,DC=x"}
	const all = `old.department + old.title + old.thumbnailPhoto + old.info + old.mail`
	for name, c := range map[string]struct {
		uses string
		op   ident.Operation
		kind string
		want map[string]any // of old; nil: it is null
	}{
		"created":  {all, ident.Operation{Class: ident.ClassCreate, Attributes: changes, To: "CN=x"}, "created", nil},
		"not used": {`ad.department`, ident.Operation{Class: ident.ClassUpdate, Attributes: changes}, "updated", nil},
		"updated": {all, ident.Operation{Class: ident.ClassUpdate, Attributes: changes}, "updated", map[string]any{
			"department": "Support", "title": nil, "thumbnailPhoto": nil, "info": nil, "mail": "a@x", "unused": nil, "dn": "CN=Ada King,OU=Leavers,DC=x",
		}},
		"renamed": {`old.cn + old.dn`, ident.Operation{
			Class: ident.ClassRename, From: "CN=Ada Byron,OU=Staff,DC=x", To: "CN=Ada King,OU=Staff,DC=x",
			Attributes: []ident.AttributeChange{{Name: "cn", Old: []string{"Ada Byron"}, New: []string{"Ada King"}}},
		}, "renamed", map[string]any{"cn": "Ada Byron", "dn": "CN=Ada Byron,OU=Staff,DC=x", "ou": "OU=Staff,DC=x"}},
		"disabled": {`string(old.disabled) + old.ou`, moved, "disabled", map[string]any{"disabled": false, "ou": "OU=Staff,DC=x", "cn": "Ada King"}},
		"enabled":  {`string(old.disabled)`, ident.Operation{Class: ident.ClassEnable}, "enabled", map[string]any{"disabled": true}},
	} {
		o := compile(t, steps(call("a", "{{ "+c.uses+" }}")))
		input := orchestration.Input{
			Change: &orchestration.Change{Kind: c.kind}, Old: o.Former(ident.Outcome{GUID: "g", DN: "CN=Ada King,OU=Leavers,DC=x", Operation: c.op}),
		}
		text, err := json.Marshal(input) // as it is kept
		if err != nil {
			t.Fatal(err)
		}
		var kept orchestration.Input
		if err := json.Unmarshal(text, &kept); err != nil {
			t.Fatal(err)
		}
		if len(text) > 4<<10 || strings.Contains(string(text), "unused") {
			t.Errorf("%s: more is kept than is used: %d bytes, %.200s", name, len(text), text)
		}
		env := o.Env(0, o.Start(began), orchestration.Values{Object: now, Old: kept.Before(now), Change: kept.Change})
		old, _ := env["old"].(map[string]any)
		got := map[string]any{}
		for member := range c.want {
			got[member] = old[member]
		}
		if (old == nil) != (c.want == nil) {
			t.Errorf("%s: old is %v", name, old)
		} else if d := cmp.Diff(c.want, got); c.want != nil && d != "" {
			t.Errorf("%s (-want +got)\n%s", name, d)
		}
		if now.Attributes.First("department") != "Sales" {
			t.Fatal("the object as it is now was changed")
		}
	}
}
