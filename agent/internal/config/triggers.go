package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// Trigger says what starts the orchestration of an automation.
type Trigger string

// The triggers.
const (
	TriggerSchedule  Trigger = "schedule"  // for the objects of the directory that fit
	TriggerDirectory Trigger = "directory" // for an object that somebody has changed
)

// After is the key automations.NAME.after: the orchestrations that follow the
// automation's own changes.
type After struct {
	Created  string `toml:"created"`
	Updated  string `toml:"updated"`
	Disabled string `toml:"disabled"`
	Enabled  string `toml:"enabled"`
	Moved    string `toml:"moved"`
	Renamed  string `toml:"renamed"`
	Deleted  string `toml:"deleted"`
}

// afterClasses maps the keys of after to the classes of changes that they follow.
var afterClasses = map[string]ident.Class{
	"created": ident.ClassCreate, "updated": ident.ClassUpdate, "disabled": ident.ClassDisable, "enabled": ident.ClassEnable,
	"moved": ident.ClassMove, "renamed": ident.ClassRename, "deleted": ident.ClassDelete,
}

// byKey returns the orchestrations by the keys that name them.
func (a After) byKey() map[string]string {
	all := map[string]string{
		"created": a.Created, "updated": a.Updated, "disabled": a.Disabled, "enabled": a.Enabled,
		"moved": a.Moved, "renamed": a.Renamed, "deleted": a.Deleted,
	}
	maps.DeleteFunc(all, func(_, name string) bool { return name == "" })
	return all
}

// Starts returns the orchestrations that follow a change of a class. The one that
// delivers the password is among those of a creation, once.
func (a Automation) Starts(class ident.Class) []string {
	var out []string
	if class == ident.ClassCreate && a.Password.Deliver != "" {
		out = append(out, a.Password.Deliver)
	}
	for key, name := range a.After.byKey() {
		if afterClasses[key] == class && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// checkAfter checks that the orchestrations exist, and that the action makes the
// changes that they follow.
func (l *loader) checkAfter(in path, a Automation) {
	if at := in.with("password").with("deliver"); l.has(at) && !l.failed[at.index()] {
		l.exists(at, "orchestration", a.Password.Deliver, sortedKeys(l.config.Orchestrations))
	}
	at := in.with("after")
	if !l.has(at) || l.failed[at.index()] {
		return
	}
	never := map[plan.Action][]string{
		plan.ActionCreate: {"updated", "disabled", "enabled", "moved", "renamed"},
		plan.ActionUpdate: {"created", "disabled", "enabled", "moved", "renamed"},
	}
	for _, key := range sortedKeys(afterClasses) {
		if !l.has(at.with(key)) || l.failed[at.with(key).index()] {
			continue
		}
		l.exists(at.with(key), "orchestration", a.After.byKey()[key], sortedKeys(l.config.Orchestrations))
		switch {
		case slices.Contains(never[a.Action], key):
			l.failKey(at.with(key), fmt.Sprintf("after.%s has no effect with action = %q", key, a.Action), "remove it")
		case key == "disabled" && a.Action == plan.ActionLifecycle && a.Missing.Action == plan.MissingKeep:
			l.failKey(at.with(key), `after.disabled has no effect: missing.action = "keep" disables nobody`, `set missing = { action = "disable" }`)
		case key == "deleted":
			l.warnKey(at.with(key), "after.deleted starts nothing yet: no automation deletes anybody in this version", "")
		}
	}
}

// triggerKeys lists the keys of automations with a trigger.
var triggerKeys = map[Trigger][]string{
	TriggerSchedule:  {"trigger", "schedule", "base", "where", "orchestration", "every", "limits"},
	TriggerDirectory: {"trigger", "on", "object", "base", "where", "orchestration", "limits"},
}

// triggerHints say what to do about keys that a trigger does not have.
var triggerHints = map[Trigger]map[string]string{
	TriggerSchedule:  {"on": `changes begin it with trigger = "directory"`},
	TriggerDirectory: {"schedule": `remove it: a change begins it; trigger = "schedule" looks at certain times`},
}

// checkTriggered checks an automation that starts an orchestration on a schedule or
// after a change in the directory, and compiles its filter.
func (l *loader) checkTriggered(in path, a *Automation) {
	l.checkName(in)
	switch a.Trigger {
	case TriggerSchedule:
		l.require(in, "schedule", "where", "orchestration")
	case TriggerDirectory:
		l.require(in, "on", "orchestration")
		l.checkOn(in, a)
	default:
		return // decode has reported it
	}
	if at := in.with("orchestration"); l.has(at) && !l.failed[at.index()] {
		l.exists(at, "orchestration", a.Orchestration, sortedKeys(l.config.Orchestrations))
	}
	if at := in.with("schedule"); l.has(at) && !l.failed[at.index()] {
		l.checkSchedule(at, a.Schedule)
	}
	for _, key := range sortedKeys(fieldsOf(reflect.TypeFor[Automation]())) {
		if l.has(in.with(key)) && !slices.Contains(triggerKeys[a.Trigger], key) {
			l.failKey(in.with(key), fmt.Sprintf("%s has no effect with trigger = %q", key, a.Trigger),
				cmp.Or(triggerHints[a.Trigger][key], "remove it"))
		}
	}
	for _, key := range sortedKeys(fieldsOf(reflect.TypeFor[Limits]())) {
		if at := in.with("limits").with(key); key != "start" && l.has(at) {
			l.failKey(at, fmt.Sprintf("limits.%s has no effect with trigger = %q", key, a.Trigger),
				"only start limits how many orchestrations begin")
		}
	}
	switch d := l.config.Directory; {
	case a.Base == "" || l.failed[in.with("base").index()]:
	case d.BaseDN != "" && !a.Base.Under(d.BaseDN):
		l.fail(in.with("base"), fmt.Sprintf("base is %q, which is not under base_dn %q", a.Base, d.BaseDN), "")
	case len(d.Scope) > 0 && !slices.ContainsFunc(d.Scope, func(s ident.DN) bool { return s.Under(a.Base) || a.Base.Under(s) }):
		l.fail(in.with("base"), fmt.Sprintf("base %q is outside of scope: nothing would begin", a.Base), l.outside(a.Base))
	}
	a.Filter = l.compileFilter(in.with("where"), a.Trigger, a.Where)
}

// FilterScope returns the names that a filter over objects of the directory may
// use.
func (c *Config) FilterScope() expr.Scope {
	return expr.NewScope("ad", "manager", "links", "now").WithLookups(c.Lookups)
}

// eventScope returns the names that a filter over changes in the directory may use.
func (c *Config) eventScope() expr.Scope {
	return expr.NewScope("ad", "manager", "links", "now", "old").WithMembers("change", orchestration.ChangeMembers...).WithLookups(c.Lookups)
}

// CompileFilter compiles a condition over objects of the directory. The error joins
// all mistakes, each with its place.
func (c *Config) CompileFilter(where Text) (*expr.Expression, error) {
	return c.compileOver(c.FilterScope(), where)
}

// compileOver is CompileFilter with the names of a scope.
func (c *Config) compileOver(scope expr.Scope, where Text) (*expr.Expression, error) {
	e, err := scope.Compile(where)
	if err != nil {
		return nil, err
	}
	var wrong []error
	for name, pos := range e.Places("links", 0) {
		name, _, _ := strings.Cut(name, "/") // "APPLICATION/KIND"
		if applications := sortedKeys(c.Applications); name != expr.Every && !slices.Contains(applications, name) {
			wrong = append(wrong, &expr.Error{
				Pos: pos, Message: fmt.Sprintf("there is no application %q", name),
				Hint: cmp.Or(suggest(name, applications), "defined: "+strings.Join(applications, ", ")),
			})
		}
	}
	wrong = append(wrong, changeMistakes(e)...)
	if wrong = append(wrong, e.CheckCondition(nil)...); len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return e, nil
}

func (l *loader) compileFilter(at path, trigger Trigger, where *Text) *expr.Expression {
	if where == nil || l.failed[at.index()] {
		return nil
	}
	scope := l.config.FilterScope()
	if trigger == TriggerDirectory {
		scope = l.config.eventScope()
	}
	e, err := l.config.compileOver(scope, *where)
	var several interface{ Unwrap() []error }
	switch {
	case errors.As(err, &several):
		for _, one := range several.Unwrap() {
			l.failExpression(at, one)
		}
	case err != nil:
		l.failExpression(at, err)
	case trigger == TriggerDirectory && l.notImaged(at, e):
	case !slices.ContainsFunc([]string{"ad", "links", "manager", "old", "change"}, e.Uses):
		l.warnings = append(l.warnings, Warning{
			Pos: where.Pos, Key: at.String(),
			Message: "where does not look at the object: it is the same for everybody", Hint: "name an attribute, such as ad.department",
		})
	}
	return e
}

// checkUntriggered refuses keys that only automations with a trigger have.
func (l *loader) checkUntriggered(in path) {
	for _, key := range []string{"on", "object", "base", "where", "orchestration", "every"} {
		if l.has(in.with(key)) {
			hint := map[string]string{
				"on":    `trigger = "directory" begins an orchestration after changes in the directory`,
				"where": "filter with where in the data source", "orchestration": "after = { ... } names what follows a change",
			}[key]
			l.failKey(in.with(key), fmt.Sprintf("%s has no effect without trigger", key), cmp.Or(hint, "remove it"))
		}
	}
}

// splitAutomations moves the automations with a trigger to Triggered: what runs
// over records of an application does not meet them.
func (l *loader) splitAutomations() {
	l.config.Triggered = map[string]Automation{}
	for _, name := range sortedKeys(l.config.Automations) {
		if l.has(path{"automations", name, "trigger"}) {
			l.config.Triggered[name] = l.config.Automations[name]
			delete(l.config.Automations, name)
		}
	}
}
