package expr

import (
	"fmt"

	"github.com/expr-lang/expr/ast"
)

// compiler turns a checked syntax tree into closures.
type compiler struct {
	scope     Scope
	src       Source
	refs      []reference
	variables []string // in scope, innermost last; the index is the slot
	slots     int
	volatile  bool
	traced    map[ast.Node]bool // parts whose values are noted; nil without a trace
}

func (s Scope) compile(src Source) (e *Expression, err error) {
	tree, err := s.parse(src)
	if err != nil {
		return nil, err
	}
	c := &compiler{scope: s, src: src}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *Error:
			err = p
		default:
			panic(p)
		}
	}()
	root := c.operand(tree)
	return &Expression{
		source: src, scope: s, tree: tree, root: root, lib: s.lib, refs: c.refs,
		variables: c.slots, volatile: c.volatile,
	}, nil
}

// refuse ends the compilation with an error about n.
func (c *compiler) refuse(n ast.Node, message, hint string) {
	panic(c.src.errorAt(place(n), message, hint))
}

// node compiles n. The closure evaluates its operands and then sets run.at,
// before it does anything that may fail: a failure is reported at that place.
func (c *compiler) node(n ast.Node) node {
	if c.traced[n] {
		return c.noting(n, c.untraced(n))
	}
	return c.untraced(n)
}

func (c *compiler) untraced(n ast.Node) node {
	switch n := n.(type) {
	case *ast.NilNode:
		return constant(nil)
	case *ast.BoolNode:
		return constant(n.Value)
	case *ast.IntegerNode:
		return constant(n.Value)
	case *ast.FloatNode:
		return constant(n.Value)
	case *ast.StringNode:
		return constant(n.Value)
	case *ast.IdentifierNode:
		return c.identifier(n)
	case *ast.ChainNode:
		return c.node(n.Node)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.PredicateNode:
		return c.node(n.Node)
	case *ast.PointerNode:
		return c.pointer(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.SliceNode:
		return c.slice(n)
	case *ast.CallNode:
		return c.call(n)
	case *ast.BuiltinNode:
		return c.predicate(n)
	}
	return c.structure(n)
}

// structure compiles expressions that consist of other expressions.
func (c *compiler) structure(n ast.Node) node {
	switch n := n.(type) {
	case *ast.VariableDeclaratorNode:
		return c.let(n)
	case *ast.SequenceNode:
		return c.node(n.Nodes[len(n.Nodes)-1]) // there are no side effects, so only the last one counts
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.ArrayNode:
		return c.array(n)
	case *ast.MapNode:
		return c.object(n)
	}
	c.refuse(n, fmt.Sprintf("%T is not supported", n), "")
	return nil
}

// place returns the offset of n in characters.
func place(n ast.Node) int { return n.Location().From }

func constant(v any) node { return func(*run) any { return v } }

func (c *compiler) identifier(n *ast.IdentifierNode) node {
	for slot := len(c.variables) - 1; slot >= 0; slot-- {
		if c.variables[slot] == n.Value {
			return func(r *run) any { return r.vars[slot] }
		}
	}
	name := n.Value
	if name == NameMacros && c.scope.names[name] {
		c.refuse(n, "macros is no value by itself", "name one of them: macros.NAME")
	}
	if !c.scope.names[name] {
		c.refuse(n, name+" is a function", "call it: "+name+"(...)")
	}
	c.refs = append(c.refs, reference{name: name, pos: c.src.posAt(place(n))})
	if name == "now" {
		return (*run).now
	}
	return func(r *run) any { return r.global(name) }
}

func (r *run) global(name string) any {
	v, ok := r.env[name]
	if m, isMap := v.(map[string]any); isMap && m != nil {
		return m
	}
	v = normal(v)
	if !ok || v == nil || isNilMap(v) {
		r.noteNull(name)
		return nil
	}
	return v
}

func isNilMap(v any) bool {
	m, ok := v.(map[string]any)
	return ok && m == nil
}

// member compiles a.b and a[b]. A member of null is null.
func (c *compiler) member(n *ast.MemberNode) node {
	property, fixed := n.Property.(*ast.StringNode)
	root, isName := n.Node.(*ast.IdentifierNode)
	if fixed && isName && c.scope.names[root.Value] && !c.isVariable(root.Value) {
		if root.Value == NameMacros {
			return c.macro(n, property.Value)
		}
		c.refs = append(c.refs, reference{name: root.Value, path: []string{property.Value}, pos: c.src.posAt(place(root))})
		return rootMember(root.Value, property.Value, place(n))
	}
	base, key := c.node(n.Node), c.node(n.Property)
	path, at := pathOf(n), place(n)
	if last := len(c.refs) - 1; fixed && c.isReference(n.Node) {
		c.refs[last].path = append(c.refs[last].path, property.Value)
	}
	return func(r *run) any {
		b := base(r)
		if b == nil {
			return nil
		}
		k := key(r)
		if k == nil {
			return nil
		}
		r.at = at
		return r.fetch(b, k, path)
	}
}

// isReference reports whether n selects members of a name by fixed texts only.
// Then the last reference is the one for n.
func (c *compiler) isReference(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return c.scope.names[n.Value] && !c.isVariable(n.Value) && n.Value != NameMacros
	case *ast.ChainNode:
		return c.isReference(n.Node)
	case *ast.MemberNode:
		_, fixed := n.Property.(*ast.StringNode)
		return fixed && c.isReference(n.Node)
	}
	return false
}

func (c *compiler) isVariable(name string) bool {
	for _, v := range c.variables {
		if v == name {
			return true
		}
	}
	return false
}

// rootMember compiles the most frequent case: user.email.
func rootMember(name, property string, at int) node {
	path := name + "." + property
	return func(r *run) any {
		m := r.root
		if r.rootOf != name {
			m, _ = r.env[name].(map[string]any)
			r.root, r.rootOf = m, name
		}
		if m == nil {
			b := r.global(name)
			if b == nil {
				return nil
			}
			r.at = at
			return r.fetch(b, property, path)
		}
		v, ok := m[property]
		if _, isText := v.(string); isText {
			return v
		}
		return r.found(v, ok, path)
	}
}

// found records why a member has no value.
func (r *run) found(v any, ok bool, path string) any {
	v = normal(v)
	switch {
	case !ok:
		r.noteAbsent(path)
	case v == nil:
		r.noteNull(path)
	}
	return v
}

// fetch returns a member of an object, or an element of a list. Elements count
// from 0, and from the end when negative.
func (r *run) fetch(base, key any, path string) any {
	switch b := base.(type) {
	case map[string]any:
		k, ok := asText(key)
		if !ok {
			fail("%s cannot name a member", kindName(key))
		}
		v, ok := b[k]
		return r.found(v, ok, path)
	case []any:
		i, ok := asInt(key)
		if !ok {
			fail("an element of a list is selected by a whole number, not by %s", kindName(key))
		}
		if i < 0 {
			i += len(b)
		}
		if i < 0 || i >= len(b) {
			r.noteNull(path)
			return nil
		}
		return normal(b[i])
	}
	fail("%s has no members", kindName(base))
	return nil
}

// pathOf returns a member as a path for messages; "" when it does not start at a
// name. Members of list elements have none, because they are not fields of the
// record.
func pathOf(n ast.Node) string {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return n.Value
	case *ast.ChainNode:
		return pathOf(n.Node)
	case *ast.MemberNode:
		base := pathOf(n.Node)
		if base == "" {
			return ""
		}
		if p, ok := n.Property.(*ast.StringNode); ok {
			return base + "." + p.Value
		}
		return base + "[" + n.Property.String() + "]"
	}
	return ""
}

func (c *compiler) let(n *ast.VariableDeclaratorNode) node {
	value := c.node(n.Value)
	slot := len(c.variables)
	c.variables = append(c.variables, n.Name)
	c.slots = max(c.slots, len(c.variables))
	body := c.node(n.Expr)
	c.variables = c.variables[:slot]
	return func(r *run) any {
		r.vars[slot] = value(r)
		return body(r)
	}
}

func (c *compiler) conditional(n *ast.ConditionalNode) node {
	cond, yes, no, at := c.node(n.Cond), c.node(n.Exp1), c.node(n.Exp2), place(n.Cond)
	condition := n.Cond
	return func(r *run) any {
		switch b := cond(r).(type) {
		case nil:
			return nil
		case bool:
			if b {
				return yes(r)
			}
			return no(r)
		default:
			r.at = at
			failWith(adviceForTruth(condition, kindOf(b)), "the condition is %s, not true or false", described(b))
			return nil
		}
	}
}

func (c *compiler) array(n *ast.ArrayNode) node {
	elements := make([]node, len(n.Nodes))
	for i, e := range n.Nodes {
		elements[i] = c.node(e)
	}
	at := place(n)
	return func(r *run) any {
		r.at = at
		r.spend(16 * len(elements))
		list := make([]any, len(elements))
		for i, e := range elements {
			list[i] = e(r)
		}
		return list
	}
}

func (c *compiler) object(n *ast.MapNode) node {
	keys, values := make([]node, len(n.Pairs)), make([]node, len(n.Pairs))
	for i, p := range n.Pairs {
		pair := p.(*ast.PairNode)
		keys[i], values[i] = c.node(pair.Key), c.node(pair.Value)
	}
	at := place(n)
	return func(r *run) any {
		r.at = at
		r.spend(48 * len(keys))
		m := make(map[string]any, len(keys))
		for i, key := range keys {
			k, ok := asText(key(r))
			if !ok {
				r.at = at
				fail("a key of an object must be a text")
			}
			m[k] = values[i](r)
		}
		return m
	}
}
