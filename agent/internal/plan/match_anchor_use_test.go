package plan

import (
	"strings"
	"testing"
)

type advisedWorld struct{ *world }

func (advisedWorld) FreeAnchors() ([]string, error) {
	return []string{"extensionAttribute1", "employeeType"}, nil
}

// An anchor attribute that is in use for something else is said once, with what
// to take instead, and nobody is told to clear it.
func TestAnchorInUse(t *testing.T) {
	const cause = "employeeNumber, the anchor attribute, is in use for something else: "
	for name, c := range map[string]struct {
		setup func(*scene)
		says  string // "" says nothing
	}{
		"the first plan: of everybody in scope": {func(s *scene) {
			s.hist.AnchorsTrusted = true
			s.account("g1", staff.Child("A"), "employeeNumber", "4711")
			s.account("g2", staff.Child("B"), "employeeNumber", "4712")
			s.account("g3", outside.Child("C"), "employeeNumber", "4713")
			s.account("g4", staff.Child("D"), "employeeNumber", "infobip:7")
		}, cause + "2 accounts have another value, such as 4711 on CN=A,OU=Staff,DC=x, 4712 on CN=B,OU=Staff,DC=x; they cannot be linked"},
		"a later plan: of those that match": {func(s *scene) {
			s.account("g1", staff.Child("A"), "employeeNumber", "4711", "mail", "ada11@x")
			s.account("g2", staff.Child("B"), "employeeNumber", "4712", "mail", "ada12@x")
			s.account("g3", staff.Child("C"), "employeeNumber", "4713")
			s.record("11", nil)
			s.record("12", nil)
		}, cause + "2 accounts have another value"},
		"a later plan: nobody matches": {func(s *scene) {
			s.account("g1", staff.Child("A"), "employeeNumber", "4711")
			s.account("g2", staff.Child("B"), "employeeNumber", "4712")
		}, ""},
		"a single one may be a mistake": {func(s *scene) {
			s.account("g1", staff.Child("A"), "employeeNumber", "4711", "mail", "ada11@x")
			s.record("11", nil)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			c.setup(s)
			b := NewBuilder(s.set, advisedWorld{s.world}, s.mapper, s.hist)
			for _, rec := range s.records {
				if err := b.Add(rec); err != nil {
					t.Fatal(err)
				}
			}
			p, err := b.Finish(s.delivery)
			if err != nil {
				t.Fatal(err)
			}
			said := 0
			for _, q := range p.Quarantined {
				if q.Part == "employeeNumber" {
					said++
					if !strings.HasPrefix(q.Cause, c.says) ||
						q.Next != `choose one that nobody uses: anchor = "extensionAttribute1" in [directory]; these would do, too: employeeType` {
						t.Errorf("it says %q, next %q", q.Cause, q.Next)
					}
				} else if c.says != "" && strings.Contains(q.Next, "clear") {
					t.Errorf("%s is told to %s", q.Key, q.Next)
				}
			}
			if want := map[bool]int{true: 1}[c.says != ""]; said != want {
				t.Errorf("said %d times, want %d", said, want)
			}
		})
	}
}
