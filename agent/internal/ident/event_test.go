package ident

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// What is written of an event is read again to the byte, whatever the values are.
func TestEventsAreWrittenWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.SampledFrom([]string{"", "Ada", "Ž", "\xff\xd8\x00", "<&>", "{", "\u2028"}),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 5), func(b []byte) string { return string(b) }),
		)
		values := rapid.SliceOfN(value, 1, 3)
		parts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) EventPart {
			p := EventPart{Kind: EventModified, Attribute: "title"}
			if rapid.Bool().Draw(t, "old") {
				p.Old = values.Draw(t, "old values")
			}
			if rapid.Bool().Draw(t, "new") {
				p.New = values.Draw(t, "new values")
			}
			if rapid.Bool().Draw(t, "own") {
				p.Origin = &Origin{Application: "crm", Hops: 2, Instance: 7}
			}
			return p
		}), 1, 3).Draw(t, "parts")
		text, err := EncodeParts(parts)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseParts(text)
		if d := cmp.Diff(parts, again); err != nil || d != "" {
			t.Fatalf("%s: %v\n%s", text, err, d)
		}
		image := Attributes(rapid.MapOf(rapid.SampledFrom([]string{"mail", "jpegphoto"}), values).Draw(t, "image"))
		if text, err = EncodeImage(image); err != nil {
			t.Fatal(err)
		}
		seen, err := ParseImage(text)
		if d := cmp.Diff(image, seen); err != nil || d != "" {
			t.Fatalf("%s: %v\n%s", text, err, d)
		}
	})
	if text, err := EncodeParts([]EventPart{{Kind: EventModified, Attribute: "mail", Old: []string{"a&b"}}}); !strings.Contains(text, `["a&b"]`) {
		t.Errorf("a text is not written as it is: %s, %v", text, err)
	}
	for _, bad := range []string{`x`, `[{"old":7}]`, `[{"binary":true,"old":["*"]}]`} {
		if _, err := ParseParts(bad); err == nil {
			t.Errorf("parts %s are read", bad)
		}
	}
	for _, bad := range []string{`x`, `{"a":7}`, `{"a":{"binary":["*"]}}`} {
		if _, err := ParseImage(bad); err == nil {
			t.Errorf("image %s is read", bad)
		}
	}
}

func TestBefore(t *testing.T) {
	image := Attributes{"cn": {"Ada B"}, "name": {"Ada B"}, "title": {"Boss"}, "mail": {"a@x"}, "useraccountcontrol": {"514"}}
	for name, c := range map[string]struct {
		event Event
		want  Attributes
	}{
		"created":  {Event{Parts: []EventPart{{Kind: EventCreated}}}, Attributes{}},
		"restored": {Event{Parts: []EventPart{{Kind: EventRestored}}}, Attributes{}},
		"deleted":  {Event{Parts: []EventPart{{Kind: EventDeleted}}}, image},
		"too long": {Event{Parts: []EventPart{
			{Kind: EventModified, Attribute: "jpegphoto", Old: []string{"(9000 bytes)"}, Cut: true},
		}}, image},
		"all at once": {Event{From: "CN=Ada A,OU=x,DC=c", DN: "CN=Ada B,OU=y,DC=c", Parts: []EventPart{
			{Kind: EventDisabled, Old: []string{"512"}, New: []string{"514"}},
			{Kind: EventMoved},
			{Kind: EventRenamed},
			{Kind: EventModified, Attribute: "title", New: []string{"Boss"}},
			{Kind: EventModified, Attribute: "sn", Old: []string{"A"}},
		}}, Attributes{"cn": {"Ada A"}, "name": {"Ada A"}, "sn": {"A"}, "mail": {"a@x"}, "useraccountcontrol": {"512"}}},
	} {
		c.event.Image = image
		if d := cmp.Diff(c.want, c.event.Before()); d != "" {
			t.Errorf("%s (-want +got)\n%s", name, d)
		}
	}
}

// TestThePageListsTheUsualAttributes: docs/both-ways.md has those that the code has.
func TestThePageListsTheUsualAttributes(t *testing.T) {
	page, err := os.ReadFile("../../../docs/both-ways.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range []ObjectKind{ObjectUser, ObjectGroup} {
		row := "| `" + string(object) + "` | `" + strings.Join(UsualAttributes(object), "`, `") + "` |\n"
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/both-ways.md lacks the row\n%s", row)
		}
	}
}
