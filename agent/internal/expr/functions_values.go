package expr

import (
	"crypto/rand"
	"encoding/json"
	"math"
	"math/big"
	"slices"

	"github.com/google/uuid"
)

// valueFunctions returns the functions that choose, convert and create values.
func valueFunctions() []*function {
	truthOf, number := new(func(any) bool), new(func(any, int) float64)
	fs := []*function{
		define("default(x, y)", "x, or y when x is absent, null or empty.", `default("", "none") -> "none"`, defaultTo, new(func(any, any) any)),
		define("coalesce(x, y, ...)", "The first that is not absent and not null.", `coalesce(null, "", "x") -> ""`,
			coalesce, new(func(...any) any)),
		define("is_null(x)", "Whether x is absent or null.", `is_null("") -> false`, isNull, truthOf),
		define("is_empty(x)", "Whether x is absent, null or empty.", `is_empty("") -> true`, isEmpty, truthOf),
		lookupFunction(),
		ofText("string(x)", "A number, time, true or false as text.", `string(42) -> "42"`,
			creating(func(s string) string { return s }), new(anyToText)),
		define("int(x)", "A text or number as a whole number; fractions are cut off.", `int("42") -> 42`, toInt, new(func(any) int)),
		define("float(x)", "A text or whole number as a number.", `float("1.5") -> 1.5`, toFloat, new(func(any) float64)),
		define("round(x, digits)", "x rounded half away from zero; digits may be left out.", `round(2.5) -> 3`,
			round, number, new(func(any) float64)),
		define("bit_and(a, b)", "The bits that a and b share: of userAccountControl, 2 is disabled.", `bit_and(514, 2) -> 2`,
			func(_ *run, args []any) any { return intArg(args, 0) & intArg(args, 1) }, new(func(any, any) int)),
		define("random_digits(n)", "n random digits, at most 64. Each evaluation gives others: use it with apply = \"create\".",
			`len(random_digits(6)) -> 6`, randomDigits, new(func(int) string)),
		define("guid()", "A new random GUID. Each evaluation gives another: use it with apply = \"create\".", `len(guid()) -> 36`,
			func(*run, []any) any { return uuid.NewString() }, new(func() string)),
	}
	for _, f := range fs {
		f.nullable = slices.Contains([]string{"default", "coalesce", "is_null", "is_empty", "lookup"}, f.Name)
		f.volatile = f.Name == "random_digits" || f.Name == "guid"
	}
	return fs
}

func defaultTo(_ *run, args []any) any {
	if args[0] == nil || stateOf(args[0]) == Empty {
		return args[1]
	}
	return args[0]
}

func coalesce(_ *run, args []any) any {
	for _, a := range args {
		if a != nil {
			return a
		}
	}
	return nil
}

func isNull(_ *run, args []any) any { return args[0] == nil }

func isEmpty(_ *run, args []any) any { return args[0] == nil || stateOf(args[0]) == Empty }

func toInt(_ *run, args []any) any {
	f := numberArg(args, 0)
	if n, ok := f.(int); ok {
		return n
	}
	x, ok := f.(float64)
	if x = math.Trunc(x); !ok || math.Abs(x) > 1<<53 {
		fail("%s is too large for a whole number", described(f))
	}
	return int(x)
}

func toFloat(_ *run, args []any) any {
	f, _ := asFloat(numberArg(args, 0))
	return f
}

// numberArg returns argument i as a number.
func numberArg(args []any, i int) any {
	switch v := args[i].(type) {
	case int, float64, json.Number:
		return v
	case string:
		n, ok := parsed(v)
		if !ok {
			fail("%q is not a number", v)
		}
		return n
	}
	fail("%s argument must be a number, not %s", ordinal(i+1), described(args[i]))
	return nil
}

func round(_ *run, args []any) any {
	digits := 0
	if len(args) == 2 {
		digits = intArg(args, 1)
	}
	if digits < 0 || digits > 15 {
		fail("round: digits go from 0 to 15")
	}
	f, _ := asFloat(numberArg(args, 0))
	scale := math.Pow10(digits)
	return math.Round(f*scale) / scale
}

func randomDigits(_ *run, args []any) any {
	n := intArg(args, 0)
	if n < 1 || n > 64 {
		fail("random_digits: n goes from 1 to 64")
	}
	digits := make([]byte, n)
	for i := range digits {
		d, err := rand.Int(rand.Reader, big.NewInt(10))
		if err != nil {
			fail("random_digits: %v", err)
		}
		digits[i] = '0' + byte(d.Int64())
	}
	return string(digits)
}
