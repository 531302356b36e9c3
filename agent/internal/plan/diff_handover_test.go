package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// person adds a linked account that has the value, and the record that wants
// another.
func (s *scene) person(key ident.Key, attribute, has, wants string) {
	e, l := s.linked(key)
	fields := map[string]any{}
	if attribute == "cn" {
		e.DN = staff.Child(has)
	} else {
		e.Attributes[strings.ToLower(attribute)] = []string{has}
	}
	l.Applied = nil
	fields[attribute] = wants
	s.record(key, fields)
}

// holderOf tells who has a value now.
func (s *scene) holderOf(attribute, value string) (keys []ident.Key) {
	for _, l := range s.links {
		e := s.entries[l.GUID]
		have := e.Attributes.Values(attribute)
		if attribute == "cn" {
			have = []string{e.DN.Name()}
		}
		if slices.ContainsFunc(have, func(v string) bool { return text.Name(v) == text.Name(value) }) {
			keys = append(keys, l.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

// Whoever swaps a value gets it by the same run, in whatever order the records
// come, and at no moment do two objects have it.
func TestHandovers(t *testing.T) {
	for _, c := range []struct {
		name  string
		wants map[string]string // by what they have
		right map[string]string // who has what afterwards; nil: all get what they want
	}{
		{"two swap", map[string]string{"a": "b", "b": "a"}, nil},
		{"a ring of three", map[string]string{"a": "b", "b": "c", "c": "a"}, nil},
		{"a chain", map[string]string{"a": "b", "b": "c", "c": "d"}, nil},
		{"a chain the other way", map[string]string{"d": "c", "c": "b", "b": "a"}, nil},
		{"a chain that hangs on a ring", map[string]string{"a": "b", "b": "a", "c": "d", "d": "e"}, nil},
		{"two rings", map[string]string{"a": "b", "b": "a", "c": "d", "d": "c"}, nil},
		{"a holder who stays", map[string]string{"a": "b", "b": "b"}, map[string]string{"a": "a", "b": "b"}},
		{"a chain that ends at one who stays", map[string]string{"a": "b", "b": "c", "c": "c"}, map[string]string{"a": "a", "b": "b", "c": "c"}},
		{"two want what one gives up", map[string]string{"a": "c", "b": "c", "c": "d"}, map[string]string{"a": "c", "b": "b", "c": "d"}},
		{"one of a ring is wanted by a third", map[string]string{"a": "b", "b": "a", "c": "a"}, map[string]string{"a": "b", "b": "a", "c": "c"}},
	} {
		for _, attribute := range []string{"mail", "sAMAccountName", "userPrincipalName", "cn"} {
			t.Run(c.name+"/"+attribute, func(t *testing.T) {
				s := newScene()
				s.mapper.rules[attribute] = attributeRule{unique: mapping.UniqueForest, asIs: true}
				if attribute == "cn" {
					s.mapper.rules["cn"] = attributeRule{unique: mapping.UniqueContainer, asIs: true}
				}
				s.set.Limits = map[ident.Class]Limit{ident.ClassUpdate: {Unlimited: true}}
				for has, wants := range c.wants {
					s.person(ident.Key(has), attribute, has+"@x", wants+"@x")
				}
				s.watch = []string{attribute}
				s.world.apply(t, s.plan(t), s.updates)
				for has, wants := range c.wants {
					if c.right != nil {
						wants = c.right[has]
					}
					if got := s.holderOf(attribute, wants+"@x"); !slices.Equal(got, []ident.Key{ident.Key(has)}) {
						t.Errorf("%s belongs to %s, it is with %v", wants, has, got)
					}
				}
			})
		}
	}
}

// What a run holds of a handover it holds as a whole: nobody steps aside for
// nothing, and nobody gets what its holder keeps.
func TestHandoversAreHeldTogether(t *testing.T) {
	for _, c := range []struct {
		name  string
		wants map[string]string
		limit int
		held  string
	}{
		{"all of a ring", map[string]string{"a": "b", "b": "c", "c": "a"}, 3, "a b c"},
		{"a taker whose giver is held", map[string]string{"a": "b", "b": "c", "c": "d"}, 1, "a b c"},
		{"not a giver whose taker is held", map[string]string{"c": "b", "b": "a"}, 1, "c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene()
			s.mapper.rules["mail"] = attributeRule{unique: mapping.UniqueForest}
			for has, wants := range c.wants {
				s.person(ident.Key(has), "mail", has+"@x", wants+"@x")
			}
			s.set.Limits = map[ident.Class]Limit{ident.ClassUpdate: {Count: c.limit}}
			p := s.plan(t)
			var held []string
			for _, ch := range p.Changes {
				verdict := ch.Operations[0].Verdict
				if verdict == ident.VerdictHold {
					held = append(held, string(ch.Key))
				}
				if slices.ContainsFunc(ch.Operations, func(op ident.Operation) bool { return op.Verdict != verdict }) {
					t.Errorf("a part of %s is applied: %v", ch.Key, trace(p))
				}
			}
			if got := strings.Join(held, " "); got != c.held {
				t.Errorf("held: %s, want %s", got, c.held)
			}
			s.watch = []string{"mail"}
			s.world.apply(t, p, s.updates)
		})
	}
}

// Values move on by any permutation, also when the run is cut off after any
// operation: the next one ends where this one would have.
func TestHandoversOfAnyPermutation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c", "d", "e", "f"}
		mails, logins := rapid.Permutation(names).Draw(t, "mails"), rapid.Permutation(names).Draw(t, "logins")
		s := newScene()
		s.mapper.rules["mail"] = attributeRule{unique: mapping.UniqueForest}
		s.mapper.rules["sAMAccountName"] = attributeRule{unique: mapping.UniqueDomain}
		s.set.Limits = map[ident.Class]Limit{ident.ClassUpdate: {Unlimited: true}}
		for i, has := range names {
			s.person(ident.Key(has), "mail", has+"@x", mails[i]+"@x")
			s.entries[s.links[ident.Key(has)].GUID].Attributes["samaccountname"] = []string{has}
			s.records[len(s.records)-1].Fields["sAMAccountName"] = logins[i]
		}
		s.watch = []string{"mail", "sAMAccountName"}
		s.cutAfter = rapid.IntRange(0, 12).Draw(t, "operations before the cut")
		for range 2 {
			p, err := s.try()
			if err != nil {
				t.Fatal(err)
			}
			s.world.apply(t, p, s.updates)
			s.cutAfter = 0
		}
		for i, has := range names {
			e := s.entries[s.links[ident.Key(has)].GUID]
			if got := e.Attributes.First("mail"); got != mails[i]+"@x" {
				t.Fatalf("the mail of %s is %q, not that of %s", has, got, mails[i])
			}
			if got := e.Attributes.First("sAMAccountName"); got != logins[i] {
				t.Fatalf("the login of %s is %q, not that of %s", has, got, logins[i])
			}
		}
		if p, err := s.try(); err != nil || len(p.Changes) > 0 {
			t.Fatalf("the next run is not quiet: %v, %v", trace(p), err)
		}
	})
}

// A move waits for whoever gives up the name in its new place, and is held
// with them.
func TestAMoveWaitsForTheName(t *testing.T) {
	for _, limit := range []int{0, 5} {
		s := newScene()
		s.mapper.rules["cn"] = attributeRule{unique: mapping.UniqueContainer, asIs: true}
		s.set.Limits = map[ident.Class]Limit{ident.ClassRename: {Count: limit}}
		s.person("1", "cn", "Bo", "Cy")
		s.entries["g1"].DN, s.links["1"].Placed = support.Child("Bo"), support
		s.records[0].Fields["ou"] = support
		s.person("2", "cn", "Bo", "Bo")
		s.records[1].Fields["ou"] = support
		p := s.plan(t)
		s.world.apply(t, p, s.updates)
		if moved := s.entries["g2"].DN == support.Child("Bo"); moved != (limit > 0) {
			t.Errorf("with %d renames allowed: %v", limit, trace(p))
		}
	}
}

// A chain that cannot move keeps nobody else from swapping.
func TestALongChainThatCannotMove(t *testing.T) {
	s := newScene()
	s.mapper.rules["mail"] = attributeRule{unique: mapping.UniqueForest}
	s.set.Limits = map[ident.Class]Limit{ident.ClassUpdate: {Unlimited: true}}
	for i := range 60 {
		has, wants := fmt.Sprintf("%02d", i), fmt.Sprintf("%02d", i+1)
		if i == 59 {
			wants = has
		}
		s.person(ident.Key("k"+has), "mail", "m"+has+"@x", "m"+wants+"@x")
	}
	s.person("x", "mail", "x@x", "y@x")
	s.person("y", "mail", "y@x", "x@x")
	s.watch = []string{"mail"}
	s.world.apply(t, s.plan(t), s.updates)
	if got := s.holderOf("mail", "x@x"); len(got) != 1 || got[0] != "y" {
		t.Errorf("x@x is with %v", got)
	}
}

// What a saved plan may not apply any more is held with those who wait for it.
func TestRelimitHoldsHandoversTogether(t *testing.T) {
	s := newScene()
	s.mapper.rules["mail"] = attributeRule{unique: mapping.UniqueForest}
	for has, wants := range map[string]string{"a": "b", "b": "c", "c": "a"} {
		s.person(ident.Key(has), "mail", has+"@x", wants+"@x")
	}
	s.set.Limits = map[ident.Class]Limit{ident.ClassUpdate: {Count: 9}}
	p := s.plan(t)
	again := Relimit(s.set, History{Used: map[ident.Class]int{ident.ClassUpdate: 7}}, p)
	if got, want := verdicts(again), []string{"update hold a a b c"}; !slices.Equal(got, want) {
		t.Errorf("verdicts %q, want %q", got, want)
	}
	if got, want := verdicts(Relimit(s.set, History{}, p)), []string{"update apply a a b c"}; !slices.Equal(got, want) {
		t.Errorf("verdicts %q, want %q", got, want)
	}
}
