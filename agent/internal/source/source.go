// Package source turns one endpoint of an application into records: it merges
// what the configuration changes into what the connector's manifest says,
// evaluates the templates, and hands the call to the connector. It keeps no
// records and decides nothing about them.
package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Connector is the part of a loaded connector that a Source calls.
type Connector interface {
	Fetch(ctx context.Context, app host.Application, call abi.FetchCall, sink func(host.Record) error) (host.Report, error)
}

var _ Connector = (*host.Connector)(nil)

// Settings describe one source.
type Settings struct {
	Connector   Connector
	Application host.Application
	Endpoint    Endpoint
	Fields      []string // top-level fields of a record that anything uses
	Now         func() time.Time
}

// Endpoint is the manifest's endpoint with the configuration's changes, its
// templates compiled.
type Endpoint struct {
	abi.Endpoint                              // texts that are templates are replaced when it is called
	Path, URL       *expr.Template            // nil where the manifest's is used as it is
	Params, Headers map[string]*expr.Template // added to the manifest's, or replacing them by name
}

// Source fetches the records of one endpoint.
type Source struct{ settings Settings }

// New returns the source of an endpoint.
func New(s Settings) *Source { return &Source{s} }

// ChangesOnly reports whether the endpoint delivers changes, not everybody.
func (s *Source) ChangesOnly() bool { return s.settings.Endpoint.Mode == abi.ModeChanges }

// batchSize is how many records go to the next stage at once.
const batchSize = 500

// Fetch calls each with batches of records. An error means that the answer was
// not whole: whoever was delivered before it says nothing about who was not.
func (s *Source) Fetch(ctx context.Context, each func([]ident.Record) error) error {
	endpoint, err := s.settings.Endpoint.at(s.settings.Now(), s.settings.Application.Settings)
	if err != nil {
		return fmt.Errorf("endpoint %s of application %s: %w", s.settings.Endpoint.Name, s.settings.Application.Name, err)
	}
	batch := make([]ident.Record, 0, batchSize)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := each(batch)
		batch = make([]ident.Record, 0, batchSize)
		return err
	}
	call := abi.FetchCall{Endpoint: endpoint, Keep: s.settings.Fields}
	_, err = s.settings.Connector.Fetch(ctx, s.settings.Application, call, func(r host.Record) error {
		batch = append(batch, ident.Record{Endpoint: endpoint.Name, Key: ident.Key(r.Key), Fields: r.Fields})
		if len(batch) < batchSize {
			return nil
		}
		return flush()
	})
	if err != nil {
		return WithNext(err)
	}
	return flush()
}

// WithNext adds the operator's next step to the text of an error: a
// host.CallError carries it beside.
func WithNext(err error) error {
	var failed *host.CallError
	if errors.As(err, &failed) && failed.Next != "" {
		return fmt.Errorf("%w; next: %s", err, failed.Next)
	}
	return err
}

// at evaluates the templates for one call.
func (e Endpoint) at(now time.Time, settings map[string]any) (abi.Endpoint, error) {
	env := expr.Env{"settings": settings, "now": now, "last_success": nil}
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
	return out, nil
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
