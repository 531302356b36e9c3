package outbound

import (
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Text is a compiled text outside of a webhook that treats values as a webhook
// does: a missing one is an error with its place. It is immutable, and safe for
// concurrent use.
type Text struct {
	template *expr.Template
	text     text
}

// CompileText compiles a text whose values are escaped for their place. An error
// is an *expr.Error.
func CompileText(src expr.Source, scope expr.Scope, e expr.Escape) (*Text, error) {
	t, err := scope.Template(src, e)
	if err != nil {
		return nil, err
	}
	pieces, err := all(e)(t)
	return &Text{t, text{pieces: pieces}}, err
}

// CompileBody compiles the body of a request in a format: its values are escaped
// for their places, and the rest of it must be of that format. An error is an
// *expr.Error.
func CompileBody(src expr.Source, scope expr.Scope, format abi.MessageType) (*Text, error) {
	t, err := scope.Template(src, expr.EscapeNone)
	if err != nil {
		return nil, err
	}
	pieces, err := bodyPieces(format)(t)
	return &Text{t, text{pieces: pieces}}, err
}

// bodyPieces returns what cuts a body of a format into pieces.
func bodyPieces(format abi.MessageType) func(*expr.Template) ([]piece, error) {
	switch format {
	case abi.MessageJSON:
		return jsonPieces
	case abi.MessageForm:
		return formPieces
	case abi.MessageXML:
		return xmlPieces
	}
	return all(expr.EscapeNone)
}

// Render returns the text with the values of env. An error is an *expr.Error
// where its place is known.
func (t *Text) Render(env expr.Env) (string, error) { return t.text.render(env) }

// Values returns the values of a text that consists of one expression and gives
// a list: its elements. Any other text is one value.
func (t *Text) Values(env expr.Env) ([]string, error) {
	if len(t.text.pieces) == 1 && t.text.pieces[0].Expression != nil {
		p := t.text.pieces[0]
		v, err := p.value(env)
		if err != nil {
			return nil, err
		}
		if _, list := v.V.([]any); list {
			return p.elements(v)
		}
	}
	s, err := t.Render(env)
	return []string{s}, err
}

// elements returns the escaped elements of a list. An element without a value is
// a mistake, as it would be elsewhere.
func (p piece) elements(v expr.Value) ([]string, error) {
	list, _ := v.V.([]any)
	out := make([]string, 0, len(list))
	for _, element := range list {
		switch element.(type) {
		case nil:
			return nil, p.mistake("an element of the list is null", "filter(..., # != null) leaves such elements out")
		case []any, map[string]any:
			return nil, p.mistake("a list in a list, or an object, is no text", "use map to choose a member")
		}
		s, err := p.escape.Text(expr.Value{V: element}.Text())
		if err != nil {
			return nil, p.mistake(err.Error(), "")
		}
		out = append(out, s)
	}
	return out, nil
}

// ValuesOf returns what the expressions that use a name give, unescaped.
func (t *Text) ValuesOf(name string, env expr.Env) []string { return t.text.valuesOf(name, env) }

// Weight is about how many bytes the compiled text takes.
func (t *Text) Weight() int { return t.template.Weight() }

// References returns the uses of a name in the text.
func (t *Text) References(name string) []expr.Reference { return t.template.References(name) }

// Source returns the text as it was written.
func (t *Text) Source() string { return t.template.Source().Text }

// Literal returns a text without any expression.
func (t *Text) Literal() (string, bool) { return t.template.Literal() }

// Leads reports whether the text begins with a value.
func (t *Text) Leads() bool {
	return len(t.text.pieces) > 0 && t.text.pieces[0].Expression != nil
}

// References returns the uses of a name, by the member of the webhook that they
// stand in.
func (w *Webhook) References(name string) map[string][]expr.Reference {
	out := map[string][]expr.Reference{}
	for _, t := range w.texts {
		for _, p := range t.pieces {
			if p.Expression != nil {
				if refs := p.Expression.References(name); len(refs) > 0 {
					out[t.member] = append(out[t.member], refs...)
				}
			}
		}
	}
	return out
}
