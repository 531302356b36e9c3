package orchestration

import (
	"maps"
	"slices"
	"strconv"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
)

// linkMembers are the members of link and of those in links.
var linkMembers = []string{"application", "kind", "key", "guid", "automation", "origin"}

// names are all names that may be in scope.
var names = []string{"ad", "manager", "old", "change", "link", "links", "steps", "settings", "now", "password"}

// conditionTypes says what is known of the types of names in a condition.
var conditionTypes = expr.Types{
	"ad":  {"dn": "string", "ou": "string", "disabled": "bool", "locked": "bool", "objectGUID": "string", "objectSid": "string"},
	"old": {"dn": "string", "ou": "string", "disabled": "bool", "locked": "bool", "objectGUID": "string", "objectSid": "string"},
}

// scopeOf returns the names that the members of a step may use.
func (c *compiler) scopeOf(s *step) expr.Scope { return c.settings(s, c.scope) }

// callScope returns the names that the templates of a webhook may use.
func (c *compiler) callScope(s *step) expr.Scope {
	if !c.options.AnyMacro {
		return outbound.WithMacros(c.scopeOf(s), c.settings(s, c.plain), s.Webhook.Macros)
	}
	more := []string{expr.NameMacros}
	if c.out.definition.Password {
		more = append(more, "password")
	}
	return c.settings(s, c.names(more...))
}

// settings returns a scope that knows the settings of a step's application.
func (c *compiler) settings(s *step, scope expr.Scope) expr.Scope {
	if s.Webhook == nil {
		return scope
	}
	if settings, known := c.options.Settings[s.Webhook.Application]; known {
		return scope.WithMembers("settings", settings...)
	}
	return scope
}

// texts compiles the expressions and templates of a step.
func (c *compiler) texts(i int) {
	s := &c.out.steps[i]
	scope := c.scopeOf(s)
	if s.If != "" {
		e, uses := c.condition(i, "if", s.If, scope)
		s.condition, s.uses = e, append(s.uses, uses...)
	}
	switch s.kind {
	case KindWebhook:
		c.webhook(i)
	case KindDirectory:
		c.directory(i, scope)
	case KindMail:
		c.mail(i, scope)
	case KindCommand:
		c.command(i, scope)
	case KindWaitUntil:
		e, uses := c.condition(i, "wait_until", s.WaitUntil, scope)
		s.until, s.uses = e, append(s.uses, uses...)
	case KindDelay:
	}
}

// source returns a text with its place.
func (c *compiler) source(step int, member, text string) expr.Source {
	pos := expr.Pos{Line: 1, Column: 1}
	if c.options.Place != nil {
		pos = c.options.Place(step, member)
	}
	return expr.Source{Text: text, Pos: pos}
}

// condition compiles an expression that must be true or false.
func (c *compiler) condition(step int, member, text string, scope expr.Scope) (*expr.Expression, []use) {
	e, err := scope.Compile(c.source(step, member, text))
	if err != nil {
		c.refuseError(step, member, err)
		return nil, nil
	}
	for _, err := range e.CheckCondition(conditionTypes) {
		c.refuseError(step, member, err)
	}
	uses := usesIn(member, e.References)
	if len(uses) == 0 && !e.Volatile() {
		c.constant(step, member, e)
	}
	return e, uses
}

// constant warns of a condition that does not depend on anything.
func (c *compiler) constant(step int, member string, e *expr.Expression) {
	v, err := e.Eval(expr.Env{})
	if err != nil {
		c.refuseError(step, member, err)
		return
	}
	c.warn(step, member, "", "it is always %s, whatever the object is", v.Text())
}

// usesIn collects the names that a member uses.
func usesIn(member string, references func(string) []expr.Reference) []use {
	var out []use
	for _, name := range names {
		for _, r := range references(name) {
			out = append(out, use{member, name, r})
		}
	}
	return out
}

func (c *compiler) webhook(i int) {
	s := &c.out.steps[i]
	places := map[string]expr.Pos{}
	if c.options.Place != nil {
		for _, m := range callMembers(s) {
			places[m] = c.options.Place(i, "webhook."+m)
		}
	}
	w, err := outbound.CompileAt(s.Webhook.Call, c.callScope(s), places)
	if err != nil {
		c.refuseWebhook(i, err)
		return
	}
	s.webhook = w
	for _, name := range names {
		byMember := w.References(name)
		for _, m := range slices.Sorted(maps.Keys(byMember)) {
			for _, r := range byMember[m] {
				s.uses = append(s.uses, use{"webhook." + m, name, r})
			}
		}
	}
}

// callMembers names the members of a webhook that may hold templates.
func callMembers(s *step) []string {
	w := s.Webhook.Call
	out := []string{"path", "url", "body"}
	add := func(in string, table map[string]string) {
		for name := range table {
			out = append(out, in+name)
		}
	}
	add("params.", w.Params)
	add("headers.", w.Headers)
	add("link_match.", w.LinkMatch)
	if w.Verify != nil {
		out = append(out, "verify.path", "verify.url")
		add("verify.params.", w.Verify.Params)
		add("verify.match.", w.Verify.Match)
	}
	return out
}

// element names an element of a list: "mail.to[0]".
func element(list string, k int) string { return list + "[" + strconv.Itoa(k) + "]" }

// text compiles one text of a step. It returns nil when there is a mistake.
func (c *compiler) text(i int, name, text string, scope expr.Scope, e expr.Escape) *outbound.Text {
	t, err := outbound.CompileText(c.source(i, name, text), scope, e)
	if err != nil {
		c.refuseError(i, name, err)
		return nil
	}
	s := &c.out.steps[i]
	s.texts = append(s.texts, member{name: name, text: t})
	s.uses = append(s.uses, usesIn(name, t.References)...)
	return t
}

func (c *compiler) mail(i int, scope expr.Scope) {
	m := c.out.steps[i].Mail
	if len(m.To) == 0 {
		c.refuse(i, "mail.to", "", "a mail needs somebody to go to")
	}
	if m.Text == "" && m.HTML == "" {
		c.refuse(i, "mail", "write text or html", "the mail has no content")
	}
	for k, to := range m.To {
		c.text(i, element("mail.to", k), to, scope, expr.EscapeHeader)
	}
	for k, cc := range m.Cc {
		c.text(i, element("mail.cc", k), cc, scope, expr.EscapeHeader)
	}
	c.text(i, "mail.subject", m.Subject, scope, expr.EscapeHeader)
	if m.Text != "" {
		c.text(i, "mail.text", m.Text, scope, expr.EscapeNone)
	}
	if m.HTML != "" {
		c.text(i, "mail.html", m.HTML, scope, expr.EscapeXML)
	}
}

func (c *compiler) command(i int, scope expr.Scope) {
	for k, arg := range c.out.steps[i].Command {
		name := element("command", k)
		t := c.text(i, name, arg, scope, expr.EscapeNone)
		if t == nil || k > 0 {
			continue
		}
		if program, fixed := t.Literal(); !fixed || program == "" {
			c.refuse(i, name, "write the path of the program; its arguments may hold values", "no value decides which program runs")
		}
	}
}

// needs says which members an action has.
var needs = map[Action]string{
	ActionUpdate: "attributes", ActionMove: "ou", ActionAddGroups: "groups", ActionRemoveGroups: "groups",
	ActionEnable: "", ActionDisable: "", ActionDelete: "",
}

func (c *compiler) directory(i int, scope expr.Scope) {
	d := c.out.steps[i].Directory
	need, known := needs[d.Action]
	if !known {
		c.refuse(i, "directory.action", "", "%v", &ident.UnknownNameError{What: "action", Name: string(d.Action), Known: d.Action.Values()})
		return
	}
	for _, m := range []struct {
		name  string
		given bool
	}{{"attributes", len(d.Attributes) > 0}, {"ou", d.OU != ""}, {"groups", len(d.Groups) > 0}} {
		switch {
		case m.given && m.name != need:
			c.refuse(i, "directory."+m.name, "", "the action %s has no %s", d.Action, m.name)
		case !m.given && m.name == need:
			c.refuse(i, "directory."+m.name, "", "the action %s needs %s", d.Action, m.name)
		}
	}
	for _, attribute := range slices.Sorted(maps.Keys(d.Attributes)) {
		name := "directory.attributes." + attribute
		if why, unmapped := ident.Unmapped(attribute); unmapped {
			c.refuse(i, name, "", "%s is never written as a value: %s", attribute, why)
		}
		c.text(i, name, d.Attributes[attribute], scope, expr.EscapeNone)
	}
	if d.OU != "" {
		c.dn(i, "directory.ou", d.OU, scope)
	}
	for k, g := range d.Groups {
		c.dn(i, element("directory.groups", k), g, scope)
	}
}

// dn compiles a text that is a DN.
func (c *compiler) dn(i int, name, text string, scope expr.Scope) {
	t, err := scope.Template(c.source(i, name, text), expr.EscapeDN)
	if err != nil {
		c.refuseError(i, name, err)
		return
	}
	if literal, fixed := t.Literal(); fixed {
		if _, err := ident.ParseDN(literal); err != nil {
			c.refuseError(i, name, err)
		}
	}
	s := &c.out.steps[i]
	s.texts = append(s.texts, member{name: name, dn: t})
	s.uses = append(s.uses, usesIn(name, t.References)...)
}
