package apply

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// TestAReferenceNamesWhereTheOtherIs by the time it is written: accounts may have been
// made, renamed or moved since the plan, also the one that was named before.
func TestAReferenceNamesWhereTheOtherIs(t *testing.T) {
	s := opened(t)
	boss, former, e := s.created("2"), s.created("3"), s.created("1")
	move := func(e ident.Entry, to ident.DN) {
		e.DN = to
		s.accounts[e.GUID] = e
	}
	e.Attributes.Set("manager", string(former.DN))
	ch := ident.AttributeChange{
		Name: "manager", Reference: true, Old: []string{string(former.DN)}, Were: []ident.GUID{former.GUID},
		New: []string{string(boss.DN)}, Named: []ident.Named{{Key: "2"}},
	}
	move(boss, "CN=Renamed,OU=Elsewhere,DC=x")
	move(former, "CN=Former,OU=Elsewhere,DC=x")
	if err := s.apply(about("1", e, ident.Operation{Class: ident.ClassReferences, Attributes: []ident.AttributeChange{ch}})); err != nil {
		t.Fatal(err)
	}
	last := s.recorded[len(s.recorded)-1]
	got := last.Operation.Attributes[0]
	if last.Result != ident.ResultApplied || got.New[0] != "CN=Renamed,OU=Elsewhere,DC=x" || got.Old[0] != "CN=Former,OU=Elsewhere,DC=x" {
		t.Errorf("%s: %+v", last.Result, got)
	}
	if v := s.accounts[e.GUID].Attributes.First("manager"); v != "CN=Renamed,OU=Elsewhere,DC=x" {
		t.Errorf("manager is %s", v)
	}
	link, _ := s.link("1")
	if link.Applied["manager"] != operation.DigestOfObjects([]string{""}, []ident.GUID{boss.GUID}) {
		t.Errorf("the link remembers %+v", link.Applied)
	}
	back, ok := operation.Inverse(last.Operation)
	if b := back.Attributes; !ok || back.Class != ident.ClassReferences || b[0].Named[0].GUID != former.GUID || b[0].Were[0] != boss.GUID || b[0].New[0] != got.Old[0] {
		t.Errorf("what takes it back is %+v", back)
	}
}

// TestAReferenceIsNotGuessed: nothing is written when the account that it is to name
// is not there, or is another one by now.
func TestAReferenceIsNotGuessed(t *testing.T) {
	for name, c := range map[string]struct {
		named ident.Named
		set   func(*scene, ident.Entry)
		want  string
	}{
		"not linked":                {ident.Named{Key: "9"}, nil, "manager: no account is linked to the key 9"},
		"linked to another account": {ident.Named{Key: "2", GUID: "former"}, nil, "manager: the key 2 has been linked since to another account"},
		"deleted":                   {ident.Named{Key: "2"}, func(s *scene, boss ident.Entry) { delete(s.accounts, boss.GUID) }, "manager: the account of the key 2 is not in the directory any more"},
		"known by its object, gone": {ident.Named{GUID: "former"}, nil, "manager: the account former is not in the directory any more"},
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t)
			boss, e := s.created("2"), s.created("1")
			if c.set != nil {
				c.set(s, boss)
			}
			ch := ident.AttributeChange{Name: "manager", Reference: true, New: []string{string(boss.DN)}, Named: []ident.Named{c.named}}
			if err := s.apply(about("1", e, ident.Operation{Class: ident.ClassReferences, Attributes: []ident.AttributeChange{ch}})); err != nil {
				t.Fatal(err)
			}
			last := s.recorded[len(s.recorded)-1]
			if last.Result != ident.ResultSkipped || !strings.Contains(last.Cause, c.want) || last.Next == "" {
				t.Errorf("%s: %s", last.Result, last.Cause)
			}
			if v := s.accounts[e.GUID].Attributes.Values("manager"); len(v) != 0 {
				t.Errorf("manager is %q", v)
			}
		})
	}
}

// TestAnAccountThatCannotBeLookedUp keeps from writing only whoever names it, unless
// the directory does not answer at all.
func TestAnAccountThatCannotBeLookedUp(t *testing.T) {
	for name, c := range map[string]struct {
		answer error
		former bool // it is the one that was named before
		ends   bool
	}{
		"who is to be named": {answer: &conn.Error{Op: "search", Code: 50, Err: errors.New("insufficient access rights"), Hint: "ask"}},
		"who was named":      {answer: &conn.Error{Op: "search", Code: 11, Err: errors.New("too much")}, former: true},
		"an outage":          {answer: &conn.Error{Op: "search", Code: conn.CodeNetwork, Err: errors.New("broken pipe")}, ends: true},
		"no login":           {answer: &conn.Error{Op: "bind", Code: 49, Err: errors.New("refused")}, former: true, ends: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t)
			boss, one, two := s.created("9"), s.created("1"), s.created("2")
			names := func(key ident.Key, e ident.Entry, to ident.Entry, k ident.Key) Task {
				ch := ident.AttributeChange{Name: "manager", Reference: true, New: []string{string(to.DN)}, Named: []ident.Named{{Key: k, GUID: to.GUID}}}
				if c.former && key == "1" {
					ch.Old, ch.Were, ch.New, ch.Named = ch.New, []ident.GUID{to.GUID}, nil, nil
				}
				return about(key, e, ident.Operation{Class: ident.ClassReferences, Attributes: []ident.AttributeChange{ch}})
			}
			s.unread = map[ident.GUID]error{boss.GUID: c.answer}
			err := s.apply(names("1", one, boss, "9"), names("2", two, one, "1"))
			if c.ends {
				if !errors.Is(err, c.answer) || len(s.recorded) != 0 {
					t.Fatalf("the run ended with %v, %+v", err, s.recorded)
				}
				return
			}
			if err != nil || len(s.recorded) != 2 {
				t.Fatalf("the run ended with %v, %+v", err, s.recorded)
			}
			failed, applied := s.recorded[0], s.recorded[1]
			if failed.Result != ident.ResultFailed || !strings.Contains(failed.Cause, c.answer.Error()) || failed.Next == "" || failed.Code == 0 {
				t.Errorf("who names it: %+v", failed)
			}
			if applied.Result != ident.ResultApplied || s.accounts[two.GUID].Attributes.First("manager") != string(one.DN) {
				t.Errorf("who names somebody else: %+v", applied)
			}
			if len(s.told) != 1 || s.told[0].Key != "1" || s.told[0].Next == "" || len(s.open()) != 0 {
				t.Errorf("told %+v, open %+v", s.told, s.open())
			}
		})
	}
}

// TestAReferenceThatTheMirrorDoesNotFollow: the plan saw it name nobody that it knows. Where
// that is whom rollcall wrote, under a new name, nothing is done, or the next one is
// written; where somebody else is named, that counts as before.
func TestAReferenceThatTheMirrorDoesNotFollow(t *testing.T) {
	for name, c := range map[string]struct {
		next   ident.Key // who is to be named; 2 was written
		byHand bool
		result ident.Result
		done   bool
	}{
		"the same":                        {next: "2", result: ident.ResultSkipped, done: true},
		"another one":                     {next: "3", result: ident.ResultApplied},
		"somebody else has come, by hand": {next: "2", byHand: true, result: ident.ResultSkipped},
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t)
			boss, _, other, e := s.created("2"), s.created("3"), s.created("4"), s.created("1")
			name := func(key ident.Key, old ...string) ident.Operation {
				l, _ := s.link(key)
				return ident.Operation{Class: ident.ClassReferences, Attributes: []ident.AttributeChange{{
					Name: "aide", Reference: true, Old: old, Were: make([]ident.GUID, len(old)),
					New: []string{string(s.accounts[l.GUID].DN)}, Named: []ident.Named{{Key: key, GUID: l.GUID}},
				}}}
			}
			if err := s.apply(about("1", e, name("2"))); err != nil {
				t.Fatal(err)
			}
			boss.DN = "CN=Renamed,OU=Elsewhere,DC=x"
			s.accounts[boss.GUID] = boss
			now := s.accounts[e.GUID]
			now.Attributes.Set("aide", string(boss.DN))
			if c.byHand {
				now.Attributes.Set("aide", string(other.DN))
			}
			s.fault = func(op ident.Operation, written bool) error {
				ch := op.Attributes[0]
				if !written && !operation.SameValues(ch, s.accounts[e.GUID].Attributes.Values("aide"), ch.Old) {
					return &write.Error{Kind: write.Stale, Op: op.Class, Cause: "aide is another one", Next: PlanAnew}
				}
				return nil
			}
			s.writes = 0
			if err := s.apply(about("1", now, name(c.next, "CN=Person 2,OU=Staff,DC=x"))); err != nil {
				t.Fatal(err)
			}
			last := s.recorded[len(s.recorded)-1]
			if last.Result != c.result || last.DoneAlready() != c.done || (s.writes == 1) != (c.result == ident.ResultApplied) {
				t.Errorf("%s: %s; next: %s; %d writes", last.Result, last.Cause, last.Next, s.writes)
			}
		})
	}
}
