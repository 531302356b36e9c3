package runtime

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/receiver"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// A run whose writes all failed is made again; one that waits for a person, or for
// its own time, is not.
func TestRunsThatAreMadeAgain(t *testing.T) {
	counted := func(of ident.Result) map[ident.Class]map[ident.Result]int {
		return map[ident.Class]map[ident.Result]int{ident.ClassUpdate: {of: 1}}
	}
	for name, c := range map[string]struct {
		report engine.Report
		again  bool
	}{
		"done":           {engine.Report{Run: store.Run{Result: store.RunOK}, Counts: counted(ident.ResultApplied)}, false},
		"held":           {engine.Report{Run: store.Run{Result: store.RunHeld}, Counts: counted(ident.ResultHeld)}, false},
		"limits":         {engine.Report{Run: store.Run{Result: store.RunHeld}, Counts: counted(ident.ResultRefused)}, false},
		"quarantine":     {engine.Report{Run: store.Run{Result: store.RunQuarantined}}, false},
		"all failed":     {engine.Report{Run: store.Run{Result: store.RunFailed, Error: "the directory is busy"}, Counts: counted(ident.ResultFailed)}, true},
		"crashed":        {engine.Report{Run: store.Run{Result: store.RunFailed, Error: "internal error"}}, true},
		"refused before": {engine.Report{Run: store.Run{Result: store.RunFailed}, Summary: engine.Summary{Refused: 1}}, false},
	} {
		err := untold(c.report)
		if (err != nil) != c.again || err != nil && !strings.Contains(err.Error(), c.report.Error) {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := untold(engine.Report{Run: store.Run{ID: 7, Result: store.RunQuarantined}, Unread: map[ident.Key]string{"..": "the path is refused"}})
	var partly receiver.Partly
	if !errors.As(err, &partly) || !partly.Unread("..") || partly.Unread("1") || !strings.Contains(err.Error(), "the path is refused") {
		t.Error(err)
	}
}

// An application whose connector does not serve is known to the receiver, which
// has it come again. One that may not send is not.
func TestSendersWhoseConnectorDoesNotServe(t *testing.T) {
	may := config.ApplicationReceiver{Enabled: true}
	a := &Agent{}
	a.now.Store(&Snapshot{
		config: &config.Config{Applications: map[string]config.Application{
			"acme":     {Name: "acme", Connector: "broken", Enabled: true, Receiver: may},
			"crm":      {Name: "crm", Connector: "gone", Enabled: true, Receiver: may},
			"disabled": {Name: "disabled", Connector: "broken", Receiver: may},
			"polled":   {Name: "polled", Connector: "broken", Enabled: true},
			"silent":   {Name: "silent", Connector: "silent", Enabled: true, Receiver: may},
		}},
		connectors: map[string]served{"broken": {err: errors.New("not a connector")}, "silent": {}},
	})
	var got []string
	for _, app := range (senders{a}).All() {
		got = append(got, fmt.Sprint(app.Name, " ", app.Unserved))
	}
	if !slices.Equal(got, []string{"acme true", "crm true"}) {
		t.Error(got)
	}
}
