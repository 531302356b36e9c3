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

// Object is what a call is about. It is asked for values when a template needs some:
// which attributes that will be is not known before.
type Object interface {
	// Env returns the values of all names, with at least these members of ad, manager
	// and old, spelled as they are there; expr.Every stands for all of them. An error
	// that wraps abi.CodeNetwork says that they cannot be read at the moment.
	Env(ctx context.Context, uses map[string][]string) (map[string]any, error)
}

// Rules say what a connector may have rendered in the calls of one kind and
// application. They are safe for concurrent use.
type Rules struct {
	scope    expr.Scope
	settings map[string]any
	roots    []string        // what templates of the connector's own may use
	texts    map[string]bool // what may be rendered whatever it uses
	kept     cache           // for all calls
}

// ForInvokes returns the rules of the invokes of an application with its settings.
func ForInvokes(m abi.Manifest, settings map[string]any) *Rules {
	return newRules(m, settings, expr.NewScope(abi.InvokeRoots()...))
}

// Renderer returns the renderer of one invoke. The initial password stays out,
// whatever the object knows.
func (r *Rules) Renderer(about Object) *Renderer { return r.renderer(about) }

func (r *Rules) renderer(about Object) *Renderer {
	return &Renderer{Rules: r, about: about, own: cache{most: maxCompiled}}
}

// Renderer renders the templates of one call. It is not safe for concurrent
// use: a connector's functions run one at a time.
type Renderer struct {
	*Rules
	about Object
	own   cache // of this call
}

type template struct {
	text  string
	place abi.Place
}

// fixed is what is known before a call.
type fixed expr.Env

// Env returns the values.
func (f fixed) Env(context.Context, map[string][]string) (map[string]any, error) { return f, nil }

// ForFetch returns the renderer of a fetch. since is the start of the last good
// run; zero: there was none.
func ForFetch(m abi.Manifest, settings map[string]any, now, since time.Time) *Renderer {
	return forFetch(m, settings, now, since, nil)
}

// ForParent is ForFetch for the call of a dependent endpoint about one record, with the
// fields of that record.
func ForParent(m abi.Manifest, settings map[string]any, now time.Time, parent map[string]any) *Renderer {
	return forFetch(m, settings, now, time.Time{}, parent)
}

func forFetch(m abi.Manifest, settings map[string]any, now, since time.Time, parent any) *Renderer {
	env := fixed{"now": now, "last_success": nil, "parent": parent}
	if !since.IsZero() {
		env["last_success"] = since
	}
	return newRules(m, settings, expr.NewScope(abi.FetchRoots()...)).renderer(env)
}

// ForCheck returns the renderer of a check.
func ForCheck(m abi.Manifest, settings map[string]any, now time.Time) *Renderer {
	return newRules(m, settings, expr.NewScope(abi.CheckRoots()...)).renderer(fixed{"now": now})
}

// newRules adds to the settings the defaults of the manifest, as the host does.
func newRules(m abi.Manifest, settings map[string]any, scope expr.Scope) *Rules {
	all := map[string]any{}
	for _, s := range m.Settings {
		if s.Default != nil {
			all[s.Name] = s.Default
		}
	}
	maps.Copy(all, settings)
	return &Rules{scope: Scope(scope, m), settings: all, roots: m.MacroRoots, texts: written(m, all), kept: cache{most: maxKept}}
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
		tables(w.Params, w.Headers, w.LinkMatch)
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
	env, err := r.env(ctx, t)
	if err != nil {
		return "", err
	}
	out, err := t.RenderWithin(ctx, env, abi.MaxMacroSize)
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

// env returns the values for a template.
func (r *Renderer) env(ctx context.Context, t *outbound.Text) (expr.Env, error) {
	uses := map[string][]string{}
	for _, name := range []string{"ad", "manager", "old"} {
		for _, ref := range t.References(name) {
			member := expr.Every
			if len(ref.Path) > 0 {
				member = ref.Path[0]
			}
			uses[name] = append(uses[name], member)
		}
	}
	values, err := r.about.Env(ctx, uses)
	if err != nil {
		return nil, err
	}
	env := expr.Env(maps.Clone(values))
	delete(env, "password")
	env["settings"] = r.settings
	return env, nil
}

// compile returns a template that the connector may render.
func (r *Renderer) compile(key template) (*outbound.Text, error) {
	for _, known := range []*cache{&r.own, &r.kept} {
		if t := known.get(key); t != nil {
			return t, nil
		}
	}
	t, err := outbound.CompileFor(expr.Source{Text: key.text, Pos: expr.Pos{Line: 1, Column: 1}}, r.scope, key.place)
	if err != nil {
		return nil, &codedError{abi.CodeInput, err}
	}
	if err := r.mayRender(key.text, t); err != nil {
		return nil, &codedError{abi.CodeRefused, err}
	}
	if !r.kept.put(key, t) {
		r.own.put(key, t)
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
