package endpoint

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// One is the request for a single record, with compiled templates.
type One struct {
	abi.One   // Path, URL and Params are the texts of the templates
	path, url *expr.Template
	params    map[string]*expr.Template
}

// OneTexts are the templates of a request for one record and where they stand.
type OneTexts struct {
	Path, URL *expr.Source
	Params    map[string]expr.Source
}

// TextsOf returns the templates of a manifest's request.
func TextsOf(one abi.One) OneTexts {
	source := func(text string) *expr.Source {
		if text == "" {
			return nil
		}
		return &expr.Source{Text: text, Pos: expr.Pos{Line: 1, Column: 1}}
	}
	t := OneTexts{Path: source(one.Path), URL: source(one.URL), Params: map[string]expr.Source{}}
	for name, text := range one.Params {
		t.Params[name] = expr.Source{Text: text, Pos: expr.Pos{Line: 1, Column: 1}}
	}
	return t
}

// CompileOne compiles the templates of a request for one record. scope has the
// names of an endpoint and key. A request that does not name the key would
// deliver somebody else.
func CompileOne(one abi.One, texts OneTexts, scope expr.Scope) (*One, error) {
	out := &One{One: one, params: map[string]*expr.Template{}}
	if out.Cost == 0 {
		out.Cost = 1
	}
	named := false
	compile := func(what string, text expr.Source, escape expr.Escape) (*expr.Template, error) {
		t, err := scope.Template(text, escape)
		if err != nil {
			return nil, fmt.Errorf("one.%s: %w", what, err)
		}
		named = named || t.Uses(expr.NameKey)
		return t, nil
	}
	var errs []error
	var err error
	if texts.Path != nil {
		out.path, err = compile("path", *texts.Path, expr.EscapePath)
		errs = append(errs, err)
	}
	if texts.URL != nil {
		out.url, err = compile("url", *texts.URL, expr.EscapePath)
		errs = append(errs, err)
	}
	for _, name := range slices.Sorted(maps.Keys(texts.Params)) {
		out.params[name], err = compile("params."+name, texts.Params[name], expr.EscapeNone)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if !named {
		return nil, errors.New("one: no template of it names key, so that the request is about nobody in particular: path = \"/users/{{ key }}\"")
	}
	return out, nil
}

// For returns the request for the record with a key.
func (e Endpoint) For(key ident.Key, now time.Time, settings map[string]any) (abi.Endpoint, error) {
	e.Body = nil                                      // the request has none
	all, err := e.At(now, ident.Position{}, settings) // for the headers
	if err != nil {
		return abi.Endpoint{}, err
	}
	one := e.One
	out := abi.Endpoint{
		Name: e.Name, Kind: e.Kind, Method: abi.MethodGet, Headers: all.Headers, Records: one.Records, Record: one.Record, Key: e.Key,
		Mode: abi.ModeFull, Cost: one.Cost, Scopes: e.Scopes, Rights: e.Rights, Params: map[string]string{}, Single: true,
	}
	env := expr.Env{"settings": settings, "now": now, "last_success": nil, expr.NameKey: string(key)}
	if err := evaluate(one.path, env, "one.path", &out.Path); err != nil {
		return out, err
	}
	if err := evaluate(one.url, env, "one.url", &out.URL); err != nil {
		return out, err
	}
	for name, t := range one.params {
		var text string
		if err := evaluate(t, env, "one.params."+name, &text); err != nil {
			return out, err
		}
		out.Params[name] = text
	}
	return out, nil
}
