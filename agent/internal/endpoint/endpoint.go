// Package endpoint holds one inbound call of an application as it will be made:
// the endpoint of the connector's manifest, with the configuration's templates
// over it. It evaluates the templates for one call. It neither knows the
// configuration (package fit makes an Endpoint from it) nor makes the call
// (package source does).
package endpoint

import (
	"fmt"
	"maps"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Endpoint is the manifest's endpoint with the configuration's changes and
// compiled templates.
type Endpoint struct {
	abi.Endpoint                              // At replaces the texts that are templates
	Path, URL       *expr.Template            // nil where the manifest's text is used as it is
	Params, Headers map[string]*expr.Template // added to the manifest's, or replacing them by name
	Body            *outbound.Text            // nil where the manifest's is sent as it is
	Format          abi.MessageType           // of Body
	Until           *expr.Expression          // nil without one
	// One is the request for a single record by its key. Without one, NoOne says
	// why there is none.
	One   *One
	NoOne string
	// Each says that the endpoint is called for each record of another one; nil: it is
	// called once for all.
	Each *Each
}

// Target returns the path or URL that e calls with these settings; "" when it is
// not known before the call.
func (e Endpoint) Target(now time.Time, settings map[string]any) string {
	target := e.Endpoint.URL
	if target == "" {
		target = e.Endpoint.Path
	}
	template := e.URL
	if template == nil {
		template = e.Path
	}
	env := expr.Env{"settings": settings, "now": now, "last_success": nil}
	if err := evaluate(template, env, "target", &target); err != nil {
		return ""
	}
	return target
}

// At evaluates the templates for one call. from says how far earlier calls came;
// it is zero for a call that fetches all records.
func (e Endpoint) At(now time.Time, from ident.Position, settings map[string]any) (abi.Endpoint, error) {
	return e.evaluated(environment(now, from, settings))
}

// evaluated returns the call with its templates evaluated.
func (e Endpoint) evaluated(env expr.Env) (abi.Endpoint, error) {
	out := e.Endpoint
	out.Params, out.Headers = maps.Clone(out.Params), maps.Clone(out.Headers)
	for _, part := range []struct {
		template *expr.Template
		to       *string
		what     string
	}{{e.Path, &out.Path, "path"}, {e.URL, &out.URL, "url"}} {
		if err := evaluate(part.template, env, part.what, part.to); err != nil {
			return out, err
		}
	}
	for _, part := range []struct {
		templates map[string]*expr.Template
		to        *map[string]string
		what      string
	}{{e.Params, &out.Params, "params."}, {e.Headers, &out.Headers, "headers."}} {
		for name, t := range part.templates {
			var text string
			if err := evaluate(t, env, part.what+name, &text); err != nil {
				return out, err
			}
			if *part.to == nil {
				*part.to = map[string]string{}
			}
			(*part.to)[name] = text
		}
	}
	if e.Body == nil {
		return out, nil
	}
	out.Headers, out.PagedBody = abi.WithContentType(out.Headers, e.Format), e.paged()
	if out.PagedBody {
		return out, nil
	}
	var err error
	out.Body, err = body(e.Body, env)
	return out, err
}

func environment(now time.Time, from ident.Position, settings map[string]any) expr.Env {
	env := expr.Env{"settings": settings, "now": now, "last_success": nil}
	if !from.Since.IsZero() {
		env["last_success"] = from.Since
	}
	return env
}

func evaluate(t *expr.Template, env expr.Env, what string, to *string) error {
	if t == nil {
		return nil
	}
	v, err := t.Eval(env)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if v.State != expr.Present && v.State != expr.Empty {
		return fmt.Errorf("%s has no value: %s: use default() where that is meant", what, v.Cause)
	}
	*to = v.Text()
	return nil
}
