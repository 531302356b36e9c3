package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// TestALinkIsUpdatedForItsAccount: what the plan found out about one account is not
// written to the link of another one, which a person has made since.
func TestALinkIsUpdatedForItsAccount(t *testing.T) {
	const name = "agreeing"
	s, _ := staffOf(t, name, 2)
	s.run(name)
	r := &run{automation: s.Automations[name]}
	space := r.automation.Settings.Space()
	link, _, err := s.Store.LinkByKey(t.Context(), space, "1")
	if err != nil {
		t.Fatal(err)
	}
	link.Applied = nil // as of one that a person has just made
	if err := s.Store.PutLink(t.Context(), link, "test"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		update plan.LinkUpdate
		want   map[string]string
	}{
		{plan.LinkUpdate{Key: "1", GUID: "0" + link.GUID[1:], Agreed: map[string]string{"title": "of another"}}, nil},
		{plan.LinkUpdate{Key: "1", GUID: link.GUID, Agreed: map[string]string{"title": "a"}}, map[string]string{"title": "a"}},
		{plan.LinkUpdate{Key: "1", GUID: link.GUID, Agreed: map[string]string{"cn": "b"}}, map[string]string{"title": "a", "cn": "b"}},
		{plan.LinkUpdate{Key: "1", Seen: true}, map[string]string{"title": "a", "cn": "b"}},
	} {
		if err := s.updateLink(t.Context(), r, c.update); err != nil {
			t.Fatal(err)
		}
		now, _, err := s.Store.LinkByKey(t.Context(), space, "1")
		if len(now.Applied) == 0 {
			now.Applied = nil
		}
		if d := cmp.Diff(c.want, now.Applied); d != "" || err != nil {
			t.Errorf("%+v: %v (-want +got)\n%s", c.update, err, d)
		}
	}
}
