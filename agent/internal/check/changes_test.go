package check

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func TestMain(m *testing.M) { os.Exit(dctest.Main(m)) }

// The account as the page says it should be sees changes and deletions; a plain user
// is told what is lacking. Without an automation that asks for changes nobody asks.
func TestWhoSeesChanges(t *testing.T) {
	dc := dctest.Start(t)
	dc.AddUser(t, dc.OU("Staff"), "Plain", "plain", nil)
	asks := map[string]config.Automation{"leavers": {Trigger: config.TriggerDirectory}}
	for bind, want := range map[string]map[string]string{
		dc.BindDN: {"read changes (DirSync)": "granted", "see deletions": "granted"},
		"plain@ad.test": {
			"read changes (DirSync)": "unknown: next: grant plain@ad.test Replicating Directory Changes on DC=ad,DC=test",
			"see deletions":          "lacking: next: let plain@ad.test list and read CN=Deleted Objects,DC=ad,DC=test",
		},
	} {
		password := dc.UserPassword
		if bind == dc.BindDN {
			password = dc.BindPassword
		}
		client, err := conn.Open(t.Context(), conn.Settings{
			URLs: []string{dc.URL}, BaseDN: dc.BaseDN, BindDN: bind, CAFile: dc.CAFile, Timeout: soak.Patience,
			Password: func(context.Context) (string, error) { return password, nil },
		}, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = client.Close() }()
		c := &directoryCheck{config: config.Directory{BindDN: bind}, client: client}
		c.changes(t.Context(), map[string]config.Automation{"stale": {Trigger: config.TriggerSchedule}})
		if len(c.found) != 0 {
			t.Errorf("%s: nobody asks for changes: %v", bind, c.found)
		}
		c.changes(t.Context(), asks)
		for _, f := range c.found {
			state, reason, _ := strings.Cut(want[f.Right], ": ")
			if f.State != abi.RightState(state) || !strings.Contains(f.Reason, reason) {
				t.Errorf("%s, %s: %s, %s; want %s", bind, f.Right, f.State, f.Reason, want[f.Right])
			}
		}
		if len(c.found) != len(want) {
			t.Errorf("%s: %d findings", bind, len(c.found))
		}
	}
}
