package ident

import (
	"strings"
	"testing"
)

func TestParseAnchorReadsWhatAnchorWrites(t *testing.T) {
	for _, space := range []Space{Users("crm_2"), SpaceOf("crm_2", "person"), SpaceOf("crm_2", "")} {
		for _, key := range []Key{"11", "12.0", "a:b", "a/b:c", "person:7", "ada@example.com", "", " 7"} {
			got, read, ok := ParseAnchor(Anchor(space, key))
			if got != space || read != key || !ok {
				t.Errorf("the anchor of %s and %q is read as %s, %q, %v", space, key, got, read, ok)
			}
		}
	}
	for _, value := range []string{
		"", "4711", ":11", "7up:11", "a crm:11", " crm:11", "crm", "crm/:11", "/person:11", "crm/person", "crm/a/b:11", "crm/7:11",
		"crm/user:11", // users have one name
	} {
		if space, key, ok := ParseAnchor(value); ok || space != (Space{}) || key != "" {
			t.Errorf("%q is read as the anchor %s, %q", value, space, key)
		}
	}
}

// An anchor that versions before kinds wrote is that of a user.
func TestAnchorsOfUsersStayAsTheyWere(t *testing.T) {
	if a := Anchor(Users("crm"), "7"); a != "crm:7" {
		t.Error(a)
	}
	if space, key, ok := ParseAnchor("crm:a/b:7"); !ok || space != Users("crm") || key != "a/b:7" {
		t.Error(space, key, ok)
	}
}

// The prefix of one space is that of no anchor of another one.
func TestAnchorsOfOneSpaceBeginAlike(t *testing.T) {
	spaces := []Space{Users("crm"), SpaceOf("crm", "person"), SpaceOf("crm", "persons"), Users("crm_person"), Users("crm-2")}
	for _, one := range spaces {
		for _, other := range spaces {
			if is := strings.HasPrefix(Anchor(other, "7"), Anchor(one, "")); is != (one == other) {
				t.Errorf("the prefix of %s, the anchor of %s: %v", one, other, is)
			}
		}
	}
}
