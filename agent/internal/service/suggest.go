package service

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/suggest"
)

type (
	// SuggestRequest asks for a data source from what an endpoint delivers.
	SuggestRequest struct {
		Place string        `json:"place"`          // APPLICATION/ENDPOINT
		Seen  []SeenInField `json:"seen,omitempty"` // what a saved answer holds; nil: there is none
		// Incomplete says that the answer ended before the last page.
		Incomplete bool `json:"incomplete,omitempty"`
	}
	// SuggestAnswer is a proposal.
	SuggestAnswer struct {
		DataSource string `json:"data_source"`
		TOML       string `json:"toml"`
	}
	// SeenInField is what the records of an answer hold in one field.
	SeenInField = suggest.Seen
)

// Suggest proposes a data source for an endpoint of an application.
func (s *Service) Suggest(ctx context.Context, _ Caller, in SuggestRequest) (SuggestAnswer, error) {
	application, name, exact := strings.Cut(in.Place, "/")
	cfg := s.agent.Config()
	conf, known := cfg.Applications[application]
	switch {
	case !exact || name == "":
		return SuggestAnswer{}, exit.Mistake(errors.New("name the endpoint as APPLICATION/ENDPOINT, such as pipedrive/users"))
	case !known:
		return SuggestAnswer{}, exit.Mistake(s.unknownApplication(application))
	}
	m, err := s.manifestOf(ctx, conf)
	if err != nil {
		return SuggestAnswer{}, err
	}
	e, inManifest := m.Endpoint(name)
	change, own := conf.Endpoints[name]
	if !inManifest && !own {
		names := slices.Collect(maps.Keys(conf.Endpoints))
		for _, one := range m.Endpoints {
			names = append(names, one.Name)
		}
		slices.Sort(names)
		return SuggestAnswer{}, exit.Mistake(&ident.UnknownNameError{
			What: "endpoint of " + application, Name: name, Known: slices.Compact(names), List: "rollcall macros " + application,
		})
	}
	e.Name = name
	if change.Key != nil {
		e.Key = *change.Key
	}
	if known, found := fit.Known(cfg, conf, name, m, time.Now()); found { // whatever name it has here
		e.Audience, e.Kind, e.Attributes = known.Audience, known.Kind, known.Attributes
	}
	var out SuggestAnswer
	out.DataSource, out.TOML = suggest.DataSource(suggest.Input{
		Application: application, Endpoint: e, Domain: cfg.Directory.BaseDN.Domain(), Seen: in.Seen, Incomplete: in.Incomplete,
	})
	return out, nil
}
