package fit

import (
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// wrongAudience refuses to create accounts from records that are not meant to
// have one: those of people whom the application only knows of, such as
// customers, and those of objects.
func (f Fitted) wrongAudience(conf config.Automation, data config.DataSource, m abi.Manifest) error {
	if f.known == nil {
		return nil
	}
	called := f.Endpoint.Name
	if f.known.Name != called {
		called += ", which calls what connector " + m.Name + " knows as " + f.known.Name
	}
	place := fmt.Sprintf("%s: automation %s: data source %s reads endpoint %s", conf.Pos, conf.Name, data.Name, called)
	switch {
	case f.known.Audience == abi.AudienceObjects:
		return fmt.Errorf("%s: connector %s says that its records are objects, such as roles or teams, and no people: no automation can use it%s",
			place, m.Name, instead(m, ""))
	case f.known.Audience == abi.AudienceCustomers && data.Where == nil && conf.Action.MakesAccounts():
		return fmt.Errorf("%s: connector %s says that its records are customers, people whom the application knows of "+
			"and who do not log in to it: action = %q would make an account for each of them; "+
			"say with where in [data_sources.%s] who is to get one, or use action = \"update\", which makes no accounts%s",
			place, m.Name, conf.Action, data.Name, instead(m, ", or "))
	}
	return nil
}

// instead names the endpoints whose records are people who log in.
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
