package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/source"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// fitted is what becomes of an automation with the manifest of a connector.
type fitted struct {
	endpoint source.Endpoint // with primary_key as its key
	ownKey   string          // the endpoint's own, "" when it has none
	// known is the manifest's endpoint that is called, under whatever name;
	// nil when the manifest does not know it.
	known  *abi.Endpoint
	mapper *mapping.Mapper // with what the connector derives
}

// fit holds an automation against the manifest of its connector, and lists
// what makes it impossible.
func fit(cfg *config.Config, name string, m abi.Manifest) (fitted, []error) {
	conf := cfg.Automations[name]
	data := cfg.DataSources[conf.DataSource]
	app := cfg.Applications[data.Application]
	endpoint, err := endpointOf(app, data, m, cfg.Lookups)
	if err != nil {
		return fitted{}, []error{err}
	}
	f := fitted{endpoint: endpoint, ownKey: endpoint.Key, known: knownEndpoint(app, endpoint, m), mapper: conf.Mapper}
	f.endpoint.Key = keyPointer(data.PrimaryKey)
	var wrong []error
	for _, err := range []error{f.wrongKey(cfg, data, m), rivalKey(cfg, name)} {
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	if err := f.wrongAudience(conf, data, m); err != nil {
		wrong = append(wrong, err)
	}
	for _, err := range conf.Mapper.Check(endpoint.Name, fieldTypes(f.attributes(m))) {
		wrong = append(wrong, fmt.Errorf("%w; the types are those that connector %s lists", err, m.Name))
	}
	mapper, errs := conf.Mapper.Deriving(derivations(f.attributes(m), m.Name))
	for _, err := range errs {
		wrong = append(wrong, fmt.Errorf("%s: automation %s: %w; have the connector corrected, or do without the attribute", conf.Pos, name, err))
	}
	f.mapper = mapper
	return f, wrong
}

// attributes are those that the manifest lists for the endpoint's records;
// none when it does not know the endpoint.
func (f fitted) attributes(m abi.Manifest) []abi.Attribute {
	if f.known == nil {
		return nil
	}
	return m.EndpointAttributes(f.known.Name)
}

// fieldTypes are the types of the attributes. A time that is computed may be a
// text or a time.
func fieldTypes(attributes []abi.Attribute) map[string]mapping.FieldType {
	types := map[string]mapping.FieldType{}
	for _, a := range attributes {
		if a.Value == "" || a.Type != abi.TypeTime {
			types[a.Name] = mapping.FieldType(a.Type)
		}
	}
	return types
}

// derivations are the attributes that are computed. The connector and the
// attribute are the place that errors name.
func derivations(attributes []abi.Attribute, connector string) []mapping.DerivedDef {
	var defs []mapping.DerivedDef
	for _, a := range attributes {
		if a.Value == "" {
			continue
		}
		place := expr.Pos{File: fmt.Sprintf("connector %s, attribute %s", connector, a.Name), Line: 1, Column: 1}
		defs = append(defs, mapping.DerivedDef{
			Name: a.Name, Type: mapping.FieldType(a.Type), Value: expr.Source{Text: a.Value, Pos: place},
		})
	}
	return defs
}

// digest adds what a connector derives to the digest of an automation's
// configuration: with another expression, everything is looked at anew.
func (f fitted) digest(config string, plain *mapping.Mapper) string {
	if f.mapper.Version() == plain.Version() {
		return config
	}
	sum := sha256.Sum256([]byte(config + "\n" + f.mapper.Version()))
	return hex.EncodeToString(sum[:])
}

// knownEndpoint finds the endpoint of the manifest that is called: the one at
// the same place, under whatever name, or the one that the configuration moved
// elsewhere. Where several are at one place the name decides, then who its
// records are: the one with which the least may be done counts.
func knownEndpoint(app config.Application, e source.Endpoint, m abi.Manifest) *abi.Endpoint {
	named := -1
	var there []int
	for i, candidate := range m.Endpoints {
		if candidate.Name == e.Name {
			named = i
		}
		if methodOf(candidate.Method) == methodOf(e.Method) && samePlace(places(e.Target(time.Now(), app.Settings), app.BaseURL, m.BaseURL), places(candidate.Path+candidate.URL, m.BaseURL)) {
			there = append(there, i)
		}
	}
	switch {
	case named >= 0 && (len(there) == 0 || slices.Contains(there, named)):
		return &m.Endpoints[named]
	case len(there) == 0:
		return nil
	}
	strictest := slices.MaxFunc(there, func(a, b int) int {
		return strictness(m.Endpoints[a].Audience) - strictness(m.Endpoints[b].Audience)
	})
	return &m.Endpoints[strictest]
}

func strictness(a abi.Audience) int {
	return slices.Index([]abi.Audience{"", abi.AudienceWorkforce, abi.AudienceCustomers, abi.AudienceObjects}, a)
}

func methodOf(method string) string {
	if method == "" {
		return abi.MethodGet
	}
	return method
}

// places are the forms of a path that may mean the same: as it is written and
// below the base URLs, without the query and a leading "api".
func places(target string, bases ...string) []string {
	u, err := url.Parse(target)
	if err != nil || u.Path == "" {
		return nil
	}
	all := []string{plainPath(u.Path)}
	if u.IsAbs() {
		return all
	}
	for _, text := range bases {
		if base, err := url.Parse(text); err == nil && text != "" {
			all = append(all, plainPath(base.Path+"/"+u.Path))
		}
	}
	return all
}

func plainPath(p string) string {
	p = strings.ToLower(path.Clean("/" + p))
	if rest, ok := strings.CutPrefix(p, "/api/"); ok {
		return "/" + rest
	}
	return p
}

func samePlace(a, b []string) bool {
	return slices.ContainsFunc(a, func(p string) bool { return slices.Contains(b, p) })
}

// wrongAudience refuses to make accounts for people who are not meant to have
// one: those that an application only knows of, and what is nobody at all.
func (f fitted) wrongAudience(conf config.Automation, data config.DataSource, m abi.Manifest) error {
	if f.known == nil {
		return nil
	}
	called := f.endpoint.Name
	if f.known.Name != called {
		called += ", which calls what connector " + m.Name + " knows as " + f.known.Name
	}
	place := fmt.Sprintf("%s: automation %s: data source %s reads endpoint %s", conf.Pos, conf.Name, data.Name, called)
	switch {
	case f.known.Audience == abi.AudienceObjects:
		return fmt.Errorf("%s: connector %s says that its records are objects, such as roles or teams, and no people: no automation can use it%s",
			place, m.Name, instead(m, ""))
	case f.known.Audience == abi.AudienceCustomers && data.Where == nil && conf.Action != config.ActionUpdate:
		return fmt.Errorf("%s: connector %s says that its records are customers, people whom the application knows of and who do not log in to it: action = %q would make an account for each of them; say with where in [data_sources.%s] who is to get one, or use action = \"update\", which makes no accounts%s",
			place, m.Name, conf.Action, data.Name, instead(m, ", or "))
	}
	return nil
}

// instead names the endpoints whose records are the people who log in.
func instead(m abi.Manifest, or string) string {
	var names []string
	for _, e := range m.Endpoints {
		if e.Audience == abi.AudienceWorkforce {
			names = append(names, e.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	if or == "" {
		or = "; "
	}
	return or + "use endpoint " + strings.Join(names, " or ") + ", whose records are the people who log in"
}
