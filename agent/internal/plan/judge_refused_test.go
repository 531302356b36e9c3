package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// refusing is a history in which the directory refused everything that the
// scene plans, until again.
func (s *scene) refusing(t *testing.T, again time.Time) {
	t.Helper()
	known := map[string]ident.Refusal{}
	for _, c := range s.plan(t).Changes {
		for _, op := range c.Operations {
			whole := ident.Refusal{Digest: op.Digest, Cause: string(op.Class) + " failed", Next: "see", Again: again}
			known[string(c.Key)+ident.RefusedOperation(op.Class)] = whole
			for _, ch := range op.Attributes { // of a creation they are known once it has come about
				if op.Class == ident.ClassCreate && len(s.records) > 1 {
					continue
				}
				known[string(c.Key)+strings.ToLower(ch.Name)] = ident.Refusal{
					Digest: ops.AppliedDigest(ch), Cause: ch.Name + ": refused", Next: "see",
					Again: again,
				}
			}
		}
	}
	s.hist.Refused = func(key ident.Key, part string) (ident.Refusal, bool) {
		r, ok := known[string(key)+part]
		return r, ok
	}
}

func TestWhatWasRefusedWaits(t *testing.T) {
	s := newScene()
	s.known("1", map[string]any{"title": "Boss", "department": "Sales", "ou": support, "cn": "Ada New"})
	s.record("2", map[string]any{"groups": []ident.DN{crm}})
	before := len(s.plan(t).Changes)
	s.refusing(t, noon.Add(time.Hour))
	p := s.plan(t)
	if len(p.Changes) != 0 || before != 2 {
		t.Errorf("planned all the same: %+v", p.Changes)
	}
	const again = "see; it is tried again after 2026-03-02 13:00:00 UTC, when another value is to be written, or once you say: rollcall " +
		"quarantine retry staff "
	const want = "1 | Ada 1 | account | move failed | " + again + "1\n" +
		"1 | Ada 1 | account | rename failed | " + again + "1\n" +
		"1 | Ada 1 | department | department: refused | " + again + "1\n" +
		"1 | Ada 1 | title | title: refused | " + again + "1\n" +
		"2 | Ada 2 |  | create failed | " + again + "2"
	if got := items(p); got != want {
		t.Errorf("items are\n%s\nwant\n%s", got, want)
	}
	s.records[0].Fields["title"] = "Chief"
	if p = s.plan(t); len(p.Changes) != 1 || p.Changes[0].Key != "1" || p.Changes[0].Operations[0].Attributes[0].New[0] != "Chief" ||
		len(p.Changes[0].Operations) != 1 {
		t.Errorf("another value is not tried: %+v", p.Changes)
	}
	s.records[0].Fields["title"] = "Boss"
	s.hist.Refused = nil
	s.refusing(t, noon)
	if p = s.plan(t); len(p.Changes) != before || items(p) != "" {
		t.Errorf("the time has come: %+v\n%s", p.Changes, items(p))
	}
}

func TestAttributesRefusedAtTheCreation(t *testing.T) {
	s := newScene()
	s.record("2", map[string]any{"title": "Boss"})
	s.refusing(t, noon.Add(time.Hour))
	all := s.hist.Refused
	s.hist.Refused = func(key ident.Key, part string) (ident.Refusal, bool) {
		if part != "title" {
			return ident.Refusal{}, false
		}
		return all(key, part)
	}
	p := s.plan(t)
	if len(p.Changes) != 1 || strings.Contains(strings.Join(trace(p), "\n"), "title:->") {
		t.Errorf("plan is\n%s", strings.Join(trace(p), "\n"))
	}
}

// When the directory refuses the rename of one of a ring, nobody of it steps
// aside or takes a name, and each of them is told.
func TestRefusedInARing(t *testing.T) {
	ring := func() *scene {
		s := newScene()
		s.mapper.rules["cn"] = attributeRule{unique: mapping.UniqueContainer, asIs: true}
		s.person("a", "cn", "a@x", "b@x")
		s.person("b", "cn", "b@x", "c@x")
		s.person("c", "cn", "c@x", "a@x")
		return s
	}
	for _, first := range ring().plan(t).Changes {
		for i, refused := range first.Operations { // a has two: it steps aside
			t.Run(fmt.Sprint(first.Key, i), func(t *testing.T) {
				s := ring()
				s.records[0].Fields["title"] = "Boss"
				s.hist.Refused = func(key ident.Key, part string) (ident.Refusal, bool) {
					r := ident.Refusal{Digest: refused.Digest, Cause: "rename failed", Next: "see", Again: noon.Add(time.Hour)}
					return r, key == first.Key && part == ident.RefusedOperation(ident.ClassRename)
				}
				p := s.plan(t)
				if len(p.Changes) != 1 || len(p.Changes[0].Operations) != 1 || p.Changes[0].Operations[0].Class != ident.ClassUpdate {
					t.Errorf("planned besides the title of a:\n%s", strings.Join(trace(p), "\n"))
				}
				told := map[ident.Key]string{}
				for _, q := range p.Quarantined {
					told[q.Key] += q.Cause
				}
				if len(told) != 3 || told[first.Key] != "rename failed" || strings.Count(fmt.Sprint(told), "waits for the account of the key") != 2 {
					t.Errorf("told: %q", told)
				}
			})
		}
	}
}
