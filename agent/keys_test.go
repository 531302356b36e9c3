package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestPrimaryKeyIsTheKey: what the configuration names is what records are told
// apart by, whatever key the endpoint has, and it is fetched.
func TestPrimaryKeyIsTheKey(t *testing.T) {
	m := abi.Manifest{
		Name: "pipedrive", BaseURL: "https://api.example.com", Auth: []abi.AuthProfile{{Kind: abi.AuthAPIKey}},
		Endpoints:  []abi.Endpoint{{Name: "users", Path: "/v1/users", Key: "/id"}},
		Attributes: []abi.Attribute{{Name: "id", Type: abi.TypeInt}, {Name: "email", Type: abi.TypeString}, {Name: "profile", Type: abi.TypeObject}, {Name: "a/b~c", Type: abi.TypeString}},
	}
	m.Normalize()
	base, err := os.ReadFile("testdata/agent.toml")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct{ key, field string }{
		"id": {"/id", "id"}, "email": {"/email", "email"}, "/profile/uuid": {"/profile/uuid", "profile"}, "a/b~c": {"/a~1b~0c", "a/b~c"},
	} {
		file := filepath.Join(t.TempDir(), "agent.toml")
		text := strings.Replace(string(base), `primary_key = "id"`, `primary_key = "`+name+`"`, 1)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		fits, wrong := fit(cfg, "staff", m)
		if len(wrong) > 0 || fits.endpoint.Key != want.key || fits.ownKey != "/id" || !slices.Contains(fits.mapper.Fields(), want.field) {
			t.Errorf("primary_key = %q: key %q, own %q, fields %v, %v", name, fits.endpoint.Key, fits.ownKey, fits.mapper.Fields(), wrong)
		}
	}
}
