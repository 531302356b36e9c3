package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/find"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/macro"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

type (
	// MacrosRequest asks what may stand in a template.
	MacrosRequest struct {
		Place string `json:"place,omitempty"` // APPLICATION or APPLICATION/NAME; "": every application
		// User or Group names an object of the directory whose values are the
		// examples, as find.One takes it; "": none.
		User  string `json:"user,omitempty"`
		Group string `json:"group,omitempty"`
	}
	// MacrosAnswer has the places below an application, or the choices at one.
	MacrosAnswer struct {
		Places  []MacroPlace  `json:"places,omitempty"`
		Choices []MacroChoice `json:"choices,omitempty"`
	}
	// MacroPlace is an endpoint or a webhook.
	MacroPlace = macro.Place
	// MacroChoice is something that may stand in a template.
	MacroChoice = macro.Choice
)

// Macros lists the places of templates, or what may stand in one.
func (s *Service) Macros(ctx context.Context, _ Caller, in MacrosRequest) (MacrosAnswer, error) {
	application, name, exact := strings.Cut(in.Place, "/")
	var answer MacrosAnswer
	if in.User+in.Group != "" && !exact {
		return answer, exit.Mistake(errors.New("an object has values in the templates of one webhook: name it as APPLICATION/WEBHOOK"))
	}
	applications := s.agent.Config().Applications
	if _, known := applications[application]; !known && in.Place != "" {
		return answer, exit.Mistake(s.unknownApplication(application))
	}
	for _, of := range slices.Sorted(maps.Keys(applications)) {
		if in.Place != "" && of != application {
			continue
		}
		conf := applications[of]
		m, err := s.manifestOf(ctx, conf)
		if err != nil {
			return answer, err
		}
		places := macro.Places(of, m, slices.Collect(maps.Keys(conf.Endpoints))...)
		if !exact {
			answer.Places = append(answer.Places, places...)
			continue
		}
		for _, p := range places {
			if p.Name == in.Place {
				answer.Choices = macro.Choices(p.Kind, m, conf.Settings)
				if in.User+in.Group != "" {
					answer.Choices, err = s.examples(ctx, of, p, m, in, answer.Choices)
				}
				return answer, err
			}
		}
		return answer, exit.Mistake(unknownPlace(of, name, places))
	}
	return answer, nil
}

// examples replaces the examples of choices by the values of an object.
func (s *Service) examples(
	ctx context.Context, application string, at macro.Place, m abi.Manifest, in MacrosRequest, choices []MacroChoice,
) ([]MacroChoice, error) {
	_, name, _ := strings.Cut(at.Name, "/")
	w, ok := m.Webhook(name)
	if at.Kind != macro.KindWebhook || !ok {
		return nil, exit.Mistake(fmt.Errorf("%s is an endpoint: its templates are about no object of the directory", at.Name))
	}
	now, err := s.agent.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	kind, object := find.User, in.User
	if in.Group != "" {
		kind, object = find.Group, in.Group
	}
	env, err := now.Examples(ctx, application, w, kind, object, macro.Spelled(m, choices))
	if err != nil {
		return nil, err
	}
	return macro.WithExamples(m, choices, env), nil
}

func unknownPlace(application, name string, places []MacroPlace) error {
	var known []string
	for _, p := range places {
		known = append(known, strings.TrimPrefix(p.Name, application+"/"))
	}
	return &ident.UnknownNameError{
		What: "endpoint or webhook of " + application, Name: name, Known: known, List: "rollcall macros " + application,
	}
}

// manifestOf returns the manifest of an application's connector.
func (s *Service) manifestOf(ctx context.Context, conf config.Application) (abi.Manifest, error) {
	modules, err := s.agent.Modules(ctx)
	if err != nil {
		return abi.Manifest{}, err
	}
	if m, ok := connector.Serving(modules, conf.Connector); ok {
		return m, nil
	}
	return abi.Manifest{}, exit.Mistake(fmt.Errorf(
		"%s: application %s: no connector %s serves: rollcall connectors says what was found, and why one was refused",
		conf.Pos, conf.Name, conf.Connector))
}
