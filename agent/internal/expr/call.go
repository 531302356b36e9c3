package expr

import (
	"strconv"

	"github.com/expr-lang/expr/ast"
)

// call compiles a call of one of rollcall's own functions.
func (c *compiler) call(n *ast.CallNode) node {
	name := n.Callee.(*ast.IdentifierNode).Value
	f := c.scope.lib.functions[name]
	if f == nil {
		c.refuse(n, name+" is not a function", c.scope.nearest(name))
	}
	c.checkLiterals(f, n)
	c.volatile = c.volatile || f.volatile
	if c.givesText(n) {
		return c.textNode(n).asNode()
	}
	args := make([]node, len(n.Arguments))
	for i, a := range n.Arguments {
		args[i] = c.node(a)
	}
	at, run := place(n), f.body
	if f.prepare != nil {
		run = f.prepare(n.Arguments)
	}
	switch {
	case f.nullable:
		return guard(nullable(args, run, at))
	case len(args) == 1:
		return single(args[0], run, at)
	}
	return propagating(args, run, at)
}

// single compiles a call of a function with one argument.
func single(arg node, f body, at int) node {
	return func(r *run) any {
		v := arg(r)
		if v == nil {
			return nil
		}
		base := len(r.args)
		r.args = append(r.args, v)
		r.at = at
		r.examineTexts(v)
		v = f(r, r.args[base:])
		r.args = r.args[:base]
		return v
	}
}

// propagating compiles a call that gives null when an argument is null.
func propagating(args []node, f body, at int) node {
	return func(r *run) any {
		base := len(r.args)
		for _, a := range args {
			v := a(r)
			if v == nil {
				r.args = r.args[:base]
				return nil
			}
			r.args = append(r.args, v)
		}
		r.at = at
		r.examineTexts(r.args[base:]...)
		v := f(r, r.args[base:])
		r.args = r.args[:base]
		return v
	}
}

// nullable compiles a call of a function that handles null arguments itself.
func nullable(args []node, f body, at int) node {
	return func(r *run) any {
		base := len(r.args)
		for _, a := range args {
			r.args = append(r.args, a(r))
		}
		r.at = at
		r.examineTexts(r.args[base:]...)
		v := f(r, r.args[base:])
		r.args = r.args[:base]
		return v
	}
}

// checkLiterals checks arguments that are written as literals: a pattern, the
// name of a table, a unit.
func (c *compiler) checkLiterals(f *function, n *ast.CallNode) {
	if f.literal == nil {
		return
	}
	for i, a := range n.Arguments {
		s, ok := a.(*ast.StringNode)
		if !ok {
			continue
		}
		if message, hint := f.literal(c.scope.lib, i, s.Value); message != "" {
			c.refuse(a, message, hint)
		}
	}
}

// textArg returns argument i as text, converting numbers and other scalars.
func textArg(args []any, i int) string {
	switch v := args[i].(type) {
	case string:
		return v
	case []any, map[string]any:
		fail("%s argument must be a text, not %s", ordinal(i+1), kindName(v))
	}
	s, ok := asText(args[i])
	if !ok {
		fail("%s argument must be a text, not %s", ordinal(i+1), kindName(args[i]))
	}
	return s
}

// intArg returns argument i, which must be a whole number or the text of one.
func intArg(args []any, i int) int {
	if n, ok := asInt(args[i]); ok {
		return n
	}
	if s, ok := args[i].(string); ok {
		if n, err := strconv.Atoi(s); err == nil {
			return n
		}
	}
	fail("%s argument must be a whole number, not %s", ordinal(i+1), kindName(args[i]))
	return 0
}

// asList returns a value as a list. A scalar becomes a list of one.
func asList(r *run, v any) []any {
	list, ok := v.([]any)
	if !ok {
		return []any{v}
	}
	for _, e := range list {
		r.step()
		r.examineTexts(e)
	}
	return list
}

func ordinal(n int) string {
	switch n {
	case 1:
		return "the first"
	case 2:
		return "the second"
	case 3:
		return "the third"
	}
	return "the " + strconv.Itoa(n) + "th"
}
