package expr

import "github.com/expr-lang/expr/ast"

// Step is a part of an expression with the value that an evaluation gave it.
type Step struct {
	Text  string
	Value Value
}

// mostSteps bounds the steps of one expression.
const mostSteps = 100

// Trace evaluates the expression and returns its parts with their values, in the
// order in which they were evaluated: fields, calls, operators, and last the
// whole. Parts that are written twice come once. What is evaluated for each
// element of a list is left out. An expression that fails returns the parts that
// it came to.
func (e *Expression) Trace(env Env) []Step {
	c := &compiler{scope: e.scope, src: e.source, traced: map[ast.Node]bool{}}
	c.traceable(e.tree)
	root := c.node(e.tree) // compiled before, so it cannot fail
	traced := *e
	traced.root, traced.variables = operand{value: root}, c.slots
	t := &trace{seen: map[string]bool{}}
	r := &run{env: env, trace: t}
	_, _ = traced.in(r) // the caller has the error from Eval
	return t.steps
}

// Trace returns the steps of the expressions of the template: see
// Expression.Trace. When the whole template is one expression, that is left out.
func (t *Template) Trace(env Env) []Step {
	var out []Step
	for _, p := range t.parts {
		if p.expression == nil {
			continue
		}
		steps := p.expression.Trace(env)
		if n := len(steps); len(t.parts) == 1 && n > 0 && steps[n-1].Text == p.expression.tree.String() {
			steps = steps[:n-1]
		}
		out = append(out, steps...)
	}
	return out
}

// trace holds what an evaluation came to.
type trace struct {
	steps []Step
	seen  map[string]bool
}

// traceable finds the parts that a reader wants to see: no literals, no members
// of which a member is taken, and nothing that is evaluated for each element.
func (c *compiler) traceable(n ast.Node) {
	v := &traceVisitor{wanted: c.traced}
	ast.Walk(&n, v)
	for _, p := range v.within {
		ast.Walk(&p, &traceVisitor{wanted: c.traced, remove: true})
	}
}

// traceVisitor marks the parts to trace, and removes the marks below predicates.
type traceVisitor struct {
	wanted map[ast.Node]bool
	within []ast.Node
	remove bool
}

// Visit implements ast.Visitor. Parts come before what they are a part of.
func (v *traceVisitor) Visit(node *ast.Node) {
	if v.remove {
		delete(v.wanted, *node)
		return
	}
	switch n := (*node).(type) {
	case *ast.MemberNode:
		delete(v.wanted, n.Node)
		v.wanted[n] = true
	case *ast.PredicateNode:
		v.within = append(v.within, n)
	case *ast.CallNode, *ast.BuiltinNode, *ast.BinaryNode, *ast.UnaryNode, *ast.ConditionalNode, *ast.SliceNode:
		v.wanted[n] = true
	}
}

// noting returns f so that its value becomes a step.
func (c *compiler) noting(n ast.Node, f node) node {
	text := n.String()
	return func(r *run) any {
		v := f(r)
		t := r.trace
		if t != nil && !t.seen[text] && len(t.steps) < mostSteps {
			t.seen[text] = true
			t.steps = append(t.steps, Step{text, r.notes.result(deepNormal(v))})
		}
		return v
	}
}
