package oauth

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/credential"
)

// unreadable is a secret, or a store of them, that this machine cannot read.
type unreadable struct{}

func (unreadable) Error() string { return "user rollcall cannot read it" }
func (unreadable) Local() bool   { return true }

type brokenVault struct{ Vault }

func (brokenVault) Get(context.Context, string) ([]byte, bool, error) {
	return nil, false, errors.New("the disk is gone")
}

// TestFaultsOfThisMachine tells what went wrong here from what the token server
// refused: only that is a reason to authorize again or to renew anything.
func TestFaultsOfThisMachine(t *testing.T) {
	v := newVendor(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		stored string
		change func(*Credentials, *memory)
		local  bool
	}{
		"nothing stored":       {"", nil, true},
		"stored rubbish":       {"hello", nil, true},
		"a broken store":       {`{"refresh_token":"r0"}`, func(c *Credentials, _ *memory) { c.vault = brokenVault{} }, true},
		"a store that is full": {`{"refresh_token":"r0"}`, func(_ *Credentials, m *memory) { m.refuse = "r" }, true},
		"no lock":              {`{"refresh_token":"r0"}`, func(c *Credentials, _ *memory) { c.locks = FileLocks{Dir: filepath.Join(file, "locks")} }, true},
		"an unreadable secret": {`{"refresh_token":"r0"}`, func(c *Credentials, _ *memory) {
			c.settings.ClientSecret = func(context.Context) (string, error) { return "", unreadable{} }
		}, true},
		"a refused token":        {`{"refresh_token":"gone"}`, nil, false},
		"a token that has ended": {`{"access_token":""}`, nil, false},
	} {
		credentials, m := credentials(t, v, c.stored)
		if c.change != nil {
			c.change(credentials, m)
		}
		_, err := header(t, credentials)
		var failed *credential.Error
		if !errors.As(err, &failed) || failed.Local() != c.local {
			t.Errorf("%s: local is not %v: %v", name, c.local, err)
		}
	}
	machine := NewClientCredentials(Settings{
		Application: "acme", TokenURL: v.URL, ClientID: "client", HTTP: v.Client(),
		ClientSecret: func(context.Context) (string, error) { return "", unreadable{} },
	})
	_, err := machine.Granted(t.Context())
	var failed *credential.Error
	if !errors.As(err, &failed) || !failed.Local() {
		t.Errorf("client credentials: %v", err)
	}
}
