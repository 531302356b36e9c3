package expr

import (
	"strings"

	"github.com/expr-lang/expr/ast"
)

// Conditions returns the parts of a condition that must all be true: what stands
// between the && of its top level, in order. Without one it is the expression as a
// whole. The first that is not true decides, as in the whole.
func (e *Expression) Conditions() []*Expression {
	whole := []*Expression{e}
	if root, ok := e.tree.(*ast.BinaryNode); !ok || root.Operator != "&&" && root.Operator != "and" {
		return whole
	}
	var out []*Expression
	for _, at := range conjuncts(e.source.Text) {
		text := e.source.Text[at.from:at.to]
		trimmed := strings.TrimSpace(text)
		before := e.source.Text[:at.from+strings.Index(text, trimmed)]
		part, err := e.scope.compile(Source{trimmed, e.source.Pos.After(before)})
		if err != nil {
			return whole
		}
		out = append(out, part)
	}
	return out
}

// span is a part of a text, in bytes.
type span struct{ from, to int }

// conjuncts returns what stands between the && and "and" of the top level of an
// expression: not in brackets, texts and comments. It is for an expression whose
// root is one of them, so that no operator that binds less stands there.
func conjuncts(s string) []span {
	var out []span
	from, depth := 0, 0
	for i := 0; i < len(s); i++ {
		n := 0
		switch c := s[i]; {
		case c == '\'' || c == '"' || c == '`':
			i += endOfText(s[i+1:], c) + 1
		case c == '/' && comment(s[i:]) > 0:
			i += comment(s[i:])
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth--
		case depth == 0 && strings.HasPrefix(s[i:], "&&"):
			n = len("&&")
		case depth == 0 && isWord(s, i, "and"):
			n = len("and")
		}
		if n > 0 {
			out = append(out, span{from, i})
			i += n - 1
			from = i + 1
		}
	}
	return append(out, span{from, len(s)})
}

// isWord reports whether word stands at s[i], as a word of its own and not as a
// member.
func isWord(s string, i int, word string) bool {
	end := i + len(word)
	return strings.HasPrefix(s[i:], word) && (end == len(s) || !isWordRune(rune(s[end]))) &&
		(i == 0 || !isWordRune(rune(s[i-1])) && s[i-1] != '.')
}
