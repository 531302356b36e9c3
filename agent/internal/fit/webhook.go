package fit

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Webhook returns a webhook that the configuration names, with everything that
// comes from the manifest, and where its texts stand in the configuration. The
// name was found at place.
func Webhook(cfg *config.Config, ref string, place config.Pos, m abi.Manifest) (orchestration.Webhook, map[string]config.Pos, error) {
	out := orchestration.Webhook{Ref: ref, Application: cfg.ApplicationOf(ref)}
	own, configured := cfg.Webhooks[ref]
	from := ref
	if configured {
		from, place = own.From, cfg.Place("webhooks", ref, "from")
	}
	var base abi.Webhook
	if from != "" {
		_, name, _ := config.SplitRef(from)
		known, ok := m.Webhook(name)
		if !ok {
			return out, nil, fmt.Errorf("%s: connector %s has no webhook %q%s", place, m.Name, name, inBrackets(nearest(name, webhookNames(m))))
		}
		base = known
	}
	if !configured {
		base.Normalize()
		out.Call, out.Macros, out.LinkKind = base, macrosFor(base, m), cmp.Or(base.Kind, ident.UserKind)
		return out, nil, refusedByAPI(cfg, out.Call, place, m)
	}
	call, places := own.Over(base)
	call.Normalize()
	if err := lostVerify(own, base, call); err != nil {
		return out, places, fmt.Errorf("%s: webhook %s: %w", own.Pos, own.Name, err)
	}
	if from == "" || moved(base, call) {
		known, _ := sameCall(call, m)
		call.Scopes, call.Rights, call.Kind = known.Scopes, known.Rights, cmp.Or(known.Kind, base.Kind)
	}
	out.Call, out.Macros, out.LinkKind = call, macrosFor(call, m), cmp.Or(own.Kind, call.Kind, ident.UserKind)
	return out, places, refusedByAPI(cfg, call, own.Pos, m)
}

// macrosFor returns the macros that the templates of a call may use: all of the
// connector's, if they use any.
func macrosFor(call abi.Webhook, m abi.Manifest) []abi.Macro {
	if text, err := json.Marshal(call); err == nil && !bytes.Contains(text, []byte(expr.NameMacros)) {
		return nil
	}
	out := make([]abi.Macro, len(m.Macros))
	for i, one := range m.Macros {
		out[i] = abi.Macro{Name: one.Name, Expression: one.Expression}
	}
	return out
}

// settingNames lists the settings of a connector. The list is not nil.
func settingNames(m abi.Manifest) []string {
	names := []string{}
	for _, s := range m.Settings {
		names = append(names, s.Name)
	}
	return names
}

func webhookNames(m abi.Manifest) []string {
	var names []string
	for _, w := range m.Webhooks {
		names = append(names, w.Name)
	}
	return names
}

// moved reports whether a webhook calls something else than the one that it
// began as.
func moved(base, call abi.Webhook) bool {
	base.Normalize()
	return base.Method != call.Method || base.Path != call.Path || base.URL != call.URL
}

// lostVerify refuses a create that calls something else and kept the manifest's
// verify: that looks for what another call makes.
func lostVerify(own config.Webhook, base, call abi.Webhook) error {
	switch {
	case !moved(base, call) || own.From == "":
		return nil
	case base.Verify != nil && own.Verify == nil:
		return fmt.Errorf("it calls something else than %s, whose verify looks for what that one makes: set verify too", own.From)
	case base.Repeatable && own.Repeatable == nil && own.Verify == nil:
		return fmt.Errorf("it calls something else than %s, which may be sent twice: say with repeatable whether this may be, too", own.From)
	}
	return nil
}

// sameCall returns the manifest's webhook with the same method and place.
func sameCall(call abi.Webhook, m abi.Manifest) (abi.Webhook, bool) {
	i := slices.IndexFunc(m.Webhooks, func(known abi.Webhook) bool { return !moved(known, call) })
	if i < 0 {
		return abi.Webhook{}, false
	}
	return m.Webhooks[i], true
}

// refusedByAPI returns an error for a call that the application's API cannot do,
// with the reason that the manifest has.
func refusedByAPI(cfg *config.Config, call abi.Webhook, place config.Pos, m abi.Manifest) error {
	call.Path, call.URL = filled(cfg, call.Path), filled(cfg, call.URL)
	body := filled(cfg, call.Body)
	if call.Body = body; body == "0" {
		call.Body = "" // one value as a whole: only the call will show its members
	}
	if l, refused := m.Refuses(call); refused {
		return fmt.Errorf("%s: webhook %s: the API of connector %s cannot do this (%s): %s", place, call.Name, m.Name, l.Operation, l.Reason)
	}
	return nil
}

// filled returns a text with 0 for each of its values, which fits within a text
// of JSON and outside of one.
func filled(cfg *config.Config, text string) string {
	t, err := outbound.NewScope("password", expr.NameMacros).WithLookups(cfg.Lookups).Template(expr.Source{Text: text}, expr.EscapeNone)
	if err != nil {
		return text // Compile reports it
	}
	var b strings.Builder
	for _, p := range t.Parts() {
		if p.Expression != nil {
			b.WriteString("0")
		}
		b.WriteString(p.Text)
	}
	return b.String()
}

// Manifests returns the manifest of an application's connector, if it is known.
type Manifests func(application string) (abi.Manifest, bool)

// Webhooks checks every webhook of the configuration, also those that no step
// names. A webhook whose connector is not known is left out.
func Webhooks(cfg *config.Config, manifests Manifests) []error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(cfg.Webhooks)) {
		m, ok := manifests(cfg.ApplicationOf(name))
		if !ok {
			continue
		}
		w, places, err := Webhook(cfg, name, cfg.Webhooks[name].Pos, m)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		_, err = outbound.CompileAt(w.Call, scopeOf(cfg, w, m), places)
		wrong = append(wrong, placed(cfg.Webhooks[name].Pos, places, err)...)
	}
	return wrong
}

// scopeOf returns the names that the templates of a webhook may use, wherever it is
// used.
func scopeOf(cfg *config.Config, w orchestration.Webhook, m abi.Manifest) expr.Scope {
	scope := func(more ...string) expr.Scope {
		return outbound.NewScope(more...).WithLookups(cfg.Lookups).WithMembers("settings", settingNames(m)...)
	}
	return outbound.WithMacros(scope("password"), scope(), w.Macros)
}

// placed turns the mistakes of a webhook into errors that begin with a place in
// the configuration.
func placed(pos config.Pos, places map[string]config.Pos, err error) []error {
	var all interface{ Unwrap() []error }
	if !errors.As(err, &all) {
		return nil
	}
	var out []error
	for _, one := range all.Unwrap() {
		var member *outbound.Error
		var at *expr.Error
		known := errors.As(one, &member) && places[member.Member].Line > 0
		if known && errors.As(one, &at) {
			out = append(out, at)
			continue
		}
		out = append(out, fmt.Errorf("%s: %w", pos, one))
	}
	return out
}

// Orchestration completes an orchestration with the manifests, and checks it as a
// whole. Each error and warning begins with its place.
func Orchestration(cfg *config.Config, name string, manifests Manifests) (*orchestration.Orchestration, []error) {
	var wrong []error
	settings := map[string][]string{}
	d, options := cfg.OrchestrationDefinition(name, func(ref string) (orchestration.Webhook, map[string]config.Pos) {
		application := cfg.ApplicationOf(ref)
		m, ok := manifests(application)
		if !ok {
			return orchestration.Webhook{Ref: ref, Application: application}, nil
		}
		settings[application] = settingNames(m)
		w, places, err := Webhook(cfg, ref, refPlace(cfg, name, ref), m)
		if err != nil {
			wrong = append(wrong, err)
		}
		return w, places
	})
	options.Settings, options.Kinds = settings, map[string][]string{}
	for application := range cfg.Applications {
		if m, ok := manifests(application); ok {
			options.Kinds[application] = KindsOf(cfg, application, m)
		}
	}
	compiled, err := orchestration.Compile(d, options)
	var mistakes orchestration.MistakesError
	if errors.As(err, &mistakes) {
		wrong = append(wrong, mistakes.Unwrap()...)
	}
	return compiled, wrong
}

// refPlace returns where an orchestration first names a webhook.
func refPlace(cfg *config.Config, name, ref string) config.Pos {
	i := slices.IndexFunc(cfg.Orchestrations[name].Steps, func(s config.Step) bool { return s.Webhook == ref })
	return cfg.Place("orchestrations", name, "steps", fmt.Sprintf("[%d]", i), "webhook")
}
