package apply

import (
	"errors"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// faults are what may happen to a write, each before or after it has its
// effect.
var faults = []string{"none", "none", "unknown", "unknown", "killed", "killed", "unavailable", "stale", "denied", "panic"}

var errKilled = errors.New("killed")

func (s *scene) draw(t *rapid.T) {
	kinds := rapid.SliceOfN(rapid.SampledFrom(faults), 0, 6).Draw(t, "faults")
	late := rapid.SliceOfN(rapid.Bool(), 6, 6).Draw(t, "after the write")
	n := 0
	s.fault = func(_ ident.Operation, written bool) error {
		if n >= len(kinds) || late[n] != written {
			return nil
		}
		kind := kinds[n]
		if n++; kind == "none" {
			return nil
		}
		switch kind {
		case "unknown":
			return &write.Error{Kind: write.Unknown}
		case "killed":
			return errKilled
		case "panic":
			panic("the writer fell down")
		}
		if written { // the directory says no before it writes
			return nil
		}
		return &write.Error{Kind: write.Kind(kind), Cause: kind}
	}
}

// planned is what a plan would have of each key: a create without a link, and
// else an update.
func (s *scene) planned(t *rapid.T, n int) []Task {
	var tasks []Task
	for i := range n {
		key := ident.Key(rune('1' + i))
		l, linked := s.link(key)
		if !linked {
			tasks = append(tasks, creation(key))
			continue
		}
		e := s.accounts[l.GUID]
		if other := ident.Key(rune('1' + rapid.IntRange(0, n).Draw(t, "names"))); rapid.Bool().Draw(t, "refers") {
			tasks = append(tasks, about(key, e, s.naming(e, other)))
			continue
		}
		before := e.Attributes.First("title")
		tasks = append(tasks, about(key, e, update("title", before, before+rapid.SampledFrom([]string{"a", "b"}).Draw(t, "title"))))
	}
	return tasks
}

// naming is a reference of an account to that of a key, as a plan has it: where the
// other account is not known yet, without its GUID.
func (s *scene) naming(e ident.Entry, key ident.Key) ident.Operation {
	ch := ident.AttributeChange{Name: "manager", Reference: true, Named: []ident.Named{{Key: key}}, New: []string{"CN=as planned"}}
	for _, dn := range e.Attributes.Values("manager") {
		ch.Old = append(ch.Old, dn)
		for guid, other := range s.accounts {
			if ident.DN(dn).EqualFold(other.DN) {
				ch.Were = append(ch.Were, guid)
			}
		}
	}
	if l, linked := s.link(key); linked {
		ch.Named[0].GUID = l.GUID
	}
	return ident.Operation{Class: ident.ClassReferences, Attributes: []ident.AttributeChange{ch}}
}

// Whatever fails, and whenever the agent is killed: nobody gets two accounts,
// nobody's link leads to another's, and the first run in which nothing fails
// leaves nothing in doubt.
func TestOneAccountEach(t *testing.T) {
	base := t.TempDir()
	soak.Check(t, 15, 400, func(t *rapid.T) {
		folder, err := os.MkdirTemp(base, "")
		if err != nil {
			t.Fatal(err)
		}
		s := newScene(t, folder)
		defer s.store.Close()
		n := rapid.IntRange(1, 3).Draw(t, "people")
		for range rapid.IntRange(1, 5).Draw(t, "runs") {
			s.draw(t)
			err := s.apply(s.planned(t, n)...)
			if err == nil && len(s.open()) > 0 && s.failures == 0 {
				t.Fatalf("an intent is open, and nobody was told: %+v", s.open())
			}
			s.check(t)
		}
		s.fault = func(ident.Operation, bool) error { return nil }
		if err := s.apply(s.planned(t, n)...); err != nil || len(s.open()) != 0 {
			t.Fatalf("%v, open %+v", err, s.open())
		}
		s.check(t)
		if err := s.apply(s.planned(t, n)...); err != nil {
			t.Fatal(err)
		}
		if len(s.accounts) != n {
			t.Fatalf("%d accounts of %d people", len(s.accounts), n)
		}
	})
}

// check looks for two accounts of one person and for a link to somebody else.
func (s *scene) check(t *rapid.T) {
	owner := map[string]ident.GUID{}
	for guid, e := range s.accounts {
		anchor := e.Attributes.First("employeeNumber")
		if other, twice := owner[anchor]; twice {
			t.Fatalf("%s has two accounts, %s and %s", anchor, guid, other)
		}
		owner[anchor] = guid
		for _, dn := range e.Attributes.Values("manager") {
			if dn == "CN=as planned" {
				t.Fatalf("%s names a place where nobody was", anchor)
			}
		}
		_, key, _ := ident.ParseAnchor(anchor)
		if l, linked := s.link(key); linked && l.GUID != guid {
			t.Fatalf("the link of %s leads to %s, not %s", key, l.GUID, guid)
		}
	}
}
