package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/macro"
	"github.com/rollcall-agent/rollcall/agent/internal/source"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// granter is implemented by credentials that know which scopes they were
// granted. The list is empty if the vendor did not say.
type granter interface {
	Granted(ctx context.Context) ([]string, error)
}

// application checks whether an application accepts the credentials, and which
// of the configured calls they allow.
func application(ctx context.Context, conf config.Application, agent Agent) []Finding {
	where := "application " + conf.Name
	one := func(right string, state abi.RightState, err error) []Finding {
		return []Finding{{where, abi.Finding{Use: "application", Right: right, State: state, Reason: err.Error()}}}
	}
	connector, err := agent.Connector(conf)
	if err != nil {
		return one("connector", Failed, source.WithNext(err))
	}
	m := connector.Manifest()
	target, err := agent.Application(ctx, conf, m)
	if err != nil {
		return one("credentials", Failed, err)
	}
	needs := fit.Needs(agent.Config(), conf, m, time.Now())
	asked := make([]abi.Need, len(needs))
	for i, n := range needs {
		asked[i] = n.Need
	}
	target.Macros = macro.ForCheck(m, target.Settings, time.Now())
	before := refreshEnds(ctx, target.Credentials)
	unused := func() []abi.Finding { return refreshFinding(ctx, target.Credentials, before, time.Now(), conf.Name) }
	told, err := connector.Check(ctx, target, asked)
	if err != nil {
		found := one("credentials", credentialsState(err), source.WithNext(err))
		for _, f := range unused() {
			found = append(found, Finding{where, f})
		}
		return found
	}
	found := one("credentials", abi.RightGranted, fmt.Errorf("accepted (auth = %q)", conf.Auth))
	told = append(told, unused()...)
	if g, ok := target.Credentials.(granter); ok {
		told = append(told, scopeFindings(ctx, g, needs, conf.Name)...)
	}
	for _, f := range append(told, untold(needs, told, m.Name)...) {
		found = append(found, Finding{where, f})
	}
	return found
}

// credentialsState distinguishes a refusal from a failure to ask.
func credentialsState(err error) abi.RightState {
	var failed *host.CallError
	if errors.As(err, &failed) && (failed.Kind == abi.KindAuth || failed.Kind == abi.KindForbidden) {
		return abi.RightLacking
	}
	return Failed
}

// untold lists the needs that the connector said nothing about.
func untold(needs []fit.Need, told []abi.Finding, connector string) []abi.Finding {
	var out []abi.Finding
	for _, n := range needs {
		about := func(right string) bool {
			return slices.ContainsFunc(told, func(f abi.Finding) bool { return f.Use == n.Use && (right == "" || f.Right == right) })
		}
		unknown := func(right, format string, args ...any) {
			out = append(out, abi.Finding{Use: n.Use, Right: right, State: abi.RightUnknown, Reason: fmt.Sprintf(format, args...)})
		}
		switch {
		case about(""):
		case !n.Known:
			unknown("", "the manifest of connector %s does not know this call", connector)
		case len(n.Rights) == 0:
			unknown("", "the manifest of connector %s names no right for it", connector)
		}
		for _, right := range n.Rights {
			if !about(right) {
				unknown(right, "connector %s does not find it out: look at the account in the application", connector)
			}
		}
	}
	return out
}

// scopeFindings compares the scopes that calls need with those of the token.
func scopeFindings(ctx context.Context, g granter, needs []fit.Need, application string) []abi.Finding {
	granted, err := g.Granted(ctx)
	var out []abi.Finding
	for _, n := range needs {
		for _, scope := range n.Scopes {
			f := abi.Finding{Use: n.Use, Right: "scope " + scope}
			switch {
			case err != nil:
				f.State, f.Reason = Failed, err.Error()
			case len(granted) == 0:
				f.State, f.Reason = abi.RightUnknown, "the vendor did not say which scopes the token has"
			case slices.Contains(granted, scope):
				f.State, f.Reason = abi.RightGranted, "the token has it"
			default:
				f.State = abi.RightLacking
				f.Reason = fmt.Sprintf("the token has only: %s; give the scope to the app at the vendor, "+
					"then `rollcall authorize %s`", strings.Join(granted, ", "), application)
			}
			out = append(out, f)
		}
	}
	return out
}
