package expr

import (
	"fmt"
	"math/bits"

	"github.com/expr-lang/expr/ast"
)

func (t *typist) refuse(n ast.Node, hint, format string, args ...any) {
	t.errs = append(t.errs, t.src.errorAt(place(n), fmt.Sprintf(format, args...), hint))
}

// unlike reports whether two values are, or may be, of different types: they
// have no possible type in common, or one of them has parts of several types.
func (a static) unlike(b static) bool {
	l, r := a.kinds&^null, b.kinds&^null
	switch {
	case l == 0 || r == 0:
		return false
	case l&r == 0, l == list && r == list && a.unlikeElements(b):
		return true
	}
	return !a.loose && !b.loose && bits.OnesCount8(uint8(l|r)) > 1
}

// unlikeElements reports whether two lists have elements that are never of one
// type. Two literal lists of different lengths are just unequal.
func (a static) unlikeElements(b static) bool {
	switch {
	case a.elem == nil || b.elem == nil:
		return false
	case a.parts != nil && b.parts != nil:
		for i := range a.parts {
			if len(a.parts) == len(b.parts) && a.parts[i].unlike(b.parts[i]) {
				return true
			}
		}
		return false
	}
	l, r := a.elem.kinds&^null, b.elem.kinds&^null
	return l != 0 && r != 0 && l&r == 0
}

// other reports whether a value with a known type may be something else than k.
func (a static) other(k kinds) bool {
	is := a.kinds &^ null
	if a.loose {
		return is != 0 && is&k == 0
	}
	return is&^k != 0
}

func (t *typist) truth(n ast.Node, is static) {
	if is.other(boolean) {
		t.refuse(n, adviceForTruth(n, is.kinds), "%s is %s and stands where true or false is needed", n, is.kinds)
	}
}

func (t *typist) unary(n *ast.UnaryNode) static {
	is := t.of(negated(n))
	if n.Operator == "!" || n.Operator == "not" {
		t.truth(n.Node, is)
		return known(boolean)
	}
	return known(number)
}

func (t *typist) binary(n *ast.BinaryNode) static {
	l, r := t.of(n.Left), t.of(n.Right)
	switch n.Operator {
	case "&&", "and", "||", "or":
		t.truth(n.Left, l)
		t.truth(n.Right, r)
	case "??":
		return either(l, r)
	case "==", "!=", "<", ">", "<=", ">=":
		t.compare(n, l, r)
	case "in", notIn:
		t.in(n, l, r)
	case "contains", "startsWith", "endsWith", "matches":
		t.texts(n, n.Left, l)
		t.texts(n, n.Right, r)
	case "..":
		return listOf(known(number))
	default:
		return t.arithmetic(n, l, r)
	}
	return known(boolean)
}

func (t *typist) compare(n *ast.BinaryNode, l, r static) {
	if l.unlike(r) {
		t.refuse(n, adviceFor(n, l.kinds&^null, r.kinds&^null), "%s cannot compare %s, which is %s, with %s, which is %s",
			n.Operator, n.Left, l.kinds, n.Right, r.kinds)
		return
	}
	const ordered = text | number | moment | duration
	if both := l.kinds & r.kinds &^ null; n.Operator != "==" && n.Operator != "!=" && both != 0 && both&ordered == 0 {
		t.refuse(n, "", "%s needs what has an order, and %s is %s", n.Operator, n.Left, l.kinds)
	}
}

// in compares the type of the value with that of each literal element: in a list
// of two types, one of them never matches.
func (t *typist) in(n *ast.BinaryNode, l, r static) {
	switch {
	case r.kinds == object && l.other(text):
		t.refuse(n, adviceFor(n, l.kinds&^null, text), "in looks for a member of an object, which a text names, and %s is %s", n.Left, l.kinds)
		return
	case r.kinds&^null != 0 && r.kinds&(list|object) == 0:
		t.refuse(n, "to look within a text, use contains", "in needs a list or an object, and %s is %s", n.Right, r.kinds)
		return
	case r.elem == nil:
		return
	}
	elements := r.parts
	if elements == nil {
		elements = []static{*r.elem}
	}
	first := static{}
	for _, e := range elements {
		switch {
		case l.unlike(e):
			t.refuse(n, adviceFor(n, l.kinds&^null, e.kinds&^null), "%s cannot compare %s, which is %s, with an element that is %s",
				n.Operator, n.Left, l.kinds, e.kinds)
			return
		case first.kinds&^null == 0:
			first = e
		case first.unlike(e):
			t.refuse(n, "write string("+n.Left.String()+") in a list of texts",
				"in cannot compare %s with elements that are %s and elements that are %s",
				n.Left, first.kinds, e.kinds)
			return
		}
	}
}

func (t *typist) texts(n *ast.BinaryNode, operand ast.Node, is static) {
	if is.other(text) {
		t.refuse(n, adviceForText(operand, is.kinds), "%s needs a text, and %s is %s", n.Operator, operand, is.kinds)
	}
}

func (t *typist) arithmetic(n *ast.BinaryNode, l, r static) static {
	if n.Operator == "+" && (l.kinds == text || r.kinds == text) {
		return known(text)
	}
	if n.Operator != "+" {
		t.counted(n, n.Left, l)
		t.counted(n, n.Right, r)
	}
	switch {
	case l.kinds == number && r.kinds == number:
		return known(number)
	case n.Operator == "-" && l.kinds == moment && r.kinds == moment:
		return known(duration)
	}
	return static{}
}

func (t *typist) counted(n *ast.BinaryNode, operand ast.Node, is static) {
	if !is.other(number | moment | duration) {
		return
	}
	hint := ""
	if is.kinds == text {
		hint = "write float(" + operand.String() + ")"
	}
	t.refuse(n, hint, "%s needs numbers, and %s is %s", n.Operator, operand, is.kinds)
}

// key checks the type of the key in a lookup() of a literal table name.
func (t *typist) key(n *ast.CallNode, args []static) {
	name, ok := n.Arguments[0].(*ast.StringNode)
	if !ok || len(args) < 2 {
		return
	}
	table, ok := t.lib.lookups[name.Value]
	if is := args[1]; ok && len(table.entries) > 0 && is.other(table.kinds) {
		t.refuse(n.Arguments[1], adviceForKey(is.kinds&^null&^table.kinds), "%s is %s, and no key of the table %s can be one",
			n.Arguments[1], is.kinds, name.Value)
	}
}
