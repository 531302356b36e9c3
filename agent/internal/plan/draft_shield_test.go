package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// panicking is a Mapper that fails within itself at one step of one record.
type panicking struct {
	Mapper
	step string
	key  ident.Key
}

func (p panicking) at(step string, rec ident.Record) {
	if step == p.step && rec.Key == p.key {
		panic(step + " fell down")
	}
}

func (p panicking) Derive(rec ident.Record) (ident.Record, error) {
	p.at("derive", rec)
	return p.Mapper.Derive(rec)
}

func (p panicking) InScope(rec ident.Record) (bool, error) {
	p.at("scope", rec)
	return p.Mapper.InScope(rec)
}

func (p panicking) MatchValues(rec ident.Record, attributes []string) (map[string][]string, error) {
	p.at("match", rec)
	return p.Mapper.MatchValues(rec, attributes)
}

func (p panicking) Map(rec ident.Record, current *ident.Entry, link *ident.Link, names mapping.Names) (ident.Desired, error) {
	p.at("map", rec)
	return p.Mapper.Map(rec, current, link, names)
}

// panickingView fails within itself when it is asked about one object.
type panickingView struct {
	View
	guid ident.GUID
}

func (v panickingView) EntryByGUID(guid ident.GUID) (ident.Entry, bool, error) {
	if guid == v.guid {
		panic("the mirror fell down")
	}
	return v.View.EntryByGUID(guid)
}

// A panic about one record, linked, new or missing, sets that one aside. It
// counts as present, and everybody else is planned.
func TestAPanicSetsOneRecordAside(t *testing.T) {
	for _, step := range []string{"derive", "scope", "match", "map", "missing"} {
		for _, key := range []ident.Key{"1", "3"} { // linked, new
			if step == "match" && key == "1" || step == "missing" && key == "3" {
				continue
			}
			t.Run(fmt.Sprint(step, " ", key), func(t *testing.T) {
				s := newScene()
				_, link := s.known("1", map[string]any{"title": "Chief"})
				s.known("2", map[string]any{"title": "Chief"})
				s.record("3", nil)
				s.record("4", nil)
				view := View(s.world)
				if step == "missing" {
					s.records = s.records[1:]
					view = panickingView{view, link.GUID}
				}
				b := NewBuilder(s.set, view, panicking{s.mapper, step, key}, s.hist)
				for _, rec := range s.records {
					if err := b.Add(rec); err != nil {
						t.Fatal(err)
					}
				}
				p, err := b.Finish(s.delivery)
				if err != nil {
					t.Fatal(err)
				}
				if len(p.Quarantined) != 1 || p.Quarantined[0].Key != key ||
					!strings.HasPrefix(p.Quarantined[0].Cause, "internal error of rollcall while this record was planned: ") {
					t.Errorf("quarantine: %+v", p.Quarantined)
				}
				for _, c := range p.Changes {
					if c.Key == key {
						t.Errorf("a change of the one in quarantine: %+v", c)
					}
				}
				if len(p.Changes) != 3 {
					t.Errorf("%d changes of the others", len(p.Changes))
				}
				crash := b.Crashes()
				if crash.Count != 1 || crash.Key != key || !strings.Contains(crash.Stack, "shield_test.go") {
					t.Errorf("crashes: %+v", crash)
				}
			})
		}
	}
}

// After a panic about somebody with an account, a joiner whose name is taken by
// somebody who is yet to come is planned like any other.
func TestAJoinerAfterAPanic(t *testing.T) {
	s := newScene()
	s.known("1", nil)
	s.record("2", map[string]any{"cn": "Ada 3"})
	s.known("3", nil)
	b := NewBuilder(s.set, s.world, panicking{s.mapper, "map", "1"}, s.hist)
	for _, rec := range s.records {
		if err := b.Add(rec); err != nil {
			t.Fatal(err)
		}
	}
	p, err := b.Finish(s.delivery)
	if err != nil || len(p.Changes) != 1 || p.Changes[0].DN != staff.Child("Ada 3 (2)") {
		t.Errorf("%v, %v", trace(p), err)
	}
}
