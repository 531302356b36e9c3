package endpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// The names that only the templates of paging know.
const (
	NamePage   = "page"   // of a body and of until
	NameAnswer = "answer" // of until
)

// BodyScope adds the names of a body to those of an endpoint.
func BodyScope(scope func(more ...string) expr.Scope, more ...string) expr.Scope {
	return scope(append(more, NamePage)...).WithMembers(NamePage, "position", "number", "limit")
}

// UntilScope adds the names of until to those of an endpoint.
func UntilScope(scope func(more ...string) expr.Scope, more ...string) expr.Scope {
	return scope(append(more, NamePage, NameAnswer)...).WithMembers(NamePage, "number", "records", "total")
}

// paged reports whether the body differs from page to page.
func (e Endpoint) paged() bool { return e.Body != nil && len(e.Body.References(NamePage)) > 0 }

// Paging evaluates what the configuration says about the pages of one fetch.
type Paging struct {
	body   *outbound.Text
	until  *expr.Expression
	env    expr.Env
	repeat abi.Repeat
}

// Pages returns what is to be evaluated for the pages of a fetch; nil for
// nothing.
func (e Endpoint) Pages(now time.Time, from ident.Position, settings map[string]any) *Paging {
	if !e.paged() && e.Until == nil {
		return nil
	}
	return &Paging{e.Body, e.Until, environment(now, from, settings), e.Repeat}
}

// Body returns the body of the request for a page. The position is "" at the
// beginning; pages are numbered from 1.
func (p *Paging) Body(position string, number int64) (string, error) {
	page := map[string]any{"position": nil, "number": int(number), "limit": nil}
	if p.repeat.Limit > 0 {
		page["limit"] = p.repeat.Limit
	}
	counted := p.repeat.Style == abi.RepeatOffset || p.repeat.Style == abi.RepeatPage
	switch n, err := strconv.Atoi(position); {
	case position == "":
	case counted && err == nil:
		page["position"] = n
	default:
		page["position"] = position
	}
	return body(p.body, p.with(NamePage, page))
}

func (p *Paging) with(name string, value any) expr.Env {
	env := expr.Env{name: value}
	for k, v := range p.env {
		env[k] = v
	}
	return env
}

// body renders a body. Its error wraps abi.CodeNoValue when a value is missing.
func body(t *outbound.Text, env expr.Env) (string, error) {
	text, err := t.Render(env)
	var missing *outbound.MissingError
	if errors.As(err, &missing) {
		return "", noValueError{fmt.Errorf("body: %w", err)}
	}
	if err != nil {
		return "", fmt.Errorf("body: %w", err)
	}
	return text, nil
}

// noValueError says that a value is missing.
type noValueError struct{ error }

func (e noValueError) Unwrap() []error { return []error{e.error, abi.CodeNoValue} }

// Answered is a page that came: its number from 1, its records and those of all
// pages so far. At returns the JSON at the members of the answer; an error that
// wraps abi.CodeNoValue says that there is nothing.
type Answered struct {
	Number, Records, Total int64
	At                     func(members ...string) (json.RawMessage, error)
}

// Until reports whether a page is the last. Only what the expression names is
// read from the answer.
func (p *Paging) Until(page Answered) (bool, error) {
	answer, err := answered(p.until.References(NameAnswer), page.At)
	if err != nil {
		return false, err
	}
	env := p.with(NameAnswer, answer)
	env[NamePage] = map[string]any{"number": int(page.Number), "records": int(page.Records), "total": int(page.Total)}
	v, err := p.until.Eval(env)
	if err != nil {
		return false, fmt.Errorf("until: %w", err)
	}
	if last, ok := v.V.(bool); ok {
		return last, nil
	}
	if v.V == nil {
		return false, noValueError{fmt.Errorf("until has no value: %s: use default(..., false) where that is no end", v.Cause)}
	}
	return false, fmt.Errorf("until gives %s, which is not true or false", v.Text())
}

// answered reads the members that an expression names. What is not there stays
// absent.
func answered(refs []expr.Reference, at func(members ...string) (json.RawMessage, error)) (any, error) {
	var answer any = map[string]any{}
	slices.SortStableFunc(refs, func(a, b expr.Reference) int { return len(b.Path) - len(a.Path) }) // what holds another one comes last
	for _, ref := range refs {
		raw, err := at(ref.Path...)
		if errors.Is(err, abi.CodeNoValue) {
			continue
		}
		if err != nil {
			return nil, err
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		var value any
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		if len(ref.Path) == 0 {
			return value, nil
		}
		put(answer.(map[string]any), ref.Path, value) //nolint:forcetypeassert // made above
	}
	return answer, nil
}

func put(in map[string]any, path []string, value any) {
	for ; len(path) > 1; path = path[1:] {
		below, ok := in[path[0]].(map[string]any)
		if !ok {
			below = map[string]any{}
			in[path[0]] = below
		}
		in = below
	}
	in[path[0]] = value
}
