package plan

import (
	"slices"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// The same operation has the same digest whatever its surroundings; another
// one has another.
func TestOperationDigest(t *testing.T) {
	of := func(change func(*scene)) map[ident.Class]string {
		s := newScene()
		s.known("11", map[string]any{"mail": "new@x", "ou": support, "cn": "Ada New", "groups": []ident.DN{crm}})
		change(s)
		out := map[ident.Class]string{}
		for _, op := range s.plan(t).Changes[0].Operations {
			out[op.Class] = op.Digest
		}
		return out
	}
	base := of(func(*scene) {})
	for name, c := range map[string]struct {
		change func(*scene)
		same   []ident.Class
	}{
		"nothing": {func(*scene) {}, []ident.Class{ident.ClassUpdate, ident.ClassRename, ident.ClassMove, ident.ClassGroups}},
		"the rename is held": {
			func(s *scene) { s.set.Limits = map[ident.Class]Limit{ident.ClassRename: {}} },
			[]ident.Class{ident.ClassUpdate, ident.ClassRename, ident.ClassMove, ident.ClassGroups},
		},
		"another mail": {
			func(s *scene) { s.records[0].Fields["mail"] = "other@x" },
			[]ident.Class{ident.ClassRename, ident.ClassMove, ident.ClassGroups},
		},
		"another old mail": {
			func(s *scene) { s.entries["g11"].Attributes["mail"] = []string{"hand@x"} },
			[]ident.Class{ident.ClassRename, ident.ClassMove, ident.ClassGroups},
		},
		"another place": {
			func(s *scene) { s.records[0].Fields["ou"] = leavers },
			[]ident.Class{ident.ClassUpdate, ident.ClassRename, ident.ClassGroups},
		},
		"another name": {
			func(s *scene) { s.records[0].Fields["cn"] = "Bo" },
			[]ident.Class{ident.ClassUpdate, ident.ClassMove, ident.ClassGroups},
		},
		"added, not replaced": {
			func(s *scene) { s.mapper.rules["mail"] = attributeRule{add: true} },
			[]ident.Class{ident.ClassRename, ident.ClassMove, ident.ClassGroups},
		},
	} {
		got := of(c.change)
		for class, digest := range base {
			if same := slices.Contains(c.same, class); (got[class] == digest) != same {
				t.Errorf("%s: the digest of %s is the same: %t, want %t", name, class, !same, same)
			}
		}
	}
	s := newScene()
	s.record("11", map[string]any{"groups": []ident.DN{crm}})
	before := s.plan(t).Changes[0].Operations[1].Digest
	s.hist.Decided = nil
	s.linked("11")
	if after := s.plan(t).Changes[0].Operations[0].Digest; after != before {
		t.Error("groups have another digest once the account exists")
	}
}

// A held rename that was recorded in one container is another operation once
// the account is in another: what was recorded no longer fits.
func TestDigestOfARenameTellsTheContainer(t *testing.T) {
	s := newScene()
	s.known("11", map[string]any{"cn": "Ada New", "ou": support})
	s.set.Limits = map[ident.Class]Limit{ident.ClassRename: {}}
	p := s.plan(t)
	s.apply(t, p, s.updates)
	again := s.plan(t)
	wantTrace(t, again, "11 hold rename CN=Ada 11,OU=Support,OU=Staff,DC=x -> CN=Ada New,OU=Support,OU=Staff,DC=x cn:Ada 11->Ada New | "+
		"user.cn changed cn; "+
		"held: over the limit for rename of 0 (0 are allowed in 24 hours, 0 of them used before this run)")
	if p.Changes[0].Operations[0].Digest == again.Changes[0].Operations[0].Digest {
		t.Error("the rename has the digest of the one in the other container")
	}
}
