package expr

import (
	"slices"
	"strings"
	"sync"

	"github.com/expr-lang/expr/ast"
)

// Function describes one function for its users.
type Function struct {
	Name        string `json:"name"`
	Signature   string `json:"signature"`   // "left(s, n)"
	Description string `json:"description"` // one or two sentences
	Example     string `json:"example"`     // `left("Ada", 2) -> "Ad"`; the result is written as json() writes it
}

// body implements a function. Its arguments are not nil unless the function is
// nullable. It must not keep them.
type body func(r *run, args []any) any

// function is a Function together with what the compiler needs.
type function struct {
	Function
	types    []any // pointers to func types for the checker, one per accepted form
	nullable bool  // sees null arguments; otherwise null makes the result null
	volatile bool  // two calls may give different results
	body     body
	// text is body for a call with one argument, and part for one with a text
	// and a number; nil when the function is not from text to text. Such a
	// function has neither literal nor prepare.
	text func(r *run, s string) string
	part func(s string, n int) string
	// literal checks argument i when it is a literal text.
	literal func(lib *library, i int, s string) (message, hint string)
	// prepare may return a replacement of body for one call, which does work in
	// advance that depends only on literal arguments.
	prepare func(args []ast.Node) body
}

// Functions lists every function of the language, sorted by name.
func Functions() []Function {
	var out []Function
	for _, f := range allFunctions() {
		out = append(out, f.Function)
	}
	slices.SortFunc(out, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func allFunctions() []*function {
	return slices.Concat(textFunctions(), partFunctions(), valueFunctions(), listFunctions(),
		dateFunctions(), encodingFunctions())
}

// functionsByName holds every function. It is only read.
var functionsByName = sync.OnceValue(func() map[string]*function {
	m := map[string]*function{}
	for _, f := range allFunctions() {
		m[f.Name] = f
	}
	return m
})

// define returns a function with its documentation.
func define(signature, description, example string, b body, types ...any) *function {
	name, _, _ := strings.Cut(signature, "(")
	return &function{Function: Function{name, signature, description, example}, types: types, body: b}
}

// The types of functions, for the checker.
type (
	textToText    = func(string) string
	textIntToText = func(string, int) string
	anyToText     = func(any) string
)
