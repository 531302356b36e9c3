package expr

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// kinds is a set of types that a value may have; 0 when nothing is known. Null
// is not among them, because it can be compared with everything.
type kinds uint8

const (
	text kinds = 1 << iota
	number
	boolean
	moment
	duration
	list
	object
)

var kindNames = []string{"a text", "a number", "true or false", "a time", "a duration", "a list", "an object"}

// String lists the types for messages.
func (k kinds) String() string {
	var names []string
	for i, name := range kindNames {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}

// kindOf returns the type of a value; 0 for null and for an unknown type.
func kindOf(v any) kinds {
	switch v.(type) {
	case string:
		return text
	case bool:
		return boolean
	case int, float64, json.Number:
		return number
	case time.Time:
		return moment
	case time.Duration:
		return duration
	case []any:
		return list
	case map[string]any:
		return object
	}
	return 0
}

// kindName returns the name of a value's type for messages.
func kindName(v any) string {
	if v == nil {
		return "null"
	}
	if k := kindOf(v); k != 0 {
		return k.String()
	}
	return fmt.Sprintf("a value of type %T", v)
}

// adviceFor says how to write a comparison whose sides have the types left and
// right, so that both have one type; "" when that depends on what is meant.
func adviceFor(n *ast.BinaryNode, left, right kinds) string {
	switch {
	case n.Operator == "in" || n.Operator == notIn:
		return adviceForList(n, left, right)
	case left == right: // true and false have no order
		return ""
	}
	a, b := asOther(n.Left, left, n.Right, right)
	if n.Operator != "==" && n.Operator != "!=" && left|right == text|number {
		a, b = asNumber(n.Left, left), asNumber(n.Right, right)
	}
	among := " in "
	if n.Operator == "!=" {
		among = " " + notIn + " "
	}
	switch {
	case a != "" && b != "":
		return "write " + a + " " + n.Operator + " " + b
	case left == list && right&(text|number|boolean) != 0:
		return "write " + n.Right.String() + among + n.Left.String()
	case right == list && left&(text|number|boolean) != 0:
		return "write " + n.Left.String() + among + n.Right.String()
	case left == object || right == object:
		return "compare a member of the object"
	}
	return ""
}

// asOther returns the two sides of a comparison with one type: a literal takes
// the type of the other side, or both sides become texts.
func asOther(l ast.Node, left kinds, r ast.Node, right kinds) (a, b string) {
	const scalar = text | number | boolean
	switch {
	case left == moment && right == text:
		return l.String(), "date(" + r.String() + ")"
	case left == text && right == moment:
		return "date(" + l.String() + ")", r.String()
	case left&scalar == 0 || right&scalar == 0 || left|right > scalar:
		return "", ""
	}
	if s := literalAs(r, left); s != "" {
		return l.String(), s
	}
	if s := literalAs(l, right); s != "" {
		return s, r.String()
	}
	return asString(l, left), asString(r, right)
}

// asNumber returns a side of < as a number, because texts are ordered
// differently.
func asNumber(n ast.Node, k kinds) string {
	if k == number {
		return n.String()
	}
	if s := literalAs(n, number); s != "" {
		return s
	}
	return "float(" + n.String() + ")"
}

func asString(n ast.Node, k kinds) string {
	if _, ok := n.(*ast.StringNode); ok || k == text {
		return n.String()
	}
	if s := literalAs(n, text); s != "" {
		return s
	}
	return "string(" + n.String() + ")"
}

// literalAs returns a literal as a literal of another type; "" when it is not a
// literal, or has no meaning in that type.
func literalAs(n ast.Node, k kinds) string {
	var value string
	switch n := n.(type) {
	case *ast.StringNode:
		value = n.Value
	case *ast.BoolNode:
		value = strconv.FormatBool(n.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.UnaryNode:
		value = n.String()
	default:
		return ""
	}
	normal, isNumber := abi.NumberKey(value)
	truth := map[string]string{"true": "true", "1": "true", "false": "false", "0": "false"}[value]
	bit := map[string]string{"true": "1", "false": "0"}[value]
	switch {
	case k == text:
		return quoted(value)
	case k == number && isNumber:
		return normal
	case k == number:
		return bit
	case k == boolean:
		return truth
	}
	return ""
}

// adviceForList is the advice for the operators in and not in, whose list holds
// elements of the type element.
func adviceForList(n *ast.BinaryNode, value, element kinds) string {
	literal, ok := n.Right.(*ast.ArrayNode)
	if !ok {
		if value&(number|boolean) != 0 && element == text {
			return "write string(" + n.Left.String() + ") " + n.Operator + " " + n.Right.String()
		}
		if value&(text|number|boolean) != 0 && element&(text|number|boolean) != 0 {
			some := "any("
			if n.Operator == notIn {
				some = "none("
			}
			return "write " + some + n.Right.String() + ", " + bothAsText("#", element) + " == " + bothAsText(n.Left.String(), value) + ")"
		}
		return ""
	}
	alike, texts := make([]string, 0, len(literal.Nodes)), make([]string, 0, len(literal.Nodes))
	for _, e := range literal.Nodes {
		if s := literalAs(e, value); s != "" {
			alike = append(alike, s)
		}
		texts = append(texts, asString(e, 0))
	}
	if len(alike) == len(literal.Nodes) {
		return "write " + n.Left.String() + " " + n.Operator + " [" + strings.Join(alike, ", ") + "]"
	}
	return "write " + bothAsText(n.Left.String(), value) + " " + n.Operator + " [" + strings.Join(texts, ", ") + "]"
}

func bothAsText(s string, k kinds) string {
	if k == text {
		return s
	}
	return "string(" + s + ")"
}

func quoted(s string) string { return strconv.Quote(s) }

// adviceForTruth says how to get true or false from a value of type k.
func adviceForTruth(n ast.Node, k kinds) string {
	switch k {
	case text:
		return "compare it, such as " + n.String() + ` == "true", or ask for any text: !is_empty(` + n.String() + ")"
	case number:
		return "compare it, such as " + n.String() + " == 1"
	case list:
		return "ask for its elements: any(" + n.String() + ", ...)"
	}
	return ""
}

// adviceForText says how to turn an operand of type k into a text.
func adviceForText(n ast.Node, k kinds) string {
	switch k {
	case number, boolean:
		return "write string(" + n.String() + ")"
	case moment:
		return "write format_date(" + n.String() + ", ...)"
	case list:
		return "to look for an element, use in or any(" + n.String() + ", ...)"
	}
	return ""
}
