// Package macro renders the templates that a connector asks for during a call,
// and adds the macros of its manifest to the names of a template. Templates are
// those of packages expr and outbound: the same language, as strict.
//
// It decides what a connector may render. It calls no connector, and knows no
// secret: package host refuses texts with secrets.
package macro

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Scope adds the macros of a manifest to a scope, as far as the names that they
// use exist there.
func Scope(base expr.Scope, m abi.Manifest) expr.Scope {
	return outbound.WithMacros(base, base, m.Macros)
}

// Check compiles the macros of a manifest. Each must compile among the names of
// an endpoint or of a webhook. The error joins all mistakes.
func Check(m abi.Manifest) error {
	var errs []error
	for _, one := range m.Macros {
		if _, err := outbound.CompileMacro(expr.NewScope(abi.FetchRoots()...), one); err == nil {
			continue
		}
		if _, err := outbound.CompileMacro(outbound.NewScope(), one); err != nil {
			errs = append(errs, fmt.Errorf("macro %s: %w", one.Name, err))
		}
	}
	return errors.Join(errs...)
}

// start is the place of the first character of a text that no file holds.
var start = expr.Pos{Line: 1, Column: 1}

// Renderer renders the templates of one call. It is not safe for concurrent
// use: a connector's functions run one at a time.
type Renderer struct {
	scope    expr.Scope
	env      expr.Env
	roots    []string        // what templates of the connector's own may use
	texts    map[string]bool // what may be rendered whatever it uses
	compiled map[template]*outbound.Text
	size     int // bytes of the templates in compiled
}

type template struct {
	text  string
	place abi.Place
}

// ForFetch returns the renderer of a fetch. since is the start of the last good
// run; zero: there was none.
func ForFetch(m abi.Manifest, settings map[string]any, now, since time.Time) *Renderer {
	env := expr.Env{"now": now, "last_success": nil, "parent": nil}
	if !since.IsZero() {
		env["last_success"] = since
	}
	return newRenderer(m, settings, expr.NewScope(abi.FetchRoots()...), env)
}

// ForInvoke returns the renderer of an invoke. env holds what the webhook's own
// templates were rendered with, of which the password stays out.
func ForInvoke(m abi.Manifest, settings map[string]any, env expr.Env) *Renderer {
	known := maps.Clone(env)
	delete(known, "password")
	return newRenderer(m, settings, expr.NewScope(abi.InvokeRoots()...), known)
}

// ForCheck returns the renderer of a check.
func ForCheck(m abi.Manifest, settings map[string]any, now time.Time) *Renderer {
	return newRenderer(m, settings, expr.NewScope(abi.CheckRoots()...), expr.Env{"now": now})
}

// newRenderer adds to the settings the defaults of the manifest, as the host
// does.
func newRenderer(m abi.Manifest, settings map[string]any, scope expr.Scope, env expr.Env) *Renderer {
	all := map[string]any{}
	for _, s := range m.Settings {
		if s.Default != nil {
			all[s.Name] = s.Default
		}
	}
	maps.Copy(all, settings)
	env["settings"] = all
	return &Renderer{
		scope: Scope(scope, m), env: env, roots: m.MacroRoots, texts: written(m, all), compiled: map[template]*outbound.Text{},
	}
}

// written lists the texts of the manifest and the settings: somebody could read
// them before the connector was used.
func written(m abi.Manifest, settings map[string]any) map[string]bool {
	texts := map[string]bool{}
	add := func(list ...string) {
		for _, s := range list {
			texts[s] = true
		}
	}
	tables := func(list ...map[string]string) {
		for _, t := range list {
			add(slices.Collect(maps.Values(t))...)
		}
	}
	for _, e := range m.Endpoints {
		add(e.Path, e.URL, e.Body)
		tables(e.Params, e.Headers)
	}
	for _, w := range m.Webhooks {
		add(w.Path, w.URL, w.Body)
		tables(w.Params, w.Headers)
		if v := w.Verify; v != nil {
			add(v.Path, v.URL)
			tables(v.Params, v.Match)
		}
	}
	for _, v := range settings {
		if text, ok := v.(string); ok {
			add(text)
		}
	}
	return texts
}

// codedError is an error with the code that the connector gets. Its text is for
// last_error.
type codedError struct {
	code abi.Code
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }

func (e *codedError) Unwrap() []error { return []error{e.err, e.code} }

// Macro renders a template for a place. An error has the place in the template
// and wraps the abi.Code that the connector gets.
func (r *Renderer) Macro(ctx context.Context, text string, place abi.Place) (string, error) {
	t, err := r.compile(template{text, place})
	if err != nil {
		return "", err
	}
	out, err := t.RenderWithin(ctx, r.env, abi.MaxMacroSize)
	var missing *outbound.MissingError
	switch {
	case err == nil:
		return out, nil
	case errors.As(err, &missing):
		return "", &codedError{abi.CodeNoValue, err}
	case errors.Is(err, abi.CodeTooLarge), ctx.Err() != nil:
		return "", err
	}
	return "", &codedError{abi.CodeInput, err}
}

// maxCompiled bounds the templates that a call keeps compiled, in bytes of
// their text: a connector may make up a new one each time.
const maxCompiled = 256 << 10

// compile returns a template that the connector may render.
func (r *Renderer) compile(key template) (*outbound.Text, error) {
	if t, ok := r.compiled[key]; ok {
		return t, nil
	}
	t, err := outbound.CompileFor(expr.Source{Text: key.text, Pos: start}, r.scope, key.place)
	if err != nil {
		return nil, &codedError{abi.CodeInput, err}
	}
	if err := r.mayRender(key.text, t); err != nil {
		return nil, &codedError{abi.CodeRefused, err}
	}
	if r.size+len(key.text) <= maxCompiled {
		r.compiled[key] = t
		r.size += len(key.text)
	}
	return t, nil
}

// mayRender refuses a template of the connector's own that uses names which the
// manifest does not declare.
func (r *Renderer) mayRender(text string, t *outbound.Text) error {
	if r.texts[text] {
		return nil
	}
	var undeclared []string
	names := t.Names()
	for name := range names {
		if name != abi.RootMacros && !slices.Contains(r.roots, name) {
			undeclared = append(undeclared, name)
		}
	}
	if len(undeclared) == 0 {
		return nil
	}
	slices.Sort(undeclared)
	return &expr.Error{
		Pos:     names[undeclared[0]],
		Message: "the manifest does not declare " + strings.Join(undeclared, " and ") + " under macro_roots",
		Hint:    "only texts of the manifest and settings may be rendered without",
	}
}
