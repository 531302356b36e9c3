package expr

import "github.com/expr-lang/expr/ast"

// textNode evaluates a part of an expression that gives a text; false when it is
// null. Calls within calls pass their texts on in this way: as values of any
// type each of them would be allocated.
type textNode func(*run) (string, bool)

// ofText describes a function from text to text, whose argument may be any
// scalar.
func ofText(signature, description, example string, f func(r *run, s string) string, types ...any) *function {
	d := define(signature, description, example, func(r *run, args []any) any { return f(r, textArg(args, 0)) }, types...)
	d.text = f
	return d
}

// ofTextAndNumber describes a function that takes a part of a text by a number.
func ofTextAndNumber(signature, description, example string, f func(s string, n int) string, types ...any) *function {
	d := define(signature, description, example, func(_ *run, args []any) any { return f(textArg(args, 0), intArg(args, 1)) }, types...)
	d.part = f
	return d
}

// creating counts what f creates.
func creating(f func(string) string) func(*run, string) string {
	return func(r *run, s string) string {
		s = f(s)
		r.spend(len(s))
		return s
	}
}

// givesText reports whether n is a part whose value is always a text or null: a
// call from text to text, or a text joined with something.
func (c *compiler) givesText(n ast.Node) bool {
	if c.traced != nil {
		return false // its parts are noted
	}
	switch n := n.(type) {
	case *ast.StringNode:
		return true
	case *ast.BinaryNode:
		return n.Operator == "+" && (c.givesText(n.Left) || c.givesText(n.Right))
	case *ast.CallNode:
		return c.textFunction(n) != nil
	}
	return false
}

// textNode compiles a part of which givesText is true.
func (c *compiler) textNode(n ast.Node) textNode {
	switch n := n.(type) {
	case *ast.BinaryNode:
		return joining(c.operand(n.Left), c.operand(n.Right), place(n))
	case *ast.CallNode:
		return calling(c.textFunction(n), c.operand(n.Arguments[0]), place(n))
	}
	s := n.(*ast.StringNode).Value
	return func(*run) (string, bool) { return s, true }
}

// textFunction returns what a call from text to text does with its text; nil when
// n is none, or its further arguments are not fixed.
func (c *compiler) textFunction(n *ast.CallNode) func(*run, string) string {
	f := c.scope.lib.functions[n.Callee.(*ast.IdentifierNode).Value]
	switch {
	case f == nil:
		return nil
	case len(n.Arguments) == 1:
		return f.text
	case len(n.Arguments) != 2 || f.part == nil:
		return nil
	}
	count, fixed := n.Arguments[1].(*ast.IntegerNode)
	if !fixed {
		return nil
	}
	return func(_ *run, s string) string { return f.part(s, count.Value) }
}

func (t textNode) asNode() node {
	return func(r *run) any {
		if s, ok := t(r); ok {
			return s
		}
		return nil
	}
}

// operand is a compiled part that gives a text, or any value.
type operand struct {
	text  textNode // nil: value
	value node
}

func (c *compiler) operand(n ast.Node) operand {
	if c.givesText(n) {
		return operand{text: c.textNode(n)}
	}
	return operand{value: c.node(n)}
}

// in evaluates the operand. It returns a text as such, and any other value in v;
// some is false when the operand is null.
func (o *operand) in(r *run) (s string, v any, some bool) {
	if o.text != nil {
		s, some = o.text(r)
		return s, nil, some
	}
	v = o.value(r)
	if s, isText := v.(string); isText {
		return s, nil, true
	}
	return "", v, v != nil
}

func (o *operand) any(r *run) any {
	if o.text == nil {
		return o.value(r)
	}
	return o.text.asNode()(r)
}

func calling(apply func(*run, string) string, arg operand, at int) textNode {
	return func(r *run) (string, bool) {
		s, v, some := arg.in(r)
		if !some {
			return "", false
		}
		r.at = at
		if v != nil {
			s = textArg([]any{v}, 0)
		} else {
			r.examine(len(s))
		}
		return apply(r, s), true
	}
}

func joining(left, right operand, at int) textNode {
	return func(r *run) (string, bool) {
		x, a, left := left.in(r)
		y, b, right := right.in(r)
		r.at = at
		r.examine(len(x) + len(y))
		if !left || !right {
			return "", false
		}
		if a != nil {
			x = joinable(a)
		}
		if b != nil {
			y = joinable(b)
		}
		r.spend(len(x) + len(y))
		return x + y, true
	}
}
