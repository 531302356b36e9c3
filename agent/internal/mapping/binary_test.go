package mapping

import (
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func photo(change func(*AttributeDef)) AttributeDef {
	a := AttributeDef{Name: "thumbnailPhoto", Value: src("user.photo"), Encoding: EncodingBase64}
	if change != nil {
		change(&a)
	}
	return a
}

// TestClearedBytesStayBytes: the plan shows the size of what is removed, and the
// journal keeps it whole.
func TestClearedBytesStayBytes(t *testing.T) {
	m := compile(t, Definition{Primary: "id", Attributes: []AttributeDef{photo(func(a *AttributeDef) { a.OnMissing = OnMissingClear })}})
	d, err := m.Map(rec(t, `{"photo":null}`), entry("CN=Ada,DC=x", "thumbnailPhoto", "\xff\xd8"), nil, nil)
	if a, ok := d.Attribute("thumbnailPhoto"); err != nil || !ok || !a.Clear || !a.Binary {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestBase64(t *testing.T) {
	jpeg := "\xff\xd8\xff\xe0\x00\x10JFIF"
	text := base64.StdEncoding.EncodeToString([]byte(jpeg))
	large := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff", ident.MaxPicture)))
	tooLarge := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff", ident.MaxPicture+1)))
	values := func(a *AttributeDef) {
		a.Name, a.Value, a.Values, a.Add = "userCertificate", nil, sources("{{ user.photo }}", "{{ user.other }}"), true
	}
	clear := func(a *AttributeDef) { a.OnMissing = OnMissingClear }
	for _, c := range []struct {
		name, fields string
		def          AttributeDef
		want, err    string
	}{
		{"bytes", `{"photo":"` + text + `"}`, photo(nil), jpeg, ""},
		{"broken into lines", `{"photo":"` + text[:4] + `\r\n` + text[4:] + `\n"}`, photo(nil), jpeg, ""},
		{"in a template", `{"photo":"` + text + `"}`, photo(func(a *AttributeDef) { a.Value = src("{{ user.photo }}") }), jpeg, ""},
		{"as large as AD takes", `{"photo":"` + large + `"}`, photo(nil), strings.Repeat("\xff", ident.MaxPicture), ""},
		{"absent", `{}`, photo(nil), "keep", ""},
		{"null", `{"photo":null}`, photo(nil), "keep", ""},
		{"null, cleared", `{"photo":null}`, photo(clear), "clear", ""},
		{"empty, cleared", `{"photo":""}`, photo(clear), "clear", ""},
		{"several", `{"photo":"AAEC","other":"/9j/"}`, photo(values), "\x00\x01\x02|\xff\xd8\xff", ""},
		{"several alike", `{"photo":"/9j/","other":"/9j/"}`, photo(values), "\xff\xd8\xff", ""},
		{"several that differ in what is no text", `{"photo":"/9j/","other":"/tj/"}`, photo(values), "\xff\xd8\xff|\xfe\xd8\xff", ""},

		{"no base64", `{"photo":"not base64!"}`, photo(nil), "", "agent.toml:5:10: thumbnailPhoto: the value is no base64 text: illegal base64 data at input byte 3"},
		{"cut off", `{"photo":"` + text[:len(text)-1] + `"}`, photo(nil), "", "thumbnailPhoto: the value is no base64 text"},
		{"bits that are left over", `{"photo":"AB=="}`, photo(nil), "", "thumbnailPhoto: the value is no base64 text"},
		{"of an URL", `{"photo":"_9j_"}`, photo(nil), "", "thumbnailPhoto: the value is no base64 text"},
		{"line breaks only", `{"photo":"\n\n"}`, photo(nil), "", "thumbnailPhoto: the value has no bytes"},
		{"a number", `{"photo":17}`, photo(nil), "", "thumbnailPhoto: the value is no base64 text"},
		{"too large", `{"photo":"` + tooLarge + `"}`, photo(nil), "", "thumbnailPhoto: the value has 102401 bytes, and AD takes at most 102400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := one(t, c.def, c.fields)
			aside, isAside := strings.CutPrefix(got, "aside ")
			switch {
			case err != nil:
				t.Error(err)
			case c.err == "" && got != c.want:
				t.Errorf("%.40q", got)
			case c.err != "" && (!isAside || !strings.Contains(aside, c.err)):
				t.Errorf("%.200q", got)
			case isAside && len(aside) > 300:
				t.Errorf("the error shows the value: %.100q", aside)
			}
		})
	}
}

// A photo may be as large as a connector may attach.
func TestAPhotoOfOneMiB(t *testing.T) {
	text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff", 1<<20)))
	for _, expression := range []string{"user.photo", "{{ user.photo }}", "default(user.photo, '')"} {
		got, err := one(t, photo(func(a *AttributeDef) { a.Name, a.Value = "jpegPhoto", src(expression) }), `{"photo":"`+text+`"}`)
		if err != nil || len(got) != 1<<20 {
			t.Errorf("%s: %d bytes, %v", expression, len(got), err)
		}
	}
}

func TestWhatExpressionsSeeOfBytes(t *testing.T) {
	m := compile(t, Definition{Primary: "id", Attributes: []AttributeDef{
		photo(func(a *AttributeDef) { a.Apply = ident.ApplyIfEmpty }), {Name: "info", Value: src("attributes.thumbnailPhoto")},
	}})
	for _, own := range []string{"", "\xff\xd8\xfe"} {
		want := "/9j/"
		current := entry("CN=Ada,OU=Staff,DC=x")
		if own != "" {
			want = "/9j+"
			current = entry("CN=Ada,OU=Staff,DC=x", "thumbnailPhoto", own)
		}
		d, err := m.Map(rec(t, `{"photo":"/9j/"}`), current, nil, &fakeNames{})
		if a, _ := d.Attribute("info"); err != nil || len(a.Values) != 1 || a.Values[0] != want {
			t.Errorf("%q: %v, %v", own, a, err)
		}
		if a, ok := d.Attribute("thumbnailPhoto"); ok != (own == "") || ok && !a.Binary {
			t.Errorf("%q: %v", own, a)
		}
	}
}

func TestBytesSurviveBase64(t *testing.T) {
	m := compile(t, Definition{Primary: "id", Attributes: []AttributeDef{photo(func(a *AttributeDef) { a.Name = "jpegPhoto" })}})
	rapid.Check(t, func(rt *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(rt, "bytes")
		r := ident.Record{Key: "7", Fields: map[string]any{"photo": base64.StdEncoding.EncodeToString(raw)}}
		d, err := m.Map(r, entry("CN=Ada,OU=Staff,DC=x"), nil, &fakeNames{})
		a, _ := d.Attribute("jpegPhoto")
		if err != nil || len(a.Values) != 1 || a.Values[0] != string(raw) || !a.Binary {
			rt.Fatalf("%x became %x, %v", raw, a.Values, err)
		}
	})
}

// FuzzBase64 decodes any text: what comes out is what the text says, and no
// other text says the same, line breaks aside.
func FuzzBase64(f *testing.F) {
	for _, text := range []string{"", "/9j/", "AA==", "AB==", "A", "====", "/9j/\r\n", "\xff", "_9j_"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a := attribute{AttributeDef: photo(nil)}
		value, err := a.decode(text)
		if err != nil {
			return
		}
		if got := a.encoded([]string{value}); got[0] != strings.NewReplacer("\r", "", "\n", "").Replace(text) {
			t.Errorf("%q was read as %x, which is %q", text, value, got)
		}
	})
}

func TestMistakesWithEncoding(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*AttributeDef)
		want   string
	}{
		"another":    {func(a *AttributeDef) { a.Encoding = "hex" }, `unknown encoding "hex" (one of base64)`},
		"formats":    {func(a *AttributeDef) { a.Value, a.Formats = nil, sources("{{ user.photo }}") }, "encoding needs value or values, and no unique"},
		"unique":     {func(a *AttributeDef) { a.Unique = UniqueDomain }, "encoding needs value or values, and no unique"},
		"a name":     {func(a *AttributeDef) { a.Name = "cn" }, "it is text: it has no encoding"},
		"an address": {func(a *AttributeDef) { a.Name = "proxyAddresses" }, "it is text: it has no encoding"},
	} {
		_, errs := Compile(Definition{Attributes: []AttributeDef{photo(c.change)}})
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), c.want) {
			t.Errorf("%s: %v", name, errs)
		}
	}
	with, without := photo(nil), photo(func(a *AttributeDef) { a.Encoding = "" })
	if compile(t, Definition{Attributes: []AttributeDef{with}}).Version() == compile(t, Definition{Attributes: []AttributeDef{without}}).Version() {
		t.Error("encoding does not change the version")
	}
}
