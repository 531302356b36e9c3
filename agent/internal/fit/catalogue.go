package fit

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Listed is a webhook that steps may name, with what it needs.
type Listed struct {
	Name        string // as steps name it: one of the configuration, or APPLICATION/WEBHOOK
	Application string
	Connector   string
	Title       string
	Own         bool        // of the configuration
	Place       config.Pos  // of one of the configuration
	From        string      // the connector's webhook that it changes; "": none
	LinkKind    string      // of the link that it uses or makes
	Call        abi.Webhook // with everything from the manifest; empty when that is not known
	Uses        []string    // the names of its templates: "ad.mail", "link.key"
	// Problem says why it cannot be sent: the API cannot do it, a template has a
	// mistake, nobody serves its application. nil: it can be.
	Problem error
	UsedBy  []string // the orchestrations with a step that names it
}

// Catalogue lists every webhook that steps may name: those of the configuration,
// and those of the connectors by application. The errors are about applications
// whose connector is not known, so that its webhooks are not listed.
func Catalogue(cfg *config.Config, manifests Manifests) ([]Listed, []error) {
	var out []Listed
	used := usedBy(cfg)
	names, unknown := WebhookNames(cfg, manifests)
	for _, name := range names {
		out = append(out, listed(cfg, name, used, manifests))
	}
	return out, unknown
}

// WebhookNames lists the names of all webhooks: the configured ones, then those of
// the connectors by application. The errors are about applications whose connector
// is not known, so that its webhooks are not listed.
func WebhookNames(cfg *config.Config, manifests Manifests) (names []string, unknown []error) {
	names = slices.Sorted(maps.Keys(cfg.Webhooks))
	for _, application := range slices.Sorted(maps.Keys(cfg.Applications)) {
		m, ok := manifests(application)
		if !ok {
			unknown = append(unknown, notServed(cfg.Applications[application]))
			continue
		}
		for _, w := range m.Webhooks {
			names = append(names, application+"/"+w.Name)
		}
	}
	return names, unknown
}

// FindWebhook returns the webhook with a name. An unknown name is an
// *ident.UnknownNameError; a webhook that cannot be sent is returned with its
// Problem.
func FindWebhook(cfg *config.Config, name string, manifests Manifests) (Listed, error) {
	application, short, preconfigured := config.SplitRef(name)
	if !preconfigured {
		if _, ok := cfg.Webhooks[name]; ok {
			return listed(cfg, name, usedBy(cfg), manifests), nil
		}
		return Listed{}, unknownWebhook(cfg, name, manifests)
	}
	conf, ok := cfg.Applications[application]
	if !ok {
		return Listed{}, &ident.UnknownNameError{What: "application", Name: application, Known: slices.Collect(maps.Keys(cfg.Applications))}
	}
	m, ok := manifests(application)
	if !ok {
		return Listed{}, notServed(conf)
	}
	if _, ok := m.Webhook(short); !ok {
		return Listed{}, unknownWebhook(cfg, name, manifests)
	}
	return listed(cfg, name, usedBy(cfg), manifests), nil
}

func notServed(conf config.Application) error {
	return fmt.Errorf("%s: application %s: no connector %s serves, so nothing can be sent to it: "+
		"`rollcall connectors` says what was found, and why one was refused", conf.Pos, conf.Name, conf.Connector)
}

// unknownWebhook is the error for a name that no webhook has. A webhook of a
// connector that was named without its application is what was meant.
func unknownWebhook(cfg *config.Config, name string, manifests Manifests) error {
	known, _ := WebhookNames(cfg, manifests)
	out := &ident.UnknownNameError{What: "webhook", Name: name, Known: known, List: "rollcall webhooks"}
	if i := slices.IndexFunc(known, func(w string) bool { return strings.HasSuffix(w, "/"+name) }); i >= 0 {
		out.Meant = known[i]
	}
	return out
}

// usedBy returns the orchestrations that name a webhook, by its name.
func usedBy(cfg *config.Config) map[string][]string {
	out := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(cfg.Orchestrations)) {
		for _, s := range cfg.Orchestrations[name].Steps {
			if s.Webhook != "" && !slices.Contains(out[s.Webhook], name) {
				out[s.Webhook] = append(out[s.Webhook], name)
			}
		}
	}
	return out
}

func listed(cfg *config.Config, name string, used map[string][]string, manifests Manifests) Listed {
	own, isOwn := cfg.Webhooks[name]
	out := Listed{Name: name, Application: cfg.ApplicationOf(name), Own: isOwn, From: own.From, Place: own.Pos, UsedBy: used[name]}
	conf := cfg.Applications[out.Application]
	out.Connector = conf.Connector
	m, ok := manifests(out.Application)
	if !ok {
		out.Problem = notServed(conf)
		return out
	}
	at := cmp.Or(own.Pos, conf.Pos)
	w, _, err := Webhook(cfg, name, at, m)
	out.LinkKind, out.Call, out.Title, out.Problem = w.LinkKind, w.Call, w.Call.Title, err
	if isOwn {
		out.Title = ""
	}
	if err == nil {
		_, out.Problem = Alone(cfg, name, m)
		out.Uses = uses(cfg, w, m)
	}
	if !conf.Enabled && out.Problem == nil {
		out.Problem = fmt.Errorf("%s: application %s is not enabled, so nothing is sent to it", conf.Pos, conf.Name)
	}
	return out
}

// uses lists the names that a webhook's templates use.
func uses(cfg *config.Config, w orchestration.Webhook, m abi.Manifest) []string {
	compiled, err := outbound.Compile(w.Call, scopeOf(cfg, w, m))
	if err != nil {
		return nil // Problem says it
	}
	var out []string
	for _, root := range []string{"ad", "manager", "old", "change", "link", "links", "steps", "settings", "password", expr.NameMacros} {
		for _, refs := range compiled.References(root) {
			for _, r := range refs {
				out = append(out, strings.Join(append([]string{root}, r.Path...), "."))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// UsesLink reports whether the webhook needs the link of its object.
func (l Listed) UsesLink() bool {
	return slices.ContainsFunc(l.Uses, func(name string) bool { return name == "link" || strings.HasPrefix(name, "link.") })
}

// Alone returns an orchestration whose only step is a webhook, so that the webhook
// is rendered and sent as in any other. The error names the webhook and the place
// of each mistake.
func Alone(cfg *config.Config, name string, m abi.Manifest) (*orchestration.Orchestration, error) {
	own, isOwn := cfg.Webhooks[name]
	w, places, err := Webhook(cfg, name, cmp.Or(own.Pos, cfg.Applications[cfg.ApplicationOf(name)].Pos), m)
	if err != nil {
		return nil, err
	}
	if err := needsSteps(cfg, w, places, m); err != nil {
		return nil, err
	}
	o, err := orchestration.Compile(
		orchestration.Definition{Name: name, Password: true, Lookups: cfg.Lookups, Steps: []orchestration.Step{{Name: name, Webhook: &w}}},
		orchestration.Options{
			Applications: slices.Collect(maps.Keys(cfg.Applications)),
			Settings:     map[string][]string{w.Application: settingNames(m)},
			Place: func(_ int, member string) expr.Pos {
				if pos, set := places[strings.TrimPrefix(member, "webhook.")]; set {
					return pos
				}
				if isOwn {
					return own.Pos
				}
				return expr.Pos{Line: 1, Column: 1} // of the member, which stands in the manifest
			},
		})
	var mistakes orchestration.MistakesError
	if errors.As(err, &mistakes) {
		var all []error
		for _, one := range mistakes {
			all = append(all, aboutWebhook(name, one.Pos, one.Member, one.Message, one.Hint))
		}
		err = errors.Join(all...)
	}
	return o, err
}

// aboutWebhook is a mistake in a webhook, by the name that the administrator knows.
func aboutWebhook(name string, pos expr.Pos, member, message, hint string) error {
	place := pos.String() + ": "
	if member = strings.TrimPrefix(member, "webhook."); member != "" {
		member += ": "
	}
	if pos.File == "" {
		place, member = "", member+place
	}
	return fmt.Errorf("%swebhook %s: %s%s%s", place, name, member, message, inBrackets(hint))
}

// RenderAlone renders the webhook of Alone. An error names the webhook and the
// place; one for a value that is missing matches *outbound.MissingError.
func RenderAlone(o *orchestration.Orchestration, v orchestration.Values) (abi.Webhook, error) {
	rendered, err := o.Render(0, o.Start(v.Now), v)
	var wrong *orchestration.RenderError
	if errors.As(err, &wrong) {
		return abi.Webhook{}, fmt.Errorf("webhook %s: %s: %w", o.Definition().Name, strings.TrimPrefix(wrong.Member, "webhook."), wrong.Err)
	}
	if err != nil {
		return abi.Webhook{}, err
	}
	return *rendered.Webhook, nil
}

// StepsError says that a webhook uses the answers of other steps, so that it is
// nothing by itself.
type StepsError struct {
	Webhook string
	Err     error // with the place
}

// Error names the place, and what to do instead.
func (e *StepsError) Error() string { return e.Err.Error() }

// Unwrap returns the same without its type.
func (e *StepsError) Unwrap() error { return e.Err }

// needsSteps returns a *StepsError for a webhook that uses the answers of other
// steps.
func needsSteps(cfg *config.Config, w orchestration.Webhook, places map[string]config.Pos, m abi.Manifest) error {
	compiled, err := outbound.CompileAt(w.Call, scopeOf(cfg, w, m), places)
	if err != nil {
		return nil //nolint:nilerr // Compile reports it with everything else
	}
	uses := compiled.References("steps")
	for _, member := range slices.Sorted(maps.Keys(uses)) {
		return &StepsError{w.Ref, aboutWebhook(w.Ref, uses[member][0].Pos, member, "it uses the answer of another step (steps)",
			"by itself it has no value there: try the orchestration instead")}
	}
	return nil
}

// SampleRequest is a webhook as a request about an object that does not exist.
type SampleRequest struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
}

// Sample renders a webhook for an object that does not exist. Settings that are
// required and not set have a made-up value.
func Sample(cfg *config.Config, name string, m abi.Manifest, now time.Time) (SampleRequest, error) {
	o, err := Alone(cfg, name, m)
	if err != nil {
		return SampleRequest{}, err
	}
	conf := cfg.Applications[cfg.ApplicationOf(name)]
	settings := map[string]map[string]any{}
	for application := range cfg.Applications {
		settings[application] = map[string]any{}
	}
	for _, s := range m.Settings {
		settings[conf.Name][s.Name] = cmp.Or[any](s.Default, "sample of "+s.Name)
	}
	maps.Copy(settings[conf.Name], conf.Settings)
	w, err := RenderAlone(o, o.Sample(settings, now))
	if err != nil {
		return SampleRequest{}, err
	}
	out := SampleRequest{Method: w.Method, URL: w.URL, Headers: w.RequestHeaders()}
	if w.URL == "" {
		out.URL = strings.TrimSuffix(cmp.Or(conf.BaseURL, m.BaseURL, "https://BASE_URL"), "/") + w.Path
	}
	if len(w.Params) > 0 {
		query := url.Values{}
		for name, value := range w.Params {
			query.Set(name, value)
		}
		sign := "?"
		if strings.Contains(out.URL, "?") {
			sign = "&"
		}
		out.URL += sign + query.Encode()
	}
	if w.SendsBody() {
		out.Body = w.Body
	}
	return out, nil
}
