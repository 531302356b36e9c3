package jsonstream_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
)

func TestKeyed(t *testing.T) {
	type fields = map[string]any
	n := func(s string) json.Number { return json.Number(s) }
	const text = `{"users":{"17":{"a":1},"18":{"id":"own","a":2},"17":{"id":null},"x":null,"":{},"y":{"id":{}},"\u007a":{"id":""}},"next":5}`
	spec := jsonstream.Spec{Array: pointer(t, "/users"), Key: pointer(t, "/id"), Keyed: true, All: true}
	got, err := emit(text, spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []jsonstream.Record{
		{Key: "17", Fields: fields{"a": n("1"), "id": "17"}},
		{Key: "own", Fields: fields{"a": n("2"), "id": "own"}},
		{Key: "17", Fields: fields{"id": "17"}},
		{Problem: "the record is null, not an object"},
		{Problem: "the record has no /id and its name is empty", Fields: fields{}},
		{Problem: "/id is neither text nor a number", Fields: fields{"id": fields{}}},
		{Problem: "/id is empty", Fields: fields{"id": ""}},
	}
	if d := cmp.Diff(want, got, keysAndFields); d != "" {
		t.Error(d)
	}
	spec.Record, spec.All, spec.Keep = pointer(t, "/u"), false, []string{"a"}
	got, err = emit(`{"users":{"k":{"u":{"id":null,"a":1}}}}`, spec, nil)
	if d := cmp.Diff([]jsonstream.Record{{Key: "k", Fields: fields{"a": n("1")}}}, got); d != "" || err != nil {
		t.Error(err, d)
	}
	if _, err := emit(`{"users":[]}`, spec, nil); !errors.Is(err, jsonstream.ErrNotArray) || !strings.Contains(err.Error(), "is an array") {
		t.Error(err)
	}
}

// TestOrderOfFieldsDoesNotMatter: records whose fields come in other orders,
// are missing, new or escaped, are read alike, and doubles are found.
func TestOrderOfFieldsDoesNotMatter(t *testing.T) {
	records := []string{
		`{"id":1,"a":1,"b":2}`, `{"id":1,"a":1,"b":2}`, `{"b":2,"id":1,"a":1}`, `{"id":1,"a":1}`, `{"id":1,"a":1,"b":2,"c":{"a":1,"b":{"a":1}}}`,
		`{"id":1,"a":1,"b":2,"c":{"a":1}}`, `{"\u0069d":1,"a":1,"b":2}`, `{"id":1,"\u0061":1,"b":2}`, `{}`, `{"id" :1, "a": 1 ,"b":2}`,
	}
	doubled := []string{`{"id":1,"a":1,"id":2}`, `{"id":1,"a":1,"b":2,"a":3}`, `{"id":1,"a":1,"\u0061":2}`, `{"id":1,"a":{"x":1,"x":2}}`, `{"id":1,"id":1}`}
	spec := jsonstream.Spec{Key: pointer(t, "/id"), All: true}
	for _, first := range records {
		for _, second := range records {
			text := "[" + first + "," + second + "," + first + "]"
			got, err := emit(text, spec, nil)
			if err != nil || len(got) != 3 {
				t.Fatalf("%s: %v", text, err)
			}
			for i, one := range []string{first, second, first} {
				var want map[string]any
				dec := json.NewDecoder(strings.NewReader(one))
				dec.UseNumber()
				if err := dec.Decode(&want); err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(want, got[i].Fields); d != "" {
					t.Errorf("%s: %s", text, d)
				}
			}
		}
		for _, bad := range doubled {
			text := "[" + first + "," + first + "," + bad + "]"
			got, err := emit(text, spec, nil)
			if err != nil || len(got) != 3 || !strings.Contains(got[2].Problem, "occurs twice") || faulty(got[0]) {
				t.Errorf("%s: %v %v", text, err, got)
			}
		}
	}
}

func TestStrangeText(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	cases := map[string]struct{ text, want string }{
		"bom":              {"\xEF\xBB\xBF[]", "at byte 0: it begins with a byte order mark"},
		"nul":              {"[{\"id\":1}\x00]", "at byte 9: a NUL byte"},
		"nul after":        {"[]\x00", "at byte 2: more follows"},
		"garbage":          {"[] garbage", "at byte 3: more follows"},
		"10,001 deep":      {nested(10_001), ""},
		"much deeper":      {strings.Repeat("[", 100_000), "at byte 100000: the text ends in the middle"},
		"objects deep":     {strings.Repeat(`{"a":`, 20_000), "at byte 100000: the text ends in the middle"},
		"crossed far down": {nested(5_000)[:9_999] + "}", "'}' where a comma or ']' must be"},
		"a name far down":  {strings.Repeat(`[{"a":`, 5_000) + `{1:2}`, "a digit where a name must be"},
		"no end of escape": {`[{"id":"\u00`, "at byte 12: the text ends in the middle"},
		"half at the end":  {`[{"id":"\ud800`, "at byte 14: the text ends in the middle"},
		"quote escaped":    {`[{"id":"\ud800\"}]`, "the text ends in the middle"},
		"sign alone":       {`[-]`, "at byte 2: ']' where a digit must be"},
		"plus":             {`[+1]`, "at byte 1: '+' where a value must be"},
		"fraction alone":   {`[1.]`, "where a digit must be"},
		"exponent alone":   {`[1e+]`, "where a digit must be"},
		"not a number":     {`[NaN]`, "where a value must be"},
		"single quotes":    {`[{'id':1}]`, "where a name must be"},
		"no colon":         {`[{"id" 1}]`, "where a colon must be"},
		"no comma":         {`[{"id":1} {"id":2}]`, "where a comma or ']' must be"},
		"comma in object":  {`[{"id":1,}]`, "where a name must be"},
		"leading comma":    {`[,1]`, "where a value must be"},
		"brackets crossed": {`[{"id":1]}`, "where a comma or '}' must be"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			spec := jsonstream.Spec{Key: pointer(t, "/id"), All: true}
			got, err := run(bytes.NewBufferString(c.text), len(c.text), spec, nil)
			if (c.want == "") != (err == nil) || err != nil && (!strings.Contains(err.Error(), c.want) || len(err.Error()) > 200) {
				t.Errorf("%v", err)
			}
			parts, _ := run(iotest.OneByteReader(strings.NewReader(c.text)), len(c.text), spec, nil)
			if !reflect.DeepEqual(got, parts) { // cmp takes minutes for what is deep
				t.Errorf("cut into bytes: %.200s", parts.Err)
			}
		})
	}
}

// repeated gives one piece of text again and again, then the end of the text.
type repeated struct {
	piece string
	left  int64
	at    int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && r.left > 0 {
		m := copy(p[n:], r.piece[r.at:])
		n, r.at = n+m, r.at+m
		if r.at == len(r.piece) {
			r.at = 0
			r.left--
		}
	}
	return n, nil
}

func TestLimits(t *testing.T) {
	type parts struct {
		head, piece string
		times       int64
		tail        string
	}
	cases := map[string]struct {
		parts
		want string // the record's problem
	}{
		"a long text that is not kept":   {parts{`[{"id":1,"x":"`, "0123456789abcdef", 600_000, `"}]`}, ""},
		"a long number that is not kept": {parts{`[{"id":1,"x":1`, "0123456789012345", 600_000, `}]`}, ""},
		"a long list that is not kept":   {parts{`[{"id":1,"x":[0`, ",12", 3_000_000, `]}]`}, ""},
		"much space":                     {parts{`[{"id":1}`, "                ", 600_000, `]`}, ""},
		"a long name that is not kept":   {parts{`[{"id":1,"`, "0123456789abcdef", 1 << 16, `":1}]`}, ""},
		"much space after a name":        {parts{`[{"id":1,"k"`, "                ", 60_000, `:1}]`}, ""},
		"a long text that is kept":       {parts{`[{"k":"`, "0123456789abcdef", 1 << 20, `","id":1}]`}, "/k has a fault: what is wanted of the record is more than 8388608 bytes at byte 6"},
		"a long number that is kept":     {parts{`[{"k":1`, "0123456789012345", 1 << 20, `,"id":1}]`}, "/k has a fault: what is wanted of the record is more than 8388608 bytes at byte 6"},
		"a long list that is kept":       {parts{`[{"k":[0`, ",1", 1 << 20, `],"id":1}]`}, "/k has a fault: what is wanted"},
		"lists in a list that are kept":  {parts{`[{"k":[0`, ",[]", 1 << 20, `],"id":1}]`}, "/k has a fault: what is wanted"},
		"a long name in what is kept":    {parts{`[{"k":{"`, "0123456789abcdef", 1 << 16, `":1},"id":1}]`}, "/k has a fault: a name of more than 65536 bytes at byte 7"},
	}
	spec := jsonstream.Spec{Key: pointer(t, "/id"), Keep: []string{"k", "after"}}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tail := strings.TrimSuffix(c.tail, "]") + `,{"id":2,"after":3}]`
			if strings.HasSuffix(c.head, "}") {
				tail = `,{"id":2,"after":3}` + c.tail
			}
			r := io.MultiReader(strings.NewReader(c.head), &repeated{piece: c.piece, left: c.times}, strings.NewReader(tail))
			o, err := run(r, 1<<30, spec, nil)
			if err != nil || len(o.Records) != 2 {
				t.Fatalf("%d records, %v", len(o.Records), err)
			}
			first, second := o.Records[0], o.Records[1]
			if first.Key != "1" || !strings.HasPrefix(first.Problem, c.want) || (c.want == "") != (first.Problem == "") {
				t.Errorf("key %q: %s", first.Key, first.Problem)
			}
			if _, there := first.Fields["k"]; there && c.want != "" {
				t.Error("the field with the fault was delivered")
			}
			if d := cmp.Diff(jsonstream.Record{Key: "2", Fields: map[string]any{"after": json.Number("3")}}, second, keysAndFields); d != "" {
				t.Error(d)
			}
		})
	}
}

// names gives an object with very many names.
func names(n int) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		out := bufio.NewWriterSize(w, 64<<10)
		_, err := out.WriteString(`[{"id":1`)
		for i := 0; i < n && err == nil; i++ {
			_, err = out.Write(append(strconv.AppendInt([]byte(`,"name`), int64(i), 10), `":0`...))
		}
		_, _ = out.WriteString("}]")
		_ = out.Flush()
		_ = w.Close()
	}()
	return r
}

func TestManyNames(t *testing.T) {
	spec := jsonstream.Spec{Key: pointer(t, "/id"), Keep: []string{}}
	for _, n := range []int{100, 10_000, 1_100_000} {
		text := names(n)
		o, err := run(text, 1<<30, spec, nil)
		_ = text.Close() // ends who writes it
		if err != nil || o.Records[0].Key != "1" || o.Records[0].Problem != "" {
			t.Errorf("%d names: %v", n, err)
		}
	}
	text := names(1_100_000) // on the way to the records
	_, err := run(text, 1<<30, jsonstream.Spec{Array: pointer(t, "/0/data")}, nil)
	_ = text.Close()
	if !errors.Is(err, jsonstream.ErrTooLarge) {
		t.Error(err)
	}
	spec.All = true
	for _, n := range []int{10, 32, 33, 34, 1_000, 50_000} {
		for _, again := range []int{0, n / 2, n - 1} {
			var b strings.Builder
			b.WriteString(`[{"id":1`)
			for i := range n {
				fmt.Fprintf(&b, `,"n%d":0`, i)
			}
			at := b.Len() + 1
			fmt.Fprintf(&b, `,"n%d":0}]`, again)
			o, err := run(bytes.NewBufferString(b.String()), b.Len(), spec, nil)
			want := fmt.Sprintf(`/n%d has a fault: the name "n%[1]d" occurs twice in its object at byte %d`, again, at)
			if err != nil || o.Records[0].Problem != want || len(o.Records[0].Fields) != n {
				t.Errorf("%d again after %d: %v %+v", again, n, err, o.Records[0].Problem)
			}
		}
	}
}

func TestReadErrorsAreNotTheTexts(t *testing.T) {
	gone := errors.New("disk gone")
	r := io.MultiReader(strings.NewReader(`[{"id":1},`), iotest.ErrReader(gone))
	if _, err := run(r, 100, jsonstream.Spec{Key: pointer(t, "/id")}, nil); !errors.Is(err, jsonstream.ErrRead) || !errors.Is(err, gone) || errors.Is(err, jsonstream.ErrSyntax) {
		t.Error(err)
	}
	if _, err := run(stuck{}, 100, jsonstream.Spec{}, nil); !errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }
