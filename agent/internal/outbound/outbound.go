// Package outbound turns a webhook's templates into the request for one object.
// A webhook is compiled once, which finds every mistake in it, and rendered for
// each object.
//
// The package is pure: it sends nothing, and knows nothing of links, retries or
// orchestrations. It never handles secrets: the host puts credentials into a
// request.
package outbound

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// NewScope returns the names that a webhook's templates may use: the object, the
// one that its attribute manager names, its state before the change, the change,
// the link of the webhook's application and those of others, the answers of
// earlier steps, the application's settings and the time. more lists names that
// only some have, such as password.
func NewScope(more ...string) expr.Scope {
	names := []string{"ad", "manager", "old", "change", "link", "links", "steps", "settings", "now"}
	return expr.NewScope(append(names, more...)...)
}

// Error is a mistake in one member of a webhook.
type Error struct {
	Webhook string
	Member  string // "path", "params.limit", "verify.match./name"
	Err     error  // an *expr.Error where the place within the member is known
}

// Error returns "webhook NAME: MEMBER: " and the mistake.
func (e *Error) Error() string { return fmt.Sprintf("webhook %s: %s: %v", e.Webhook, e.Member, e.Err) }

// Unwrap returns the mistake without its member.
func (e *Error) Unwrap() error { return e.Err }

// Webhook is a compiled webhook. It is immutable, and safe for concurrent use.
type Webhook struct {
	definition abi.Webhook
	texts      []text
}

// text is one member that holds a template, and says where its value goes.
type text struct {
	member string // for messages: "params.limit"
	pieces []piece
	put    func(*abi.Webhook, string)
}

// Compile checks and compiles the templates of a webhook. The error joins all
// mistakes, each an *Error with its place: "webhook NAME: MEMBER: LINE:COLUMN:
// message".
func Compile(w abi.Webhook, scope expr.Scope) (*Webhook, error) {
	return CompileAt(w, scope, nil)
}

// CompileAt is like Compile for a webhook of a file. places says where its
// members begin there; the other members begin at the first line of their own.
func CompileAt(w abi.Webhook, scope expr.Scope, places map[string]expr.Pos) (*Webhook, error) {
	w = clone(w)
	w.Normalize()
	c := compiler{scope: scope, places: places, out: &Webhook{definition: w}}
	c.target("", w.Path, w.URL, func(w *abi.Webhook) (*string, *string) { return &w.Path, &w.URL })
	c.table("params.", w.Params, expr.EscapeNone, func(w *abi.Webhook) map[string]string { return w.Params })
	c.table("headers.", w.Headers, expr.EscapeHeader, func(w *abi.Webhook) map[string]string { return w.Headers })
	c.body(w)
	c.table("link_match.", w.LinkMatch, expr.EscapeNone, func(w *abi.Webhook) map[string]string { return w.LinkMatch })
	if v := w.Verify; v != nil {
		c.target("verify.", v.Path, v.URL, func(w *abi.Webhook) (*string, *string) { return &w.Verify.Path, &w.Verify.URL })
		c.table("verify.params.", v.Params, expr.EscapeNone, func(w *abi.Webhook) map[string]string { return w.Verify.Params })
		c.table("verify.match.", v.Match, expr.EscapeNone, func(w *abi.Webhook) map[string]string { return w.Verify.Match })
	}
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	return c.out, nil
}

// clone copies what Render writes to.
func clone(w abi.Webhook) abi.Webhook {
	w.Params, w.Headers, w.LinkMatch = maps.Clone(w.Params), maps.Clone(w.Headers), maps.Clone(w.LinkMatch)
	if w.Verify != nil {
		v := *w.Verify
		v.Params, v.Match = maps.Clone(v.Params), maps.Clone(v.Match)
		w.Verify = &v
	}
	return w
}

// compiler collects the templates of one webhook and the mistakes in them.
type compiler struct {
	scope  expr.Scope
	places map[string]expr.Pos // of members
	out    *Webhook
	errs   []error
}

func (c *compiler) refuse(member string, err error) {
	c.errs = append(c.errs, &Error{c.out.definition.Name, member, err})
}

// add compiles one member. cut says in which place each of its values stands.
func (c *compiler) add(member, source string, cut func(*expr.Template) ([]piece, error), put func(*abi.Webhook, string)) {
	if source == "" {
		return
	}
	pos, known := c.places[member]
	if !known {
		pos = start
	}
	t, err := c.scope.Template(expr.Source{Text: source, Pos: pos}, expr.EscapeNone)
	if err != nil {
		c.refuse(member, err)
		return
	}
	pieces, err := cut(t)
	if err != nil {
		c.refuse(member, err)
		return
	}
	c.out.texts = append(c.out.texts, text{member, pieces, put})
}

// target compiles path and url.
func (c *compiler) target(in, path, url string, at func(*abi.Webhook) (path, url *string)) {
	c.add(in+"path", path, target, func(w *abi.Webhook, s string) { p, _ := at(w); *p = s })
	c.add(in+"url", url, absolute, func(w *abi.Webhook, s string) { _, u := at(w); *u = s })
}

// table compiles the values of a table. The values of a query are not escaped
// here: the sender of the request does that.
func (c *compiler) table(in string, table map[string]string, e expr.Escape, at func(*abi.Webhook) map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(table)) {
		c.add(in+name, table[name], all(e), func(w *abi.Webhook, s string) { at(w)[name] = s })
	}
}

func (c *compiler) body(w abi.Webhook) {
	c.add("body", w.Body, bodyPieces(w.MessageType), func(w *abi.Webhook, s string) { w.Body = s })
}

// Render puts the values of env into the webhook. A missing value is an error
// that names the webhook and the member.
func (w *Webhook) Render(env expr.Env) (abi.Webhook, error) {
	out := clone(w.definition)
	for _, t := range w.texts {
		s, err := t.render(env)
		if err != nil {
			return abi.Webhook{}, &Error{w.definition.Name, t.member, err}
		}
		t.put(&out, s)
	}
	return out, nil
}

func (t text) render(env expr.Env) (string, error) {
	var b strings.Builder
	for _, p := range t.pieces {
		if err := p.write(&b, env); err != nil {
			return "", err
		}
		if b.Len() > maxRendered {
			return "", fmt.Errorf("the text is longer than %d bytes", maxRendered)
		}
	}
	return b.String(), nil
}

// ValuesOf returns what the expressions that use a name give, unescaped. Those
// that give none are left out.
func (w *Webhook) ValuesOf(name string, env expr.Env) []string {
	var out []string
	for _, t := range w.texts {
		out = append(out, t.valuesOf(name, env)...)
	}
	return out
}

func (t text) valuesOf(name string, env expr.Env) []string {
	var out []string
	for _, p := range t.pieces {
		if p.Expression == nil || !p.Expression.Uses(name) {
			continue
		}
		v, err := p.value(env)
		if err != nil {
			continue
		}
		out = append(out, v.Strings()...)
	}
	return out
}
