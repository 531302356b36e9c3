package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/tryout"
)

// MostMapped is how many records one trial of a mapping takes at most.
const MostMapped = 1000

type (
	// TestMappingRequest asks what a data source makes of records.
	TestMappingRequest struct {
		OnDisk
		DataSource string
		Automation string      // whose OU, groups and match rules; "": the first that uses the data source
		Keys       []ident.Key // of the records; none: the first ones
		Most       int         // how many, without Keys
		// Saved are answers of endpoints that the records are taken from; none: the
		// application is asked.
		Saved     []SavedRecords
		Directory bool // look names, matches and references up, and plan
	}
	// SavedRecords are records of a saved answer.
	SavedRecords struct {
		File    string
		Header  tryout.Header
		Records []ident.Record
	}
	// TestMappingAnswer is what a data source makes of records.
	TestMappingAnswer struct {
		DataSource  string   `json:"data_source"`
		Application string   `json:"application"`
		Automation  string   `json:"automation"`
		Others      []string `json:"other_automations,omitempty"` // that use the data source too
		Directory   bool     `json:"directory"`                   // the directory was asked
		Records     []Mapped `json:"records"`
		Notes       []string `json:"notes"` // about keys without a record, and the like
		// Keyless counts records without a usable key among those that came.
		Keyless      int         `json:"without_key,omitempty"`
		RunningAgent *Divergence `json:"running_agent,omitempty"`
	}
)

// UnmarshalJSON keeps numbers as the application spelled them.
func (s *SavedRecords) UnmarshalJSON(text []byte) error {
	type plain SavedRecords
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode((*plain)(s))
}

// TestMapping takes records through the mapping of a data source by the configuration
// on disk. Nothing is written to the directory.
func (s *Service) TestMapping(ctx context.Context, _ Caller, in TestMappingRequest) (TestMappingAnswer, error) {
	if in.Most < 1 || in.Most > MostMapped || len(in.Keys) > MostMapped {
		return TestMappingAnswer{}, exit.Mistake(fmt.Errorf("a trial takes from 1 to %d records", MostMapped))
	}
	now, e, differs, err := s.agent.Try(ctx, in.OnDisk)
	if err != nil {
		return TestMappingAnswer{}, err
	}
	out, err := in.trial(now.Config())
	if err != nil {
		return TestMappingAnswer{}, exit.Mistake(err)
	}
	t := engine.Trial{Automation: out.Automation, Keys: in.Keys, Most: in.Most, Saved: len(in.Saved) > 0, Directory: in.Directory}
	for _, saved := range in.Saved {
		t.Given = append(t.Given, saved.Records...)
	}
	tried, err := e.Try(ctx, t)
	if err != nil {
		return TestMappingAnswer{}, mistaken(err)
	}
	out.RunningAgent = differs
	out.take(tried)
	if len(out.Records) == 0 && len(in.Keys) > 0 {
		return TestMappingAnswer{}, exit.Mistake(noneOf(tried.Notes))
	}
	return out, nil
}

// noneOf is the error for keys of which none has a record.
func noneOf(notes []ident.Note) error {
	var all []error
	for _, n := range notes {
		if n.Key != "" {
			all = append(all, fmt.Errorf("key %s: %s", n.Key, n.Text))
		}
	}
	return errors.Join(all...)
}

// take adds what was tried.
func (a *TestMappingAnswer) take(tried engine.Tried) {
	a.Keyless = tried.Keyless
	for _, r := range tried.Records {
		one := mapped(r, a.Directory)
		if tried.Plan != nil {
			one.setAside(tried.Plan.Quarantined)
		}
		a.Records = append(a.Records, one)
	}
	for _, n := range tried.Notes {
		text := n.Text
		if n.Key != "" {
			text = fmt.Sprintf("key %s: %s", n.Key, n.Text)
		}
		a.Notes = append(a.Notes, text)
	}
	if tried.Keyless > 0 {
		a.Notes = append(a.Notes, fmt.Sprintf("records without a usable primary key: %d; the first: %s", tried.Keyless, tried.FirstKeyless))
	}
}

// trial finds the automation of a trial, and checks that saved answers are of its
// endpoints.
func (in TestMappingRequest) trial(cfg *config.Config) (TestMappingAnswer, error) {
	data, ok := cfg.DataSources[in.DataSource]
	if !ok {
		return TestMappingAnswer{}, &ident.UnknownNameError{
			What: "data source", Name: in.DataSource, Known: slices.Sorted(maps.Keys(cfg.DataSources)),
		}
	}
	out := TestMappingAnswer{
		DataSource: data.Name, Application: data.Application, Automation: in.Automation, Directory: in.Directory,
		Records: []Mapped{}, Notes: []string{},
	}
	var users []string
	for _, name := range slices.Sorted(maps.Keys(cfg.Automations)) {
		if cfg.Automations[name].DataSource == data.Name {
			users = append(users, name)
		}
	}
	switch {
	case len(users) == 0:
		return out, fmt.Errorf("no automation uses data source %s: write one, which says OU and match rules, "+
			"and leave out its schedule as long as you only try", data.Name)
	case out.Automation == "":
		out.Automation, out.Others = users[0], users[1:]
	case !slices.Contains(users, out.Automation):
		return out, fmt.Errorf("automation %s does not use data source %s; what does: %v", out.Automation, data.Name, users)
	}
	for _, s := range in.Saved {
		if s.Header.Application != data.Application || !slices.Contains(data.Endpoints, s.Header.Endpoint) {
			return out, fmt.Errorf("%s holds an answer of %s/%s, and data source %s reads %v of %s",
				s.File, s.Header.Application, s.Header.Endpoint, data.Name, data.Endpoints, data.Application)
		}
	}
	if len(in.Saved) > 0 && in.Saved[0].Header.Endpoint != data.Endpoints[0] {
		return out, fmt.Errorf("%s holds an answer of endpoint %s: name that of endpoint %s first, which says who there is",
			in.Saved[0].File, in.Saved[0].Header.Endpoint, data.Endpoints[0])
	}
	return out, nil
}
