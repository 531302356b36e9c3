package jsonstream_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
)

// TestFaults: what is wrong within a record is a problem of that record, with
// its key, its place and what is whole of it; the one after it arrives.
func TestFaults(t *testing.T) {
	type fields = map[string]any
	n := func(s string) json.Number { return json.Number(s) }
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	long := strings.Repeat("k", jsonstream.MaxKey+1)
	cases := map[string]struct {
		record string // in {"data":[{"id":1},HERE,{"id":3}]}
		key    string
		want   string // the problem
		fields fields // nil: not looked at
	}{
		"wanted":                  {`{"id":2,"a":"x\ud83d","b":5}`, "2", `/a has a fault: half of a surrogate pair at byte 32`, fields{"id": n("2"), "b": n("5")}},
		"before the key":          {`{"a":"\ud83d","b":5,"id":2}`, "2", `/a has a fault: half of a surrogate pair at byte 24`, fields{"id": n("2"), "b": n("5")}},
		"bytes":                   {"{\"id\":2,\"a\":\"\xff\"}", "2", "/a has a fault: invalid UTF-8 at byte 31", fields{"id": n("2")}},
		"overlong":                {"{\"id\":2,\"a\":\"\xc0\x80\"}", "2", "/a has a fault: invalid UTF-8", nil},
		"line break":              {"{\"id\":2,\"a\":\"\n\"}", "2", "/a has a fault: control character 0x0A that is not escaped at byte 31", nil},
		"nul byte":                {"{\"id\":2,\"a\":\"\x00\"}", "2", "/a has a fault: a NUL byte that is not escaped", nil},
		"escape":                  {`{"id":2,"a":"\x"}`, "2", "/a has a fault: an escape that JSON does not have at byte 31", nil},
		"below":                   {`{"id":2,"a":[{"x":["\udc00"],"y":1}],"b":5}`, "2", "/a has a fault: half of a surrogate pair", fields{"id": n("2"), "b": n("5")}},
		"a name below":            {`{"id":2,"a":{"\udc00":1}}`, "2", "/a has a fault: half of a surrogate pair", fields{"id": n("2")}},
		"a double name below":     {`{"id":2,"a":{"x":1,"x":1}}`, "2", `/a has a fault: the name "x" occurs twice`, fields{"id": n("2")}},
		"a double name":           {`{"a":1,"id":2,"a":1}`, "2", `/a has a fault: the name "a" occurs twice in its object at byte 32`, fields{"id": n("2")}},
		"a double name, thrice":   {`{"a":1,"id":2,"a":1,"a":1}`, "2", `/a has a fault: the name "a" occurs twice`, fields{"id": n("2")}},
		"deep":                    {`{"id":2,"a":` + deep + `,"b":5}`, "2", "/a has a fault: nested deeper than 10000", fields{"id": n("2"), "b": n("5")}},
		"two faults":              {`{"id":2,"a":"\ud83d","b":"\ud83d"}`, "2", `/a has a fault`, fields{"id": n("2")}},
		"unwanted":                {`{"id":2,"z":"\ud83d"}`, "2", "", fields{"id": n("2")}},
		"unwanted, below":         {`{"id":2,"z":{"y":["\ud83d"],"y":"` + "\xff" + `"}}`, "2", "", fields{"id": n("2")}},
		"unwanted, twice":         {`{"z":1,"id":2,"z":2}`, "2", "", fields{"id": n("2")}},
		"unwanted, deep":          {`{"id":2,"z":` + deep + `}`, "2", "", fields{"id": n("2")}},
		"an unwanted name":        {`{"id":2,"\ud83d":1}`, "2", "", fields{"id": n("2")}},
		"huge numbers":            {`{"id":2,"a":1e999999999,"b":-` + strings.Repeat("9", 5_000) + `}`, "2", "", fields{"id": n("2"), "a": n("1e999999999"), "b": n("-" + strings.Repeat("9", 5_000))}},
		"nul":                     {`{"id":2,"a":"x\u0000"}`, "2", "", fields{"id": n("2"), "a": "x\x00"}},
		"the key":                 {`{"id":"\ud83d","a":5}`, "", "the key /id has a fault: half of a surrogate pair at byte 25", fields{"a": n("5")}},
		"the key in bytes":        {"{\"id\":\"x\xc3\"}", "", "the key /id has a fault: invalid UTF-8", nil},
		"the key with nul":        {`{"id":"x\u0000"}`, "", "/id holds U+0000", nil},
		"the key too long":        {`{"id":"` + long + `"}`, "", "/id has 4097 bytes, more than 4096", nil},
		"the key as digits":       {`{"id":` + strings.Repeat("1", jsonstream.MaxKey+1) + `}`, "", "/id has 4097 bytes, more than 4096", nil},
		"the longest key":         {`{"id":"` + long[1:] + `"}`, long[1:], "", nil},
		"the key too deep":        {`{"id":` + deep + `}`, "", "/id is neither text nor a number", nil},
		"two keys":                {`{"id":2,"id":4}`, "", "/id occurs twice, with two values", nil},
		"two keys, the first bad": {`{"id":"\ud83d","id":4}`, "", "/id occurs twice, with two values", nil},
		"two keys, one null":      {`{"id":4,"id":null}`, "", "/id occurs twice, with two values", nil},
		"three keys":              {`{"id":4,"id":5,"id":5}`, "", "/id occurs twice, with two values", nil},
		"one key twice":           {`{"id":2,"id":2}`, "2", `/id has a fault: the name "id" occurs twice`, fields{}},
	}
	spec := jsonstream.Spec{Array: pointer(t, "/data"), Key: pointer(t, "/id"), Keep: []string{"id", "a", "b"}}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := atOnceAndInParts(t, `{"data":[{"id":1},`+c.record+`,{"id":3}]}`, spec)
			if len(o) != 3 || o[0].Key != "1" || o[0].Problem != "" || o[2].Key != "3" || o[2].Problem != "" {
				t.Fatalf("the others: %+v", o)
			}
			got := o[1]
			if got.Key != c.key || !strings.HasPrefix(got.Problem, c.want) || (c.want == "") != (got.Problem == "") {
				t.Errorf("key %q: %s", got.Key, got.Problem)
			}
			if (got.Problem == "") != (got.Place == "") || got.Problem != "" && got.Place != "/data/1" {
				t.Errorf("place %q", got.Place)
			}
			if d := cmp.Diff(c.fields, got.Fields); c.fields != nil && d != "" {
				t.Error(d)
			}
		})
	}
}

func atOnceAndInParts(t *testing.T, text string, spec jsonstream.Spec) []jsonstream.Record {
	t.Helper()
	whole, err := run(bytes.NewBufferString(text), len(text), spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := run(&pieces{text: text}, len(text), spec, nil)
	if d := cmp.Diff(whole, parts); err != nil || d != "" {
		t.Errorf("in parts: %v %s", err, d)
	}
	return whole.Records
}

// pieces gives a text in parts of seven bytes.
type pieces struct{ text string }

func (p *pieces) Read(to []byte) (int, error) {
	n := copy(to, p.text[:min(7, len(p.text))])
	p.text = p.text[n:]
	return n, end(p.text)
}

// TestFaultsInKeyedObjects: the name counts only where it is the key.
func TestFaultsInKeyedObjects(t *testing.T) {
	spec := jsonstream.Spec{Array: pointer(t, "/data"), Key: pointer(t, "/id"), Keep: []string{"id", "a"}, Keyed: true}
	cases := map[string]struct{ member, key, want, place string }{
		"the name":              {`"\ud83d":{"a":1}`, "", "the record has no /id and its name has a fault: half of a surrogate pair at byte 10", "/data/?"},
		"the name, with a key":  {`"\ud83d":{"id":2}`, "2", "", ""},
		"nul in the name":       {`"\u0000":{"a":1}`, "", "the record has no /id and its name holds U+0000", "/data/\x00"},
		"a field":               {`"k":{"a":"\ud83d"}`, "k", "/a has a fault: half of a surrogate pair", "/data/k"},
		"the key":               {`"k":{"id":"\ud83d"}`, "", "the key /id has a fault", "/data/k"},
		"two keys, one is null": {`"k":{"id":4,"id":null}`, "", "/id occurs twice, with two values", "/data/k"},
		"unwanted":              {`"k":{"z":"\ud83d"}`, "k", "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := atOnceAndInParts(t, `{"data":{`+c.member+`,"3":{}}}`, spec)
			if len(o) != 2 || o[1].Key != "3" || o[1].Problem != "" {
				t.Fatalf("%+v", o)
			}
			if got := o[0]; got.Key != c.key || !strings.HasPrefix(got.Problem, c.want) || (c.want == "") != (got.Problem == "") || got.Place != c.place {
				t.Errorf("key %q, place %q: %s", got.Key, got.Place, got.Problem)
			}
		})
	}
}

// TestFaultsAroundTheRecord: an element that holds the record deeper down, and
// a key that does.
func TestFaultsAroundTheRecord(t *testing.T) {
	spec := jsonstream.Spec{Record: pointer(t, "/user"), Key: pointer(t, "/meta/id"), Keep: []string{"a"}}
	cases := map[string]struct{ element, key, want string }{
		"beside it":            {`{"x":"\ud83d","user":{"meta":{"id":2}},"x":1}`, "2", ""},
		"two records":          {`{"user":{"meta":{"id":2}},"user":{"meta":{"id":2}}}`, "", `the element has "/user" twice`},
		"beside the key":       {`{"user":{"meta":{"x":"\ud83d","id":2}}}`, "2", "/meta has a fault: half of a surrogate pair"},
		"the key":              {`{"user":{"meta":{"id":"\ud83d"}}}`, "", "the key /meta/id has a fault: half of a surrogate pair"},
		"two keys":             {`{"user":{"meta":{"id":2,"id":2}}}`, "", "the key /meta/id has a fault: the name"},
		"two holders of a key": {`{"user":{"meta":{"id":2},"meta":{"id":3}}}`, "", "/meta/id occurs twice, with two values"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := atOnceAndInParts(t, `[`+c.element+`,{"user":{"meta":{"id":3}}}]`, spec)
			if len(o) != 2 || o[1].Key != "3" || o[1].Problem != "" {
				t.Fatalf("%+v", o)
			}
			if got := o[0]; got.Key != c.key || !strings.HasPrefix(got.Problem, c.want) || (c.want == "") != (got.Problem == "") || got.Problem != "" && got.Place != "/0/user" {
				t.Errorf("key %q, place %q: %s", got.Key, got.Place, got.Problem)
			}
		})
	}
}

// TestFaultsBesideTheRecords: nobody asked for them. Who asks gets an error.
func TestFaultsBesideTheRecords(t *testing.T) {
	for _, fault := range faultyTexts {
		text := fmt.Sprintf(`{"x":"%s","data":[{"id":1}],"y":{"%[1]s":"%[1]s","z":1,"z":2},"%[1]s":5,"next":7}`, fault)
		var index jsonstream.Index
		got, err := emit(text, jsonstream.Spec{Array: pointer(t, "/data"), Key: pointer(t, "/id")}, &index)
		if err != nil || len(got) != 1 {
			t.Errorf("%q: %v", text, err)
		}
		for _, x := range []*jsonstream.Index{nil, &index} {
			find := func(p string) (string, error) {
				raw, err := jsonstream.Find(strings.NewReader(text), int64(len(text)), x, pointer(t, p), 1<<10)
				return string(raw), err
			}
			if raw, err := find("/next"); raw != "7" {
				t.Errorf("%q: %q %v", text, raw, err)
			}
			for _, p := range []string{"/x", "/y"} {
				if raw, err := find(p); !errors.Is(err, jsonstream.ErrSyntax) || !strings.Contains(err.Error(), "at byte") {
					t.Errorf("%q at %s: %q %v", text, p, raw, err)
				}
			}
			if raw, err := find("/"); !errors.Is(err, jsonstream.ErrNoValue) {
				t.Errorf("%q: %q %v", text, raw, err)
			}
		}
	}
}

// end is io.EOF when nothing is left.
func end(text string) error {
	if text == "" {
		return io.EOF
	}
	return nil
}
