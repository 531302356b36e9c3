package mapping

import (
	"cmp"
	"errors"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Misfit is a mapped attribute that no account can have as it is mapped,
// whatever the record holds.
type Misfit struct {
	Attribute   string
	Pos         expr.Pos
	Cause, Next string
	// Range says that only the range of the attribute is in the way, which a forest
	// may have widened.
	Range bool
}

// Misfits lists what in the mapping a directory with that schema would refuse
// for every record: attributes that nobody can write, and constant values that
// do not fit.
func (m *Mapper) Misfits(schema ident.Schema) []Misfit {
	var out []Misfit
	for _, a := range m.attributes {
		rule := schema.Rule(a.Name)
		if rule.Unusable != "" {
			out = append(out, Misfit{Attribute: a.Name, Pos: a.Pos, Cause: "the attribute " + rule.Unusable, Next: rule.Next})
			continue
		}
		if a.Encoding != "" && rule.Syntax != ident.SyntaxBytes && rule.Syntax != ident.SyntaxAny {
			next := "remove encoding"
			if a.Attach {
				next = "attach is for attributes that hold a picture, such as thumbnailPhoto"
			}
			out = append(out, Misfit{Attribute: a.Name, Pos: a.Pos, Cause: "it holds no bytes", Next: next})
			continue
		}
		if a.Attach {
			continue // its text is an address, and no value
		}
		if a.Reference {
			if cause, next := namesNobody(rule); cause != "" {
				out = append(out, Misfit{Attribute: a.Name, Pos: a.Pos, Cause: cause, Next: next})
			}
			continue
		}
		out = append(out, a.constantMisfits(m, rule)...)
	}
	return out
}

// constantMisfits checks the templates that give every record the same. Of
// Values they are written together, the others each alone.
func (a *attribute) constantMisfits(m *Mapper, rule ident.AttributeRule) []Misfit {
	var out []Misfit
	check := func(templates ...*expr.Template) {
		if f := a.constantMisfit(m, rule, templates); f.Cause != "" {
			out = append(out, f)
		}
	}
	for _, t := range a.candidates {
		check(t)
	}
	if len(a.values) > 0 {
		check(a.values...)
	}
	if a.fallback != nil {
		check(a.fallback)
	}
	return out
}

func (a *attribute) constantMisfit(m *Mapper, rule ident.AttributeRule, templates []*expr.Template) Misfit {
	var values []string
	misfit := Misfit{Attribute: a.Name}
	for _, t := range templates {
		found, err := a.constant(m, t)
		if len(found) > 0 && len(values) == 0 {
			misfit.Pos = t.Source().Pos
		}
		if err != nil {
			return Misfit{Attribute: a.Name, Pos: t.Source().Pos, Cause: err.cause, Next: err.next}
		}
		values = append(values, found...)
	}
	if len(values) == 1 && len(templates) == 1 {
		misfit.Cause, misfit.Next = invalid(a.Name, values[0], templates[0].Source().Text)
	}
	if misfit.Cause == "" && len(values) > 0 {
		misfit.Cause, misfit.Next = a.refuses(rule, distinct(values))
		rule.Lower, rule.Upper = nil, nil
		other, _ := a.refuses(rule, distinct(values))
		misfit.Range = misfit.Cause != "" && other == ""
	}
	return misfit
}

// constant returns the values of a template that gives every record the same;
// none when it depends on something, or has no value.
func (a *attribute) constant(m *Mapper, t *expr.Template) ([]string, *formError) {
	if !t.Constant() {
		return nil, nil
	}
	_, values, err := (&evaluation{m: m, env: expr.Env{}}).evaluate(a, t)
	var form *formError
	if errors.As(err, &form) {
		return nil, form
	}
	if err != nil {
		return nil, nil // each record tells it, with the place
	}
	return a.clean(values), nil
}

// refuses says why a directory would not accept the values, decoded where the
// attribute has an encoding.
func (a *attribute) refuses(rule ident.AttributeRule, values []string) (cause, next string) {
	if a.Encoding == "" {
		return rule.Refuses(values, false)
	}
	decoded := make([]string, 0, len(values))
	for _, v := range values {
		plain, err := a.decode(v)
		if err != nil {
			return err.Cause, cmp.Or(err.Next, "correct the value")
		}
		decoded = append(decoded, plain)
	}
	return rule.Refuses(decoded, true)
}
