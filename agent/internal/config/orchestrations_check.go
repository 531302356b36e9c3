package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// stepForm matches the names of steps, which expressions use: steps.NAME.
var stepForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

func (l *loader) checkOrchestrations() {
	for _, name := range sortedKeys(l.config.Orchestrations) {
		in := path{"orchestrations", name}
		o := l.config.Orchestrations[name]
		before := len(l.errs)
		l.checkName(in)
		for i, s := range o.Steps {
			l.checkStep(in.with("steps").item(i), s)
		}
		l.checkStepLimits(in.with("limits"), o)
		if !l.failed[in.index()] && !l.failed[in.with("steps").index()] {
			l.compileOrchestration(name, l.knownPlaces(), len(l.errs) > before)
		}
	}
}

// compileOrchestration reports what package orchestration finds in it, with the
// webhooks as far as the configuration sets them. Errors at places that have one
// already are left out.
func (l *loader) compileOrchestration(name string, known map[Pos]bool, wrong bool) {
	d, options := l.config.OrchestrationDefinition(name, func(ref string) (orchestration.Webhook, map[string]Pos) {
		w := orchestration.Webhook{Ref: ref, Application: l.config.ApplicationOf(ref)}
		var places map[string]Pos
		if own, ok := l.config.Webhooks[ref]; ok {
			w.Call, places = own.Call()
		}
		return w, places
	})
	options.AnyMacro = true
	compiled, err := orchestration.Compile(d, options)
	var mistakes orchestration.MistakesError
	if errors.As(err, &mistakes) {
		for _, m := range mistakes {
			if !known[m.Pos] && !l.followsFrom(name, m) {
				l.errs = append(l.errs, Error{Pos: m.Pos, Key: path{"orchestrations", name}.String(), Message: saidBy(m), Hint: m.Hint})
			}
		}
	}
	if err != nil || wrong {
		return
	}
	if l.compiled == nil {
		l.compiled = map[string]*orchestration.Orchestration{}
	}
	l.compiled[name] = compiled
	for _, m := range compiled.Warnings() {
		l.warnings = append(l.warnings, Warning{Pos: m.Pos, Key: path{"orchestrations", name}.String(), Message: saidBy(m), Hint: m.Hint})
	}
	if uses := slices.ContainsFunc(indexes(d.Steps), compiled.UsesPassword); uses {
		l.checkDelivers(name)
	} else if d.Password {
		l.warnKey(path{"orchestrations", name},
			fmt.Sprintf("password.deliver names orchestration %q, which does not use password: nobody would learn it", name),
			"write {{ password }} into a mail's text or a webhook's body")
	}
}

// checkDelivers refuses to start an orchestration that hands over initial passwords
// where there is none.
func (l *loader) checkDelivers(name string) {
	refuse := func(at path) {
		l.failKey(at, fmt.Sprintf("orchestration %q hands over an initial password, and there is none here", name),
			"there is one for each account that an automation with password.deliver creates; name another orchestration")
	}
	for automation, a := range l.config.Triggered {
		if a.Orchestration == name {
			refuse(path{"automations", automation, "orchestration"})
		}
	}
	for automation, a := range l.config.Automations {
		for key, started := range a.After.byKey() {
			if started == name && (key != "created" || a.Password.Deliver != name) {
				refuse(path{"automations", automation, "after", key})
			}
		}
	}
}

// followsFrom reports whether a step has no kind because its own is wrong.
func (l *loader) followsFrom(name string, m *orchestration.MistakeError) bool {
	if m.Step == orchestration.Whole || m.Member != "" {
		return false
	}
	step := path{"orchestrations", name, "steps"}.item(m.Step).String() + "."
	return slices.ContainsFunc(l.errs, func(e Error) bool { return strings.HasPrefix(e.Key, step) })
}

func indexes[V any](list []V) []int {
	out := make([]int, len(list))
	for i := range out {
		out[i] = i
	}
	return out
}

// saidBy returns a mistake without its place. The step is named where the text
// does not stand in the step itself.
func saidBy(m *orchestration.MistakeError) string {
	if m.Step == orchestration.Whole || m.Member != "" {
		return m.Message
	}
	return "step " + m.Name + ": " + m.Message
}

// classes are the classes of operations that the actions of directory steps make.
var classes = map[orchestration.Action][]string{
	orchestration.ActionUpdate: {"update", "rename"}, orchestration.ActionMove: {"move"}, orchestration.ActionEnable: {"enable"},
	orchestration.ActionDisable: {"disable"}, orchestration.ActionDelete: {"delete"},
	orchestration.ActionAddGroups: {"groups"}, orchestration.ActionRemoveGroups: {"groups"},
}

// checkStepLimits warns of limits of what no step does.
func (l *loader) checkStepLimits(in path, o Orchestration) {
	if !l.has(in) || l.failed[in.index()] {
		return
	}
	var made []string
	for _, s := range o.Steps {
		if s.Directory != nil {
			made = append(made, classes[s.Directory.Action]...)
		}
	}
	for _, key := range sortedKeys(fieldsOf(reflect.TypeFor[StepLimits]())) {
		if l.has(in.with(key)) && !slices.Contains(made, key) {
			l.warnKey(in.with(key), fmt.Sprintf("limits.%s limits nothing: no directory step of the orchestration does that", key), "")
		}
	}
}

func (l *loader) checkStep(in path, s Step) {
	if l.failed[in.index()] {
		return
	}
	if l.has(in.with("name")) && !l.failed[in.with("name").index()] && !stepForm.MatchString(s.Name) {
		l.fail(in.with("name"), fmt.Sprintf("%q cannot be the name of a step", s.Name),
			"a letter, then letters, digits and _: expressions say steps.NAME")
	}
	if l.has(in.with("webhook")) {
		l.checkWebhookRef(in.with("webhook"), s.Webhook)
	}
	if at := in.with("command"); l.has(at) && !l.failed[at.index()] {
		l.checkCommand(at, s.Command)
	}
	if l.has(in.with("mail")) && !l.has(path{"mail"}) {
		l.failKey(in.with("mail"), "there is no [mail]: a mail step needs a server to hand the mail to", `[mail] has url and from`)
	}
	if s.Directory != nil {
		l.checkDirectoryStep(in.with("directory"), *s.Directory)
	}
	l.checkRetry(in, s)
}

// checkCommand requires that the program is one of allow_commands. A program
// that is an expression is refused by package orchestration.
func (l *loader) checkCommand(at path, command []Text) {
	if len(command) == 0 {
		l.fail(at, "command is empty", `like ["/usr/local/bin/badge", "{{ ad.sAMAccountName }}"]`)
		return
	}
	program := command[0].Text
	if !isConstant(program) || slices.Contains(l.config.Agent.AllowCommands, program) {
		return
	}
	hint := fmt.Sprintf("allow_commands = [%q]; only programs that the agent's user cannot write", program)
	if near := suggest(program, l.config.Agent.AllowCommands); near != "" {
		hint = near
	}
	l.fail(at.item(0), fmt.Sprintf("command runs %q, which allow_commands in [agent] does not name", program), hint)
}

func (l *loader) checkAllowedCommands() {
	for i, program := range l.config.Agent.AllowCommands {
		at := path{"agent", "allow_commands"}.item(i)
		if !l.failed[at.index()] && (!filepath.IsAbs(program) || filepath.Clean(program) != program) {
			l.fail(at, fmt.Sprintf("allow_commands holds %q, which is not the absolute path of a program", program), `like "/usr/local/bin/badge"`)
		}
	}
}

func (l *loader) checkDirectoryStep(in path, d DirectoryStep) {
	if l.failed[in.index()] {
		return
	}
	l.require(in, "action")
	if d.OU != nil && isConstant(d.OU.Text) {
		l.checkPlace(in.with("ou"), "ou", d.OU.Text)
	}
	for i, g := range d.Groups {
		if isConstant(g.Text) {
			l.checkGroup(in.with("groups").item(i), g.Text)
		}
	}
	for _, name := range sortedKeys(d.Attributes) {
		at := in.with("attributes").with(name)
		reason, reserved := reservedAttributes()[text.Lower(name)]
		_, unmapped := ident.Unmapped(name)
		switch {
		case !attributeForm.MatchString(name):
			l.failKey(at, fmt.Sprintf("%q is not the name of an attribute", name), "")
		case unmapped: // package orchestration says so
		case reserved:
			l.failKey(at, name+" cannot be written", reason)
		case text.Same(name, l.config.Directory.Anchor):
			l.failKey(at, name+" cannot be written: it is the anchor, which ties an account to its record", "")
		default:
			l.warnStrangeAttribute(at, name, l.key(at))
		}
	}
}

// checkRetry checks how often a step is tried again, and that its kind can be.
func (l *loader) checkRetry(in path, s Step) {
	at := in.with("retry")
	if !l.has(at) || l.failed[at.index()] {
		return
	}
	for _, kind := range []string{"delay", "wait_until"} {
		if l.has(in.with(kind)) {
			l.failKey(at, "retry has no effect with "+kind, "remove it")
			return
		}
	}
	l.inRange(at.with("attempts"), s.Retry.Attempts, 1, 100)
	if s.Retry.Backoff > s.Retry.Max {
		l.failKey(at, fmt.Sprintf("backoff is %s and max is %s: max is the longest time between two attempts",
			orchestration.Spell(s.Retry.Backoff), orchestration.Spell(s.Retry.Max)), "")
	}
	if s.Retry.Max > 30*24*time.Hour {
		l.fail(at.with("max"), fmt.Sprintf("max is %s; it must be 30d or less", orchestration.Spell(s.Retry.Max)), "")
	}
}
