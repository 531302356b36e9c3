package connector

import (
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/macro"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// checkExpressions compiles every template and expression of a manifest, so
// that an author learns of a mistake before an administrator does. The error
// joins all mistakes, each with its place.
func checkExpressions(m abi.Manifest) error {
	var settings []string
	for _, s := range m.Settings {
		settings = append(settings, s.Name)
	}
	scope := macro.Scope(outbound.NewScope().WithMembers("settings", settings...), m)
	var errs []error
	if err := macro.Check(m); err != nil {
		errs = append(errs, err)
	}
	for _, w := range m.Webhooks {
		if _, err := outbound.Compile(w, scope); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, checkDerived("", m.Attributes)...)
	endpoints := macro.Scope(expr.NewScope("settings", "now", "last_success", expr.NameKey).WithMembers("settings", settings...), m)
	for _, e := range m.Endpoints {
		if e.One != nil {
			if _, err := endpoint.CompileOne(*e.One, endpoint.TextsOf(*e.One), endpoints); err != nil {
				errs = append(errs, fmt.Errorf("endpoint %s: %w", e.Name, err))
			}
		}
		errs = append(errs, checkDerived("endpoint "+e.Name+": ", e.Attributes)...)
	}
	return errors.Join(errs...)
}

// checkDerived compiles the expressions of derived attributes.
func checkDerived(in string, attributes []abi.Attribute) (errs []error) {
	scope := expr.NewScope("user")
	types := map[string]string{}
	for _, a := range attributes {
		if a.Value == "" {
			types[a.Name] = string(a.Type)
		}
	}
	for _, a := range attributes {
		if a.Value == "" {
			continue
		}
		e, err := scope.Compile(expr.Source{Text: a.Value, Pos: expr.Pos{Line: 1, Column: 1}})
		if err == nil {
			err = errors.Join(e.Check(expr.Types{"user": types})...)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%sattribute %s: %w", in, a.Name, err))
		}
	}
	return errs
}
