package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTheExampleDoesNotPass checks that each value of the shipped example that
// an administrator has to change is an error until it is changed, also in the
// other examples.
func TestTheExampleDoesNotPass(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(examples, "agent.toml"))
	if err != nil {
		t.Fatal(err)
	}
	errs, _ := mustLoad(t, map[string]string{"agent.toml": string(text)}).Leftovers()
	for _, of := range []string{"urls = ", "base_dn", "scope = ", "bind_dn", "userPrincipalName", "ou  ", "missing = "} {
		at := strings.Index(string(text), "\n"+of)
		line := 2 + strings.Count(string(text[:at]), "\n")
		found := false
		for _, e := range errs {
			found = found || e.Pos.Line <= line && line-e.Pos.Line <= 6
		}
		if at < 0 || !found {
			t.Errorf("%s as in the example is no error: %v", of, errs)
		}
	}
	infobip, err := os.ReadFile(filepath.Join(examples, "conf.d", "infobip.toml.example"))
	if err != nil {
		t.Fatal(err)
	}
	more, _ := mustLoad(t, map[string]string{"agent.toml": string(text), "conf.d/infobip.toml": string(infobip)}).Leftovers()
	if len(more) != len(errs)+1 {
		t.Errorf("base_url of infobip.toml.example: %v", more[len(errs):])
	}
}

func TestLeftovers(t *testing.T) {
	for name, c := range map[string]struct {
		replace []string
		want    []string
	}{
		"nothing":                       {},
		"a mark with the example":       {[]string{`base_dn = "DC=corp,DC=test"`, `base_dn = "DC=example,DC=com" # CHANGE`}, []string{"error DC=example"}},
		"a mark with another value":     {[]string{`base_dn = "DC=corp,DC=test"`, `base_dn = "DC=corp,DC=test" # CHANGE`}, []string{"warning this is still marked CHANGE"}},
		"a mark above several lines":    {[]string{"bind_dn =", "# CHANGE both.\n# They are yours.\nbind_dn =", "corp.test\"\nbind", "example.com\"\nbind"}, []string{"error example.com"}},
		"a mark about a list":           {[]string{"scope = [\n", "# CHANGE\nscope = [\n  \"OU=X,DC=example,DC=org\",\n"}, []string{"error DC=example"}},
		"a mark in the value":           {[]string{"displayName = \"", "description = \"'# CHANGE example.com'\"\ndisplayName = \""}, []string{"warning example.com"}},
		"a mark about nothing":          {[]string{"[directory]", "# CHANGE what says CHANGE, example.com\n\n[directory]"}, nil},
		"the word within others":        {[]string{"[directory]", "# EXCHANGED, changes, Change\n[directory]"}, nil},
		"an example's host, not marked": {[]string{"dc1.corp.test", "dc1.example.com"}, []string{"warning dc1.example.com"}},
		"an example's mail domain":      {[]string{"displayName = \"", "mail = \"{{ user.id }}@example.org\"\ndisplayName = \""}, []string{"warning example.org"}},
		"a reserved name":               {[]string{"dc1.corp.test", "dc1.corp.example"}, []string{"warning dc1.corp.example"}},
	} {
		text := `[directory]
urls = ["ldaps://dc1.corp.test"]
base_dn = "DC=corp,DC=test"
scope = [
  "DC=corp,DC=test",
]
bind_dn = "rollcall@corp.test"
bind_password = "@{env:AD_PASSWORD}"
[modules]
allow_unsigned = true
[applications.app]
connector = "x"
auth = "bearer"
token = "@{env:T}"
[data_sources.people]
category = "update"
application = "app"
endpoints = ["users"]
primary_key = "id"
[data_sources.people.attributes]
displayName = "{{ user.name }}"
`
		cfg, _ := Check(filepath.Join(writeFiles(t, map[string]string{"agent.toml": strings.NewReplacer(c.replace...).Replace(text)}), "agent.toml"))
		var got []string
		errs, warnings := cfg.Leftovers()
		for _, e := range errs {
			got = append(got, "error "+e.Message)
		}
		for _, w := range warnings {
			got = append(got, "warning "+w.Message)
		}
		matches := len(got) == len(c.want)
		for i := 0; matches && i < len(got); i++ {
			kind, what, _ := strings.Cut(strings.Replace(c.want[i], "error ", "error ", 1), " ")
			matches = strings.HasPrefix(got[i], kind) && strings.Contains(got[i], what)
		}
		if !matches {
			t.Errorf("%s: %s", name, cmp.Diff(c.want, got))
		}
	}
}
