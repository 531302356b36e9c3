package plan

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// fates tells what has become of a plan: "KEY CLASS: done", or why it cannot be
// made; nothing about what is still to be made.
func (s *scene) fates(t fataler, p ident.Plan) map[string]ops.Fate {
	t.Helper()
	all := map[string]ops.Fate{}
	now := ops.World{View: s.world, Space: ident.Users(s.set.Application), Anchor: s.set.Anchor, Known: func(string) bool { return true }}
	for _, c := range p.Changes {
		fates, err := now.Since(c)
		if err != nil {
			t.Fatalf("%s: %v", c.Key, err)
		}
		for i, f := range fates {
			if f != (ops.Fate{}) {
				all[carriedOut(c, c.Operations[i])] = f
			}
		}
	}
	return all
}

// checkFates applies a part of a plan, and wants exactly that to be done.
func (s *scene) checkFates(t *rapid.T, p ident.Plan, updates []LinkUpdate) {
	t.Helper()
	if before := s.fates(t, p); len(before) > 0 {
		t.Fatalf("of a plan that was just made: %v\n%s", before, strings.Join(trace(p), "\n"))
	}
	s.carried = map[string]bool{}
	s.cutAfter = rapid.IntRange(0, 12).Draw(t, "operations before the cut")
	s.world.apply(t, p, updates)
	after := s.fates(t, p)
	for _, c := range p.Changes {
		for _, op := range c.Operations {
			name := carriedOut(c, op)
			if op.Verdict == ident.VerdictHold && after[name] != (ops.Fate{}) {
				t.Errorf("%s is held, and its fate %+v\n%s", name, after[name], strings.Join(trace(p), "\n"))
			}
			if op.Verdict != ident.VerdictApply {
				continue
			}
			if f := after[name]; f.Done != s.carried[name] || !f.Done && f.Why != "" {
				t.Errorf("%s: carried out is %t, and its fate %+v\n%s", name, s.carried[name], f, strings.Join(trace(p), "\n"))
			}
		}
	}
}

// What a run has done of a plan is done, what it has not is still to be made:
// wherever it was cut off.
func TestSinceOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		p, err := s.try()
		if err != nil {
			t.Skip(err)
		}
		s.checkFates(t, p, s.updates)
	})
}

func TestSinceOfSwaps(t *testing.T) {
	m := swapMapping(t)
	rapid.Check(t, func(t *rapid.T) {
		s := newScene()
		s.set.Limits = map[ident.Class]Limit{ident.ClassUpdate: {Unlimited: true}}
		n := rapid.IntRange(2, 5).Draw(t, "people")
		var all []int
		for i := range n {
			all = append(all, i)
		}
		names, logins := rapid.Permutation(all).Draw(t, "names"), rapid.Permutation(all).Draw(t, "logins")
		place := func(what string) ident.DN { return rapid.SampledFrom([]ident.DN{staff, support}).Draw(t, what) }
		var records []ident.Record
		for i := range n {
			records = append(records, s.swapped(i, names[i], logins[i], i, place("from"), place("to")))
		}
		b := NewBuilder(s.set, s.world, m, s.hist)
		for _, r := range records {
			if err := b.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		p, err := b.Finish(s.delivery)
		if err != nil {
			t.Fatal(err)
		}
		s.checkFates(t, p, b.LinkUpdates())
	})
}

// TestSinceOfOthers: what somebody has done since is told, and counts no more.
func TestSinceOfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		class ident.Class
		since func(*scene)
		want  string // how it begins
	}{
		"linked meanwhile": {
			ident.ClassCreate, func(s *scene) { s.linked("new") },
			"done already: the record is linked to CN=Ada new,OU=Staff,DC=x",
		},
		"an account with the anchor": {ident.ClassCreate, func(s *scene) {
			s.account("g9", staff.Child("By Hand"), "employeeNumber", "pipedrive:new")
		}, "CN=By Hand,OU=Staff,DC=x carries the anchor pipedrive:new by now: the next run links it"},
		"the value by hand": {
			ident.ClassUpdate, func(s *scene) { s.entries["gtitled"].Attributes["title"] = []string{"Boss"} },
			"done already: the account is as this would make it",
		},
		"another value": {
			ident.ClassUpdate, func(s *scene) { s.entries["gtitled"].Attributes["title"] = []string{"Chief"} },
			"title has changed since the plan was made: expected nothing, found Chief",
		},
		"moved by hand": {
			ident.ClassMove, func(s *scene) { s.entries["gmoved"].DN = leavers.Child("Ada moved") },
			"the account has been moved or renamed since the plan was made: " +
				"expected CN=Ada moved,OU=Staff,DC=x, found CN=Ada moved,OU=Leavers,DC=x",
		},
		"moved there by hand": {ident.ClassMove, func(s *scene) { s.entries["gmoved"].DN = support.Child("Ada moved") }, "done already"},
		"disabled by somebody": {
			ident.ClassDisable, func(s *scene) { s.entries["gleft"].Attributes["useraccountcontrol"] = []string{"514"} },
			"the account is disabled already, and not where this would move it",
		},
		"deleted": {ident.ClassDisable, func(s *scene) { delete(s.entries, "gleft") }, "the account is not there any more"},
		"linked to another": {
			ident.ClassDisable, func(s *scene) { s.links["left"].GUID = "gmoved" },
			"the record has been linked since to another account",
		},
		"link removed": {ident.ClassDisable, func(s *scene) { delete(s.links, "left") }, "the record is not linked"},
		"in the group": {ident.ClassGroups, func(s *scene) { s.members[crm] = map[ident.GUID]bool{"gmoved": true} }, "done already"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			s.record("new", nil)
			s.known("titled", map[string]any{"title": "Boss"})
			s.known("moved", map[string]any{"ou": support, "groups": []ident.DN{crm}})
			s.linked("left")
			p := s.plan(t)
			if before := s.fates(t, p); len(before) > 0 {
				t.Fatalf("%v", before)
			}
			c.since(s)
			var got []string
			for key, f := range s.fates(t, p) {
				if strings.Contains(key, string(c.class)) {
					got = append(got, f.Why)
				}
			}
			if len(got) != 1 || !strings.HasPrefix(got[0], c.want) || slices.Contains(got, "") {
				t.Errorf("%q, want %q\n%s", got, c.want, strings.Join(trace(p), "\n"))
			}
		})
	}
}

// TestSinceOfReferences: of a saved plan, they are compared by objects, wherever these
// are by now.
func TestSinceOfReferences(t *testing.T) {
	move := func(s *scene, key ident.Key, to ident.DN) {
		e := s.entries[s.links[key].GUID]
		s.maintain(e.DN, to)
		e.DN = to
	}
	carry := func(s *scene, p ident.Plan) { s.apply(t, p, s.updates) }
	for name, c := range map[string]struct {
		since func(*scene, ident.Plan)
		want  string // of the fate: "" still to be made, "done", or a part of why not
	}{
		"nothing":                             {func(*scene, ident.Plan) {}, ""},
		"the former one is renamed and moved": {func(s *scene, _ ident.Plan) { move(s, "2", support.Child("Former")) }, ""},
		"the next one is renamed":             {func(s *scene, _ ident.Plan) { move(s, "3", staff.Child("Next")) }, ""},
		"the former one is deleted": {func(s *scene, _ ident.Plan) {
			delete(s.entries, "g2")
			s.entries["g1"].Attributes.Set("manager")
		}, ""},
		"carried out":                            {carry, "done"},
		"carried out, and the next one is moved": {func(s *scene, p ident.Plan) { carry(s, p); move(s, "3", support.Child("Next")) }, "done"},
		"somebody else is named": {func(s *scene, _ ident.Plan) {
			move(s, "2", support.Child("Former"))
			s.entries["g1"].Attributes.Set("manager", string(s.entries["g4"].DN))
		}, "manager has changed since the plan was made: expected CN=Former,OU=Support,OU=Staff,DC=x, found CN=Ada 4,"},
		"somebody else is where the former one was": {func(s *scene, _ ident.Plan) {
			move(s, "2", support.Child("Former"))
			move(s, "4", "CN=Ada 2,OU=Staff,DC=x")
			s.entries["g1"].Attributes.Set("manager", "CN=Ada 2,OU=Staff,DC=x")
		}, "manager has changed since"},
	} {
		t.Run(name, func(t *testing.T) {
			s := referring()
			e, l := s.known("1", boss("3"))
			for _, key := range []ident.Key{"2", "3", "4"} {
				s.known(key, nil)
			}
			e.Attributes.Set("manager", "CN=Ada 2,OU=Staff,DC=x")
			l.Applied["manager"] = writtenBefore(ident.Named{Key: "2", GUID: "g2"})
			p := s.plan(t)
			c.since(s, p)
			fate := s.fates(t, p)[carriedOut(p.Changes[0], p.Changes[0].Operations[0])]
			if fate.Done != (c.want == "done") || !fate.Done && !strings.Contains(fate.Why, c.want) || c.want == "" && fate != (ops.Fate{}) {
				t.Errorf("%+v", fate)
			}
		})
	}
}

// TestSinceOfAReferenceThatTheMirrorDoesNotFollow: it shows the former one where the plan
// saw them, though they have been renamed.
func TestSinceOfAReferenceThatTheMirrorDoesNotFollow(t *testing.T) {
	s := referring()
	s.mapper.rules["carLicenseOf"] = attributeRule{reference: true}
	e, _ := s.known("1", map[string]any{"carLicenseOf": []string{"3"}})
	s.known("2", nil)
	s.known("3", nil)
	e.Attributes.Set("carLicenseOf", "CN=Ada 2,OU=Staff,DC=x")
	p := s.plan(t)
	s.entries["g2"].DN = support.Child("Former")
	if fates := s.fates(t, p); len(fates) > 0 {
		t.Errorf("%+v", fates)
	}
}

// TestSinceOfAReferenceToAJoiner: a plan was cut off after it made the account that
// another one is to name.
func TestSinceOfAReferenceToAJoiner(t *testing.T) {
	s := referring()
	s.known("1", boss("2"))
	s.record("2", nil)
	p := s.plan(t)
	s.apply(t, p, s.updates)
	e := s.entries[s.links["2"].GUID]
	s.maintain(e.DN, support.Child("Moved"))
	e.DN = support.Child("Moved")
	if fate := s.fates(t, p)["1referencesfalse"]; !fate.Done {
		t.Errorf("%+v of %v", fate, s.fates(t, p))
	}
}
