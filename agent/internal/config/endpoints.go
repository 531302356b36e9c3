package config

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func (l *loader) checkEndpoint(in path, e Endpoint) {
	l.checkName(in)
	l.checkTarget(in, e.Path, e.URL)
	l.checkHeaders(in.with("headers"), e.Headers)
	l.checkPointer(in.with("records"), e.Records)
	l.checkPointer(in.with("record"), e.Record)
	l.checkForEach(in, e)
	l.checkKind(in.with("kind"), e.Kind)
	if e.Body != nil && (e.Method == nil || *e.Method != MethodPost) {
		l.failKey(in.with("body"), "body needs method = \"POST\"", "")
	}
	if e.Cost != nil {
		l.inRange(in.with("cost"), *e.Cost, 1, 1_000_000)
	}
	inBody := l.checkEndpointBody(in, e)
	if e.Repeat != nil {
		l.checkRepeat(in.with("repeat"), *e.Repeat, inBody)
	}
	if e.One != nil {
		l.checkOne(in.with("one"), *e.One)
	}
	l.checkTemplates(in, e)
}

// EndpointScope returns the names that the templates of an endpoint may use, and
// more. The macros of its connector are not among them.
func (c *Config) EndpointScope(more ...string) expr.Scope {
	return expr.NewScope(append(more, "settings", "now", "last_success")...).WithLookups(c.Lookups)
}

// checkTemplates compiles the templates of an endpoint. An endpoint that asks
// for the changes since the last success must have mode "changes": otherwise
// every unchanged user would count as missing.
func (l *loader) checkTemplates(in path, e Endpoint) {
	changes := e.Mode != nil && *e.Mode == ModeChanges
	check := func(at path, text Text, escape expr.Escape) {
		t, err := l.config.EndpointScope(e.names(expr.NameMacros)...).Template(text, escape) // which macros there are is not known here
		if err != nil {
			l.failTemplate(at, e, err)
		} else if t.Uses("last_success") && !changes {
			l.fail(at, `an endpoint that uses last_success must say mode = "changes"`, "")
		}
	}
	if e.Path != nil {
		check(in.with("path"), *e.Path, expr.EscapePath)
	}
	if e.URL != nil {
		check(in.with("url"), *e.URL, expr.EscapeQuery)
	}
	for _, name := range sortedKeys(e.Params) {
		check(in.with("params").with(name), e.Params[name], expr.EscapeQuery)
	}
	for _, name := range sortedKeys(e.Headers) {
		check(in.with("headers").with(name), e.Headers[name], expr.EscapeHeader)
	}
}

// Format returns the format of the body.
func (e Endpoint) Format() abi.MessageType {
	if e.MessageType == nil {
		return abi.MessageJSON
	}
	return abi.MessageType(*e.MessageType)
}

// checkEndpointBody compiles the body, and reports whether it takes the position of a
// page.
func (l *loader) checkEndpointBody(in path, e Endpoint) (takesPage bool) {
	if e.Body == nil {
		if e.MessageType != nil {
			l.failKey(in.with("message_type"), "message_type is the format of a body, and there is none", "")
		}
		return false
	}
	if e.Format() == abi.MessageNone {
		l.fail(in.with("message_type"), "message_type is none, and there is a body", "")
		return false
	}
	scope := endpoint.BodyScope(l.config.EndpointScope, e.names(expr.NameMacros)...)
	t, err := outbound.CompileBody(*e.Body, scope, e.Format())
	if err != nil {
		l.failTemplate(in.with("body"), e, err)
		return true // one error is enough
	}
	if len(t.References("last_success")) > 0 && (e.Mode == nil || *e.Mode != ModeChanges) {
		l.fail(in.with("body"), `an endpoint that uses last_success must say mode = "changes"`, "")
	}
	return len(t.References(endpoint.NamePage)) > 0
}

// checkRepeat requires the keys that each way of paging needs. When none is set,
// the connector does the paging.
func (l *loader) checkRepeat(in path, r Repeat, inBody bool) {
	l.checkStyle(in, r, inBody)
	l.checkStop(in, r)
	l.checkPointer(in.with("next"), &r.Next)
	l.checkPointer(in.with("more"), &r.More)
	l.checkPointer(in.with("total"), &r.Total)
	if l.has(in.with("limit")) {
		l.inRange(in.with("limit"), r.Limit, 1, 1_000_000)
	}
	if r.LimitParam != "" && !l.has(in.with("limit")) {
		l.failKey(in.with("limit_param"), "limit_param needs limit", "")
	}
	if l.has(in.with("max_empty")) {
		l.inRange(in.with("max_empty"), r.MaxEmpty, 1, 50_000)
	}
	if l.has(in.with("max_pages")) {
		l.inRange(in.with("max_pages"), r.MaxPages, 1, 100_000)
	}
	if r.First != nil {
		l.inRange(in.with("first"), *r.First, 0, 1_000_000)
	}
}

// checkStyle requires the keys that each way of paging needs. A body that takes
// the position needs no parameter for it.
func (l *loader) checkStyle(in path, r Repeat, inBody bool) {
	if !l.has(in.with("style")) {
		for _, key := range []string{"param", "next", "next_header", "more", "until", "limit_param", "limit", "first"} {
			if l.has(in.with(key)) {
				l.failKey(in.with(key), key+" needs repeat.style",
					"only max_empty, max_pages, total and total_header stand alone: they change nothing else about the connector's paging")
			}
		}
		return
	}
	positioned := r.Style == RepeatCursor || r.Style == RepeatOffset || r.Style == RepeatPage
	if positioned && !l.has(in.with("param")) && !inBody {
		l.failKey(in, fmt.Sprintf("repeat.style = %q needs param", r.Style), "or a body that takes the position: {{ page.position }}")
	}
	followed := r.Style == RepeatCursor || r.Style == RepeatNextURL
	if followed && !l.has(in.with("next")) && !l.has(in.with("next_header")) {
		l.failKey(in, fmt.Sprintf("repeat.style = %q needs next or next_header", r.Style), "")
	}
}

// checkStop checks what says how the list ends. One thing at a time can say it.
func (l *loader) checkStop(in path, r Repeat) {
	for _, pair := range [][2]string{{"next", "next_header"}, {"total", "total_header"}, {"more", "until"}} {
		if l.has(in.with(pair[0])) && l.has(in.with(pair[1])) {
			l.failKey(in.with(pair[1]), pair[0]+" and "+pair[1]+" exclude each other", "")
		}
	}
	if r.Until == nil {
		return
	}
	if r.Style == RepeatNone {
		l.failKey(in.with("until"), "until needs a repeat.style that asks for another page", "")
	}
	if _, err := endpoint.UntilScope(l.config.EndpointScope, expr.NameMacros).Compile(*r.Until); err != nil {
		l.failExpression(in.with("until"), err)
	}
}
