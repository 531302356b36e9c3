package engine

import (
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// configured holds the automations that can run and those that cannot. It is
// replaced as a whole.
type configured struct {
	automations map[string]Automation
	broken      map[string]error
}

// has reports whether an automation is configured, even if it cannot run.
func (c *configured) has(name string) bool { return slices.Contains(c.names(), name) }

// names lists all configured automations, including those that cannot run.
func (c *configured) names() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(c.broken)), maps.Keys(c.automations))
	slices.Sort(names)
	return names
}

// Config returns the digest of the configuration that an automation would be
// planned with, or "" if it cannot be planned.
func (e *Engine) Config(automation string) string {
	return e.configured.Load().automations[automation].Settings.Config
}

// Replace sets the configuration of future runs. Runs in progress keep theirs.
// The engine owns the maps afterwards.
func (e *Engine) Replace(automations map[string]Automation, broken map[string]error) {
	e.configured.Store(&configured{automations, broken})
}

// ReplaceMirror sets what future synchronisations of the mirror read, as when a
// connector serves whose orchestrations need more attributes. The next one reads the
// directory anew if the mirror lacks some of it. The engine owns the spec afterwards.
func (e *Engine) ReplaceMirror(spec mirror.Spec) { e.mirrors.Store(&spec) }

// withoutRecords reports whether an automation has no records, so that there is
// nothing to plan: the directory itself begins what it begins.
func (e *Engine) withoutRecords(automation string) bool {
	a := e.configured.Load().automations[automation]
	return a.Reacts != "" || a.Begins != nil
}

// Unable returns the reason why an automation cannot run now. It returns nil
// if it can, or if it is not known.
func (e *Engine) Unable(automation string) error {
	return e.configured.Load().broken[automation]
}

// automation returns a configured automation.
func (e *Engine) automation(name string) (Automation, error) {
	now := e.configured.Load()
	if err, broken := now.broken[name]; broken {
		return Automation{}, err
	}
	a, ok := now.automations[name]
	if ok && a.Begins != nil {
		return a, fmt.Errorf("automation %s begins the orchestration %s for objects of the directory: it has no records and no links",
			name, a.Begins.Orchestration)
	}
	if ok && a.Reacts != "" {
		return a, &ReactsError{Automation: name, Orchestration: a.Reacts}
	}
	if !ok {
		return a, &ident.UnknownNameError{What: "automation", Name: name, Known: now.names()}
	}
	a.Settings.Now = e.Now()
	a.Mapper = a.Mapper.At(e.Now())
	return a, nil
}

// Beginning returns what an automation begins for objects of the directory; false for
// the others.
func (e *Engine) Beginning(automation string) (Beginning, bool) {
	b := e.configured.Load().automations[automation].Begins
	if b == nil {
		return Beginning{}, false
	}
	return *b, true
}

// ReactsError says that an automation has no runs, as changes in the directory begin
// its orchestration.
type ReactsError struct{ Automation, Orchestration string }

// Error says what to do instead.
func (e *ReactsError) Error() string {
	return fmt.Sprintf("automation %s has no runs: each change in the directory that it asks for begins the orchestration %s. "+
		"`%s` begins it by hand, `%s` lists what has begun",
		e.Automation, e.Orchestration, ident.Command("orchestrate", e.Orchestration)+" --user USER", ident.Command("orchestrations"))
}
