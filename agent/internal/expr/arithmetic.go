package expr

import (
	"math"
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
	fail("%s cannot be used between %s and %s", op, described(a), described(b))
	return nil
}

func integers(op string, x, y int) any {
	switch op {
	case "+":
		if sum := x + y; (sum > x) == (y > 0) {
			return sum
		}
		fail("the result is too large")
	case "-":
		if difference := x - y; (difference < x) == (y > 0) {
			return difference
		}
		fail("the result is too large")
	case "*":
		if product := x * y; x == 0 || product/x == y && (x != -1 || y != math.MinInt) {
			return product
		}
		fail("the result is too large")
	case "%":
		if y == 0 {
			fail("division by zero")
		}
		return x % y
	}
	return floats(op, float64(x), float64(y))
}

func floats(op string, x, y float64) any {
	v := computed(op, x, y)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		fail("the result is not a finite number")
	}
	return v
}

func computed(op string, x, y float64) float64 {
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
	return 0
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
