package engine

import (
	"encoding/json"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// numbered is a record whose key was sent as a number.
func numbered(number string, key ident.Key, name string) ident.Record {
	r := person(key, name)
	r.Number, r.Fields["id"] = number, json.Number(number)
	return r
}

// An earlier version linked people under the spelling of their number. The
// links, and the anchors in AD, go on under the one spelling: nobody is missing
// and nobody gets a second account.
func TestLinksUnderAFormerSpellingGoOn(t *testing.T) {
	f := &feed{records: []ident.Record{person("12.0", "Former Twelve"), person("1.3e1", "Former Thirteen"), person("14", "Plain Fourteen")}}
	s := newScene(t, map[string]*feed{"respell": f})
	s.run("respell")
	before := map[ident.Key]ident.GUID{"12": s.account("respell:12.0").GUID, "13": s.account("respell:1.3e1").GUID, "14": s.account("respell:14").GUID}

	// The application changes its own spelling of one in the same moment.
	f.records = []ident.Record{numbered("12", "12", "Former Twelve"), numbered("1.3e1", "13", "Former Thirteen"), numbered("14.0", "14", "Plain Fourteen")}
	r := s.run("respell")
	for _, o := range r.Outcomes {
		if o.Operation.Class != ident.ClassUpdate {
			t.Errorf("%s of %s: %+v", o.Operation.Class, o.Key, o)
		}
	}
	for key, guid := range before {
		link, ok, err := s.Store.LinkByKey(t.Context(), ident.Users("respell"), key)
		if err != nil || !ok || link.GUID != guid || link.Origin != ident.OriginCreated {
			t.Errorf("the link of %s is %+v %v %v, of %s", key, link, ok, err, guid)
		}
		if e := s.account("respell:" + string(key)); e.GUID != guid {
			t.Errorf("respell:%s is on %s", key, e.DN)
		}
	}
	if n, err := s.Store.CountLinks(t.Context(), "respell"); n != 3 || err != nil {
		t.Errorf("%d links, %v", n, err)
	}
	if r := s.run("respell"); len(r.Outcomes)+len(r.Summary.Quarantined) != 0 {
		t.Errorf("the next run did %+v, set aside %+v", r.Outcomes, r.Summary.Quarantined)
	}
}

// Texts that look like numbers are keys of their own.
func TestTextKeysAreNotRespelled(t *testing.T) {
	texts := []ident.Record{person("5e3", "Text One"), person("012", "Text Two")}
	f := &feed{records: texts}
	s := newScene(t, map[string]*feed{"texts": f})
	s.run("texts")
	f.records = append(texts, gone("5000"), gone("12"), gone("12.0"))
	if r := s.run("texts"); len(r.Outcomes)+len(r.Summary.Quarantined) != 0 {
		t.Errorf("the second run did %+v, set aside %+v", r.Outcomes, r.Summary.Quarantined)
	}
	// With numbers beside texts nobody knows what 5e3 is.
	f.records = append(texts, numbered("7.0", "7", "A Number"))
	r := s.run("texts")
	if len(r.Outcomes) != 1 || r.Outcomes[0].Operation.Class != ident.ClassCreate || r.Outcomes[0].Key != "7" || len(r.Summary.Quarantined) != 0 {
		t.Errorf("a number among texts: %+v, set aside %+v", r.Outcomes, r.Summary.Quarantined)
	}
}

// A connector that reports the deletion of 12.0 means the number 12.
func TestADeletionInAnotherSpellingCounts(t *testing.T) {
	f := &feed{records: []ident.Record{numbered("31", "31", "Stays On"), numbered("32", "32", "Goes Away")}, changes: true}
	s := newScene(t, map[string]*feed{"respelled-gone": f})
	s.change("respelled-gone", func(set *plan.Settings) { set.Limits = nil })
	s.run("respelled-gone")
	f.records = []ident.Record{numbered("31.0", "31", "Stays On"), gone("32.0")}
	r := s.run("respelled-gone")
	if len(r.Outcomes) != 1 || r.Outcomes[0].Operation.Class != ident.ClassDisable || r.Outcomes[0].Key != "32" {
		t.Errorf("%+v", r.Outcomes)
	}
}

// Two accounts were made for one number in two spellings. Which of them is
// right is for a person to say: neither is missing.
func TestTwoLinksOfOneNumber(t *testing.T) {
	const name = "twospellings"
	f := &feed{records: []ident.Record{person("12.0", "One Spelling"), person("12", "Another Spelling"), person("13", "Somebody Else")}}
	s := newScene(t, map[string]*feed{name: f})
	s.run(name)
	f.records = []ident.Record{numbered("12", "12", "Another Spelling"), numbered("13", "13", "Somebody Else")}
	for range 2 {
		r := s.run(name)
		if r.Count(ident.ResultApplied)+r.Count(ident.ResultHeld) != 0 || len(r.Summary.Quarantined) != 1 || r.Summary.Quarantined[0].Key != "12.0" {
			t.Errorf("outcomes %+v, set aside %+v", r.Outcomes, r.Summary.Quarantined)
		}
	}
	if uac := s.account(name + ":12.0").Attributes.First("userAccountControl"); uac != "512" {
		t.Errorf("userAccountControl is %s", uac)
	}
}

// An earlier version was killed while it made an account under another spelling
// of the number. The link that the recovery makes goes on like all others: who
// it belongs to is not missing.
func TestACreateUnderAFormerSpellingIsRecovered(t *testing.T) {
	const name = "respellcut"
	f := &feed{records: []ident.Record{numbered("13", "13", "Stays On")}}
	s := newScene(t, map[string]*feed{name: f})
	s.run(name)
	made := s.dc.AddUser(t, s.ou, "Cut Twelve", name+"12", map[string][]string{"employeeNumber": {name + ":12.0"}, "displayName": {"Cut Twelve"}})
	s.leave(store.Intent{Automation: name, Key: "12.0", Operation: ident.Operation{Class: ident.ClassCreate}})
	f.records = append(f.records, numbered("12", "12", "Cut Twelve"))
	r := s.run(name)
	if link, ok := s.link(name, "12"); !ok || link.GUID != made || !s.enabled(made) {
		t.Errorf("linked %t: %+v, enabled %t; %+v, set aside %+v", ok, link, s.enabled(made), r.Outcomes, r.Summary.Quarantined)
	}
	if e := s.account(name + ":12"); e.GUID != made {
		t.Errorf("a second account: %s", e.DN)
	}
}
