package fit

import (
	"slices"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestPrimaryKeyIsTheKey checks that the configured field identifies the
// records, whatever key the endpoint has, and that it is fetched.
func TestPrimaryKeyIsTheKey(t *testing.T) {
	m := abi.Manifest{
		Name: "pipedrive", BaseURL: "https://api.example.com", Auth: []abi.AuthProfile{{Kind: abi.AuthAPIKey}},
		Endpoints:  []abi.Endpoint{{Name: "users", Path: "/v1/users", Key: "/id"}},
		Attributes: []abi.Attribute{{Name: "id", Type: abi.TypeInt}, {Name: "email", Type: abi.TypeString}, {Name: "profile", Type: abi.TypeObject}, {Name: "a/b~c", Type: abi.TypeString}},
	}
	m.Normalize()
	for name, want := range map[string]struct{ key, field string }{
		"id": {"/id", "id"}, "email": {"/email", "email"}, "/profile/uuid": {"/profile/uuid", "profile"}, "a/b~c": {"/a~1b~0c", "a/b~c"},
	} {
		cfg := configured(t, `primary_key = "id"`, `primary_key = "`+name+`"`)
		fits, wrong := Automation(cfg, "staff", m, time.Now())
		if len(wrong) > 0 || fits.Endpoint.Key != want.key || fits.OwnKey != "/id" || !slices.Contains(fits.Mapper.Fields(), want.field) {
			t.Errorf("primary_key = %q: key %q, own %q, fields %v, %v", name, fits.Endpoint.Key, fits.OwnKey, fits.Mapper.Fields(), wrong)
		}
	}
}
