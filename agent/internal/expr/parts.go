package expr

// Part is a piece of a template: literal text, or an expression.
type Part struct {
	Text       string
	Expression *Expression // nil: literal text
}

// Size returns how many bytes of the template's text the part takes.
func (p Part) Size() int {
	if p.Expression != nil {
		return len("{{") + len(p.Expression.source.Text) + len("}}")
	}
	return len(p.Text)
}

// Parts returns the pieces of the template in order. It is for a caller that
// escapes parts of one text differently, such as those of a JSON body.
func (t *Template) Parts() []Part {
	out := make([]Part, len(t.parts))
	for i, p := range t.parts {
		out[i] = Part{p.text, p.expression}
	}
	return out
}

// Text escapes s for the place, as part of a text.
func (e Escape) Text(s string) (string, error) { return e.text(s) }
