package config

import (
	"strings"
	"testing"
)

func TestDigestChangesWithThePlan(t *testing.T) {
	text := base(t)
	before := digest(t, text)
	if len(before) != 64 || digest(t, text) != before {
		t.Fatalf("digest %q is not stable", before)
	}
	for _, edit := range []struct {
		old, with string
		same      bool
	}{
		{old: `schedule = "*/15 * * * *"`, with: `schedule = "@daily"`, same: true},
		{old: `@{env:PIPEDRIVE_TOKEN}`, with: `@{env:OTHER}`, same: true},
		{old: `@{env:AD_PASSWORD}`, with: `plain`, same: true},
		{old: "[data_sources.people]\n", with: "# moved down\n[data_sources.people]\ndescription = \"x\"\n", same: true},
		{old: "ldaps://dc1", with: "ldaps://dc2", same: true},
		{old: "[lookups]", with: "[applications.pipedrive.endpoints.other]\npath = \"/x\"\n[lookups]", same: true},
		{old: "allow_unsigned = true", with: "allow_unsigned = true\nmemory_mib = 32", same: true},

		{old: "create = 100", with: "create = 101"},
		{old: `action = "lifecycle"`, with: "action = \"lifecycle\"\napproval = \"always\""},
		{old: `action = "lifecycle"`, with: "action = \"lifecycle\"\npassword = { must_change = false }"},
		{old: `match = ["mail"]`, with: "match = [\"mail\"]\nadopt = \"review\"", same: true},
		{old: `match = ["mail"]`, with: "match = [\"mail\"]\nadopt = { mode = \"review\", move = false }", same: true},
		{old: `match = ["mail"]`, with: "match = [\"mail\"]\nadopt = { move = true }"},
		{old: `match = ["mail"]`, with: "match = [\"mail\"]\nadopt = \"auto\""},
		{old: `match = ["mail"]`, with: `match = ["mail", "displayName"]`},
		{old: "CN=CRM,", with: "CN=Sales,"},
		{old: `move_to = "OU=Leavers,`, with: `move_to = "OU=Staff,`},
		{old: "user.active_flag", with: "!user.active_flag"},
		{old: "trim(user.name)", with: "upper(user.name)"},
		{old: `suffix = "number", apply = "create"`, with: `suffix = "number"`},
		{old: `unique = "forest"`, with: `unique = "domain"`},
		{old: `"1" = "Sales"`, with: `"1" = "Marketing"`},
		{old: `path = "/v1/users"`, with: `path = "/v2/users"`},
		{old: `path = "/v1/users"`, with: "path = \"/v1/users\"\nparams = { a = \"b\" }"},
		{old: `path = "/v1/users"`, with: "path = \"/v1/users\"\nmode = \"changes\""},
		{old: `connector = "pipedrive"`, with: "connector = \"pipedrive\"\nbase_url = \"https://x.example.com\""},
		{old: `connector = "pipedrive"`, with: "connector = \"pipedrive\"\nsettings = { a = 1 }"},
		{old: `primary_key = "id"`, with: `primary_key = "key"`},
		{old: `"OU=Groups,DC=example,DC=com"]`, with: `"OU=Groups,DC=example,DC=com", "OU=X,DC=example,DC=com"]`},
		{old: `bind_dn =`, with: "anchor = \"employeeID\"\nbind_dn ="},
		{old: `bind_dn =`, with: "protected_groups = [\"CN=X,DC=example,DC=com\"]\nbind_dn ="},
		{old: `bind_dn =`, with: "allow_protected = [\"CN=X,DC=example,DC=com\"]\nbind_dn ="},
	} {
		changed := strings.Replace(text, edit.old, edit.with, 1)
		if changed == text && edit.old != edit.with {
			t.Fatalf("the base does not hold %s", edit.old)
		}
		if same := digest(t, changed) == before; same != edit.same {
			t.Errorf("%s -> %s: same digest is %t, want %t", edit.old, edit.with, same, edit.same)
		}
	}
}

func TestDigestOfNothing(t *testing.T) {
	if _, err := mustLoad(t, map[string]string{"agent.toml": base(t)}).Digest("none"); err == nil {
		t.Error("an automation that does not exist has a digest")
	}
}

func digest(t *testing.T, text string) string {
	t.Helper()
	d, err := mustLoad(t, map[string]string{"agent.toml": text}).Digest("staff")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestFingerprint: it is another one for each change of an application that a call
// can notice, a secret that is read from elsewhere included.
func TestFingerprint(t *testing.T) {
	text := base(t)
	of := func(text string) string {
		return mustLoad(t, map[string]string{"agent.toml": text}).Applications["pipedrive"].Fingerprint()
	}
	before := of(text)
	if before != of(text) {
		t.Fatal("it is not stable")
	}
	for _, edit := range []struct {
		old, with string
		same      bool
	}{
		{old: "[applications.pipedrive]\n", with: "\n# moved down\n[applications.pipedrive]\n", same: true},
		{old: "create = 100", with: "create = 101", same: true},
		{old: `@{env:PIPEDRIVE_TOKEN}`, with: `@{env:OTHER}`},
		{old: `connector = "pipedrive"`, with: "connector = \"pipedrive\"\nsecrets = { hook = \"@{env:H}\" }"},
		{old: `connector = "pipedrive"`, with: "connector = \"pipedrive\"\nsettings = { a = 1, b = nan }"},
		{old: `connector = "pipedrive"`, with: "connector = \"pipedrive\"\nrate_limit = \"1/1s\""},
		{old: `connector = "pipedrive"`, with: "connector = \"pipedrive\"\nbase_url = \"https://x.example.com\""},
		{old: `path = "/v1/users"`, with: `path = "/v2/users"`},
	} {
		changed := strings.Replace(text, edit.old, edit.with, 1)
		if changed == text {
			t.Fatalf("the base does not hold %s", edit.old)
		}
		if same := of(changed) == before; same != edit.same {
			t.Errorf("%s -> %s: same fingerprint is %t, want %t", edit.old, edit.with, same, edit.same)
		}
	}
}
