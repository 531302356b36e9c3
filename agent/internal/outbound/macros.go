package outbound

import (
	"errors"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// start is the place of the first character of a text that no file holds.
var start = expr.Pos{Line: 1, Column: 1}

// WithMacros adds the macros of a connector to a scope: those of which every name
// exists in base. base may have fewer names than scope, such as those without a
// password.
func WithMacros(scope, base expr.Scope, macros []abi.Macro) expr.Scope {
	compiled, absent := map[string]*expr.Expression{}, map[string]string{}
	for _, one := range macros {
		e, err := CompileMacro(base, one)
		if err != nil {
			absent[one.Name] = reason(err)
			continue
		}
		compiled[one.Name] = e
	}
	return scope.WithMacros(compiled, absent)
}

// CompileMacro compiles one macro. An error is an *expr.Error.
func CompileMacro(scope expr.Scope, one abi.Macro) (*expr.Expression, error) {
	return scope.Compile(expr.Source{Text: one.Expression, Pos: start})
}

// reason returns the message of an error without its place, which is in the
// expression of the macro.
func reason(err error) string {
	var at *expr.Error
	if errors.As(err, &at) {
		return at.Message
	}
	return err.Error()
}
