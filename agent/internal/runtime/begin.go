package runtime

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/find"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
)

// Choice says for which objects of the directory a person begins an orchestration.
// The parts add up, and Where leaves objects out.
type Choice struct {
	Users     []string // named as FindObject understands it
	Groups    []string // the groups themselves
	MembersOf []string // the users in groups, also by way of other groups
	Where     string   // an expression; without another part, over the users under Base
	Base      ident.DN // "": the whole scope
}

// triggered converts an automation that begins an orchestration on a schedule to the
// form that an engine runs.
func (s *Snapshot) triggered(conf config.Automation) (engine.Beginning, error) {
	b, err := s.beginning(conf.Orchestration)
	if err != nil {
		return b, fmt.Errorf("automation %s: %w", conf.Name, err)
	}
	b.Automation, b.Once, b.Every, b.Limit = conf.Name, true, conf.Every, conf.Limits.Start
	b.Bases, b.Search = Below(s.config.Directory.Scope, conf.Base), everyUser
	b.People = func(ctx context.Context) (int, error) { return s.People(ctx, conf.Base) }
	b.Filter = orchestration.NewFilter(conf.Filter)
	return b, nil
}

// beginning returns what all beginnings of an orchestration have. Its error is the
// reason why the orchestration cannot be carried out.
func (s *Snapshot) beginning(name string) (engine.Beginning, error) {
	b := engine.Beginning{
		Orchestration: name, Limit: plan.DefaultStart(),
		Reader: func() (engine.Reader, func()) {
			o := s.objects()
			return o, o.close
		},
	}
	defined, ok := s.orchestrations[name]
	if !ok {
		return b, exit.Mistake(&ident.UnknownNameError{
			What: "orchestration", Name: name, Known: slices.Sorted(maps.Keys(s.orchestrations)),
		})
	}
	if defined.err == nil && defined.compiled.Definition().Password {
		return b, exit.Mistake(fmt.Errorf("the orchestration %s hands over an initial password, and there is none here: "+
			"automations with password.deliver begin it for the accounts that they create", name))
	}
	if application := s.config.DisabledOf(name); application != "" {
		return b, fmt.Errorf("%s: application %s is not enabled, and the orchestration %s sends to it",
			s.config.Applications[application].Pos, application, name)
	}
	if defined.err != nil {
		return b, fmt.Errorf("the orchestration %s cannot be carried out: %w", name, defined.err)
	}
	b.Definition, b.First = defined.definition, defined.compiled.Steps()[0].Name
	return b, nil
}

// Chosen returns what a person asks for. The error names what is wrong with the
// choice: a name that stands for no object or for several, an object outside of the
// scope, or a place in Where.
func (s *Snapshot) Chosen(ctx context.Context, name string, c Choice) (engine.Beginning, error) {
	b, err := s.beginning(name)
	if err != nil {
		return b, err
	}
	b.People = func(ctx context.Context) (int, error) { return s.People(ctx, c.Base) }
	if c.Where != "" {
		condition, err := s.config.CompileFilter(config.Text{Text: c.Where, Pos: config.Pos{File: "--where", Line: 1, Column: 1}})
		if err != nil {
			return b, exit.Mistake(err)
		}
		b.Filter = orchestration.NewFilter(condition)
	}
	bases := Below(s.config.Directory.Scope, c.Base)
	if len(bases) == 0 {
		return b, exit.Mistake(fmt.Errorf("--base %s is outside of scope: orchestrations begin for what [directory] scope names", c.Base))
	}
	if len(c.Users)+len(c.Groups)+len(c.MembersOf) == 0 {
		b.Bases, b.Search = bases, everyUser
		return b, nil
	}
	for kind, names := range map[find.Kind][]string{find.User: c.Users, find.Group: c.Groups} {
		for _, name := range names {
			o, err := s.FindObject(ctx, kind, name)
			if err != nil {
				return b, err
			}
			if !s.config.Directory.Scope.Holds(o.DN) {
				return b, exit.Mistake(fmt.Errorf("%s is outside of scope: orchestrations begin for what [directory] scope names", o.DN))
			}
			b.Chosen = append(b.Chosen, o.GUID)
		}
	}
	return b, s.members(ctx, &b, c.MembersOf, bases)
}

// inChain matches groups of groups too (LDAP_MATCHING_RULE_TRANSITIVE_EVAL, MS-ADTS
// section 3.1.1.3.4.4.3).
const inChain = "1.2.840.113556.1.4.1941"

// members adds the users in groups.
func (s *Snapshot) members(ctx context.Context, b *engine.Beginning, groups []string, bases []ident.DN) error {
	if len(groups) == 0 {
		return nil
	}
	b.Bases, b.Search = bases, ""
	for _, name := range groups {
		group, err := s.FindObject(ctx, find.Group, name)
		if err != nil {
			return err
		}
		b.Search += "(memberOf:" + inChain + ":=" + conn.EscapeFilter(string(group.DN)) + ")"
	}
	b.Search = "(&" + everyUser + "(|" + b.Search + "))"
	return nil
}

// First is the first request about an object.
type First = dispatch.First

// FirstRequests renders the first request of an orchestration for objects, in their
// order. Nothing is sent.
func (s *Snapshot) FirstRequests(ctx context.Context, name string, objects []engine.BeginObject) ([]First, error) {
	read := s.objects()
	defer read.close()
	from := dispatch.Source{Links: s.store, Directory: read, Settings: s.outboundSettings(), Now: time.Now}
	out := make([]First, len(objects))
	for i, object := range objects {
		progress.Tell(ctx, progress.Step{Phase: "rendering requests", Done: i, Of: len(objects)})
		o := s.orchestrations[name].compiled
		v, err := from.Values(ctx, o, object.GUID, orchestration.Input{})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", object.DN, err)
		}
		out[i] = dispatch.FirstOf(o, v)
	}
	return out, nil
}
