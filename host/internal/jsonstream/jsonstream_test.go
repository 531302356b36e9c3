package jsonstream_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
)

func pointer(t testing.TB, text string) jsonstream.Pointer {
	t.Helper()
	p, err := jsonstream.ParsePointer(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// emit runs the parser over text that arrives byte by byte, and over one that
// is there at once, which takes other ways: both must do the same.
func emit(text string, spec jsonstream.Spec, index *jsonstream.Index) ([]jsonstream.Record, error) {
	got, err := emitBytes(text, spec, index)
	whole, other := run(bytes.NewBufferString(text), len(text), spec, nil)
	if fmt.Sprint(err) != fmt.Sprint(other) || !cmp.Equal(got, whole.Records) {
		return got, fmt.Errorf("%w by bytes, at once: %w %s", err, other, cmp.Diff(got, whole.Records))
	}
	return got, err
}

func emitBytes(text string, spec jsonstream.Spec, index *jsonstream.Index) ([]jsonstream.Record, error) {
	var got []jsonstream.Record
	n, err := jsonstream.Emit(iotest.OneByteReader(strings.NewReader(text)), int64(len(text)), spec, index, func(r jsonstream.Record) error {
		got = append(got, r)
		return nil
	})
	if int(n) != len(got) {
		return got, fmt.Errorf("counted %d of %d records (%w)", n, len(got), err)
	}
	return got, err
}

// keysAndFields leaves places to TestFaults.
var keysAndFields = cmpopts.IgnoreFields(jsonstream.Record{}, "Place", "Number")

func TestEmit(t *testing.T) {
	n := func(s string) json.Number { return json.Number(s) }
	type records = []jsonstream.Record
	type fields = map[string]any
	cases := map[string]struct {
		text               string
		array, record, key string
		keep               []string // nil: all
		want               records
	}{
		"flat":      {`{"data":[{"id":1,"a":2,"b":3}]}`, "/data", "", "/id", []string{"a"}, records{{Key: "1", Fields: fields{"a": n("2")}}}},
		"whole":     {`[{"id":"x"}]`, "", "", "/id", nil, records{{Key: "x", Fields: fields{"id": "x"}}}},
		"none":      {`{"data":[]}`, "/data", "", "/id", nil, nil},
		"pretty":    {"{\n  \"data\" : [\n    { \"id\" : 1 ,\n \"a\" : [ 1 , { \"b\" : null } ] }\n  ]\r\n}\n\t ", "/data", "", "/id", nil, records{{Key: "1", Fields: fields{"id": n("1"), "a": []any{n("1"), fields{"b": nil}}}}}},
		"deep":      {`{"a":{"b":{"c":[{"id":1}]}},"z":1}`, "/a/b/c", "", "/id", nil, records{{Key: "1", Fields: fields{"id": n("1")}}}},
		"by index":  {`[0,{"x":[{"id":1}]}]`, "/1/x", "", "/id", nil, records{{Key: "1", Fields: fields{"id": n("1")}}}},
		"escapes":   {`{"d\u0061ta":[{"\u0069d":"\u00e4\n\"\ud83d\ude00","a\/b":1,"~":2}]}`, "/data", "", "/id", []string{"a/b", "~"}, records{{Key: "ä\n\"😀", Fields: fields{"a/b": n("1"), "~": n("2")}}}},
		"pointer":   {`{"a/b":{"~":[{"id":1}]}}`, "/a~1b/~0", "", "/id", []string{}, records{{Key: "1", Fields: fields{}}}},
		"numbers":   {`[{"id":9007199254740993,"a":1.0,"b":1e400,"c":-0,"d":123456789012345678901234567890}]`, "", "", "/id", nil, records{{Key: "9007199254740993", Fields: fields{"id": n("9007199254740993"), "a": n("1.0"), "b": n("1e400"), "c": n("-0"), "d": n("123456789012345678901234567890")}}}},
		"record":    {`{"users":[{"user":{"id":1,"a":true},"role":2},{"role":3},{"user":null}]}`, "/users", "/user", "/id", []string{"a", "role"}, records{{Key: "1", Fields: fields{"a": true}}, {Problem: `the element has nothing at "/user"`}, {Problem: "the record is null, not an object"}}},
		"deep key":  {`[{"meta":{"id":7},"a":false}]`, "", "", "/meta/id", []string{"a"}, records{{Key: "7", Fields: fields{"a": false}}}},
		"keys":      {`[{},{"id":null},{"id":""},{"id":true},{"id":{}},{"id":[]},1,"x",null,[]]`, "", "", "/id", []string{}, records{{Problem: "the record has no /id", Fields: fields{}}, {Problem: "/id is null", Fields: fields{}}, {Problem: "/id is empty", Fields: fields{}}, {Problem: "/id is neither text nor a number", Fields: fields{}}, {Problem: "/id is neither text nor a number", Fields: fields{}}, {Problem: "/id is neither text nor a number", Fields: fields{}}, {Problem: "the record is a number, not an object"}, {Problem: "the record is a string, not an object"}, {Problem: "the record is null, not an object"}, {Problem: "the record is an array, not an object"}}},
		"null kept": {`[{"id":1,"a":null}]`, "", "", "/id", []string{"a", "b"}, records{{Key: "1", Fields: fields{"a": nil}}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := emit(c.text, jsonstream.Spec{
				Array: pointer(t, c.array), Record: pointer(t, c.record), Key: pointer(t, c.key), Keep: c.keep, All: c.keep == nil,
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got, keysAndFields); d != "" {
				t.Error(d)
			}
		})
	}
}

// A single record may stand in place of the array; null is none. Without Single,
// none of that is an array.
func TestEmitSingle(t *testing.T) {
	one := []jsonstream.Record{{Key: "1", Fields: map[string]any{}}}
	for name, c := range map[string]struct {
		text, array, record string
		want                []jsonstream.Record
		err                 error
	}{
		"object":          {`{"data":{"id":1}}`, "/data", "", one, nil},
		"whole":           {`{"id":1}`, "", "", one, nil},
		"list":            {`{"data":[{"id":1}]}`, "/data", "", one, nil},
		"two":             {`{"data":[{"id":1},{"id":1}]}`, "/data", "", append(one, one...), nil},
		"null":            {`{"data":null}`, "/data", "", nil, nil},
		"empty":           {`{"data":[]}`, "/data", "", nil, nil},
		"within":          {`{"data":{"user":{"id":1}}}`, "/data", "/user", one, nil},
		"nothing within":  {`{"data":{}}`, "/data", "/user", []jsonstream.Record{{Problem: `the element has nothing at "/user"`, Place: "/data/user"}}, nil},
		"without a key":   {`{"data":{}}`, "/data", "", []jsonstream.Record{{Problem: "the record has no /id", Fields: map[string]any{}, Place: "/data"}}, nil},
		"text":            {`{"data":"1"}`, "/data", "", nil, jsonstream.ErrNotArray},
		"nothing":         {`{"success":true}`, "/data", "", nil, jsonstream.ErrNoValue},
		"more after":      {`{"data":{"id":1}}{}`, "/data", "", one, jsonstream.ErrSyntax},
		"not a text":      {`{"data":nil}`, "/data", "", nil, jsonstream.ErrSyntax},
		"cut":             {`{"data":{"id":1`, "/data", "", nil, jsonstream.ErrSyntax},
		"a name of two":   {`{"data":{"id":1},"data":null}`, "/data", "", one, jsonstream.ErrSyntax},
		"a key of two":    {`{"data":{"id":1,"id":2}}`, "/data", "", nil, nil},
		"an inner object": {`{"data":{"id":{"id":1}}}`, "/data", "", []jsonstream.Record{{Problem: "/id is neither text nor a number", Fields: map[string]any{}, Place: "/data"}}, nil},
	} {
		spec := jsonstream.Spec{Array: pointer(t, c.array), Record: pointer(t, c.record), Key: pointer(t, "/id"), Keep: []string{}, Single: true}
		got, err := emit(c.text, spec, nil)
		if name == "a key of two" { // a flaw of the record, as in a list
			if err != nil || len(got) != 1 || got[0].Problem == "" {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			continue
		}
		if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) || !cmp.Equal(c.want, got, cmpopts.IgnoreFields(jsonstream.Record{}, "Number")) {
			t.Errorf("%s: %v, %s", name, err, cmp.Diff(c.want, got, cmpopts.IgnoreFields(jsonstream.Record{}, "Number")))
		}
	}
	for _, text := range []string{`{"data":{"id":1}}`, `{"data":null}`} {
		if _, err := emit(text, jsonstream.Spec{Array: pointer(t, "/data"), Key: pointer(t, "/id")}, nil); !errors.Is(err, jsonstream.ErrNotArray) {
			t.Errorf("%s without Single: %v", text, err)
		}
	}
}

// Without a key of its own, a record is whole with any fields, and in place of a list.
func TestEmitUnkeyed(t *testing.T) {
	for text, want := range map[string][]jsonstream.Record{
		`{"data":{"level":3}}`:            {{Fields: map[string]any{"level": json.Number("3")}}},
		`{"data":[{"id":1},{"level":3}]}`: {{Fields: map[string]any{}}, {Fields: map[string]any{"level": json.Number("3")}}},
		`{"data":[7]}`:                    {{Problem: "the record is a number, not an object", Place: "/data/0"}},
		`{"data":null}`:                   nil,
	} {
		got, err := emit(text, jsonstream.Spec{Array: pointer(t, "/data"), Keep: []string{"level"}, Single: true, Unkeyed: true}, nil)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v, %s", text, err, d)
		}
	}
}

func TestEmitErrors(t *testing.T) {
	cases := map[string]struct {
		text  string
		kind  error
		want  string
		ahead int // records before the error
	}{
		"null":            {`{"data":null}`, jsonstream.ErrNotArray, `at "/data" is null`, 0},
		"object":          {`{"data":{"1":{}}}`, jsonstream.ErrNotArray, `at "/data" is an object`, 0},
		"string":          {`{"data":"[]"}`, jsonstream.ErrNotArray, `a string`, 0},
		"missing":         {`{"success":false,"error":"x"}`, jsonstream.ErrNoValue, `nothing at "/data", "" is an object`, 0},
		"scalar above":    {`"x"`, jsonstream.ErrNoValue, `"" is a string`, 0},
		"html":            {`<!DOCTYPE html>`, jsonstream.ErrSyntax, "at byte 0", 0},
		"empty":           {``, jsonstream.ErrSyntax, "the body is empty", 0},
		"blank":           {"  \n", jsonstream.ErrSyntax, "truncated", 0},
		"two values":      {`{"data":[{"id":1}]}{}`, jsonstream.ErrSyntax, "at byte 19: more follows", 1},
		"duplicate array": {`{"data":[{"id":1}],"data":[]}`, jsonstream.ErrSyntax, `at byte 19: the name "data" occurs twice`, 1},
		"duplicate after": {`{"data":[],"x":1,"x":{}}`, jsonstream.ErrSyntax, `the name "x" occurs twice`, 0},
		"utf-8 outside":   {"{\"data\":[\xff]}", jsonstream.ErrSyntax, "at byte 9: byte 0xFF where a value must be", 0},
		"number":          {`{"data":[{"id":01}]}`, jsonstream.ErrSyntax, "at byte 16", 0},
		"comma":           {`{"data":[{"id":1},]}`, jsonstream.ErrSyntax, "at byte", 1},
		"late":            {`{"data":[{"id":1},{"id":2}],"x":tru}`, jsonstream.ErrSyntax, "at byte", 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := emit(c.text, jsonstream.Spec{Array: pointer(t, "/data"), Key: pointer(t, "/id")}, nil)
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) || len(got) != c.ahead {
				t.Errorf("%d records, %v", len(got), err)
			}
		})
	}
}

// TestTruncatedAnywhere cuts a document at each byte: never is the rest taken
// for the whole, and the message says where the text ended.
func TestTruncatedAnywhere(t *testing.T) {
	const doc = `{"success":true,"data":[{"id":1,"n":"\u00e4","x":[1,-2.5e3,{"y":null}]},{"id":"b"}],"more":{"next":null}}`
	spec := jsonstream.Spec{Array: pointer(t, "/data"), Key: pointer(t, "/id"), All: true}
	for i := range len(doc) {
		_, err := emit(doc[:i], spec, nil)
		if !errors.Is(err, jsonstream.ErrSyntax) {
			t.Errorf("cut at %d: %v", i, err)
		} else if i > 0 && !strings.Contains(err.Error(), fmt.Sprintf("at byte %d: ", i)) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
	if got, err := emit(doc, spec, nil); err != nil || len(got) != 2 {
		t.Errorf("whole: %d records, %v", len(got), err)
	}
}

func TestDeliveryStops(t *testing.T) {
	full := errors.New("full")
	n, err := jsonstream.Emit(strings.NewReader(`[{"id":1},{"id":2}]`), 19, jsonstream.Spec{Key: pointer(t, "/id")}, nil, func(jsonstream.Record) error { return full })
	if !errors.Is(err, full) || !errors.Is(err, jsonstream.ErrDelivery) || n != 0 {
		t.Errorf("%d, %v", n, err)
	}
}

// TestFind asks before an emit and after one, which leaves an index: the
// answers are the same.
func TestFind(t *testing.T) {
	const doc = `{"success":true, "data":[{"id":1,"a":{"b":[10,20]}}], "next" : {"cursor": "x\u00e4", "n": 12.50, "list":[ 1, {"a/b":null} ]}, "":5}`
	cases := map[string]struct {
		want string
		kind error
	}{
		"/success": {"true", nil}, "/next/cursor": {`"x\u00e4"`, nil}, "/next/n": {"12.50", nil},
		"/next/list/1/a~1b": {"null", nil}, "/next/list": {`[ 1, {"a/b":null} ]`, nil}, "/": {"5", nil},
		"/data/0/a/b/1": {"20", nil}, "/data/0": {`{"id":1,"a":{"b":[10,20]}}`, nil}, "": {doc, nil},
		"/nothing": {"", jsonstream.ErrNoValue}, "/next/list/2": {"", jsonstream.ErrNoValue}, "/next/list/01": {"", jsonstream.ErrNoValue},
		"/success/x": {"", jsonstream.ErrNoValue}, "/data/1": {"", jsonstream.ErrNoValue}, "/next/x": {"", jsonstream.ErrNoValue},
	}
	body := strings.NewReader(doc)
	var index jsonstream.Index
	if _, err := emit(doc, jsonstream.Spec{Array: pointer(t, "/data"), Key: pointer(t, "/id")}, &index); err != nil {
		t.Fatal(err)
	}
	for p, c := range cases {
		for name, x := range map[string]*jsonstream.Index{"before": {}, "after": &index} {
			got, err := jsonstream.Find(body, int64(len(doc)), x, pointer(t, p), 1<<10)
			if string(got) != c.want || !errors.Is(err, c.kind) {
				t.Errorf("%q %s: %q %v", p, name, got, err)
			}
		}
	}
	if _, err := jsonstream.Find(body, int64(len(doc)), nil, pointer(t, "/next/cursor"), 3); !errors.Is(err, jsonstream.ErrTooLarge) {
		t.Errorf("over the limit: %v", err)
	}
	if _, err := jsonstream.Find(strings.NewReader("<html>"), 6, nil, pointer(t, "/x"), 3); !errors.Is(err, jsonstream.ErrSyntax) {
		t.Errorf("HTML: %v", err)
	}
}

func TestIndexOfManyValues(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"data":[]`)
	for i := range 3_000 {
		fmt.Fprintf(&b, `,"k%d":%d`, i, i)
	}
	b.WriteString("}")
	var index jsonstream.Index
	if _, err := emit(b.String(), jsonstream.Spec{Array: pointer(t, "/data"), Key: pointer(t, "/id")}, &index); err != nil {
		t.Fatal(err)
	}
	got, err := jsonstream.Find(strings.NewReader(b.String()), int64(b.Len()), &index, pointer(t, "/k2999"), 10)
	if string(got) != "2999" {
		t.Errorf("%q %v", got, err)
	}
}

func TestPointers(t *testing.T) {
	for _, text := range []string{"", "/", "/a/b", "/a~1b/~0", "//"} {
		if got := pointer(t, text).String(); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	for _, text := range []string{"a", "/~", "/~2", "/a~"} {
		if _, err := jsonstream.ParsePointer(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}
