package expr

import (
	"strings"
	"unicode/utf8"
)

// Template is a compiled text with {{ expression }} in it. A template may have
// no expression at all.
type Template struct {
	source Source
	escape Escape
	parts  []part
	refs   []reference
}

// part is either literal text or an expression.
type part struct {
	text       string
	expression *Expression
}

func (s Scope) template(src Source, escape Escape) (*Template, error) {
	if len(src.Text) > MaxTemplate {
		return nil, src.errorAt(0, "the template is longer than 256 KiB", "")
	}
	t := &Template{source: src, escape: escape}
	for rest := 0; rest < len(src.Text); {
		open := strings.Index(src.Text[rest:], "{{")
		if open < 0 {
			t.parts = append(t.parts, part{text: src.Text[rest:]})
			break
		}
		if open > 0 {
			t.parts = append(t.parts, part{text: src.Text[rest : rest+open]})
		}
		start := rest + open + 2
		n := endOfExpression(src.Text[start:])
		if n < 0 {
			return nil, src.errorAt(utf8.RuneCountInString(src.Text[:start-2]), "{{ without }}",
				`to write {{ itself, put it in an expression: {{ "{{" }}`)
		}
		e, err := s.compile(Source{src.Text[start : start+n], src.Pos.After(src.Text[:start])})
		if err != nil {
			return nil, err
		}
		t.parts = append(t.parts, part{expression: e})
		t.refs = append(t.refs, e.refs...)
		rest = start + n + 2
	}
	return t, nil
}

// endOfExpression returns the length of the expression at the start of s, up to
// the }} that closes it; -1 when nothing does. Braces of objects and predicates
// within it count; those in texts and comments do not.
func endOfExpression(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\'', '"', '`':
			n := endOfText(s[i+1:], c)
			if n < 0 {
				return closeAnyhow(s, i)
			}
			i += n + 1
		case '/':
			i += comment(s[i:])
		case '{':
			depth++
		case '}':
			if depth == 0 && strings.HasPrefix(s[i:], "}}") {
				return i
			}
			depth = max(0, depth-1)
		}
	}
	return -1
}

// endOfText returns the offset of the quote that ends a text; -1 when it does
// not end. Texts in backquotes have no escapes; a doubled backquote stands for
// one.
func endOfText(s string, quote byte) int {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote != '`':
			i++
		case s[i] == quote:
			if quote == '`' && strings.HasPrefix(s[i+1:], "`") {
				i++
				continue
			}
			return i
		}
	}
	return -1
}

// comment returns how many bytes to skip after the slash at the start of s.
func comment(s string) int {
	var end string
	switch {
	case strings.HasPrefix(s, "//"):
		end = "\n"
	case strings.HasPrefix(s, "/*"):
		end = "*/"
	default:
		return 0
	}
	if n := strings.Index(s[2:], end); n >= 0 {
		return 2 + n + len(end) - 1
	}
	return 0
}

// closeAnyhow finds the next }} after a text that does not end, so that the
// compiler can report that text with its place.
func closeAnyhow(s string, from int) int {
	if n := strings.Index(s[from:], "}}"); n >= 0 {
		return from + n
	}
	return -1
}

// Eval evaluates the template. When an expression in it has no value, the whole
// template has none: absent when one of them is absent, otherwise null. A
// template of exactly one expression keeps its type where its escape allows
// that. A DN with an empty part is empty as a whole. An error is an *Error with
// its place.
func (t *Template) Eval(env Env) (Value, error) {
	o, err := t.outcome(func(e *Expression) (outcome, error) { return e.outcome(env) })
	if err != nil {
		return Value{}, err
	}
	return o.value(), nil
}

func (t *Template) outcome(evaluate func(*Expression) (outcome, error)) (outcome, error) {
	if len(t.parts) == 1 && t.parts[0].expression != nil && t.escape.keepsWhole() {
		return evaluate(t.parts[0].expression)
	}
	var b strings.Builder
	var none *Value
	relied := ""
	for _, p := range t.parts {
		if p.expression == nil {
			b.WriteString(p.text)
			continue
		}
		o, err := evaluate(p.expression)
		if err != nil {
			return outcome{}, err
		}
		if relied == "" {
			relied = o.notes.absent
		}
		if !o.isText && o.v == nil {
			if v := o.value(); none == nil || none.State == Null && v.State == Absent {
				none = &v
			}
			continue
		}
		if err := t.write(&b, p.expression, &o); err != nil {
			return outcome{}, err
		}
	}
	if none != nil {
		none.Missing = relied
		return outcome{none: none}, nil
	}
	whole := outcome{text: b.String(), isText: true, notes: notes{absent: relied}}
	if t.escape == EscapeDN && lacksValue(whole.text) {
		whole.text = ""
	}
	return whole, nil
}

// write adds the result of an expression to the text.
func (t *Template) write(b *strings.Builder, e *Expression, o *outcome) error {
	s := o.text
	if !o.isText {
		switch o.v.(type) {
		case []any, map[string]any:
			return e.source.errorAt(0, kindName(o.v)+" cannot be part of a text", "use join, item or json")
		}
		s, _ = asText(o.v)
	}
	s, err := t.escape.text(s)
	if err != nil {
		return e.source.errorAt(0, err.Error(), "")
	}
	if b.Len()+len(s) > MaxTemplate {
		return e.source.errorAt(0, "the text is longer than 256 KiB", "")
	}
	b.WriteString(s)
	return nil
}

// Fields returns the members of name that the template uses, sorted; see
// Expression.Fields.
func (t *Template) Fields(name string) []string { return fieldsOf(t.refs, name) }

// Paths returns the paths of members of name that the template uses; see
// Expression.Paths.
func (t *Template) Paths(name string) [][]string { return pathsOf(t.refs, name) }

// Places returns the place where the template first uses each member of name;
// see Expression.Places.
func (t *Template) Places(name string, depth int) map[string]Pos {
	return placesOf(t.refs, name, depth)
}

// Uses reports whether the template refers to name.
func (t *Template) Uses(name string) bool { return usesName(t.refs, name) }

// UsesAttributes returns the attributes that the template refers to as
// attributes.X, sorted.
func (t *Template) UsesAttributes() []string { return t.Fields("attributes") }

// Volatile reports whether two evaluations over the same values may differ.
func (t *Template) Volatile() bool {
	for _, p := range t.parts {
		if p.expression != nil && p.expression.Volatile() {
			return true
		}
	}
	return false
}

// Constant reports whether the template gives the same value for every record.
func (t *Template) Constant() bool { return len(t.refs) == 0 && !t.Volatile() }

// Literal returns the text of a template without any expression.
func (t *Template) Literal() (string, bool) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.expression != nil {
			return "", false
		}
		b.WriteString(p.text)
	}
	return b.String(), true
}

// Source returns the text and place that the template was compiled from.
func (t *Template) Source() Source { return t.source }

// Weight is about how many bytes the compiled template takes, at most.
func (t *Template) Weight() int {
	const perByte = 100 // of the text
	patterns := strings.Count(t.source.Text, "regex_replace") + strings.Count(t.source.Text, "matches")
	return perByte*len(t.source.Text) + patterns*maxPattern*patternBytes
}
