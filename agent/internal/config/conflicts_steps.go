package config

import (
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// effect is something that a step of an orchestration does to an object of the
// directory, as an event tells it.
type effect struct {
	part ident.EventPart
	does string // in words, with the place where that is known
}

// shows are the events that the actions of directory steps lead to. That of update
// is modified, with the attribute.
var shows = map[orchestration.Action]ident.EventKind{
	orchestration.ActionMove: ident.EventMoved, orchestration.ActionEnable: ident.EventEnabled,
	orchestration.ActionDisable: ident.EventDisabled, orchestration.ActionDelete: ident.EventDeleted,
	orchestration.ActionAddGroups: ident.EventMemberAdded, orchestration.ActionRemoveGroups: ident.EventMemberRemoved,
}

// effects lists what the directory steps of an orchestration do: what they write
// first, by name, and then the others in their order.
func (o Orchestration) effects() []effect {
	var out []effect
	written := o.updates()
	for _, name := range sortedKeys(written) {
		part := ident.EventPart{Kind: ident.EventModified, Attribute: name}
		out = append(out, effect{part, fmt.Sprintf("%s (%s)", name, written[name].Pos)})
	}
	for _, s := range o.Steps {
		if s.Directory == nil || shows[s.Directory.Action] == "" {
			continue
		}
		out = append(out, effect{ident.EventPart{Kind: shows[s.Directory.Action]}, fmt.Sprintf("%s of %s", s.Directory.Action, o.Name)})
	}
	return out
}

// asks reports whether an automation asks for an event with that part.
func (a Automation) asks(part ident.EventPart) bool {
	return slices.ContainsFunc(a.Events, func(on ident.On) bool { return on.Takes(part) })
}

// begun returns the first of these effects that begins an automation. A where on
// memberships mostly says of which group: whether it is true is not known here.
func (a Automation) begun(by []effect) (first effect, begins bool) {
	i := slices.IndexFunc(by, func(e effect) bool {
		member := e.part.Kind == ident.EventMemberAdded || e.part.Kind == ident.EventMemberRemoved
		return a.asks(e.part) && !(member && a.Filter != nil)
	})
	if i < 0 {
		return effect{}, false
	}
	return by[i], true
}

// checkEnabledAgain warns of an orchestration that enables whoever is disabled: also
// the leavers that a run disables.
func (l *loader) checkEnabledAgain(a Automation) {
	enables := slices.ContainsFunc(l.config.Orchestrations[a.Orchestration].Steps, func(s Step) bool {
		return s.Directory != nil && s.Directory.Action == orchestration.ActionEnable
	})
	if !enables || a.Filter != nil || a.Object == ident.ObjectGroup || !a.asks(ident.EventPart{Kind: ident.EventDisabled}) {
		return
	}
	for _, name := range sortedKeys(l.config.Automations) {
		if run := l.config.Automations[name]; run.Action == plan.ActionLifecycle && run.Missing.Action == plan.MissingDisable {
			l.warnKey(path{"automations", a.Name, "orchestration"}, fmt.Sprintf(
				"the orchestration %s enables whoever is disabled, also those whom the runs of automation %s disable because they have left",
				a.Orchestration, name), "say in where who is meant, or do not enable")
		}
	}
}

// checkTakenFromGroups warns of an orchestration that takes whoever comes into a group
// out of it again, when runs add people to that group. A leaver is taken out of it as
// well, which is right: so only what begins with a new membership counts.
func (l *loader) checkTakenFromGroups(a Automation) {
	if a.Filter != nil || !a.asks(ident.EventPart{Kind: ident.EventMemberAdded}) {
		return
	}
	for _, s := range l.config.Orchestrations[a.Orchestration].Steps {
		if s.Directory == nil || s.Directory.Action != orchestration.ActionRemoveGroups {
			continue
		}
		for _, group := range s.Directory.Groups {
			for _, name := range sortedKeys(l.config.Automations) {
				l.checkTakenFrom(a, group, l.config.Automations[name])
			}
		}
	}
}

func (l *loader) checkTakenFrom(a Automation, group Text, run Automation) {
	i := slices.IndexFunc(run.Groups, func(g Text) bool { return text.Same(g.Text, group.Text) })
	if i < 0 || run.Approval == plan.ApprovalAlways {
		return
	}
	l.warnKey(path{"automations", a.Name, "orchestration"}, fmt.Sprintf(
		"the orchestration %s removes people from the group %s (%s) after they came into one, and the runs of automation %s add whoever is "+
			"linked to it again (%s)", a.Orchestration, group.Text, group.Pos, run.Name, run.Groups[i].Pos),
		"leave the group to one of the two, or say in where who is meant")
}
