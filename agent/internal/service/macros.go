package service

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/macro"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

type (
	// MacrosRequest asks what may stand in a template.
	MacrosRequest struct {
		Place string `json:"place,omitempty"` // APPLICATION or APPLICATION/NAME; "": every application
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
				return answer, nil
			}
		}
		return answer, exit.Mistake(unknownPlace(of, name, places))
	}
	return answer, nil
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
