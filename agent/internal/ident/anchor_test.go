package ident

import "testing"

func TestParseAnchorReadsWhatAnchorWrites(t *testing.T) {
	for _, key := range []Key{"11", "12.0", "a:b", "ada@example.com", "", " 7"} {
		application, got, ok := ParseAnchor(Anchor("crm_2", key))
		if application != "crm_2" || got != key || !ok {
			t.Errorf("the anchor of %q is read as %q, %q, %v", key, application, got, ok)
		}
	}
	for _, value := range []string{"", "4711", ":11", "7up:11", "a crm:11", " crm:11", "crm"} {
		if application, key, ok := ParseAnchor(value); ok || application != "" || key != "" {
			t.Errorf("%q is read as the anchor %q, %q", value, application, key)
		}
	}
}
