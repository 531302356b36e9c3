package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
)

// names adds to more the names that only the templates of a dependent endpoint know.
func (e Endpoint) names(more ...string) []string {
	if e.ForEach != "" {
		return append(more, expr.NameParent)
	}
	return more
}

// KeyTemplate returns the key of a dependent endpoint; nil when it is that of the
// record that it is called for.
func (c *Config) KeyTemplate(application string, e Endpoint) *Text {
	if e.ForEach == "" || e.Key == nil || *e.Key == "" {
		return nil
	}
	return &Text{Text: *e.Key, Pos: c.Place("applications", application, "endpoints", e.Name, "key")}
}

// failTemplate reports an error in a template of an endpoint.
func (l *loader) failTemplate(at path, e Endpoint, err error) {
	var wrong *expr.Error
	if e.ForEach == "" && errors.As(err, &wrong) && wrong.Message == "unknown name "+expr.NameParent {
		wrong.Hint = `it is the record that an endpoint is called for: for_each = "ENDPOINT"`
	}
	l.failExpression(at, err)
}

// checkForEach checks the key of an endpoint, and what goes with for_each.
func (l *loader) checkForEach(in path, e Endpoint) {
	if e.ForEach == "" {
		l.checkPointer(in.with("key"), e.Key)
		if l.has(in.with("for_each")) {
			l.fail(in.with("for_each"), "for_each is empty", "name the endpoint for each of whose records this one is called")
		}
		if e.Changed != nil {
			l.failKey(in.with("changed"), "changed has no effect without for_each", "an endpoint that is called once for all delivers everybody")
		}
		return
	}
	l.checkParent(in, e)
	for _, other := range []struct {
		key string
		set bool
	}{
		{"keyed", e.Keyed != nil && *e.Keyed},
		{"mode", e.Mode != nil && *e.Mode != ModeFull},
		{"one", e.One != nil},
		{"repeat", e.Repeat != nil},
	} {
		if other.set {
			l.failKey(in.with(other.key), "for_each excludes "+other.key, "each call delivers what belongs to one record, in one answer")
		}
	}
	l.checkKeyTemplate(in.with("key"), l.config.KeyTemplate(in[1], e))
	l.checkChanged(in.with("changed"), e.Changed)
	l.requireParent(in, e)
}

// checkParent refuses that an endpoint waits for one that waits for another, which may be
// itself.
func (l *loader) checkParent(in path, e Endpoint) {
	of := l.config.Applications[in[1]].Endpoints[e.ForEach].ForEach
	switch {
	case e.ForEach == in.last():
		l.fail(in.with("for_each"), "for_each names the endpoint itself", "name the endpoint for each of whose records this one is called")
	case of != "":
		l.fail(in.with("for_each"),
			fmt.Sprintf("for_each names endpoint %q, which itself is called for each record of endpoint %q", e.ForEach, of),
			"name an endpoint that is called once for all")
	}
}

// checkKeyTemplate checks the key of a dependent endpoint.
func (l *loader) checkKeyTemplate(at path, key *Text) {
	if key == nil {
		return
	}
	if !strings.Contains(key.Text, "{{") {
		l.fail(at, fmt.Sprintf("key is %q, and with for_each it is a template", key.Text),
			`key = "{{ parent.id }}"; without it, the key is that of the record that the endpoint is called for`)
		return
	}
	if _, err := l.config.EndpointScope(expr.NameParent).Template(*key, expr.EscapeNone); err != nil {
		l.failExpression(at, err)
	}
}

// checkChanged requires a template that tells one state of the parent from another.
func (l *loader) checkChanged(at path, changed *Text) {
	if changed == nil {
		return
	}
	switch t, err := l.config.EndpointScope(expr.NameParent).Template(*changed, expr.EscapeNone); {
	case err != nil:
		l.failExpression(at, err)
	case !t.Uses(expr.NameParent):
		l.fail(at, fmt.Sprintf("changed is %q, which tells nothing about the parent", changed.Text),
			`changed = "{{ parent.update_time }}"`)
	}
}

// requireParent refuses a dependent endpoint whose request is the same for everybody. What
// the macros of the connector name is not known here.
func (l *loader) requireParent(in path, e Endpoint) {
	named := false
	look := func(text Text) {
		t, err := l.config.EndpointScope(e.names(expr.NameMacros)...).Template(text, expr.EscapeNone)
		named = named || err != nil || t.Uses(expr.NameParent) || t.Uses(expr.NameMacros) // one error is enough
	}
	for _, text := range []*Text{e.Path, e.URL} {
		if text != nil {
			look(*text)
		}
	}
	for _, texts := range []map[string]Text{e.Params, e.Headers} {
		for _, text := range texts {
			look(text)
		}
	}
	if e.Body != nil {
		t, err := outbound.CompileBody(*e.Body, endpoint.BodyScope(l.config.EndpointScope, e.names(expr.NameMacros)...), e.Format())
		named = named || err != nil || len(t.References(expr.NameParent)) > 0 || len(t.References(expr.NameMacros)) > 0
		if err == nil && len(t.References(endpoint.NamePage)) > 0 {
			l.fail(in.with("body"), "body uses page, and an endpoint with for_each has no pages", "")
		}
	}
	if !named {
		l.failKey(in.with("for_each"), "no template of the endpoint names parent: its request would be the same for everybody",
			`path = "/users/{{ parent.id }}/roles"`)
	}
}

// checkDependents requires that a dependent endpoint stands beside the one that it is
// called for, behind the one that leads.
func (l *loader) checkDependents(at path, d DataSource) {
	all := l.config.Applications[d.Application].Endpoints
	for i, name := range d.Endpoints {
		of := all[name].ForEach
		switch {
		case of == "" || of == name:
		case i == 0:
			l.fail(at.item(i), fmt.Sprintf("endpoint %q cannot lead: it is called for each record of endpoint %q", name, of),
				fmt.Sprintf("put %q first", of))
		case !slices.Contains(d.Endpoints, of):
			l.fail(at.item(i), fmt.Sprintf("endpoint %q is called for each record of endpoint %q, which the data source does not have", name, of),
				fmt.Sprintf("add %q", of))
		}
	}
}
