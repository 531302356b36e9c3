package expr

import (
	"math"
	"reflect"
	"strings"
	"time"
)

// arithmetic applies an operator to numbers, times and durations.
func arithmetic(op string, a, b any) any {
	if a == nil || b == nil {
		return nil
	}
	x, xInt := a.(int)
	y, yInt := b.(int)
	if xInt && yInt {
		return integers(op, x, y)
	}
	if f, ok := asFloat(a); ok {
		if g, ok := asFloat(b); ok {
			return floats(op, f, g)
		}
	}
	if v := onTimes(op, a, b); v != nil {
		return v
	}
	fail("%s cannot be used between %s and %s", op, kindName(a), kindName(b))
	return nil
}

func integers(op string, x, y int) any {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "%":
		if y == 0 {
			fail("division by zero")
		}
		return x % y
	}
	return floats(op, float64(x), float64(y))
}

func floats(op string, x, y float64) any {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "/":
		if y == 0 {
			fail("division by zero")
		}
		return x / y
	case "**", "^":
		return math.Pow(x, y)
	}
	fail("%s needs whole numbers", op)
	return nil
}

func onTimes(op string, a, b any) any {
	switch x := a.(type) {
	case time.Time:
		switch y := b.(type) {
		case time.Time:
			if op == "-" {
				return x.Sub(y)
			}
		case time.Duration:
			if op == "+" {
				return x.Add(y)
			} else if op == "-" {
				return x.Add(-y)
			}
		}
	case time.Duration:
		switch y := b.(type) {
		case time.Time:
			if op == "+" {
				return y.Add(x)
			}
		case time.Duration:
			if op == "+" {
				return x + y
			} else if op == "-" {
				return x - y
			}
		}
	}
	return nil
}

func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// ordered compares two numbers, texts, times or durations.
func ordered(op string, a, b any) any {
	if a == nil || b == nil {
		return nil
	}
	sign, ok := compare(a, b)
	if !ok {
		fail("%s cannot be used between %s and %s", op, kindName(a), kindName(b))
	}
	switch op {
	case "<":
		return sign < 0
	case ">":
		return sign > 0
	case "<=":
		return sign <= 0
	}
	return sign >= 0
}

func compare(a, b any) (int, bool) {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), true
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y), true
		}
	case time.Duration:
		if y, ok := b.(time.Duration); ok {
			return sign(x < y, x > y), true
		}
	case int:
		if y, ok := b.(int); ok {
			return sign(x < y, x > y), true
		}
	}
	x, ok := asFloat(a)
	y, also := asFloat(b)
	return sign(x < y, x > y), ok && also
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

// equal compares by value: 1 equals 1.0, lists and objects element by element,
// null only null.
func equal(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if s, ok := a.(string); ok {
		t, ok := b.(string)
		return ok && s == t
	}
	if c, ok := compare(a, b); ok {
		return c == 0
	}
	return reflect.DeepEqual(deepNormal(a), deepNormal(b))
}
