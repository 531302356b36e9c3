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
	if d := cmp.Diff(want, got); d != "" {
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
	if _, err := emit(`{"users":{"a":{"x":1,"x":2}}}`, spec, nil); !errors.Is(err, jsonstream.ErrSyntax) {
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
			if _, err := emit(text, spec, nil); !errors.Is(err, jsonstream.ErrSyntax) || !strings.Contains(err.Error(), "occurs twice") {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
}

func TestStrangeText(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	digits := strings.Repeat("1234567890", 1_000)
	cases := map[string]struct{ text, want string }{
		"bom":              {"\xEF\xBB\xBF[]", "at byte 0: it begins with a byte order mark"},
		"nul":              {"[{\"id\":1}\x00]", "at byte 9: a NUL byte"},
		"nul in a string":  {"[{\"id\":\"\x00\"}]", "at byte 8: a NUL byte in a string"},
		"line break":       {"[{\"id\":\"a\nb\"}]", "at byte 9: control character 0x0A in a string"},
		"nul after":        {"[]\x00", "at byte 2: more follows"},
		"garbage":          {"[] garbage", "at byte 3: more follows"},
		"lone high":        {`["\ud800"]`, "at byte 2: half of a surrogate pair"},
		"lone low":         {`["x\udc00"]`, "at byte 3: half of a surrogate pair"},
		"high and no low":  {`["\ud800\u0041"]`, "at byte 2: half of a surrogate pair"},
		"overlong":         {"[\"\xc0\x80\"]", "at byte 2: invalid UTF-8"},
		"surrogate bytes":  {"[\"\xed\xa0\x80\"]", "at byte 2: invalid UTF-8"},
		"escape":           {`["\x"]`, `at byte 3: 'x' where an escape must be`},
		"hex":              {`["\u00g0"]`, `at byte 6: 'g' where a hexadecimal digit must be`},
		"10,000 deep":      {nested(10_000), ""},
		"10,001 deep":      {nested(10_001), "at byte 10000: nested deeper than 10000"},
		"a million deep":   {strings.Repeat("[", 1_000_000), "nested deeper than 10000"},
		"objects deep":     {strings.Repeat(`{"a":`, 20_000), "at byte 50000: nested deeper than 10000"},
		"kept deep":        {`[{"id":` + nested(9_998) + `}]`, ""},
		"kept too deep":    {`[{"id":` + nested(9_999) + `}]`, "nested deeper"},
		"digits":           {`[{"id":` + digits + `}]`, ""},
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
			if name == "digits" && got.Records[0].Key != digits {
				t.Errorf("the number lost its text: %d digits", len(got.Records[0].Key))
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
		want string // "" when it is taken
	}{
		"a long text that is not kept":   {parts{`[{"id":1,"x":"`, "0123456789abcdef", 600_000, `"}]`}, ""},
		"a long number that is not kept": {parts{`[{"id":1,"x":1`, "0123456789012345", 600_000, `}]`}, ""},
		"a long list that is not kept":   {parts{`[{"id":1,"x":[0`, ",12", 3_000_000, `]}]`}, ""},
		"much space":                     {parts{`[{"id":1}`, "                ", 600_000, `]`}, ""},
		"a long text that is kept":       {parts{`[{"id":1,"k":"`, "0123456789abcdef", 1 << 20, `"}]`}, "at byte 13 is over"},
		"a long list that is kept":       {parts{`[{"id":1,"k":[0`, ",1", 1 << 20, `]}]`}, "is over"},
		"lists in a list that are kept":  {parts{`[{"id":1,"k":[0`, ",[]", 1 << 20, `]}]`}, "is over"},
		"a long name":                    {parts{`[{"id":1,"`, "0123456789abcdef", 1 << 16, `":1}]`}, "name at byte 9 is over"},
		"a name without end":             {parts{`[{"id":1,"`, "0123456789abcdef", 1_200_000, ``}, "at byte 9 is over"},
	}
	spec := jsonstream.Spec{Key: pointer(t, "/id"), Keep: []string{"k"}}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := io.MultiReader(strings.NewReader(c.head), &repeated{piece: c.piece, left: c.times}, strings.NewReader(c.tail))
			_, err := run(r, 1<<30, spec, nil)
			if (c.want == "") != (err == nil) || err != nil && (!errors.Is(err, jsonstream.ErrTooLarge) || !strings.Contains(err.Error(), c.want)) {
				t.Error(err)
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
	for n, ok := range map[int]bool{100: true, 10_000: true, 1_100_000: false} {
		text := names(n)
		_, err := run(text, 1<<30, spec, nil)
		_ = text.Close() // ends who writes it
		if ok != (err == nil) || !ok && !errors.Is(err, jsonstream.ErrTooLarge) {
			t.Errorf("%d names: %v", n, err)
		}
	}
	for _, n := range []int{10, 32, 33, 34, 1_000, 50_000} {
		for _, again := range []int{0, n / 2, n - 1} {
			var b strings.Builder
			b.WriteString(`[{"id":1`)
			for i := range n {
				fmt.Fprintf(&b, `,"n%d":0`, i)
			}
			at := b.Len() + 1
			fmt.Fprintf(&b, `,"n%d":0}]`, again)
			_, err := run(bytes.NewBufferString(b.String()), b.Len(), spec, nil)
			if !errors.Is(err, jsonstream.ErrSyntax) || !strings.Contains(err.Error(), fmt.Sprintf(`at byte %d: the name "n%d" occurs twice`, at, again)) {
				t.Errorf("%d again after %d: %v", again, n, err)
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
