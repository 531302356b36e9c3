package main

import (
	"strings"
	"testing"
)

// TestAnchorInUse has HR numbers in the anchor attribute: the check and the
// first plan say so once, with an attribute that this directory has free, and
// what they name works.
func TestAnchorInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	for _, n := range []string{"4711", "4712"} {
		w.dc.AddUser(t, w.dc.OU("Staff"), "HR "+n, "hr"+n, map[string][]string{"employeeNumber": {n}, "mail": {"hr" + n + "@example.org"}})
		w.sim.Add("Person HR"+n, "hr"+n+"@example.org")
	}
	w.dc.AddUser(t, w.dc.OU("Staff"), "Type", "typed", map[string][]string{"division": {"north"}})
	w.expect(w.online(2), map[string]string{
		"directory | anchor | carry anchors in employeeNumber": "lacking: 2 accounts have another value, such as 4711 on CN=HR 4711",
	})
	p := w.plan(4)
	said, next := 0, ""
	for _, q := range p.Quarantined {
		if q.Part == "employeeNumber" {
			said++
			next = q.Next
		} else if strings.Contains(q.Next, "clear") {
			t.Errorf("%s is told to %s", q.Name, q.Next)
		}
	}
	if said != 1 || len(p.Quarantined) != 3 || strings.Contains(next, "division") {
		t.Fatalf("said %d times among %d items: %s", said, len(p.Quarantined), next)
	}
	_, rest, _ := strings.Cut(next, `anchor = "`)
	free, _, _ := strings.Cut(rest, `"`)
	w.configure(`anchor = "employeeNumber"`, `anchor = "`+free+`"`)
	w.expect(w.online(0), map[string]string{"directory | anchor | carry anchors in " + free: "granted"})
	if p := w.plan(3); len(p.Quarantined) != 0 {
		t.Errorf("with the anchor %s: %+v", free, p.Quarantined)
	}
}
