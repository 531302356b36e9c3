package expr

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// unlike is a pair of values of two types, which are never compared: when a
// source begins to send 1 instead of true, that does not mean false for
// everybody.
type unlike struct{ a, b any }

// equal compares by value: 1 equals 1.0, lists and objects are compared element
// by element, and null equals only null. When it would have to compare two
// values of unlike types, it returns the first such pair.
func equal(a, b any) (bool, *unlike) {
	if a == nil || b == nil {
		return a == nil && b == nil, nil
	}
	switch x := a.(type) {
	case bool:
		if y, ok := b.(bool); ok {
			return x == y, nil
		}
	case []any:
		if y, ok := b.([]any); ok {
			return equalLists(x, y)
		}
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			return equalObjects(x, y)
		}
	default:
		if sign, ok := compare(a, b); ok {
			return sign == 0, nil
		}
	}
	return false, &unlike{a, b}
}

func equalLists(a, b []any) (bool, *unlike) {
	if len(a) != len(b) {
		return false, nil
	}
	for i := range a {
		if same, pair := equal(normal(a[i]), normal(b[i])); !same {
			return false, pair
		}
	}
	return true, nil
}

func equalObjects(a, b map[string]any) (bool, *unlike) {
	if len(a) != len(b) {
		return false, nil
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		other, ok := b[name]
		if !ok {
			return false, nil
		}
		if same, pair := equal(normal(a[name]), normal(other)); !same {
			return false, pair
		}
	}
	return true, nil
}

// compare orders two numbers, texts, times or durations. It returns false for
// anything else, and for two values of different types.
func compare(a, b any) (int, bool) {
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return strings.Compare(x, y), ok
	case time.Time:
		y, ok := b.(time.Time)
		return x.Compare(y), ok
	case time.Duration:
		y, ok := b.(time.Duration)
		return sign(x < y, x > y), ok
	case int:
		if y, ok := b.(int); ok {
			return sign(x < y, x > y), true
		}
	}
	return compareNumbers(a, b)
}

// compareNumbers compares exactly, in whichever type the numbers are stored.
func compareNumbers(a, b any) (int, bool) {
	x, xFloat := a.(float64)
	y, yFloat := b.(float64)
	if xFloat && yFloat {
		return sign(x < y, x > y), true
	}
	m, ok := exact(a)
	n, also := exact(b)
	if !ok || !also {
		return 0, false
	}
	return m.Compare(n), true
}

// exact returns a number with all its digits; false when v is not a number.
func exact(v any) (abi.Number, bool) {
	switch v.(type) {
	case int, float64, json.Number:
		s, _ := asText(v)
		return abi.ParseNumber(s)
	}
	return abi.Number{}, false
}

func sign(less, more bool) int {
	switch {
	case less:
		return -1
	case more:
		return 1
	}
	return 0
}

func (c *compiler) equality(n *ast.BinaryNode, left, right node) node {
	want, at := n.Operator == "==", place(n)
	compare := func(r *run) any {
		a, b := left(r), right(r)
		if a != nil && b != nil {
			r.at = at
			r.examineValue(a)
			r.examineValue(b)
		}
		same, pair := equal(a, b)
		if pair != nil {
			r.at = at
			if kindOf(a) == kindOf(b) {
				failWith("compare elements or members of one type", "%s cannot compare %s in it with %s",
					n.Operator, described(pair.a), described(pair.b))
			}
			refuseUnlike(n, pair)
		}
		return same == want
	}
	_, l := n.Left.(*ast.NilNode)
	_, r := n.Right.(*ast.NilNode)
	if l || r {
		return guard(compare)
	}
	return compare
}

// ordered returns one of the operators < > <= >=.
func ordered(n *ast.BinaryNode) operator {
	return func(_ *run, a, b any) any {
		if a == nil || b == nil {
			return nil
		}
		sign, ok := compare(a, b)
		if !ok {
			refuseUnlike(n, &unlike{a, b})
		}
		switch n.Operator {
		case "<":
			return sign < 0
		case ">":
			return sign > 0
		case "<=":
			return sign <= 0
		}
		return sign >= 0
	}
}

// contained is the operator in: it looks for an element of a list, or a member
// of an object. When no element equals the value but one has another type, the
// comparison is refused as undecided.
func contained(n *ast.BinaryNode) operator {
	return func(r *run, a, b any) any {
		switch b := b.(type) {
		case nil:
			return nil
		case []any:
			return among(r, n, a, b)
		case map[string]any:
			if a == nil {
				return false
			}
			k, ok := a.(string)
			if !ok {
				failWith(adviceFor(n, kindOf(a), text), "in looks for a member of an object, which a text names, not %s", described(a))
			}
			_, found := b[k]
			return found
		}
		fail("in needs a list or an object, not %s", described(b))
		return nil
	}
}

func among(r *run, n *ast.BinaryNode, a any, list []any) any {
	var other *unlike
	for _, e := range list {
		r.step()
		r.examineValue(e)
		same, pair := equal(a, normal(e))
		if same {
			return true
		}
		if other == nil {
			other = pair
		}
	}
	if other != nil {
		refuseUnlike(n, other)
	}
	return false
}

// refuseUnlike ends the evaluation of a comparison of unlike types with an
// error.
func refuseUnlike(n *ast.BinaryNode, pair *unlike) {
	failWith(adviceFor(n, kindOf(pair.a), kindOf(pair.b)), "%s cannot compare %s with %s", n.Operator, described(pair.a), described(pair.b))
}

// described names the type of a value and shows the value, shortened.
func described(v any) string {
	const longest = 40
	s, isText := v.(string)
	if !isText {
		switch v.(type) {
		case []any, map[string]any, nil:
			return kindName(v)
		}
		s, _ = asText(v)
	}
	if cut := []rune(s); len(cut) > longest {
		s = string(cut[:longest]) + "…"
	}
	if isText {
		return kindName(v) + " (" + quoted(s) + ")"
	}
	return kindName(v) + " (" + s + ")"
}
