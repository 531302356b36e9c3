package connector

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const faulty = `name = "acme"
version = "1.0.0"
abi = "rollcall_v1"
title = "Acme"
base_url = "https://api.acme.example"
hosts = ["api.acme.example"]
[[settings]]
name = "team"
type = "string"
[[endpoints]]
name = "users"
path = "/users"
key = "/id"
[[endpoints.attributes]]
name = "email"
type = "string"
value = "lowr(user.mail)"
[[webhooks]]
name = "create_user"
path = "/users/{{ user.id }}"
params = { team = "{{ settings.taem }}" }
body = '''
{"team": "{{ settings.team }}",
 "name": "{{ uper(ad.cn) }}"}'''
[webhooks.verify]
path = "/users"
params = { mail = "{{ ad.mail" }
`

func TestBuildNamesEveryMistakeInAManifest(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "manifest.toml"), []byte(faulty), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Build(t.Context(), dir, filepath.Join(dir, "acme.wasm"), &bytes.Buffer{})
	if err == nil {
		t.Fatal("it was built")
	}
	for _, want := range []string{
		"webhook create_user: path: 1:11: ",
		`webhook create_user: body: 2:14: unknown name uper (did you mean "upper"?)`,
		`webhook create_user: params.team: 1:13: unknown field taem (did you mean "team"?)`,
		"webhook create_user: verify.params.mail: 1:1: {{ without }}",
		`endpoint users: attribute email: 1:1: unknown name lowr (did you mean "lower"?)`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q:\n%v", want, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "acme.wasm")); err == nil {
		t.Error("a module was written")
	}
}
