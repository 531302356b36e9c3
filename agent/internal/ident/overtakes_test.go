package ident

import "testing"

// TestOvertakes: what undoes a change or does the same thing anew, and nothing else.
func TestOvertakes(t *testing.T) {
	of := func(group GUID, kinds ...EventKind) Event {
		e := Event{}
		for _, kind := range kinds {
			e.Parts = append(e.Parts, EventPart{Kind: kind})
		}
		if group != "" {
			e.Group = &EventGroup{GUID: group}
		}
		return e
	}
	title, mail := Event{Parts: []EventPart{{Kind: EventModified, Attribute: "title"}}}, Event{Parts: []EventPart{{Kind: EventModified, Attribute: "mail"}}}
	for _, c := range []struct {
		name          string
		earlier, then Event
		want          bool
	}{
		{"enabled again", of("", EventDisabled), of("", EventEnabled), true},
		{"disabled again", of("", EventEnabled), of("", EventMoved, EventDisabled), true},
		{"a leaver is moved", of("", EventDisabled), of("", EventMoved), false},
		{"a leaver is deleted", of("", EventDisabled), of("", EventDeleted), false},
		{"a joiner is enabled", of("", EventCreated), of("", EventEnabled), false},
		{"a joiner is gone", of("", EventCreated), of("", EventDeleted), true},
		{"deleted by mistake", of("", EventDeleted), of("", EventRestored), true},
		{"moved on", of("", EventMoved), of("", EventMoved), true},
		{"the same attribute", title, title, true},
		{"another attribute", title, mail, false},
		{"of somebody deleted", title, of("", EventDeleted), true},
		{"left the group", of("g1", EventMemberAdded), of("g1", EventMemberRemoved), true},
		{"left another group", of("g1", EventMemberAdded), of("g2", EventMemberRemoved), false},
	} {
		if got := c.then.Overtakes(c.earlier, c.earlier.Parts); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
	both := Event{Parts: []EventPart{{Kind: EventDisabled}, {Kind: EventModified, Attribute: "title"}}}
	if title.Overtakes(both, both.Parts[:1]) {
		t.Error("a part counts that nobody asked for")
	}
}
