package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// orchestrated is an orchestration of the configuration that can be carried out, or
// the reason why it cannot.
type orchestrated struct {
	definition json.RawMessage
	compiled   *orchestration.Orchestration
	err        error
}

// orchestration completes an orchestration with the connectors that serve.
func (s *Snapshot) orchestration(name string) orchestrated {
	o, wrong := fit.Orchestration(s.config, name, s.manifest)
	if len(wrong) > 0 {
		return orchestrated{err: errors.Join(wrong...)}
	}
	if err := dispatch.Available(o, s.actors()); err != nil {
		return orchestrated{err: fmt.Errorf("%s: %w", s.config.Place("orchestrations", name), err)}
	}
	text, err := json.Marshal(o.Definition())
	return orchestrated{text, o, err}
}

// Orchestration returns the definition of an orchestration, as instances keep it.
func (s *Snapshot) Orchestration(name string) (json.RawMessage, error) {
	o, ok := s.orchestrations[name]
	if !ok {
		return nil, fmt.Errorf("there is no orchestration %q in the configuration", name)
	}
	return o.definition, o.err
}

// following requires that everything which an automation starts can be carried out:
// otherwise the change would be made and what must follow it would not.
func (s *Snapshot) following(conf config.Automation) error {
	for _, class := range ident.Classes {
		for _, name := range conf.Starts(class) {
			if err := s.orchestrations[name].err; err != nil {
				return fmt.Errorf("automation %s starts the orchestration %s after its changes, and that cannot be carried out: %w",
					conf.Name, name, err)
			}
		}
	}
	return nil
}

// tellOrchestrations logs what of the configuration is not carried out.
func (s *Snapshot) tellOrchestrations() {
	for _, name := range slices.Sorted(maps.Keys(s.orchestrations)) {
		if err := s.orchestrations[name].err; err != nil {
			s.log.Error("orchestration cannot be carried out", "orchestration", name, "cause", err)
		}
	}
}

// kinds are the words for changes that after has.
var kinds = map[ident.Class]string{
	ident.ClassCreate: "created", ident.ClassUpdate: "updated", ident.ClassDisable: "disabled", ident.ClassEnable: "enabled",
	ident.ClassMove: "moved", ident.ClassRename: "renamed", ident.ClassDelete: "deleted",
}

// follows returns the orchestrations that begin with an operation that an automation
// has carried out. The one that delivers the initial password gets it, sealed.
func (a *Agent) follows(automation, by string, o ident.Outcome, password string) []store.NewInstance {
	s := a.now.Load()
	conf := s.config.Automations[automation]
	if o.Operation.Aside { // the second of the two operations is the change
		return nil
	}
	var out []store.NewInstance
	for _, name := range conf.Starts(o.Operation.Class) {
		defined := s.orchestrations[name]
		if defined.err != nil || len(defined.definition) == 0 {
			a.log.Error("an orchestration that must follow a change cannot begin", "automation", automation, "orchestration", name, "dn", o.DN,
				"cause", defined.err)
			continue
		}
		n := store.NewInstance{
			Orchestration: name, Definition: defined.definition, Automation: automation, Trigger: "after " + kinds[o.Operation.Class],
			Run: o.Run, By: by, GUID: o.GUID, DN: dnAfter(o), Name: o.Name, Step: defined.compiled.Steps()[0].Name, Approved: o.Approved,
		}
		if password != "" && name == conf.Password.Deliver {
			n.Password = a.vault.Seal(dispatch.PasswordUse(o.GUID), password)
		}
		n.Input, _ = json.Marshal(orchestration.Input{Change: changeOf(o), Old: defined.compiled.Former(o)}) //nolint:errchkjson // plain text
		if n.Approved == "" {
			n.Limit, n.Cause = a.startLimit(conf)
			n.Held = n.Limit == nil
		}
		out = append(out, n)
	}
	return out
}

// dnAfter is the DN of the object after the operation.
func dnAfter(o ident.Outcome) ident.DN {
	if o.Operation.To != "" && o.Operation.Class == ident.ClassCreate {
		return o.Operation.To
	}
	return o.DN
}

func changeOf(o ident.Outcome) *orchestration.Change {
	c := &orchestration.Change{Kind: kinds[o.Operation.Class]}
	for _, attribute := range o.Operation.Attributes {
		c.Attributes = append(c.Attributes, attribute.Name)
	}
	return c
}

// startLimit says how many orchestrations of an automation may begin in 24 hours:
// a percentage is of the users that it has links to, as there is no other base.
// When that cannot be found out, a person decides, for the reason returned.
func (a *Agent) startLimit(conf config.Automation) (limit *store.StartLimit, unknown string) {
	people, err := a.store.CountLinks(context.Background(), conf.Name)
	if err != nil {
		return nil, "limits.start could not be looked at: " + err.Error()
	}
	return &store.StartLimit{Most: conf.Limits.Start.Of(people)}, ""
}
