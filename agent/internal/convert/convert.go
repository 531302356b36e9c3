// Package convert turns macros of ManageEngine ADManager Plus, and the choices of
// its naming formats, into templates of rollcall. It answers either a template that
// compiles, or which part has no equivalent, why, and what to write instead. It
// never guesses what a function that somebody wrote in ADManager does.
//
// It is pure: it knows the languages, not a configuration. Whether the fields that
// a template names exist is found when the configuration is loaded.
package convert

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
)

// Place is where the template is going to stand.
type Place string

// The places. Inbound is the mapping of a data source, outbound a webhook or a step
// of an orchestration.
const (
	Inbound  Place = "inbound"
	Outbound Place = "outbound"
)

// Places lists the places.
func Places() []string { return []string{string(Inbound), string(Outbound)} }

// Request is a text of ADManager.
type Request struct {
	Text string
	For  Place // "": what fits the macros in the text
	// Empty has a missing value become an empty text, as in ADManager. Otherwise it
	// is what rollcall makes of missing values at that place.
	Empty bool
}

// Answer is what became of a text.
type Answer struct {
	Macro    string    `json:"macro"` // the text
	For      Place     `json:"for"`
	Template string    `json:"template,omitempty"` // only when nothing is without an equivalent
	Notes    []string  `json:"notes,omitempty"`    // what differs from ADManager
	Without  []Without `json:"without,omitempty"`
}

// Without is a part of a text that has no equivalent.
type Without struct {
	Part   string `json:"part"`
	Column int    `json:"column"` // of its first character in the text, from 1
	Why    string `json:"why"`
	Next   string `json:"next,omitempty"` // what to write instead
}

// Reason returns why the part has no equivalent, and what to write instead.
func (w Without) Reason() string {
	if w.Next == "" {
		return w.Why
	}
	return w.Why + "; " + w.Next
}

// Convert turns one text into a template.
func Convert(in Request) Answer {
	pieces := parse(in.Text)
	c := &converter{place: in.For, empty: in.Empty}
	if c.place == "" {
		c.place = placeOf(pieces)
	}
	out := Answer{Macro: in.Text, For: c.place}
	var b strings.Builder
	plain := "" // since the last expression
	for _, p := range pieces {
		if p.macro == nil {
			plain += p.text
			continue
		}
		e, fault := c.macro(p.macro)
		switch {
		case fault != nil:
			fault.Column = 1 + utf8.RuneCountInString(in.Text[:p.at])
			out.Without = append(out.Without, *fault)
		case e.literal:
			plain += e.text
		default:
			b.WriteString(literal(plain, true) + "{{ " + e.text + " }}")
			plain = ""
		}
	}
	b.WriteString(literal(plain, false))
	out.Notes = c.notes
	if len(out.Without) > 0 {
		return out
	}
	if err := compiles(b.String(), c.place); err != nil {
		out.Without = []Without{{Part: in.Text, Column: 1, Why: "rollcall does not take what it stands for: " + err.Error()}}
		return out
	}
	out.Template = b.String()
	return out
}

// literal returns text that is no macro in the form of a template. A brace right
// before an expression would be taken for one of its own.
func literal(text string, before bool) string {
	out := strings.ReplaceAll(text, "{{", `{{ '{{' }}`)
	if rest, brace := strings.CutSuffix(out, "{"); brace && before {
		return rest + `{{ '{' }}`
	}
	return out
}

// compiles tries a template with the agent's own compiler.
func compiles(template string, place Place) error {
	scope := outbound.NewScope()
	if place == Inbound {
		scope = expr.NewScope("user", "endpoints", "attributes", "link", "now", "settings")
	}
	_, err := scope.Template(expr.Source{Text: template}, expr.EscapeNone)
	return err
}

// placeOf returns where the macros fit: what is read from AD is outbound, formats
// and the fields of an application are inbound.
func placeOf(pieces []piece) Place {
	fits := Outbound
	for _, p := range pieces {
		switch {
		case p.macro == nil:
		case p.macro.prefix == "ad", p.macro.prefix == "fx" && placeOf(p.macro.inner()) == Outbound:
			return Outbound
		case p.macro.prefix != "":
		default:
			if _, inAD := attributeOf(p.macro.name); !inAD || len(p.macro.choices) > 0 || isFormatWord(p.macro.name) {
				fits = Inbound
			}
		}
	}
	return fits
}

// converter turns the macros of one text into expressions.
type converter struct {
	place Place
	empty bool
	notes []string
}

func (c *converter) note(text string) {
	if !slices.Contains(c.notes, text) {
		c.notes = append(c.notes, text)
	}
}

// result is an expression, or text as it stands.
type result struct {
	text    string
	literal bool
}

// without returns the refusal of a macro.
func without(m *macro, why, next string) (result, *Without) {
	return result{}, &Without{Part: m.text, Why: why, Next: next}
}

func (c *converter) macro(m *macro) (result, *Without) {
	switch {
	case m.fault != "":
		return without(m, m.fault, "")
	case m.prefix == "fx":
		return c.function(m)
	case m.called:
		return without(m, "a function is called as %fx.NAME(...)%", "")
	case m.prefix == "act":
		return c.action(m)
	case m.prefix == "env":
		return without(m, "rollcall has no environment variables",
			"write its value, or settings."+m.name+" if the connector has a setting for it; a secret belongs into a field for secrets")
	case m.prefix == "m365":
		return without(m, "rollcall reads nothing from Microsoft 365",
			"what comes from AD has the name of AD's attribute there, such as %ad.mail%")
	case m.prefix == "" || m.prefix == "ad":
		return c.value(m)
	}
	return without(m, "no macro of ADManager begins with "+m.prefix+".", "the prefixes are ad, act, env, fx and m365")
}

// argument turns the value of an argument into an expression: its texts and nested
// macros one after the other.
func (c *converter) argument(pieces []piece) (string, *Without) {
	var parts []string
	for _, p := range pieces {
		if p.macro == nil {
			parts = append(parts, quote(p.text))
			continue
		}
		e, fault := c.macro(p.macro)
		if fault != nil {
			return "", fault
		}
		if e.literal {
			e.text = quote(e.text)
		}
		parts = append(parts, e.text)
	}
	if len(parts) == 0 {
		return quote(""), nil
	}
	return strings.Join(parts, " + "), nil
}

// quote writes a text of an expression. It prefers the quotes that need no escape
// in a TOML text.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + "'"
}
