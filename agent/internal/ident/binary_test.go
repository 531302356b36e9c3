package ident

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestAttributeChangesKeepTheirBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) }), 0, 3)
		c := AttributeChange{
			Name: "thumbnailPhoto", Binary: rapid.Bool().Draw(t, "binary"), Add: rapid.Bool().Draw(t, "add"), Drift: rapid.Bool().Draw(t, "drift"),
			Old: values.Draw(t, "old"), New: values.Draw(t, "new"),
		}
		text, err := json.Marshal(Operation{Class: ClassUpdate, Attributes: []AttributeChange{c}})
		if err != nil || !utf8.Valid(text) {
			t.Fatalf("%q, %v", text, err)
		}
		var back Operation
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		got := back.Attributes[0]
		if !c.Binary && slices.ContainsFunc(slices.Concat(c.Old, c.New), func(v string) bool { return !utf8.ValidString(v) }) {
			return // JSON holds text only
		}
		if got.Name != c.Name || got.Binary != c.Binary || got.Add != c.Add || got.Drift != c.Drift || !slices.Equal(got.Old, c.Old) || !slices.Equal(got.New, c.New) {
			t.Fatalf("%+v came back as %+v", c, got)
		}
	})
}

// FuzzAttributeChange reads a change out of a file that anybody may have
// edited: what is read is written and read again alike.
func FuzzAttributeChange(f *testing.F) {
	for _, text := range []string{
		`{"name":"sn","old":[],"new":["x"]}`, `{"name":"jpegPhoto","binary":true,"old":["/9j/"],"new":[null,""]}`, `{"binary":true,"old":null}`, `null`, `[]`, `{"binary":1}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var c, again AttributeChange
		if json.Unmarshal(text, &c) != nil {
			return
		}
		out, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &again); err != nil || c.Name != again.Name || !slices.Equal(c.New, again.New) || !slices.Equal(c.Old, again.Old) || c.Binary != again.Binary {
			t.Errorf("%s: %+v became %+v, %v", text, c, again, err)
		}
	})
}

// What was stored and saved before there were binary values reads as it did.
func TestAttributeChangesOfText(t *testing.T) {
	c := AttributeChange{Name: "sn", Old: []string{}, New: []string{"<ä&>"}, Drift: true}
	text, err := marshal(c)
	const want = `{"name":"sn","old":[],"new":["<ä&>"],"drift":true}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
	var null AttributeChange
	if err := json.Unmarshal([]byte(`{"name":"sn","old":null,"new":["x"]}`), &null); err != nil || null.Old != nil || null.New[0] != "x" {
		t.Errorf("%+v, %v", null, err)
	}
	for _, bad := range []string{`[]`, `{"name":"x","binary":true,"old":["%"],"new":[]}`, `{"binary":1}`} {
		if err := json.Unmarshal([]byte(bad), &null); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func TestBinaryValuesForPeople(t *testing.T) {
	photo := strings.Repeat("\xff", 12345)
	c := AttributeChange{Name: "thumbnailPhoto", Binary: true, Old: []string{"\x00"}, New: []string{photo}}
	if got := c.Shown(c.New); len(got) != 1 || !regexp.MustCompile(`^\(binary, 12,345 bytes, SHA-256 [0-9a-f]{8}\.\.\.\)$`).MatchString(got[0]) {
		t.Errorf("shown as %q", got)
	}
	if got := (AttributeChange{}).Shown([]string{"x"}); got[0] != "x" {
		t.Errorf("text is shown as %q", got)
	}
	op := Operation{Class: ClassUpdate, Digest: "d", Attributes: []AttributeChange{{Name: "sn", New: []string{"x"}}, c}}
	brief := op.Brief()
	text, err := json.Marshal(brief)
	if err != nil || len(text) > 500 || brief.Digest != "d" || brief.Attributes[0].New[0] != "x" {
		t.Errorf("%d bytes: %s, %v", len(text), text, err)
	}
	if got := brief.Attributes[1].New[0]; !strings.HasPrefix(got, "(binary, 12,345 bytes, SHA-256 ") || len(got) != len("(binary, 12,345 bytes, SHA-256 )")+64 {
		t.Errorf("%s", got)
	}
	if op.Attributes[1].New[0] != photo {
		t.Error("the operation itself was changed")
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
}
