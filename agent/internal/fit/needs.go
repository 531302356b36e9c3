package fit

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Need is a call that the configuration makes.
type Need struct {
	abi.Need
	Known  bool     // the manifest has it, and so names its rights and scopes
	Scopes []string // of OAuth
}

// Needs lists the calls to an application that the automations and the steps
// of orchestrations need. now stands
// for the time in paths that are templates.
func Needs(cfg *config.Config, app config.Application, m abi.Manifest, now time.Time) []Need {
	var needs []Need
	for _, name := range slices.Sorted(maps.Keys(cfg.Automations)) {
		data := cfg.DataSources[cfg.Automations[name].DataSource]
		if data.Application != app.Name {
			continue
		}
		for _, endpoint := range data.Endpoints {
			called, err := endpointOf(cfg, app, data, endpoint, m)
			if err != nil {
				continue // Automation reports it
			}
			n := endpointNeed(app, called, m, now)
			if !slices.ContainsFunc(needs, func(other Need) bool { return other.Use == n.Use }) {
				needs = append(needs, n)
			}
		}
	}
	return append(needs, webhookNeeds(cfg, app, m)...)
}

func endpointNeed(app config.Application, called endpoint.Endpoint, m abi.Manifest, now time.Time) Need {
	n := Need{Need: abi.Need{Use: "endpoint " + called.Name, Method: methodOf(called.Method)}}
	target := called.Target(now, app.Settings)
	if strings.HasPrefix(target, "/") {
		n.Path = target
	} else {
		n.URL = target
	}
	if known := knownEndpoint(app, called, m, now); known != nil {
		n.Known, n.Rights, n.Scopes = true, known.Rights, known.Scopes
	}
	return n
}

// webhookNeeds lists the webhooks of an application that steps call.
func webhookNeeds(cfg *config.Config, app config.Application, m abi.Manifest) []Need {
	var needs []Need
	for _, ref := range cfg.UsedWebhooks() {
		if cfg.ApplicationOf(ref) != app.Name {
			continue
		}
		w, _, err := Webhook(cfg, ref, config.Pos{}, m)
		if err != nil {
			continue // Webhooks and Orchestration report it
		}
		_, known := sameCall(w.Call, m)
		needs = append(needs, Need{
			Need: abi.Need{
				Use: "webhook " + ref, Method: w.Call.Method, Path: w.Call.Path, URL: w.Call.URL, Rights: w.Call.Rights,
			}, Known: known, Scopes: w.Call.Scopes,
		})
	}
	return needs
}
