package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWarningsOfNearMisses loads what is valid but probably not intended.
func TestWarningsOfNearMisses(t *testing.T) {
	const mail = `mail = { value = "{{ lower(user.email) }}", unique = "forest" }`
	for name, c := range map[string]struct{ old, with, want string }{
		"nothing": {},
		"a format without braces": {
			mail, mail + "\ntitle = { formats = [\"trim(user.title)\"] }",
			`36:23: warning: "trim(user.title)" looks like an expression, and is written as it stands (write {{ trim(user.title) }})`,
		},
		"a value among several": {
			mail, mail + "\nproxyAddresses = { values = [\"smtp:{{ user.email }}\", \"user.email\"] }",
			`36:56: warning: "user.email" looks like an expression`,
		},
		"a default": {
			mail, mail + "\ntitle = { value = \"user.title\", on_missing = \"default\", default = \"user.name\" }",
			`36:68: warning: "user.name" looks like`,
		},
		"a default that is a text": {mail, mail + "\ntitle = { value = \"user.title\", on_missing = \"default\", default = \"user of none\" }", ""},
		"braces of others":         {mail, mail + "\ntitle = { formats = [\"${title}\", \"%title%\"] }", `"${title}" looks like an expression, and is written as it stands (write {{ title }})`},
		"an address":               {mail, mail + "\ntitle = { formats = [\"power.user.x@corp.test\"] }", ""},
		"a misspelled attribute": {
			mail, mail + "\ndepartmnt = \"user.x\"",
			`36:1: warning: departmnt is no attribute that AD has for users by itself (did you mean "department"? it is right if your schema has it)`,
		},
		"what others call it": {mail, mail + "\nsurname = \"user.x\"", `surname is no attribute that AD has for users by itself (did you mean "sn"?`},
		"of Exchange":         {mail, mail + "\nextensionAttribute15 = \"user.x\"", ""},
		"in another case":     {mail, mail + "\nTELEPHONENUMBER = \"user.x\"", ""},
		"of one's own": {
			mail, mail + "\ncorpBadgeColour = \"user.x\"",
			"corpBadgeColour is no attribute that AD has for users by itself (right if your schema has it: `rollcall validate --online` looks)",
		},
		"an anchor":                 {`bind_dn = "rollcall@example.com"`, `bind_dn = "rollcall@example.com"` + "\nanchor = \"employeNumber\"", `12:11: warning: employeNumber is no attribute`},
		"a name alone to bind with": {`bind_dn = "rollcall@example.com"`, `bind_dn = "rollcall"`, `11:12: warning: bind_dn is "rollcall", which is no user@domain, no distinguished name and no DOMAIN\user (AD takes the name of an account alone for nobody's)`},
		"where is constant":         {`where = 'user.active_flag'`, `where = 'true'`, `30:10: warning: where does not look at the record: it is the same for everybody`},
		"a variable for a secret":   {`"@{env:PIPEDRIVE_TOKEN}"`, `"${PIPEDRIVE_TOKEN}"`, `api_key holds a secret in plain text (did you mean an environment variable? write "@{env:NAME}")`},
		"a path for a secret":       {`"@{env:PIPEDRIVE_TOKEN}"`, `"/etc/rollcall/token"`, `(did you mean what is in a file? write "@{file:/path}")`},
		"a reference half written":  {`"@{env:PIPEDRIVE_TOKEN}"`, `"@file:/etc/rollcall/token"`, `(did you mean a reference? write "@{file:...}")`},
	} {
		text := base(t)
		if !strings.Contains(text, c.old) {
			t.Fatalf("%s: the base has no %s", name, c.old)
		}
		if c.old != "" {
			text = strings.Replace(text, c.old, c.with, 1)
		}
		var got []string
		for _, w := range mustLoad(t, map[string]string{"agent.toml": text}).Warnings {
			got = append(got, w.String())
		}
		if all := strings.Join(got, "\n"); !strings.Contains(all, c.want) || c.want == "" && all != "" || strings.Contains(all, "etc/rollcall/token") {
			t.Errorf("%s: got  %s\nwant %s", name, all, c.want)
		}
	}
}

// An attribute that cannot be mapped is an error. There is no warning about its
// name as well.
func TestWrongIsNotAlsoDoubtful(t *testing.T) {
	const line = `displayName = "{{ trim(user.name) }}"`
	text := strings.Replace(base(t), line, line+"\nmemberOf = \"x\"\ncorpBadge = \"x\"", 1)
	file := filepath.Join(t.TempDir(), "agent.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, errs := Check(file)
	if cfg == nil || !strings.Contains(errs.Error(), "memberOf cannot be mapped") {
		t.Fatalf("got %v", errs)
	}
	var got []string
	for _, w := range cfg.Warnings {
		got = append(got, w.String())
	}
	if all := strings.Join(got, "\n"); strings.Contains(all, "memberOf") || !strings.Contains(all, "corpBadge") {
		t.Errorf("warnings: %s", all)
	}
}
