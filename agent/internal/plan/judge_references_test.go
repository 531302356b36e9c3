package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestAHeldCreationKeepsOnlyItsOwnOut(t *testing.T) {
	const ada2, ada3 = "CN=Ada 2,OU=Staff,DC=x", "CN=Ada 3,OU=Staff,DC=x"
	note := " note | seeAlso: 1 reference is open, as this run does not make or adopt its account; it is written once there is one: 9 (of the key 1)"
	wrote := func(what string) []string {
		return []string{"1 apply references seeAlso:" + what + " | seeAlso not as user.seeAlso says", note}
	}
	for _, c := range []struct {
		name   string
		rule   attributeRule
		have   []string
		source []string
		want   []string
	}{
		{"added", attributeRule{add: true}, nil, []string{"2", "9", "3"}, wrote("->" + ada2 + "," + ada3 + "(add)")},
		{"added, and nobody else", attributeRule{add: true}, []string{ada2}, []string{"2", "9"}, []string{note}},
		{"as a whole", attributeRule{}, nil, []string{"2", "9"}, []string{note}},
		{"in part", attributeRule{part: true}, nil, []string{"2", "9"}, wrote("->" + ada2)},
		{"in part, as it is", attributeRule{part: true}, []string{ada2}, []string{"2", "9"}, []string{note}},
		{"in part, instead of another", attributeRule{part: true}, []string{ada3}, []string{"2", "9"}, wrote(ada3 + "->" + ada2)},
		{"in part, and nobody else", attributeRule{part: true}, []string{ada3}, []string{"9"}, []string{note}},
		{"in part, emptied", attributeRule{part: true, empties: true}, []string{ada3}, []string{"9"}, wrote(ada3 + "->")},
		{"in part, empty", attributeRule{part: true, empties: true}, nil, []string{"9"}, []string{note}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := referring()
			c.rule.reference = true
			s.mapper.rules["seeAlso"] = c.rule
			e, _ := s.known("1", map[string]any{"seeAlso": c.source})
			s.known("2", nil)
			s.known("3", nil)
			s.record("9", nil)
			s.set.Limits = map[ident.Class]Limit{ident.ClassCreate: {}}
			e.Attributes.Set("seeAlso", c.have...)
			var got []string
			for _, line := range s.references(t) {
				if !strings.HasPrefix(line, "9 ") {
					got = append(got, line)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReferencesOfJoinersAreNoUpdates(t *testing.T) {
	s := referring()
	for i := range 20 {
		s.record(ident.Key(fmt.Sprint(i)), boss("0"))
	}
	count := func(p ident.Plan) map[ident.Verdict]int {
		out := map[ident.Verdict]int{}
		for _, c := range p.Changes {
			for _, op := range c.Operations {
				if op.Class == ident.ClassReferences {
					out[op.Verdict]++
				}
			}
		}
		return out
	}
	p := s.plan(t)
	if got := count(p); got[ident.VerdictApply] != 20 {
		t.Errorf("references by verdict: %v", got)
	}
	for _, l := range p.Limits {
		if l.Class == ident.ClassUpdate && (l.Planned != 0 || l.Over != 0) {
			t.Errorf("the limit of updates is %+v", l)
		}
	}
	if got := count(Relimit(s.set, s.hist, p)); got[ident.VerdictApply] != 20 {
		t.Errorf("references of the saved plan by verdict: %v", got)
	}
	s.hist.Decided = func(key ident.Key, class ident.Class, _ string) (int64, ident.Result, bool) {
		return 7, ident.ResultRejected, key == "3" && class == ident.ClassReferences
	}
	p = s.plan(t)
	if got := count(p); got[ident.VerdictRejected] != 1 || got[ident.VerdictApply] != 19 {
		t.Errorf("references by verdict, one of them rejected: %v", got)
	}
	for _, c := range p.Changes {
		if op := c.Operations[len(c.Operations)-1]; op.Verdict == ident.VerdictRejected && op.Earlier != 7 {
			t.Errorf("rejected in run %d, want 7", op.Earlier)
		}
	}
}

func TestOpenReferencesAreLookedAtAgain(t *testing.T) {
	s := referring()
	s.known("1", boss("9"))
	s.known("2", boss("1"))
	e, _ := s.linked("3")
	e.Attributes.Set("manager", "CN=Ada 1,OU=Staff,DC=x")
	s.record("3", boss("1"))
	b := NewBuilder(s.set, s.world, s.mapper, s.hist)
	for _, rec := range s.records {
		if err := b.Add(rec); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Finish(s.delivery); err != nil {
		t.Fatal(err)
	}
	if got := b.Unsettled(); !slices.Equal(got, []ident.Key{"1", "2"}) { // 2 has a change
		t.Errorf("to be looked at again: %v", got)
	}
}

func TestAHeldReferenceStaysTheSame(t *testing.T) {
	digest := func(set func(*scene)) string {
		s := referring()
		set(s)
		s.set.Approval = ApprovalNever
		for _, c := range s.plan(t).Changes {
			for _, op := range c.Operations {
				if c.Key == "1" && op.Class == ident.ClassReferences {
					return op.Digest
				}
			}
		}
		t.Fatal("there is none")
		return ""
	}
	first := digest(func(s *scene) { s.record("1", boss("2")); s.record("2", nil) })
	for name, set := range map[string]func(*scene){
		"its own account is made": func(s *scene) { s.known("1", boss("2")); s.record("2", nil) },
		"the other is made":       func(s *scene) { s.record("1", boss("2")); s.known("2", nil) },
		"the other is renamed": func(s *scene) {
			s.record("1", boss("2"))
			e, _ := s.known("2", map[string]any{"cn": "Bo"})
			e.DN = support.Child("Bo")
		},
	} {
		if got := digest(set); got != first {
			t.Errorf("%s: %s, and before %s", name, got, first)
		}
	}
	two := func(set func(*scene)) string {
		return digest(func(s *scene) {
			s.known("1", map[string]any{"manager": []string{"2"}, "secretary": []string{"3"}})
			set(s)
		})
	}
	both := two(func(s *scene) { s.known("2", nil); s.known("3", nil) })
	if got := two(func(s *scene) { s.record("2", nil); s.known("3", nil) }); got != both {
		t.Errorf("one of two attributes names somebody who is new: %s, and if they are not: %s", got, both)
	}
	if other := digest(func(s *scene) { s.record("1", boss("3")); s.known("3", nil) }); other == first {
		t.Error("naming another one is the same")
	}
}
