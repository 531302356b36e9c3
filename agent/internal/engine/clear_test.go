package engine

import (
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// TestClearingWhatADProtects: the directory refuses to delete these, so they
// get the value that means none, and the next run has nothing to do.
func TestClearingWhatADProtects(t *testing.T) {
	source := &feed{}
	s := onDC(t, map[string]*feed{"clear": source})
	neutral := map[string]string{
		"accountExpires": "9223372036854775807", "countryCode": "0", "codePage": "0", "lockoutTime": "0", "title": "", "logonHours": "",
	}
	values := map[string]string{"accountExpires": "153000000000000000", "countryCode": "276", "codePage": "1252", "lockoutTime": "133000000000000000", "title": "Boss", "logonHours": "x"}
	var names []string
	for name := range neutral {
		names = append(names, name)
	}
	var defs []mapping.AttributeDef
	for _, name := range names {
		defs = append(defs, mapping.AttributeDef{Name: name, OnMissing: mapping.OnMissingClear})
	}
	s.mapped("clear", defs...)
	full, empty := person("1", "Clear One"), person("1", "Clear One")
	for name, v := range values {
		full.Fields[name], empty.Fields[name] = v, nil
	}
	source.records = []ident.Record{full}
	s.run("clear")
	s.wantItems("clear")
	source.records = []ident.Record{empty}
	if r := s.run("clear"); r.Count(ident.ResultApplied) != 1 || r.Count(ident.ResultFailed) != 0 {
		t.Fatalf("%+v", r.Outcomes)
	}
	e := s.dc.Find(t, "(employeeNumber=clear:1)", names...)[0]
	for name, want := range neutral {
		if got := e.Attributes.First(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if r := s.run("clear"); len(r.Outcomes) != 0 {
		t.Errorf("the second run did %+v", r.Outcomes)
	}
	s.dc.Replace(t, e.DN, "accountExpires", "0") // as another tool writes never
	if r := s.run("clear"); len(r.Outcomes) != 0 {
		t.Errorf("never and 0 are told apart: %+v", r.Outcomes)
	}
}
