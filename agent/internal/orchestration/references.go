package orchestration

import (
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// answerMembers are the members of an answer in steps.
var answerMembers = []string{"response", "status", "error"}

// references checks what the names that the steps use can mean there.
func (c *compiler) references(cancel []use) {
	for i := range c.out.steps {
		for _, u := range c.out.steps[i].uses {
			c.reference(i, u)
		}
	}
	for _, u := range cancel {
		c.reference(Whole, u)
	}
}

func (c *compiler) reference(step int, u use) {
	switch u.name {
	case "steps":
		c.answer(step, u)
	case "links":
		c.link(step, u)
	case "link", "settings":
		if step == Whole || c.out.steps[step].kind != KindWebhook {
			hint := ""
			if u.name == "link" {
				hint = `name the application: links.APPLICATION, or links["APPLICATION/KIND"]`
			}
			c.refuseAt(step, u.member, u.Pos, hint, "%s belongs to the application of a webhook, and there is none here", u.name)
		}
	case "password":
		if !passwordFits(u.member) {
			c.refuseAt(step, u.member, u.Pos, "use it in the body or a header of a webhook, or in the text or html of a mail",
				"password cannot be used here, as others may see this text")
		}
	}
}

// passwordFits reports whether a member may hold a password: nothing in between
// writes it down.
func passwordFits(member string) bool {
	return member == "webhook.body" || strings.HasPrefix(member, "webhook.headers.") || member == "mail.text" || member == "mail.html"
}

// link checks a use of links.
func (c *compiler) link(step int, u use) {
	if len(u.Path) == 0 || c.options.Applications == nil {
		return
	}
	application, kind, named := strings.Cut(u.Path[0], "/")
	kinds, known := c.options.Kinds[application]
	switch {
	case !slices.Contains(c.options.Applications, application):
		c.refuseAt(step, u.member, u.Pos, nearest(application, c.options.Applications), "there is no application %q", application)
	case named && kind == ident.UserKind:
		c.refuseAt(step, u.member, u.Pos, "write links."+application, "the link of a user is named by the application alone")
	case named && known && !slices.Contains(kinds, kind):
		c.refuseAt(step, u.member, u.Pos, nearest(kind, kinds), "application %s has no links of the kind %q", application, kind)
	}
	if len(u.Path) > 1 && !slices.Contains(linkMembers, u.Path[1]) {
		c.refuseAt(step, u.member, u.Pos, nearest(u.Path[1], linkMembers), "a link has no member %q", u.Path[1])
	}
}

// answer checks a use of steps.
func (c *compiler) answer(step int, u use) {
	if len(u.Path) == 0 {
		c.refuseAt(step, u.member, u.Pos, "write steps.NAME.response", "steps stands for the answers of all steps, and one must be named")
		return
	}
	x := c.out.index(u.Path[0])
	if x == nowhere {
		c.refuseAt(step, u.member, u.Pos, c.suggest(u.Path[0]), "there is no step %q", u.Path[0])
		return
	}
	if step != Whole && !c.out.flow.after[x][step] {
		when := "runs later"
		if x == step {
			when = "is this step itself"
		}
		c.refuseAt(step, u.member, u.Pos, "", "the step %s %s, so it has no answer here on any way", u.Path[0], when)
		return
	}
	other := &c.out.steps[x]
	if len(u.Path) == 1 {
		other.keeps = true
		return
	}
	c.answerMember(step, u, other)
}

func (c *compiler) answerMember(step int, u use, other *step) {
	switch what := u.Path[1]; {
	case !slices.Contains(answerMembers, what):
		c.refuseAt(step, u.member, u.Pos, "an answer has response, status and error", "the answer of a step has no member %q", what)
	case what == "error" && !other.canFail():
		c.refuseAt(step, u.member, u.Pos, "", "the step %s is a %s, which cannot fail", other.Name, other.kind)
	case what != "error" && other.kind != KindWebhook && other.kind != KindCommand:
		c.refuseAt(step, u.member, u.Pos, "only webhooks and commands answer", "the step %s (%s) has no %s", other.Name, other.kind, what)
	case what == "response" && other.usesPassword():
		c.refuseAt(step, u.member, u.Pos, "fetch the values by another webhook",
			"the response of %s is not kept, as it may hold the password", other.Name)
	case what == "response":
		other.keeps = true
	}
}

// usesPassword reports whether the step hands over the password.
func (s step) usesPassword() bool {
	return slices.ContainsFunc(s.uses, func(u use) bool { return u.name == "password" })
}

// UsesPassword reports whether the step, counted from 0, hands over the initial
// password. What is rendered for it must be kept sealed, and its answer not at
// all.
func (o *Orchestration) UsesPassword(step int) bool { return o.steps[step].usesPassword() }

// Secrets lists the texts that nobody may see of what a step sends and of the
// answer: the initial password, and what the step's templates make of it.
func (o *Orchestration) Secrets(step int, s State, v Values) []string {
	if v.Password == "" || !o.UsesPassword(step) {
		return nil
	}
	out, env := []string{v.Password}, o.env(step, s, v)
	if w := o.steps[step].webhook; w != nil {
		out = append(out, w.ValuesOf("password", env)...)
	}
	for _, t := range o.steps[step].texts {
		if t.text != nil {
			out = append(out, t.text.ValuesOf("password", env)...)
		}
	}
	return out
}

// NeedsPassword reports whether a step that hands over the initial password can
// still run.
func (o *Orchestration) NeedsPassword(s State) bool {
	if s.Phase.Ended() || s.Step >= len(o.steps) {
		return false
	}
	for i, step := range o.steps {
		if step.usesPassword() && (i == s.Step || o.flow.after[s.Step][i]) {
			return true
		}
	}
	return false
}

// suggest returns a hint with the step that was probably meant.
func (c *compiler) suggest(name string) string {
	var known []string
	for _, s := range c.out.steps {
		known = append(known, s.Name)
	}
	return nearest(name, known)
}

func nearest(name string, known []string) string {
	if near := text.Nearest(name, known); near != "" {
		return "did you mean \"" + near + "\"?"
	}
	if len(known) == 0 {
		return ""
	}
	return "there are: " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}

// spellings holds the attributes that an orchestration uses, as it spells them,
// by the name of the object. Every is among them when an object is used as a
// whole.
type spellings map[string][]string

func spelledIn(steps []step, cancel []use) spellings {
	out := spellings{}
	add := func(uses []use) {
		for _, u := range uses {
			if u.name != "ad" && u.name != "manager" && u.name != "old" {
				continue
			}
			name := expr.Every
			if len(u.Path) > 0 {
				name = u.Path[0]
			}
			if !slices.Contains(out[u.name], name) {
				out[u.name] = append(out[u.name], name)
			}
		}
	}
	for _, s := range steps {
		add(s.uses)
	}
	add(cancel)
	for _, names := range out {
		slices.Sort(names)
	}
	return out
}
