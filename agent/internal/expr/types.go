package expr

import (
	"reflect"
	"time"

	"github.com/expr-lang/expr/ast"
)

// Types holds the types of the members of names, as far as they are known:
// Types{"user": {"id": "int"}}. The types are those of a manifest: string int
// number bool time object strings objects; and values for a text or a list of
// texts. A time is delivered as text. Any other type means that nothing is
// known.
type Types map[string]map[string]string

// static is what is known about a value before there is a record.
type static struct {
	kinds kinds    // the types; 0: not known
	elem  *static  // what the elements of a list are; nil: not known
	parts []static // the elements of a list that is a literal
	loose bool     // the value need not have each of the kinds
}

// null marks among kinds that a value may be null. Null can be compared with
// anything.
const null kinds = 1 << 7

func known(k kinds) static { return static{kinds: k} }

func listOf(elem static) static { return static{kinds: list, elem: &elem} }

// of returns what is known about a member of a name.
func (t Types) of(name, member string) static {
	switch t[name][member] {
	case "string", "time":
		return known(text)
	case "int", "number":
		return known(number)
	case "bool":
		return known(boolean)
	case "object":
		return known(object)
	case "strings":
		return listOf(known(text))
	case "objects":
		return listOf(known(object))
	case "values":
		return static{kinds: text | list, elem: &static{kinds: text}, loose: true}
	}
	return static{}
}

// either returns what is known about a value that is either a or b.
func either(a, b static) static {
	if a.kinds == 0 || b.kinds == 0 {
		return static{}
	}
	out := static{kinds: a.kinds | b.kinds, loose: a.loose || b.loose}
	switch {
	case a.elem == nil || b.elem != nil && a.kinds&list == 0:
		out.elem = b.elem
	case b.elem == nil:
		out.elem = a.elem
	default:
		both := either(*a.elem, *b.elem)
		out.elem = &both
	}
	return out
}

// typist finds the types of the parts of an expression, and comparisons of
// unlike types.
type typist struct {
	src   Source
	lib   *library
	types Types
	vars  []typedVar
	items []static // what # stands for, innermost last
	errs  []error
}

type typedVar struct {
	name string
	is   static
}

// check returns the type errors of an expression.
func (s Scope) check(src Source, tree ast.Node, types Types, condition bool) []error {
	t := &typist{src: src, lib: s.lib, types: types}
	root := t.of(tree)
	switch {
	case condition && root.kinds == null:
		t.refuse(tree, "", "it is null for every record, where true or false is needed")
	case condition:
		t.truth(tree, root)
	}
	return t.errs
}

// Check looks for comparisons of values of unlike types, and for other uses of
// values of a wrong type. Each error is an *Error.
func (e *Expression) Check(types Types) []error { return e.scope.check(e.source, e.tree, types, false) }

// CheckCondition is Check for an expression that must be true or false.
func (e *Expression) CheckCondition(types Types) []error {
	return e.scope.check(e.source, e.tree, types, true)
}

// Check is Check for all expressions of the template.
func (t *Template) Check(types Types) []error {
	var errs []error
	for _, p := range t.parts {
		if p.expression != nil {
			errs = append(errs, p.expression.Check(types)...)
		}
	}
	return errs
}

func (t *typist) of(n ast.Node) static {
	switch n := n.(type) {
	case *ast.NilNode:
		return known(null)
	case *ast.BoolNode:
		return known(boolean)
	case *ast.IntegerNode, *ast.FloatNode:
		return known(number)
	case *ast.StringNode:
		return known(text)
	case *ast.IdentifierNode:
		return t.name(n.Value)
	case *ast.ChainNode:
		return t.of(n.Node)
	case *ast.MemberNode:
		return t.member(n)
	case *ast.PredicateNode:
		return t.of(n.Node)
	case *ast.PointerNode:
		if len(t.items) > 0 && n.Name == "" {
			return t.items[len(t.items)-1]
		}
		return static{}
	case *ast.UnaryNode:
		return t.unary(n)
	case *ast.BinaryNode:
		return t.binary(n)
	case *ast.CallNode:
		return t.call(n)
	case *ast.BuiltinNode:
		return t.predicate(n)
	}
	return t.structure(n)
}

func (t *typist) structure(n ast.Node) static {
	switch n := n.(type) {
	case *ast.SliceNode:
		return t.slice(n)
	case *ast.VariableDeclaratorNode:
		t.vars = append(t.vars, typedVar{n.Name, t.of(n.Value)})
		is := t.of(n.Expr)
		t.vars = t.vars[:len(t.vars)-1]
		return is
	case *ast.SequenceNode:
		var last static
		for _, e := range n.Nodes {
			last = t.of(e)
		}
		return last
	case *ast.ConditionalNode:
		t.truth(n.Cond, t.of(n.Cond))
		return either(t.of(n.Exp1), t.of(n.Exp2))
	case *ast.ArrayNode:
		return t.array(n)
	case *ast.MapNode:
		for _, p := range n.Pairs {
			if pair, ok := p.(*ast.PairNode); ok {
				t.of(pair.Value)
			}
		}
		return known(object)
	}
	return static{}
}

func (t *typist) name(name string) static {
	for i := len(t.vars) - 1; i >= 0; i-- {
		if t.vars[i].name == name {
			return t.vars[i].is
		}
	}
	switch name {
	case "now", "last_success":
		return known(moment)
	case "password":
		return known(text)
	}
	return static{}
}

func (t *typist) member(n *ast.MemberNode) static {
	base := t.of(n.Node)
	property, fixed := n.Property.(*ast.StringNode)
	if !fixed {
		t.of(n.Property)
		if base.kinds == list && base.elem != nil {
			return *base.elem
		}
		return static{}
	}
	switch root := n.Node.(type) {
	case *ast.IdentifierNode:
		if !t.isVariable(root.Value) {
			return t.types.of(root.Value, property.Value)
		}
	case *ast.MemberNode: // endpoints.NAME.FIELD
		name, ok := root.Property.(*ast.StringNode)
		if of, isName := root.Node.(*ast.IdentifierNode); ok && isName && !t.isVariable(of.Value) {
			return t.types.of(of.Value+"."+name.Value, property.Value)
		}
	}
	return static{}
}

func (t *typist) isVariable(name string) bool {
	for _, v := range t.vars {
		if v.name == name {
			return true
		}
	}
	return false
}

func (t *typist) slice(n *ast.SliceNode) static {
	for _, bound := range []ast.Node{n.From, n.To} {
		if bound != nil {
			t.of(bound)
		}
	}
	return t.of(n.Node)
}

func (t *typist) array(n *ast.ArrayNode) static {
	var elem static
	parts := make([]static, len(n.Nodes))
	for i, e := range n.Nodes {
		if parts[i] = t.of(e); i == 0 {
			elem = parts[i]
		} else {
			elem = either(elem, parts[i])
		}
	}
	return static{kinds: list, elem: &elem, parts: parts}
}

// call returns what is known about the result of a function, from its signature.
func (t *typist) call(n *ast.CallNode) static {
	args := make([]static, len(n.Arguments))
	for i, a := range n.Arguments {
		args[i] = t.of(a)
	}
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || t.lib.functions[callee.Value] == nil || len(args) == 0 {
		return static{}
	}
	switch callee.Value {
	case "default", "coalesce":
		all := args[0]
		for _, a := range args[1:] {
			all = either(all, a)
		}
		return all
	case "lookup":
		t.key(n, args)
		if len(args) == 3 {
			return either(known(text), args[2])
		}
		return known(text)
	case "item":
		if args[0].elem != nil {
			return *args[0].elem
		}
		return static{}
	case "unique_list":
		return args[0]
	case "split":
		return listOf(known(text))
	}
	return result(t.lib.functions[callee.Value])
}

func result(f *function) static {
	var k kinds
	for _, form := range f.types {
		switch out := reflect.TypeOf(form).Elem().Out(0); out {
		case reflect.TypeFor[time.Time]():
			k |= moment
		default:
			one, ok := map[reflect.Kind]kinds{
				reflect.String: text, reflect.Int: number, reflect.Float64: number, reflect.Bool: boolean, reflect.Slice: list,
			}[out.Kind()]
			if !ok {
				return static{}
			}
			k |= one
		}
	}
	return known(k)
}

func (t *typist) predicate(n *ast.BuiltinNode) static {
	if len(n.Arguments) != 2 {
		return static{}
	}
	of := t.of(n.Arguments[0])
	var elem static
	if of.elem != nil {
		elem = *of.elem
	}
	t.items = append(t.items, elem)
	about := t.of(n.Arguments[1])
	t.items = t.items[:len(t.items)-1]
	if n.Name == "map" {
		return listOf(about)
	}
	t.truth(n.Arguments[1], about)
	switch n.Name {
	case "filter":
		return of
	case "find", "findLast":
		return elem
	}
	return known(boolean)
}
