package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// keeper is a mapping that puts an attribute back whenever it differs: of an
// automation that updates without asking a person each time, with apply = "always" and
// authoritative = "application".
type keeper struct {
	Attribute
	automation Automation
	source     DataSource
}

// keepers returns the mappings that put an attribute back, by automation. The
// attribute is in lower case; "" stands for all.
func (c *Config) keepers(attribute string) []keeper {
	var out []keeper
	for _, name := range sortedKeys(c.Automations) {
		a := c.Automations[name]
		d := c.DataSources[a.DataSource]
		if a.Action != plan.ActionUpdate && a.Action != plan.ActionLifecycle || a.Approval == plan.ApprovalAlways {
			continue
		}
		for _, mapped := range sortedKeys(d.Attributes) {
			one := d.Attributes[mapped]
			if one.Apply == ident.ApplyAlways && one.Authoritative == AuthorityApplication && (attribute == "" || text.Lower(mapped) == attribute) {
				out = append(out, keeper{one, a, d})
			}
		}
	}
	return out
}

// checkConflicts finds automations that would undo what others do.
func (l *loader) checkConflicts() {
	l.checkKeepers()
	l.checkAfterUpdated()
	for _, name := range sortedKeys(l.config.Triggered) {
		a := l.config.Triggered[name]
		l.checkWritten(a)
		l.checkEnabledAgain(a)
		l.checkTakenFromGroups(a)
		if o := l.compiled[a.Orchestration]; o != nil {
			l.errs = append(l.errs, l.config.SentBack(name, o)...)
		}
	}
	l.checkAnswers()
}

// checkKeepers compares the mappings of automations with each other: two that put
// one attribute of the same people back have no end.
func (l *loader) checkKeepers() {
	type pair struct{ one, other string }
	seen := map[pair][]*keeper{}
	all := l.config.keepers("")
	named := map[string][]int{}
	for i := range all {
		name := text.Lower(all[i].Name)
		named[name] = append(named[name], i)
	}
	for i := range all {
		one := &all[i]
		for _, j := range named[text.Lower(one.Name)] {
			other := &all[j]
			if j <= i || one.automation.Name == other.automation.Name || one.source.Name == other.source.Name {
				continue
			}
			same := one.source.Application == other.source.Application
			switch {
			case same && !one.source.samePeople(&other.source), !same && !one.mayShare(other), one.agrees(other.Attribute):
			case same:
				l.errs = append(l.errs, Error{
					Pos: other.Pos, Key: path{"data_sources", other.source.Name, "attributes", other.Name}.String(),
					Message: fmt.Sprintf("automations %s and %s both write %s of the same people, and each would undo what the other writes: "+
						"it is also mapped at %s", one.automation.Name, other.automation.Name, other.Name, one.Pos),
					Hint: "map it in one of the two data sources only",
				})
			default:
				key := pair{one.automation.Name, other.automation.Name}
				seen[key] = append(seen[key], one, other)
			}
		}
	}
	for key, found := range seen { // warnings are sorted at the end
		var names []string
		for _, k := range found {
			names = append(names, k.Name)
		}
		names = slices.CompactFunc(names, text.Same)
		l.warnings = append(l.warnings, Warning{
			Pos: found[1].Pos, Key: path{"automations", key.other}.String(),
			Message: fmt.Sprintf("automations %s and %s both write %s: of whoever is linked to both applications, each run would undo "+
				"what the other one wrote (see %s)", key.one, key.other, strings.Join(names, ", "), found[0].Pos),
			Hint: `authoritative = "directory" or apply = "if_empty" in one of them; adopt = "never" in both says that nobody is in both`,
		})
	}
}

// agrees reports whether two mappings of an attribute never differ, or both only add
// values.
func (a Attribute) agrees(other Attribute) bool {
	if a.Merge == MergeAdd && other.Merge == MergeAdd {
		return true
	}
	one := a.sources()
	ofThePerson := func(t string) bool {
		return slices.ContainsFunc([]string{"user", "endpoints", "attributes", "link", "settings"}, func(name string) bool {
			return strings.Contains(t, name)
		})
	}
	return slices.Equal(one, other.sources()) && !slices.ContainsFunc(one, ofThePerson)
}

func (a Attribute) sources() []string {
	var out []string
	for _, t := range a.texts() {
		out = append(out, t.Text)
	}
	return out
}

// samePeople reports whether two data sources of one application certainly deliver
// the same people.
func (d *DataSource) samePeople(other *DataSource) bool {
	filter := func(d *DataSource) string {
		if d.Where == nil {
			return ""
		}
		return d.Where.Text
	}
	return slices.Equal(d.Endpoints, other.Endpoints) && d.PrimaryKey == other.PrimaryKey && filter(d) == filter(other)
}

// mayShare reports whether automations over different applications are meant to be
// linked to one account: one of them takes accounts that others have made. Of two
// that make accounts, a person reviews each that one would take from the other.
func (k *keeper) mayShare(other *keeper) bool {
	takes := func(a *Automation) bool {
		return a.Adopt.Mode == plan.AdoptAuto || a.Action == plan.ActionUpdate && a.Adopt.Mode != plan.AdoptNever
	}
	return takes(&k.automation) || takes(&other.automation)
}

// updates returns the attributes that the directory steps of an orchestration write,
// in lower case, with their places.
func (o Orchestration) updates() map[string]Text {
	out := map[string]Text{}
	for _, s := range o.Steps {
		if s.Directory == nil || s.Directory.Action != orchestration.ActionUpdate {
			continue
		}
		for name, value := range s.Directory.Attributes {
			out[text.Lower(name)] = value
		}
	}
	return out
}

// checkAfterUpdated refuses an orchestration that follows an update and writes what
// the next run puts back, which is an update again.
func (l *loader) checkAfterUpdated() {
	for _, name := range sortedKeys(l.config.Automations) {
		a := l.config.Automations[name]
		written := l.config.Orchestrations[a.After.Updated].updates()
		for _, attribute := range sortedKeys(written) {
			for _, k := range l.config.keepers(attribute) {
				if k.automation.Name == name {
					at := path{"automations", name, "after", "updated"}
					l.failKey(at, fmt.Sprintf("the orchestration %s writes %s (%s), which the next run puts back (%s), and that update begins it again: "+
						"there is no end", a.After.Updated, k.Name, written[attribute].Pos, k.Pos),
						`authoritative = "directory" for it, or write another attribute`)
				}
			}
		}
	}
}

// checkWritten looks for what an automation's orchestration writes to the directory
// and a mapping puts back. When the automation asks for changes of that attribute,
// what is put back begins it again.
func (l *loader) checkWritten(a Automation) {
	written := l.config.Orchestrations[a.Orchestration].updates()
	for _, attribute := range sortedKeys(written) {
		for _, k := range l.config.keepers(attribute) {
			at := path{"automations", a.Name, "orchestration"}
			says := fmt.Sprintf("the orchestration %s writes %s (%s), which the runs of automation %s put back for whoever is linked (%s)",
				a.Orchestration, k.Name, written[attribute].Pos, k.automation.Name, k.Pos)
			const hint = `authoritative = "directory" in the data source, or write another attribute`
			if _, asks := a.asksFor(attribute); asks && (a.Filter == nil || !a.Filter.Uses("links")) {
				l.failKey(at, says+", and that begins it again: there is no end", hint)
			} else {
				l.warnKey(at, says, hint)
			}
		}
	}
}

// asksFor reports whether an automation asks for changes of an attribute, in lower
// case, and with which element of on.
func (a Automation) asksFor(attribute string) (element int, asks bool) {
	for i, on := range a.Events {
		if on.Takes(ident.EventPart{Kind: ident.EventModified, Attribute: attribute}) {
			return i, true
		}
	}
	return 0, false
}

// SentBack finds what an automation that asks for changes of an attribute sends to
// the application that is authoritative for it. o is its orchestration, as far as it
// is known; what cannot be known to be sent is not found.
func (c *Config) SentBack(automation string, o *orchestration.Orchestration) []Error {
	a := c.Triggered[automation]
	var wrong []Error
	for _, sent := range o.Sends() {
		for _, attribute := range sent.Attributes {
			element, asks := a.asksFor(attribute)
			if !asks {
				continue
			}
			for _, k := range c.keepers(attribute) {
				if k.source.Application != sent.Application {
					continue
				}
				at := path{"automations", automation, "on"}.item(element)
				wrong = append(wrong, Error{
					Pos: c.Place(at...), Key: at.String(),
					Message: fmt.Sprintf("automation %s sends changes of %s to application %s (step %s, webhook %s), which is authoritative for it: "+
						"data source %s maps it at %s, and a run would put it back", automation, k.Name, sent.Application, sent.Step, sent.Ref,
						k.source.Name, k.Pos),
					Hint: fmt.Sprintf(`authoritative = "directory" for %s there lets the directory decide; or do not ask for it`, k.Name),
				})
			}
		}
	}
	return wrong
}

// checkAnswers warns of two automations that answer what the other one does, and of two
// that write one attribute of the same objects.
func (l *loader) checkAnswers() {
	names := slices.DeleteFunc(sortedKeys(l.config.Triggered), func(name string) bool {
		return l.config.Triggered[name].Trigger != TriggerDirectory
	})
	for i, first := range names {
		for _, second := range names[i+1:] {
			a, b := l.config.Triggered[first], l.config.Triggered[second]
			if a.Object != b.Object || a.Orchestration == b.Orchestration || !overlap(a.Base, b.Base) {
				continue
			}
			ofA, ofB := l.config.Orchestrations[a.Orchestration].updates(), l.config.Orchestrations[b.Orchestration].updates()
			effectsOfA, effectsOfB := l.config.Orchestrations[a.Orchestration].effects(), l.config.Orchestrations[b.Orchestration].effects()
			x, beginsB := b.begun(effectsOfA)
			y, beginsA := a.begun(effectsOfB)
			if beginsB && beginsA {
				l.warnKey(path{"automations", second}, fmt.Sprintf(
					"automations %s and %s begin each other: %s begins %s, and %s begins %s. It ends when nothing is different any more, "+
						"or is set aside after 8 changes in a row", first, second, x.does, second, y.does, first),
					"let one orchestration do both")
			}
			for _, both := range sortedKeys(ofA) {
				if other, too := ofB[both]; too && other.Text != ofA[both].Text {
					l.warnKey(path{"automations", second}, fmt.Sprintf("automations %s and %s both write %s of the same objects, at %s and at %s: "+
						"whichever comes last wins", first, second, both, ofA[both].Pos, other.Pos), "write it in one of them only")
				}
			}
		}
	}
}

// overlap reports whether two bases have objects in common.
func overlap(a, b ident.DN) bool { return a == "" || b == "" || a.Under(b) || b.Under(a) }
