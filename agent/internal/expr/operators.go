package expr

import (
	"strings"

	"github.com/expr-lang/expr/ast"
)

func (c *compiler) unary(n *ast.UnaryNode) node {
	operand, at := c.node(negated(n)), place(n)
	switch n.Operator {
	case "!", "not":
		return func(r *run) any {
			v := operand(r)
			r.at = at
			if b, known := truth(n.Node, v); known {
				return !b
			}
			return nil
		}
	case "-":
		return func(r *run) any {
			v := operand(r)
			r.at = at
			return arithmetic("-", 0, v)
		}
	}
	return operand // the checker lets only + through, for numbers
}

// notIn is how advice writes an operator that the parser splits into two.
const notIn = "not in"

// negated returns the operand of n. In the operand of a "not in" the operator is
// named so: otherwise the advice would say "in", and following it would reverse
// the condition.
func negated(n *ast.UnaryNode) ast.Node {
	b, ok := n.Node.(*ast.BinaryNode)
	if !ok || n.Operator != "not" || b.Operator != "in" || n.Location().From < b.Left.Location().From {
		return n.Node
	}
	named := *b
	named.Operator = notIn
	return &named
}

// truth converts an operand of a logical operator. known is false when it is
// null.
func truth(n ast.Node, v any) (value, known bool) {
	switch v := v.(type) {
	case nil:
		return false, false
	case bool:
		return v, true
	}
	failWith(adviceForTruth(n, kindOf(v)), "%s stands where true or false is needed", described(v))
	return false, false
}

func (c *compiler) binary(n *ast.BinaryNode) node {
	if c.givesText(n) {
		return c.textNode(n).asNode()
	}
	left, right := c.node(n.Left), c.node(n.Right)
	at := place(n)
	switch n.Operator {
	case "&&", "and":
		return logical(n, left, right, false)
	case "||", "or":
		return logical(n, left, right, true)
	case "??":
		return guard(func(r *run) any {
			if v := left(r); v != nil {
				return v
			}
			return right(r)
		})
	case "==", "!=":
		return c.equality(n, left, right)
	case "matches":
		return c.matches(n, left, right)
	}
	operate := operatorOf(n)
	if operate == nil {
		c.refuse(n, "the operator "+n.Operator+" is not available", "")
	}
	return func(r *run) any {
		l := left(r)
		v := right(r)
		r.at = at
		r.examineTexts(l, v)
		return operate(r, l, v)
	}
}

// guard forgets which fields had no value when f found a value after all.
func guard(f node) node {
	return func(r *run) any {
		before := r.notes
		v := f(r)
		if v != nil {
			r.notes = before
		}
		return v
	}
}

// logical evaluates the right operand only when the left one is neither decisive
// nor null. The result is null when an operand that it evaluated is null.
func logical(n *ast.BinaryNode, left, right node, decisive bool) node {
	at := place(n)
	return func(r *run) any {
		l := left(r)
		r.at = at
		b, known := truth(n.Left, l)
		if !known {
			return nil
		}
		if b == decisive {
			return decisive
		}
		v := right(r)
		r.at = at
		if b, known = truth(n.Right, v); !known {
			return nil
		}
		return b
	}
}

func (c *compiler) matches(n *ast.BinaryNode, left, right node) node {
	at := place(n)
	var fixed *pattern
	if p, ok := n.Right.(*ast.StringNode); ok {
		fixed, _ = compilePattern(p.Value) // the normalizer has compiled it
	}
	return func(r *run) any {
		l, written := left(r), right(r)
		r.at = at
		if l == nil || written == nil {
			return nil
		}
		p := fixed
		if p == nil {
			p = patternOf(r, textOf(n, n.Right, written))
		}
		return p.matches(r, textOf(n, n.Left, l))
	}
}

type operator func(r *run, a, b any) any

func operatorOf(n *ast.BinaryNode) operator {
	switch name := n.Operator; name {
	case "+":
		return add
	case "-", "*", "/", "%", "**", "^":
		return func(_ *run, a, b any) any { return arithmetic(name, a, b) }
	case "<", ">", "<=", ">=":
		return ordered(n)
	case "in", notIn:
		return contained(n)
	case "..":
		return rangeOf
	case "contains":
		return onTexts(n, strings.Contains)
	case "startsWith":
		return onTexts(n, strings.HasPrefix)
	case "endsWith":
		return onTexts(n, strings.HasSuffix)
	}
	return nil
}

func onTexts(n *ast.BinaryNode, f func(a, b string) bool) operator {
	return func(_ *run, a, b any) any {
		if a == nil || b == nil {
			return nil
		}
		return f(textOf(n, n.Left, a), textOf(n, n.Right, b))
	}
}

// textOf returns an operand of a comparison of texts. It does not convert
// numbers: 12.0 and 12 would then start with different texts.
func textOf(n *ast.BinaryNode, operand ast.Node, v any) string {
	s, ok := v.(string)
	if !ok {
		failWith(adviceForText(operand, kindOf(v)), "%s needs a text, not %s", n.Operator, described(v))
	}
	return s
}

// joinable returns an operand of +, which joins a text with any scalar, as text.
func joinable(v any) string {
	switch v.(type) {
	case []any, map[string]any:
		failWith("use join or item", "+ cannot join %s to a text", described(v))
	}
	s, _ := asText(v)
	return s
}

// add adds numbers and times, and joins texts. A text joins with any scalar.
func add(r *run, a, b any) any {
	if a == nil || b == nil {
		return nil
	}
	_, l := a.(string)
	_, t := b.(string)
	if l || t {
		x, y := joinable(a), joinable(b)
		r.spend(len(x) + len(y))
		return x + y
	}
	return arithmetic("+", a, b)
}

func rangeOf(r *run, a, b any) any {
	if a == nil || b == nil {
		return nil
	}
	from, ok := asInt(a)
	to, also := asInt(b)
	if !ok || !also {
		fail(".. needs whole numbers")
	}
	if from > to {
		return []any{}
	}
	if to-from >= maxSteps || to-from < 0 {
		fail("the range %d..%d is too long", from, to)
	}
	r.spend(16 * (to - from + 1))
	list := make([]any, 0, to-from+1)
	for i := from; i <= to; i++ {
		list = append(list, i)
	}
	return list
}
