package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Outlook says whether the records of a person are looked at now.
type Outlook string

// The outlooks.
const (
	OutlookNone  Outlook = ""      // only what is kept is told
	OutlookQuick Outlook = "quick" // where a single record can be asked for, and as long as it takes little time
	OutlookWhole Outlook = "whole" // also where that means to fetch everybody
)

// longestQuick is how long a quick outlook takes at most: what happened to somebody is
// asked for in outages too.
const longestQuick = 30 * time.Second

// Prospect is what an automation would do about one record of a person now.
type Prospect struct {
	Automation string    `json:"automation"`
	DataSource string    `json:"data_source"`
	Key        ident.Key `json:"key"`
	Record     *Mapped   `json:"record,omitempty"` // as it was fetched now; nil: there is none, or it could not be fetched
	Planned    bool      `json:"planned"`          // the directory was asked, and Changes are known
	// Changes are those that a run for this record would make, as in a plan.
	Changes []ident.Change `json:"changes"`
	Notes   []string       `json:"notes"`
	Problem string         `json:"problem,omitempty"` // why something of this is not known
	Next    string         `json:"next,omitempty"`
}

// outlook finds out what runs would do about a person's records now, and whether the
// directory was read for that. That something cannot be found out is part of the
// answer: only the end of ctx is an error.
func (s *Service) outlook(ctx context.Context, in ExplainRequest, records []store.RecordKey) (parts []Explained, looked bool, err error) {
	if in.Outlook == OutlookNone || len(records) == 0 {
		return nil, false, nil
	}
	brief := ctx
	if in.Outlook == OutlookQuick {
		var cancel context.CancelFunc
		brief, cancel = context.WithTimeoutCause(ctx, longestQuick, errSlow)
		defer cancel()
	}
	now, e, differs, err := s.agent.Try(brief, in.OnDisk)
	if err != nil {
		return []Explained{{Prospect: &Prospect{Changes: []ident.Change{}, Notes: []string{}, Problem: err.Error()}}}, false, context.Cause(ctx)
	}
	cfg := now.Config()
	for _, name := range slices.Sorted(maps.Keys(cfg.Automations)) {
		var keys []ident.Key
		for _, r := range records {
			if s.reads(brief, cfg, name, r.Space) {
				keys = append(keys, r.Key)
			}
		}
		for _, p := range prospects(brief, e, in.Outlook, cfg.Automations[name], keys) {
			parts, looked = append(parts, Explained{Prospect: &p}), looked || p.Planned
		}
	}
	if differs != nil {
		parts = append(parts, Explained{RunningAgent: differs})
	}
	return parts, looked, context.Cause(ctx)
}

var errSlow = fmt.Errorf("it was not found out within %s", longestQuick)

// trier tries records: an engine.
type trier interface {
	NoSingle(automation string) (string, error)
	Try(context.Context, engine.Trial) (engine.Tried, error)
}

// prospects looks at some records through one automation.
func prospects(ctx context.Context, e trier, how Outlook, conf config.Automation, keys []ident.Key) []Prospect {
	out := make([]Prospect, 0, len(keys))
	for _, key := range keys {
		out = append(out, Prospect{
			Automation: conf.Name, DataSource: conf.DataSource, Key: key, Changes: []ident.Change{}, Notes: []string{},
		})
	}
	if len(out) == 0 {
		return nil
	}
	problem := func(text, next string) []Prospect {
		for i := range out {
			out[i].Problem, out[i].Next = text, next
		}
		return out
	}
	why, err := e.NoSingle(conf.Name)
	switch {
	case err != nil:
		return problem(err.Error(), "")
	case why != "" && how == OutlookQuick:
		return problem("the record is not looked at, as everybody would have to be fetched for it: "+why, "--fetch does that")
	}
	tried, err := e.Try(ctx, engine.Trial{Automation: conf.Name, Keys: keys, Directory: true})
	if err != nil {
		next := ""
		if errors.Is(context.Cause(ctx), errSlow) {
			next = "--fetch takes as long as it needs"
		}
		problem(err.Error(), next)
	}
	for i := range out {
		out[i].take(tried)
	}
	return out
}

// take adds what was found out about the record.
func (p *Prospect) take(tried engine.Tried) {
	for _, r := range tried.Records {
		if r.Key() == p.Key {
			one := mapped(r, tried.Plan != nil)
			p.Record = &one
		}
	}
	for _, n := range tried.Notes {
		if n.Key == p.Key {
			p.Notes = append(p.Notes, n.Text)
		}
	}
	if tried.Plan == nil {
		return
	}
	p.Planned = true
	for _, c := range tried.Plan.Changes {
		if c.Key == p.Key {
			p.Changes = append(p.Changes, c)
		}
	}
	if p.Record != nil {
		p.Record.setAside(tried.Plan.Quarantined)
		return
	}
	for _, q := range tried.Plan.Quarantined {
		if q.Key == p.Key {
			p.Notes = append(p.Notes, q.Cause)
		}
	}
}
