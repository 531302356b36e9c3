package expr

import (
	"regexp"
	"strings"

	"github.com/expr-lang/expr/ast"
)

func (c *compiler) unary(n *ast.UnaryNode) node {
	operand, at := c.node(n.Node), place(n)
	switch n.Operator {
	case "!", "not":
		return func(r *run) any {
			v := operand(r)
			r.at = at
			if b, known := truth(v); known {
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

// truth converts an operand of a logical operator; not known when it is null.
func truth(v any) (value, known bool) {
	switch v := v.(type) {
	case nil:
		return false, false
	case bool:
		return v, true
	}
	fail("%s stands where true or false is needed", kindName(v))
	return false, false
}

func (c *compiler) binary(n *ast.BinaryNode) node {
	left, right := c.node(n.Left), c.node(n.Right)
	at := place(n)
	switch n.Operator {
	case "&&", "and":
		return logical(left, right, false, at)
	case "||", "or":
		return logical(left, right, true, at)
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
	operate := operatorOf(n.Operator)
	if operate == nil {
		c.refuse(n, "the operator "+n.Operator+" is not available", "")
	}
	return func(r *run) any {
		l := left(r)
		v := right(r)
		r.at = at
		return operate(r, l, v)
	}
}

// guard forgets which fields had no value when f found another one.
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

// logical decides as soon as an operand equals decisive; a null operand that
// had to be asked makes the result null.
func logical(left, right node, decisive bool, at int) node {
	return func(r *run) any {
		l := left(r)
		r.at = at
		b, known := truth(l)
		if !known {
			return nil
		}
		if b == decisive {
			return decisive
		}
		v := right(r)
		r.at = at
		if b, known = truth(v); !known {
			return nil
		}
		return b
	}
}

func (c *compiler) equality(n *ast.BinaryNode, left, right node) node {
	want := n.Operator == "=="
	compare := func(r *run) any { return equal(left(r), right(r)) == want }
	_, l := n.Left.(*ast.NilNode)
	_, r := n.Right.(*ast.NilNode)
	if l || r {
		return guard(compare)
	}
	return compare
}

func (c *compiler) matches(n *ast.BinaryNode, left, right node) node {
	at := place(n)
	var fixed *regexp.Regexp
	if p, ok := n.Right.(*ast.StringNode); ok {
		fixed = regexp.MustCompile(p.Value) // the checker has compiled it
	}
	return func(r *run) any {
		l, pattern := left(r), right(r)
		r.at = at
		if l == nil || pattern == nil {
			return nil
		}
		re := fixed
		if re == nil {
			re = compilePattern(textOperand("matches", pattern))
		}
		return re.MatchString(textOperand("matches", l))
	}
}

func compilePattern(p string) *regexp.Regexp {
	re, err := regexp.Compile(p)
	if err != nil {
		fail("%s", err)
	}
	return re
}

type operator func(r *run, a, b any) any

func operatorOf(name string) operator {
	switch name {
	case "+":
		return add
	case "-", "*", "/", "%", "**", "^":
		return func(_ *run, a, b any) any { return arithmetic(name, a, b) }
	case "<", ">", "<=", ">=":
		return func(_ *run, a, b any) any { return ordered(name, a, b) }
	case "in":
		return contained
	case "..":
		return rangeOf
	case "contains":
		return onTexts(name, strings.Contains)
	case "startsWith":
		return onTexts(name, strings.HasPrefix)
	case "endsWith":
		return onTexts(name, strings.HasSuffix)
	}
	return nil
}

func onTexts(name string, f func(a, b string) bool) operator {
	return func(_ *run, a, b any) any {
		if a == nil || b == nil {
			return nil
		}
		return f(textOperand(name, a), textOperand(name, b))
	}
}

func textOperand(operator string, v any) string {
	switch v.(type) {
	case []any, map[string]any:
		fail("%s needs a text, not %s", operator, kindName(v))
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
		x, y := textOperand("+", a), textOperand("+", b)
		r.spend(len(x) + len(y))
		return x + y
	}
	return arithmetic("+", a, b)
}

// contained is the operator in: an element of a list, or a member of an object.
func contained(r *run, a, b any) any {
	switch b := b.(type) {
	case nil:
		return nil
	case []any:
		for _, e := range b {
			r.step()
			if equal(a, normal(e)) {
				return true
			}
		}
		return false
	case map[string]any:
		k, ok := a.(string)
		_, found := b[k]
		return ok && found
	}
	fail("in needs a list or an object, not %s", kindName(b))
	return nil
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
