package fit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Fitted is an automation combined with the manifest of its connector.
type Fitted struct {
	Endpoint endpoint.Endpoint // with primary_key as its key
	OwnKey   string            // the endpoint's own key, "" when it has none
	Kind     string            // of the records and their links
	Joined   []Joined          // the further endpoints
	Mapper   *mapping.Mapper   // with the attributes that the connector derives
	Warnings []string          // each with its place in the configuration

	known  *abi.Endpoint       // the called endpoint in the manifest, perhaps under another name; nil when the manifest does not have it
	plain  *mapping.Mapper     // the configuration's mapper, without the attributes that the connector derives
	parent map[string][]string // the fields that dependent endpoints use of the records of an endpoint
}

// Automation combines an automation with the manifest of its connector. It
// returns an error for each reason why it cannot run. When there are errors,
// only the warnings of Fitted are valid. now stands for the time in paths that
// are templates.
func Automation(cfg *config.Config, name string, m abi.Manifest, now time.Time) (Fitted, []error) {
	conf := cfg.Automations[name]
	data := cfg.DataSources[conf.DataSource]
	app := cfg.Applications[data.Application]
	called, err := endpointOf(cfg, app, data, data.Endpoints[0], m)
	if err != nil {
		return Fitted{Warnings: overruledKey(cfg, data)}, []error{err}
	}
	f := Fitted{Endpoint: called, OwnKey: called.Key, known: knownEndpoint(app, called, m, now), plain: conf.Mapper}
	f.Endpoint.Key = keyPointer(data.PrimaryKey)
	withoutOne(&f.Endpoint, f.OwnKey, "primary_key of data source "+data.Name)
	f.Kind = f.kind()
	f.Warnings = append(overruledKey(cfg, data), f.unknownFields(conf, data, m)...)
	wrong := f.join(cfg, conf, m, now)
	for _, err := range []error{f.wrongKey(cfg, data, m), rivalKey(cfg, name), f.wrongAudience(conf, data, m), f.wrongState(cfg, conf)} {
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	return f, append(wrong, f.derive(conf, m)...)
}

// wrongState refuses to wait for a day that no record will tell of.
func (f Fitted) wrongState(cfg *config.Config, conf config.Automation) error {
	key := string(conf.Mapper.StateByTime())
	if key == "" || f.Endpoint.Mode != abi.ModeChanges {
		return nil
	}
	return fmt.Errorf("%s: automation %s: %s uses now, and endpoint %s is in mode changes: on that day nothing of the record changes, "+
		"so it does not come; use an endpoint in mode full", cfg.Place("automations", conf.Name, key), conf.Name, key, f.Endpoint.Name)
}

// withoutOne takes the request for a single record from an endpoint whose records are
// told apart by another field than its own key; by says what names that field.
func withoutOne(e *endpoint.Endpoint, own, by string) {
	if e.One != nil && own != "" && e.Key != own {
		e.One, e.NoOne = nil, by+" is another field than the key of the endpoint, by which the application finds a single record"
	}
}

// derive checks the types of fields, and gives the mapper the attributes that the
// connector computes.
func (f *Fitted) derive(conf config.Automation, m abi.Manifest) (wrong []error) {
	own := f.attributes(m)
	types := map[string]map[string]mapping.FieldType{"": fieldTypes(own), f.Endpoint.Name: fieldTypes(own)}
	mapper, errs := conf.Mapper.Deriving("", derivations(own, m.Name))
	for _, j := range f.Joined {
		types[j.Endpoint.Name] = fieldTypes(j.attributes(m))
		if mapper == nil {
			continue
		}
		var more []error
		mapper, more = mapper.Deriving(j.Endpoint.Name, derivations(j.attributes(m), m.Name))
		errs = append(errs, more...)
	}
	for _, err := range conf.Mapper.Check(types) {
		wrong = append(wrong, fmt.Errorf("%w; the types are those that connector %s lists", err, m.Name))
	}
	for _, err := range errs {
		wrong = append(wrong, fmt.Errorf("%s: automation %s: %w; have the connector corrected, or do without the attribute",
			conf.Pos, conf.Name, err))
	}
	f.Mapper = mapper
	return wrong
}

// kind returns the kind of the records: that of the endpoint or, when its own
// definition says none, that of the manifest's endpoint that it calls.
func (f Fitted) kind() string {
	return kindOf(f.Endpoint, f.known)
}

func kindOf(e endpoint.Endpoint, known *abi.Endpoint) string {
	if e.Kind == "" && known != nil {
		return cmp.Or(known.Kind, ident.UserKind)
	}
	return cmp.Or(e.Kind, ident.UserKind)
}

// Digest adds to the digest of the automation's configuration what the connector
// says. When the expression of a derived attribute changes, every record is
// processed again; when the kind of the records changes, a saved plan is outdated.
func (f Fitted) Digest(config string) string {
	if f.Mapper.Version() != f.plain.Version() {
		config = digest(config, f.Mapper.Version())
	}
	if f.Kind != ident.UserKind {
		config = digest(config, f.Kind)
	}
	return config
}

func digest(config, more string) string {
	sum := sha256.Sum256([]byte(config + "\n" + more))
	return hex.EncodeToString(sum[:])
}

// attributes returns those that the manifest lists for the endpoint's records;
// none when it does not know the endpoint.
func (f Fitted) attributes(m abi.Manifest) []abi.Attribute { return attributesOf(f.known, m) }

func attributesOf(known *abi.Endpoint, m abi.Manifest) []abi.Attribute {
	if known == nil {
		return nil
	}
	return m.EndpointAttributes(known.Name)
}

// fieldTypes returns the types of the attributes. A time that the connector
// computes may be a text or a time.
func fieldTypes(attributes []abi.Attribute) map[string]mapping.FieldType {
	types := map[string]mapping.FieldType{}
	for _, a := range attributes {
		if a.Value == "" || a.Type != abi.TypeTime {
			types[a.Name] = mapping.FieldType(a.Type)
		}
	}
	return types
}

// derivations returns the computed attributes. As their place, errors name the
// connector and the attribute.
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
