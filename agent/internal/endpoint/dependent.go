package endpoint

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Each says that an endpoint is called once for each record of another one, its parents.
type Each struct {
	Of  string         // the other endpoint
	key *expr.Template // of the record that comes; nil: that of the parent
	// changed gives the state of a parent on which the answer depends; nil: nobody knows.
	changed *expr.Template
}

// CompileEach compiles what an endpoint that is called for each record of another has
// beside its request. scope has the names of an endpoint and parent. A request that does
// not name the parent would deliver the same for everybody.
func CompileEach(of string, e Endpoint, key, changed *expr.Source, scope expr.Scope) (*Each, error) {
	out := &Each{Of: of}
	for _, text := range []struct {
		from *expr.Source
		to   **expr.Template
	}{{key, &out.key}, {changed, &out.changed}} {
		if text.from == nil {
			continue
		}
		var err error
		if *text.to, err = scope.Template(*text.from, expr.EscapeNone); err != nil {
			return nil, err
		}
	}
	inBody := e.Body != nil && len(e.Body.References(expr.NameParent)) > 0
	if !inBody && !slices.ContainsFunc(e.templates(), func(t *expr.Template) bool { return t.Uses(expr.NameParent) }) {
		return nil, errors.New("for_each: no template of its request names parent, so that it would be the same for everybody: " +
			`path = "/users/{{ parent.id }}/roles"`)
	}
	return out, nil
}

// templates returns the templates of the request, but for its body.
func (e Endpoint) templates() []*expr.Template {
	var all []*expr.Template
	for _, t := range []*expr.Template{e.Path, e.URL} {
		if t != nil {
			all = append(all, t)
		}
	}
	for _, t := range e.Params {
		all = append(all, t)
	}
	for _, t := range e.Headers {
		all = append(all, t)
	}
	return all
}

// ParentFields returns the top-level fields of the parent that the templates use, each with
// its first place; an error when one uses parent as a whole.
func (e Endpoint) ParentFields() (map[string]expr.Pos, error) {
	var refs []expr.Reference
	for _, t := range append(e.templates(), e.Each.key, e.Each.changed) {
		if t != nil {
			refs = append(refs, t.References(expr.NameParent)...)
		}
	}
	if e.Body != nil {
		refs = append(refs, e.Body.References(expr.NameParent)...)
	}
	slices.SortFunc(refs, func(a, b expr.Reference) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), a.Pos.Line-b.Pos.Line, a.Pos.Column-b.Pos.Column)
	})
	fields := map[string]expr.Pos{}
	for _, ref := range refs {
		if len(ref.Path) == 0 {
			return nil, errors.New("a template uses parent as a whole; name a field: parent.NAME")
		}
		if _, known := fields[ref.Path[0]]; !known {
			fields[ref.Path[0]] = ref.Pos
		}
	}
	return fields, nil
}

// ForParent returns the request for what belongs to a parent. An error says that there can
// be none for this parent.
func (e Endpoint) ForParent(parent ident.Record, now time.Time, settings map[string]any) (abi.Endpoint, error) {
	env := environment(now, ident.Position{}, settings)
	env[expr.NameParent] = parent.Fields
	out, err := e.evaluated(env)
	if err != nil {
		return out, err
	}
	key := string(parent.Key)
	if err := evaluate(e.Each.key, env, "key", &key); err != nil {
		return out, err
	}
	if same, ok := abi.NumberKey(key); ok && parent.Number != "" {
		key = same
	}
	if ident.Key(key) != parent.Key {
		return out, fmt.Errorf("key gives %q, and the record of endpoint %s has the key %q: what came would be joined to somebody else",
			key, e.Each.Of, parent.Key)
	}
	return out, nil
}

// StateOfParent returns the state of a parent on which the answer depends; "" when nobody
// knows, so that it must be asked for.
func (e Endpoint) StateOfParent(parent ident.Record, now time.Time, settings map[string]any) string {
	if e.Each.changed == nil {
		return ""
	}
	env := environment(now, ident.Position{}, settings)
	env[expr.NameParent] = parent.Fields
	var state string
	if err := evaluate(e.Each.changed, env, "changed", &state); err != nil {
		return ""
	}
	return state
}
