package jsonstream_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
)

func seeds(f *testing.F) {
	f.Helper()
	for _, s := range []string{
		`{"data":[{"id":1}]}`, `{"data":null}`, `[{"id":"\u00e4","a":[1,{"b":2}]}]`, `{"data":[{"id":1},{"id":1e5,"x":{"y":[]}}],"n":2}`,
		"<html>", `{"data":[{"id":`, `{"data":{"17":{"a":1},"18":{"id":"x"},"17":null}}`, `{"a":1,"a":2}`, `[{"a":1,"b":2},{"b":1,"a":2},{"a":1,"\u0061":2}]`,
		"\xEF\xBB\xBF[]", `[{"id":"\ud83d\ude00"}]`, `[{"id":"\ud83d"}]`, `[{"id":"\ud83d\u0041"}]`, "[{\"id\":\"\xc3\xa4\xff\"}]", `[-0.5E+10,01]`, `[1,]`, "[\x00]",
		" [ { \"id\" : 12345678901234567890.12 , \"a\" : \"0123456789 0123456789\\\\\" } ] \n", `{"data":[{"id":1,"id":2}]}`, `[tru`, `[nulll]`, `{"":[{"":""}]}`, `[{"id":1,"a":2},{"id":1,"a":2,"id":3}]`, `[{"id":1,"a":2},{"id":1,"b":2,"id":3}]`,
		`{"data":[` + strings.Repeat(`{"id":1,"a":"b"},`, 20) + `{"a":"b","id":2,"id":3}]}`, `{"a":{` + strings.Repeat(`"x":{`, 50) + strings.Repeat("}", 52),
	} {
		f.Add([]byte(s), uint64(len(s)))
	}
	for _, fault := range faultyTexts {
		for i, place := range []string{`[{"id":1,"a":"x%sy"},{"id":2}]`, `[{"id":"%s"},{"id":2}]`, `[{"id":1,"%s":2,"b":{"c":"%[1]s"}},{"id":2}]`, `{"data":{"%s":{"a":1}}}`, `{"data":[{"id":1}],"b":["%s"]}`} {
			f.Add(fmt.Appendf(nil, place, fault), uint64(i))
		}
	}
}

// faultyTexts is what may be wrong between the quotes of a string.
var faultyTexts = []string{
	`\ud800`, `\udc00`, `\ud800\u0041`, `\ud800\ud83d\ude00`, `\ud800\"`, `\udc00\ud800`, "\xff", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82",
	"\n", "\x00", `\x`, `\u12`, `\u00g0`, "\\\n", "\\\xc3\xa4",
}

// chunked cuts a text at random places.
type chunked struct {
	text []byte
	rand *rand.Rand
}

func (c *chunked) Read(p []byte) (int, error) {
	if len(c.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.text[:min(len(c.text), 1+c.rand.IntN(9))])
	c.text = c.text[n:]
	if len(c.text) == 0 && c.rand.IntN(2) == 0 {
		return n, io.EOF
	}
	return n, nil
}

type outcome struct {
	Records []jsonstream.Record
	Count   int64
	Err     string
}

func run(r io.Reader, size int, spec jsonstream.Spec, index *jsonstream.Index) (outcome, error) {
	var o outcome
	n, err := jsonstream.Emit(r, int64(size), spec, index, func(r jsonstream.Record) error {
		o.Records = append(o.Records, r)
		return nil
	})
	o.Count = n
	if err != nil {
		o.Err = err.Error()
	}
	return o, err
}

// valid is what jsontext says about a text.
func valid(text []byte, options ...jsontext.Options) bool {
	dec := jsontext.NewDecoder(bytes.NewBuffer(bytes.Clone(text)), options...)
	if dec.SkipValue() != nil {
		return false
	}
	_, err := dec.ReadToken()
	return errors.Is(err, io.EOF)
}

// mended is the text with those faults within strings taken out that jsontext
// never takes: characters that must be escaped, and escapes that do not exist.
func mended(text []byte) []byte {
	out := bytes.Clone(text)
	inside := false
	for i := 0; i < len(out); i++ {
		switch {
		case out[i] == '"':
			inside = !inside
		case !inside:
		case out[i] < ' ':
			out[i] = '_'
		case out[i] == '\\' && !escapes.Match(out[i+1:]):
			out[i] = '_'
		case out[i] == '\\':
			i++
		}
	}
	return out
}

var escapes = regexp.MustCompile(`^(["\\/bfnrt]|u[0-9A-Fa-f]{4})`)

// FuzzEmit: a text is taken exactly when jsontext finds where each value ends;
// a record has a fault exactly when jsontext, being strict, finds one in it;
// what is delivered is what encoding/json reads, and it is the same however the
// text is cut.
func FuzzEmit(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		array := ""
		if len(text) > 0 && text[0] == '{' {
			array = "/data"
		}
		spec := jsonstream.Spec{Array: pointer(t, array), Key: pointer(t, "/id"), All: true, Keyed: seed%3 == 0}
		var index jsonstream.Index
		before := bytes.Clone(text)
		whole, err := run(bytes.NewBuffer(text), len(text), spec, &index)
		if !bytes.Equal(before, text) {
			t.Fatal("the text was changed")
		}
		parts, _ := run(&chunked{text, rand.New(rand.NewPCG(seed, 1))}, len(text), spec, nil)
		if d := cmp.Diff(whole, parts); d != "" {
			t.Fatal(d)
		}
		if bytes.Count(text, []byte("[")) > 9_000 || bytes.Count(text, []byte("{")) > 9_000 {
			return // jsontext ends at 10,000
		}
		taken := !errors.Is(err, jsonstream.ErrSyntax)
		plain := valid(mended(text), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
		if doubled := !taken && strings.Contains(err.Error(), "occurs twice"); taken != plain && !doubled {
			t.Fatalf("%v, and jsontext says %v", err, plain)
		}
		if err == nil {
			faults(t, text, spec, whole.Records)
			compare(t, mended(text), spec, whole.Records)
			samePlaces(t, text, &index)
		}
	})
}

func faulty(r jsonstream.Record) bool {
	return strings.Contains(r.Problem, " has a fault: ") || strings.Contains(r.Problem, "occurs twice")
}

// faults: in a text that is nothing but records, jsontext and Emit find the
// same texts to be without fault.
func faults(t *testing.T, text []byte, spec jsonstream.Spec, got []jsonstream.Record) {
	strict, none := valid(text), !slices.ContainsFunc(got, faulty)
	alone := len(spec.Array) == 0 && !spec.Keyed && !slices.ContainsFunc(got, func(r jsonstream.Record) bool { return r.Fields == nil })
	if strict && !none || alone && none && !strict {
		t.Fatalf("jsontext says %v, and a record with a fault is not there: %v", strict, none)
	}
}

// compare reads the same records with encoding/json.
func compare(t *testing.T, text []byte, spec jsonstream.Spec, got []jsonstream.Record) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("accepted what encoding/json refuses: %v", err)
	}
	if len(spec.Array) > 0 {
		v = v.(map[string]any)["data"]
	}
	if spec.Keyed {
		if slices.ContainsFunc(got, faulty) {
			return
		}
		last := map[string]jsonstream.Record{} // as encoding/json does with names that occur twice
		for _, r := range got {
			last[r.Key] = r
		}
		for name, want := range v.(map[string]any) {
			object, ok := want.(map[string]any)
			if r, found := last[name]; ok && object["id"] == nil && name != "" {
				object["id"] = name
				if d := cmp.Diff(any(object), any(r.Fields)); !found || d != "" && len(got) == len(v.(map[string]any)) {
					t.Fatalf("%q: %v %s", name, found, d)
				}
			}
		}
		return
	}
	list := v.([]any)
	if len(list) != len(got) {
		t.Fatalf("%d records of %d", len(got), len(list))
	}
	for i, want := range list {
		if object, ok := want.(map[string]any); ok && !faulty(got[i]) {
			if d := cmp.Diff(object, got[i].Fields); d != "" {
				t.Fatal(d)
			}
		}
	}
}

// samePlaces: an index changes nothing about what Find answers.
func samePlaces(t *testing.T, text []byte, index *jsonstream.Index) {
	for _, p := range []string{"", "/data", "/data/0/id", "/n", "/n/x/0", "/0", "/"} {
		before, err1 := jsonstream.Find(bytes.NewReader(text), int64(len(text)), nil, pointer(t, p), 1<<20)
		after, err2 := jsonstream.Find(bytes.NewReader(text), int64(len(text)), index, pointer(t, p), 1<<20)
		if !bytes.Equal(before, after) || (err1 == nil) != (err2 == nil) {
			t.Fatalf("%q: %q %v before, %q %v after", p, before, err1, after, err2)
		}
	}
}

// FuzzFind compares with a walk over what encoding/json decodes.
func FuzzFind(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b/c":"\u00e4"}],"":{"~":null}}`), "/a/1/b~1c")
	f.Add([]byte(`{"a":[1,{"b/c":2}],"":{"~":null}}`), "//~0")
	f.Add([]byte(`[[],[[true]]]`), "/1/0/0")
	f.Add([]byte(`[1`), "/00")
	f.Fuzz(func(t *testing.T, text []byte, where string) {
		p, err := jsonstream.ParsePointer(where)
		if err != nil {
			return
		}
		raw, err := jsonstream.Find(bytes.NewReader(text), int64(len(text)), nil, p, 1<<20)
		if err == nil && !json.Valid(raw) {
			t.Fatalf("%q is not JSON", raw)
		}
		if !valid(text) {
			return
		}
		var want any = json.RawMessage(bytes.TrimSpace(text))
		for _, token := range p {
			if want = step(want, token); want == nil {
				if !errors.Is(err, jsonstream.ErrNoValue) {
					t.Fatalf("%q: %q %v, and there is nothing", where, raw, err)
				}
				return
			}
		}
		if !bytes.Equal(raw, want.(json.RawMessage)) {
			t.Fatalf("%q: %q %v, want %q", where, raw, err, want)
		}
	})
}

func step(v any, token string) any {
	raw := v.(json.RawMessage)
	var object map[string]json.RawMessage
	var list []json.RawMessage
	if raw[0] == '{' && json.Unmarshal(raw, &object) == nil {
		if m, ok := object[token]; ok {
			return m
		}
	}
	if raw[0] == '[' && json.Unmarshal(raw, &list) == nil {
		for i, m := range list {
			if name, _ := json.Marshal(i); string(name) == token {
				return m
			}
		}
	}
	return nil
}

// FuzzParsePointer: what is taken has one way to be written.
func FuzzParsePointer(f *testing.F) {
	for _, s := range []string{"", "/", "/a~1b/~0", "/~01", "a", "/~2", "/\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := jsonstream.ParsePointer(text)
		if err == nil && p.String() != text {
			t.Errorf("%q became %q", text, p)
		}
	})
}
