package ident

import (
	"strings"
	"testing"
)

// TestUsualSchemaIsRead checks that each line of the table becomes a rule. What
// the rules say is compared with a domain controller in package mirror.
func TestUsualSchemaIsRead(t *testing.T) {
	seen := map[string]bool{}
	for line := range strings.Lines(usualText) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 6 {
			t.Fatalf("%q has %d fields", line, len(f))
		}
		name := strings.ToLower(f[0])
		if _, ok := UsualSchema()[name]; !ok || seen[name] {
			t.Errorf("%s: there %v, twice %v", f[0], ok, seen[name])
		}
		seen[name] = true
		if _, ok := usualSyntaxes[f[1]]; !ok && f[1] != "any" {
			t.Errorf("%s: unknown syntax %s", f[0], f[1])
		}
		for _, end := range f[3:5] {
			if (end == "-") != (usualBound(end) == nil) {
				t.Errorf("%s: range %q", f[0], end)
			}
		}
		if s := f[5]; s != "-" && s != "computed" && s != "system" && !strings.HasPrefix(s, "of:") {
			t.Errorf("%s: %q", f[0], s)
		}
	}
	if len(seen) < 400 || len(UsualSchema()) != len(seen) {
		t.Errorf("%d lines, %d rules", len(seen), len(UsualSchema()))
	}
}

func TestUsualSchema(t *testing.T) {
	for _, c := range []struct {
		attribute string
		values    []string
		want      string // "" accepts them
	}{
		{"title", []string{strings.Repeat("x", 128)}, ""},
		{"title", []string{strings.Repeat("x", 129)}, "is longer than 128 characters"},
		{"Description", []string{"a", "b"}, "it takes one value"},
		{"proxyAddresses", []string{"a", "b"}, ""},
		{"countryCode", []string{"65536"}, "65536 is not from 0 up to 65535"},
		{"msNPAllowDialin", []string{"yes"}, "is neither TRUE nor FALSE"},
		{"corpBadge", []string{"anything"}, ""},
	} {
		cause, _ := UsualSchema().Rule(c.attribute).Refuses(c.values, false)
		if (cause == "") != (c.want == "") || !strings.Contains(cause, c.want) {
			t.Errorf("%s %.20q: %q, want %q", c.attribute, c.values, cause, c.want)
		}
	}
	for name, want := range map[string]string{
		"directReports": "is the backlink of manager", "canonicalName": "is computed", "whenCreated": "by the directory itself", "mail": "",
		"msDS-TDOIngressBL": "is a backlink",
	} {
		if rule := UsualSchema().Rule(name); (rule.Unusable == "") != (want == "") || !strings.Contains(rule.Unusable, want) {
			t.Errorf("%s: %q, want %q", name, rule.Unusable, want)
		}
	}
}

func TestSpelled(t *testing.T) {
	for name, want := range map[string]string{
		"displayname": "displayName", "PHYSICALDELIVERYOFFICENAME": "physicalDeliveryOfficeName", "grouptype": "groupType", "title": "title",
		"corpBadge": "corpBadge", "": "",
	} {
		if got := Spelled(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
