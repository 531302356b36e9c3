package mapping

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func attach(edit func(*AttributeDef)) AttributeDef {
	a := AttributeDef{Name: "thumbnailPhoto", Value: src("user.icon"), Attach: true, Encoding: EncodingBase64, Pos: expr.Pos{File: "agent.toml", Line: 5, Column: 1}}
	if edit != nil {
		edit(&a)
	}
	return a
}

// What becomes of each of the four values of an address, with and without something
// that was fetched, by on_missing.
func TestAttached(t *testing.T) {
	const picture, own = "\xff\xd8\xffnew", "\xff\xd8\xffown"
	m := func(edit func(*AttributeDef)) *Mapper {
		return compile(t, Definition{Primary: "id", Attributes: []AttributeDef{attach(edit), {Name: "info", Value: src("attributes.thumbnailPhoto")}}})
	}
	link := &ident.Link{Key: "1"}
	clears := func(a *AttributeDef) { a.OnMissing = OnMissingClear }
	gone := func(a *AttributeDef) { a.OnMissing, a.Absent = OnMissingClear, AbsentClear }
	fails := func(a *AttributeDef) { a.OnMissing = OnMissingFail }
	standard := func(a *AttributeDef) {
		a.OnMissing, a.Default = OnMissingDefault, &expr.Source{Text: "https://p/nobody.jpg"}
	}
	for _, c := range []struct {
		name, record string
		edit         func(*AttributeDef)
		got          ident.Attachment
		link         *ident.Link
		want         string // keep, clear, write, aside or wait
	}{
		{"fetched", `{"icon":"https://p/1"}`, nil, ident.Attachment{Content: []byte(picture)}, link, "write"},
		{"unchanged", `{"icon":"https://p/1"}`, nil, ident.Attachment{}, link, "keep"},
		{"later", `{"icon":"https://p/1"}`, nil, ident.Attachment{Waits: true}, link, "wait"},
		{"not linked yet", `{"icon":"https://p/1"}`, nil, ident.Attachment{}, nil, "wait"},
		{"wrong", `{"icon":"https://p/1"}`, nil, ident.Attachment{Problem: "it is a PNG", Next: "n"}, link, "aside"},
		{"absent", `{}`, clears, ident.Attachment{Content: []byte(picture)}, link, "keep"},
		{"absent is null", `{}`, gone, ident.Attachment{}, link, "clear"},
		{"null keeps", `{"icon":null}`, nil, ident.Attachment{}, link, "keep"},
		{"null clears", `{"icon":null}`, clears, ident.Attachment{}, link, "clear"},
		{"empty clears", `{"icon":" "}`, clears, ident.Attachment{}, link, "clear"},
		{"null fails", `{"icon":null}`, fails, ident.Attachment{}, link, "error"},
		{"null has a picture of its own", `{"icon":null}`, standard, ident.Attachment{Content: []byte(picture)}, link, "write"},
		{"two addresses", `{"icon":["https://p/1","https://p/2"]}`, nil, ident.Attachment{}, link, "aside"},
	} {
		r := rec(t, c.record)
		r.Attached = map[string]ident.Attachment{"thumbnailPhoto": c.got}
		d, err := m(c.edit).Map(r, entry("CN=Ada,DC=x", "thumbnailPhoto", own), c.link, nil)
		if c.want == "error" {
			if err == nil {
				t.Errorf("%s: no error", c.name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		a, wanted := d.Attribute("thumbnailPhoto")
		info, _ := d.Attribute("info")
		sees := own
		got := "keep"
		switch {
		case wanted && a.Clear:
			got, sees = "clear", ""
		case wanted && a.Binary && len(a.Values) == 1 && a.Values[0] == picture:
			got, sees = "write", picture
		case len(d.Aside) == 1 && d.Aside[0].Next != "" && strings.HasPrefix(d.Aside[0].Cause, "agent.toml:5:"):
			got = "aside"
		case d.Waits:
			got = "wait"
		}
		if got != c.want || d.Waits != (c.want == "wait") {
			t.Errorf("%s: %s, want %s: %+v", c.name, got, c.want, d)
		}
		if sees != "" && (len(info.Values) != 1 || info.Values[0] != base64.StdEncoding.EncodeToString([]byte(sees))) {
			t.Errorf("%s: others see %q", c.name, info.Values)
		}
	}
}

func TestAddresses(t *testing.T) {
	m := compile(t, Definition{Primary: "id", Attributes: []AttributeDef{
		{Name: "title", Value: src("user.icon")},
		attach(func(a *AttributeDef) { a.Apply, a.Directory = ident.ApplyIfEmpty, true }),
		attach(func(a *AttributeDef) {
			a.Name, a.Value = "jpegPhoto", src("https://p/{{ endpoints.users.icon }}")
			a.OnMissing, a.Default = OnMissingDefault, &expr.Source{Text: "https://p/nobody.jpg"}
		}),
	}})
	for record, want := range map[string]string{
		`{"icon":"i"}`:       "jpegPhoto https://p/i false false; thumbnailPhoto i true true; ",
		`{"icon":null}`:      "jpegPhoto https://p/nobody.jpg false false; ",
		`{"icon":["a","b"]}`: "jpegPhoto https://p/nobody.jpg false false; ",
	} {
		r, got := rec(t, record), ""
		r.Endpoint = "users"
		for _, a := range m.Addresses(r) {
			got += a.Attribute + " " + a.URL
			for _, b := range []bool{a.Small, a.Directory && a.Apply == ident.ApplyIfEmpty} {
				got += map[bool]string{true: " true", false: " false"}[b]
			}
			got += "; "
		}
		if got != want && !strings.HasPrefix(record, `{"icon":[`) {
			t.Errorf("%s: %q, want %q", record, got, want)
		}
		if strings.Contains(got, "thumbnailPhoto") != (record == `{"icon":"i"}`) {
			t.Errorf("%s: %q", record, got)
		}
	}
}

// Addresses are needed before anything is mapped.
func TestAttachSeesTheRecordOnly(t *testing.T) {
	for _, c := range []struct {
		edit func(*AttributeDef)
		want string
	}{
		{func(a *AttributeDef) { a.Value = src("attributes.title") }, "attributes"},
		{func(a *AttributeDef) { a.Value = src("https://p/{{ link.guid }}") }, "link"},
		{func(a *AttributeDef) { a.Apply = ident.ApplyCreate }, `use apply = "if_empty"`},
		{func(a *AttributeDef) { a.Encoding = "" }, "of bytes"},
		{func(a *AttributeDef) { a.Add = true }, "one address"},
	} {
		_, errs := Compile(Definition{Primary: "id", Attributes: []AttributeDef{{Name: "title", Value: src("user.title")}, attach(c.edit)}})
		if err := errors.Join(errs...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
