package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// referring is a scene in which manager is a reference, and seeAlso several that
// are added.
func referring() *scene {
	s := newScene()
	s.mapper.rules["manager"] = attributeRule{reference: true, source: "user.boss"}
	s.mapper.rules["secretary"] = attributeRule{reference: true}
	s.mapper.rules["seeAlso"] = attributeRule{reference: true, add: true}
	return s
}

func boss(key string) map[string]any { return map[string]any{"manager": []string{key}} }

// references are the lines of the plan about references, and its notes.
func (s *scene) references(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, line := range trace(s.plan(t)) {
		if strings.Contains(line, " references ") || strings.Contains(line, "note |") || strings.Contains(line, "quarantine |") {
			out = append(out, line)
		}
	}
	return out
}

// writtenBefore is what a link remembers of these.
func writtenBefore(named ...ident.Named) string {
	return ops.AppliedDigest(ident.AttributeChange{Reference: true, New: make([]string, len(named)), Named: named})
}

func TestReferences(t *testing.T) {
	const ada1, ada2, ada3 = "CN=Ada 1,OU=Staff,DC=x", "CN=Ada 2,OU=Staff,DC=x", "CN=Ada 3,OU=Staff,DC=x"
	note := func(what string) string { return " note | manager: 1 reference is open, as " + what }
	wrote := func(s *scene, key ident.Key, named ...ident.Named) {
		s.links[key].Applied["manager"] = writtenBefore(named...)
	}
	for _, c := range []struct {
		name string
		set  func(*scene)
		want []string
	}{
		{
			"somebody who is linked", func(s *scene) { s.known("1", boss("2")); s.known("2", nil) },
			[]string{"1 apply references manager:->" + ada2 + " | manager not as user.boss says"},
		},
		{"as it should be", func(s *scene) {
			e, _ := s.known("1", boss("2"))
			s.known("2", nil)
			e.Attributes.Set("manager", strings.ToLower(ada2))
		}, nil},
		{
			"somebody who is created in the same run, later or earlier", func(s *scene) { s.record("1", boss("2")); s.record("2", boss("1")) },
			[]string{
				"1 apply references manager:->" + ada2 + " | manager not as user.boss says",
				"2 apply references manager:->" + ada1 + " | manager not as user.boss says",
			},
		},
		{
			"oneself", func(s *scene) { s.record("1", boss("1")); s.known("2", boss("2")) },
			[]string{
				"1 apply references manager:->" + ada1 + " | manager not as user.boss says",
				"2 apply references manager:->" + ada2 + " | manager not as user.boss says",
			},
		},
		{"another one than before", func(s *scene) {
			e, _ := s.known("1", boss("3"))
			s.known("2", nil)
			s.known("3", nil)
			e.Attributes.Set("manager", ada2)
			wrote(s, "1", ident.Named{Key: "2", GUID: "g2"})
		}, []string{"1 apply references manager:" + ada2 + "->" + ada3 + " | user.boss changed manager"}},
		{"changed by hand", func(s *scene) {
			e, _ := s.known("1", boss("3"))
			s.known("2", nil)
			s.known("3", nil)
			e.Attributes.Set("manager", ada2)
			wrote(s, "1", ident.Named{Key: "3", GUID: "g3"})
		}, []string{"1 apply references manager:" + ada2 + "->" + ada3 + "(drift) | drift: somebody changed manager by hand"}},
		{"changed by hand, and the directory is authoritative", func(s *scene) {
			s.mapper.rules["manager"] = attributeRule{reference: true, directory: true}
			e, _ := s.known("1", boss("3"))
			s.known("2", nil)
			s.known("3", nil)
			e.Attributes.Set("manager", ada2)
			wrote(s, "1", ident.Named{Key: "3", GUID: "g3"})
		}, []string{"1 note | manager differs from its mapping and is left alone: the directory is authoritative for it"}},
		{"emptied by the directory, as the account was deleted and made anew", func(s *scene) {
			s.known("1", boss("3"))
			s.known("3", nil)
			wrote(s, "1", ident.Named{Key: "3", GUID: "former"})
		}, []string{"1 apply references manager:->" + ada3 + " | user.boss changed manager"}},
		{"the account of the other is renamed and moved in the same run", func(s *scene) {
			e, _ := s.known("1", boss("2"))
			s.known("2", map[string]any{"cn": "Bo", "ou": support})
			e.Attributes.Set("manager", ada2)
			wrote(s, "1", ident.Named{Key: "2", GUID: "g2"})
		}, nil},
		{
			"nobody is linked to the key", func(s *scene) { s.known("1", boss("9")) },
			[]string{note("no account is linked to that key; it is written once there is one: 9 (of the key 1)")},
		},
		{"nobody is linked to the key, and somebody else is named", func(s *scene) {
			e, _ := s.known("1", boss("9"))
			e.Attributes.Set("manager", ada2)
			s.known("2", nil)
		}, []string{note("no account is linked to that key; it is written once there is one: 9 (of the key 1)")}},
		{"the linked account is gone", func(s *scene) {
			s.known("1", boss("2"))
			s.linked("2")
			delete(s.entries, "g2")
		}, []string{note("the linked account is not in the directory; it is written once there is one: 2 (of the key 1)")}},
		{
			"the other is in quarantine", func(s *scene) { s.known("1", boss("2")); s.record("2", map[string]any{"mail": "unmappable"}) },
			[]string{
				"2 quarantine | mail: user.email is not an address | correct the record at the source, or where and the mapping of the data source pipedrive_staff",
				note("the record of that key is in quarantine; it is written once there is one: 2 (of the key 1)"),
			},
		},
		{"the creation of the other is held", func(s *scene) {
			s.known("1", boss("2"))
			s.record("2", nil)
			s.set.Limits = map[ident.Class]Limit{ident.ClassCreate: {}}
		}, []string{note("this run does not make or adopt its account; it is written once there is one: 2 (of the key 1)")}},
		{"the adoption of the other is held", func(s *scene) {
			s.known("1", boss("2"))
			s.record("2", nil)
			s.account("g2", staff.Child("Ada 2"), "mail", "ada2@x")
		}, []string{note("this run does not make or adopt its account; it is written once there is one: 2 (of the key 1)")}},
		{"the other is adopted", func(s *scene) {
			s.set.Adopt = AdoptAuto
			s.known("1", boss("2"))
			s.record("2", nil)
			s.account("g2", staff.Child("Ada 2"), "mail", "ada2@x")
		}, []string{"1 apply references manager:->" + ada2 + " | manager not as user.boss says"}},
		{"cleared", func(s *scene) {
			e, _ := s.known("1", map[string]any{"manager": nil})
			e.Attributes.Set("manager", ada2)
			s.known("2", nil)
		}, []string{"1 apply references manager:" + ada2 + "-> | manager not as user.boss says"}},
		{"several, of which one is not linked", func(s *scene) {
			s.known("1", map[string]any{"secretary": []string{"2", "9"}, "seeAlso": []string{"2", "9"}})
			s.known("2", nil)
		}, []string{
			"1 apply references seeAlso:->" + ada2 + "(add) | seeAlso not as user.seeAlso says",
			" note | secretary: 1 reference is open, as no account is linked to that key; it is written once there is one: 9 (of the key 1)",
			" note | seeAlso: 1 reference is open, as no account is linked to that key; it is written once there is one: 9 (of the key 1)",
		}},
		{"several in another order, and one that is there", func(s *scene) {
			e, _ := s.known("1", map[string]any{"secretary": []string{"3", "2"}, "seeAlso": []string{"2", "3"}})
			s.known("2", nil)
			s.known("3", nil)
			e.Attributes.Set("secretary", ada2, ada3)
			e.Attributes.Set("seeAlso", "CN=CRM,OU=Groups,DC=x", ada2)
		}, []string{"1 apply references seeAlso:CN=CRM,OU=Groups,DC=x," + ada2 + "->" + ada3 + "(add) | seeAlso not as user.seeAlso says"}},
		{"over the limit of updates", func(s *scene) {
			s.known("1", boss("2"))
			s.known("2", boss("1"))
			s.set.Limits = map[ident.Class]Limit{ident.ClassUpdate: {Count: 1}}
		}, []string{
			"1 apply references manager:->" + ada2 + " | manager not as user.boss says",
			"2 hold references manager:->" + ada1 + " | manager not as user.boss says; held: over the limit for update of 1 (1 is allowed in 24 hours, 0 of them used before this run)",
		}},
		{"as many as there were references in the last 24 hours", func(s *scene) {
			s.known("1", boss("2"))
			s.known("2", nil)
			s.set.Limits = map[ident.Class]Limit{ident.ClassUpdate: {Count: 1}}
			s.hist.Used = map[ident.Class]int{ident.ClassReferences: 1}
		}, []string{
			"1 hold references manager:->" + ada2 + " | manager not as user.boss says; held: over the limit for update of 1 (1 is allowed in 24 hours, 1 of them used before this run)",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := referring()
			c.set(s)
			if diff := cmp.Diff(c.want, s.references(t)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAHeldCreationKeepsOnlyItsOwnOut: the others of the same list are named, where a
// list may be written in part.
// TestReferencesAreAddedAgain: what was added before is no change by hand, whether the
// directory is authoritative for the attribute or not; what somebody else adds is.
func TestReferencesAreAddedAgain(t *testing.T) {
	s := referring()
	s.mapper.rules["seeAlso"] = attributeRule{reference: true, add: true, directory: true}
	e, _ := s.known("1", map[string]any{"seeAlso": []string{"2"}})
	s.known("2", nil)
	s.known("3", nil)
	s.known("4", nil)
	for _, step := range []struct {
		source []string
		byHand string
		want   int
	}{
		{[]string{"2"}, "", 1},
		{[]string{"2", "3"}, "", 2},
		{[]string{"3", "4"}, "", 3},
		{[]string{"3", "4"}, "CN=CRM,OU=Groups,DC=x", 4},
		{[]string{"1", "3", "4"}, "", 4}, // left alone from now on
	} {
		if step.byHand != "" {
			e.Attributes.Set("seeAlso", append(slices.Clone(e.Attributes.Values("seeAlso")), step.byHand)...)
		}
		s.records[0].Fields["seeAlso"] = step.source
		s.apply(t, s.plan(t), s.updates)
		if got := e.Attributes.Values("seeAlso"); len(got) != step.want {
			t.Errorf("the source says %v: the directory has %q", step.source, got)
		}
	}
}

// TestAReferenceToWhomNobodyIsLinkedAnyMore: the link of the one who is named is gone, the
// account is not. Nobody has changed the attribute by hand.
func TestAReferenceToWhomNobodyIsLinkedAnyMore(t *testing.T) {
	s := referring()
	s.mapper.rules["manager"] = attributeRule{reference: true, source: "user.boss", directory: true}
	e, l := s.known("1", boss("3"))
	s.account("g2", staff.Child("Ada 2"))
	s.known("3", nil)
	e.Attributes.Set("manager", "CN=Ada 2,OU=Staff,DC=x")
	l.Applied["manager"] = writtenBefore(ident.Named{Key: "2", GUID: "g2"})
	want := []string{"1 apply references manager:CN=Ada 2,OU=Staff,DC=x->CN=Ada 3,OU=Staff,DC=x | user.boss changed manager"}
	if diff := cmp.Diff(want, s.references(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReferencesOfJoinersAreNoUpdates: they come with the creation, as all other
// values of a new account do. What was rejected before is still not made.
// TestOpenReferencesAreLookedAtAgain: where only changes are delivered, a record
// with an open reference is kept for the next run.
// TestAHeldReferenceStaysTheSame when the account that it names is made, renamed or
// moved, and when its own account is made.
// TestReferencesComeToRest: whatever there is, two runs bring all references about
// and the third has nothing to do; nobody is named but by their key.
func TestReferencesComeToRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := referring()
		s.set.Limits = map[ident.Class]Limit{ident.ClassUpdate: {Unlimited: true}}
		s.set.Adopt = AdoptAuto
		keys := []string{"1", "2", "3", "4", "5"}
		for _, key := range keys {
			fields := map[string]any{}
			for _, attribute := range []string{"manager", "secretary", "seeAlso"} {
				most := 3
				if attribute == "manager" {
					most = 1
				}
				if to := rapid.SliceOfNDistinct(rapid.SampledFrom(append(keys, "9")), 0, most, rapid.ID[string]).Draw(t, attribute+" of "+key); len(to) > 0 {
					fields[attribute] = to
				}
			}
			if rapid.Bool().Draw(t, "another name") {
				fields["cn"] = "Bo " + key
			}
			if rapid.Bool().Draw(t, "another place") {
				fields["ou"] = support
			}
			switch rapid.SampledFrom([]string{"new", "linked", "to adopt"}).Draw(t, key) {
			case "new":
				s.record(ident.Key(key), fields)
			case "linked":
				e, l := s.known(ident.Key(key), fields)
				if to := rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(t, "manager by hand"); to != "" {
					if there, _ := s.accountOfKey(to); there != "" {
						e.Attributes.Set("manager", string(s.entries[there].DN))
						l.Applied["manager"] = writtenBefore(ident.Named{Key: ident.Key(to), GUID: there})
					}
				}
			default:
				s.record(ident.Key(key), fields)
				s.account(ident.GUID("g"+key), staff.Child("Ada "+key), "mail", "ada"+key+"@x")
			}
		}
		for range 2 {
			p := s.plan(t)
			s.apply(t, p, s.updates)
		}
		if p := s.plan(t); len(p.Changes) != 0 {
			t.Fatalf("the third run has %q", trace(p))
		}
		s.namedByKey(t)
	})
}

// accountOfKey is the account of a key, if it is linked.
func (w *world) accountOfKey(key string) (ident.GUID, bool) {
	if l := w.links[ident.Key(key)]; l != nil && w.entries[l.GUID] != nil {
		return l.GUID, true
	}
	return "", false
}

// namedByKey checks that each record's references are as it says, as far as all its
// keys are linked.
func (s *scene) namedByKey(t fataler) {
	for _, rec := range s.records {
		e := s.entries[s.links[rec.Key].GUID]
		for _, attribute := range []string{"manager", "secretary"} {
			keys, _ := rec.Fields[attribute].([]string)
			if len(keys) == 0 || slices.Contains(keys, "9") {
				continue
			}
			var want []string
			for _, key := range keys {
				want = append(want, string(s.entries[s.links[ident.Key(key)].GUID].DN))
			}
			got := slices.Clone(e.Attributes.Values(attribute))
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Fatalf("%s of %s is %q, want %q", attribute, rec.Key, got, want)
			}
		}
	}
}

// TestAReferenceInAnotherAttribute: the mirror does not follow renames there, so whom
// it names by an unknown name may be the same. That is not told as a change by hand.
func TestAReferenceInAnotherAttribute(t *testing.T) {
	for attribute, want := range map[string]string{
		"carLicenseOf": "1 apply references carLicenseOf:CN=Former Name,OU=Staff,DC=x->CN=Ada 2,OU=Staff,DC=x" +
			" | carLicenseOf names somebody whom rollcall does not know by that name",
		"secretary": "1 apply references secretary:CN=Former Name,OU=Staff,DC=x->CN=Ada 2,OU=Staff,DC=x(drift)" +
			" | drift: somebody changed secretary by hand",
	} {
		s := referring()
		s.mapper.rules[attribute] = attributeRule{reference: true}
		e, l := s.known("1", map[string]any{attribute: []string{"2"}})
		s.known("2", nil)
		e.Attributes.Set(attribute, "CN=Former Name,OU=Staff,DC=x")
		l.Applied[strings.ToLower(attribute)] = writtenBefore(ident.Named{Key: "2", GUID: "g2"})
		if diff := cmp.Diff([]string{want}, s.references(t)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
