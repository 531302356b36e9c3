package receiver

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func TestParse(t *testing.T) {
	at := time.Date(2026, 8, 1, 7, 15, 9, 0, time.UTC)
	body := sent("6f1e", "change", "user", "11", at)
	d, err := parse(pipedrive(), []byte(body))
	want := delivery{id: "6f1e", at: at, kind: "change", records: "user", key: "11"}
	if err != nil || d != want {
		t.Errorf("%+v, %v", d, err)
	}
	for name, c := range map[string]struct {
		old, with string
		want      delivery
		err       string
	}{
		"numbers":             {`"entity_id":"11","id":"6f1e"`, `"entity_id":11,"id":77`, delivery{id: "77", at: at, kind: "change", records: "user", key: "11"}, ""},
		"another spelling":    {`"entity_id":"11","id":"6f1e"`, `"entity_id":1.1e1,"id":77.0`, delivery{id: "77", at: at, kind: "change", records: "user", key: "11"}, ""},
		"a large number":      {`"entity_id":"11"`, `"entity_id":9007199254740993`, delivery{id: "6f1e", at: at, kind: "change", records: "user", key: "9007199254740993"}, ""},
		"seconds as text":     {`"timestamp":"2026-08-01T07:15:09.000Z"`, `"timestamp":"1785568509"`, want, ""},
		"seconds":             {`"timestamp":"2026-08-01T07:15:09.000Z"`, `"timestamp":1785568509`, want, ""},
		"milliseconds":        {`"timestamp":"2026-08-01T07:15:09.000Z"`, `"timestamp":1785568509000`, want, ""},
		"fractions":           {`"timestamp":"2026-08-01T07:15:09.000Z"`, `"timestamp":1785568509.75`, want, ""},
		"another zone":        {`2026-08-01T07:15:09.000Z`, `2026-08-01T09:15:09+02:00`, want, ""},
		"no zone":             {`2026-08-01T07:15:09.000Z`, `2026-08-01 07:15:09`, want, ""},
		"another version":     {`"version":"2.0"`, `"version":"1.0"`, delivery{odd: "/meta/version", kind: "change", records: "user"}, ""},
		"no version":          {`"version":"2.0"`, `"versions":"2.0"`, delivery{odd: "/meta/version", kind: "change", records: "user"}, ""},
		"no key":              {`"entity_id":"11"`, `"x":"11"`, delivery{}, "/meta/entity_id, the key, is missing"},
		"key is null":         {`"entity_id":"11"`, `"entity_id":null`, delivery{}, "the key, is missing"},
		"key is empty":        {`"entity_id":"11"`, `"entity_id":""`, delivery{}, "the key, is missing"},
		"key is an object":    {`"entity_id":"11"`, `"entity_id":{"a":1}`, delivery{}, "/meta/entity_id is an object or an array"},
		"key of a line break": {`"entity_id":"11"`, `"entity_id":"\u0000"`, delivery{}, "holds U+0000"},
		"no time":             {`"timestamp":"2026-08-01T07:15:09.000Z",`, ``, delivery{}, "/meta/timestamp: no time"},
		"time of nothing":     {`2026-08-01T07:15:09.000Z`, `yesterday`, delivery{}, "/meta/timestamp: no time"},
		"a long time":         {`"timestamp":"2026-08-01T07:15:09.000Z"`, `"timestamp":17855685090000`, delivery{}, "/meta/timestamp: no time"},
		"no kind":             {`"action":"change",`, ``, delivery{}, "/meta/action is missing"},
		"a long kind":         {`"action":"change"`, `"action":"` + strings.Repeat("x", 201) + `"`, delivery{}, "/meta/action is missing or longer"},
		"key twice":           {`"entity_id":"11"`, `"entity_id":"11","entity_id":"12"`, delivery{}, "a name twice"},
		"meta twice":          {`"data":`, `"meta":{"entity_id":"12"},"data":`, delivery{}, "a name twice"},
		"no JSON":             {body, `<xml/>`, delivery{}, "the body is not JSON"},
		"nothing":             {body, ``, delivery{}, "the body is not JSON"},
		"cut off":             {`"previous":{"active_flag":true}}`, `"previous":{`, delivery{}, "the body is not JSON"},
		"two of them":         {body, body + body, delivery{}, "something follows"},
		"not UTF-8":           {`Ada`, "A\xff", delivery{}, "not UTF-8"},
		"a text":              {body, `"text"`, delivery{odd: "/meta/version"}, ""},
		"deep":                {`{"id":11`, strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat("}", 200) + `,"x":{"id":11`, delivery{}, "nested more than 100 deep"},
	} {
		changed := strings.Replace(body, c.old, c.with, 1)
		if changed == body {
			t.Fatalf("%s changes nothing", name)
		}
		got, err := parse(pipedrive(), []byte(changed))
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "Ada") || strings.Contains(err.Error(), "11") {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil || got != c.want:
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestADeliveryWithoutAnID: the same body is the same delivery, and no other is.
func TestADeliveryWithoutAnID(t *testing.T) {
	r := abi.Receiver{Key: "/id", Endpoint: "users"}
	one, err := parse(r, []byte(`{"id":1}`))
	again, _ := parse(r, []byte(`{"id":1}`))
	other, _ := parse(r, []byte(`{"id": 1}`))
	if err != nil || one.id == "" || one.id != again.id || one.id == other.id || !strings.HasPrefix(one.id, "body sha256:") {
		t.Errorf("%+v, %+v, %+v, %v", one, again, other, err)
	}
	missing := sent("", "change", "user", "11", time.Now())
	if d, err := parse(pipedrive(), []byte(missing)); err != nil || !strings.HasPrefix(d.id, "body sha256:") {
		t.Errorf("%+v, %v", d, err)
	}
	timeless := pipedrive()
	timeless.Time = ""
	if _, err := parse(timeless, []byte(missing)); err == nil || !strings.Contains(err.Error(), "/meta/id, the id, is missing, and nothing else tells") {
		t.Errorf("nothing tells one delivery from another: %v", err)
	}
	long := sent(strings.Repeat("x", 201), "change", "user", "11", time.Now())
	if d, err := parse(pipedrive(), []byte(long)); err != nil || !strings.HasPrefix(d.id, "id sha256:") {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestPointers: escaped ones, and into arrays.
func TestPointers(t *testing.T) {
	body := `[{"a/b":{"~c":"found"}},{"x":true},[5]]`
	got, err := pick([]byte(body), map[string]string{"/0/a~1b/~0c": "", "/1/x": "", "/2/0": "", "/2/1": "", "/7": ""})
	want := map[string]string{"/0/a~1b/~0c": "found", "/1/x": "true", "/2/0": "5"}
	if err != nil || len(got) != len(want) {
		t.Fatalf("%v, %v", got, err)
	}
	for pointer, text := range want {
		if got[pointer].text != text {
			t.Errorf("%s is %q", pointer, got[pointer].text)
		}
	}
}

// FuzzParse: whatever comes, nothing of it panics or is repeated in an error, and
// what is found is what a plain parser finds.
func FuzzParse(f *testing.F) {
	f.Add([]byte(sent("6f1e", "change", "user", "11", time.Now())))
	f.Add([]byte(`{"meta":{"version":"2.0","id":7,"entity_id":1e400,"action":"x","entity":"user","timestamp":1785568509}}`))
	f.Add([]byte(`{"meta":[{"version":"2.0"}]}`))
	f.Add([]byte(strings.Repeat("[", 300)))
	f.Add([]byte("{\"meta\":{\"entity_id\":\"\\ud800\"}}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := parse(pipedrive(), body)
		if err != nil {
			if len(err.Error()) > 200 {
				t.Errorf("the error repeats the body: %v", err)
			}
			return
		}
		if d.odd != "" {
			return
		}
		if d.key == "" || d.id == "" || d.at.IsZero() {
			t.Errorf("%q: taken with nothing in it: %+v", body, d)
		}
		var exact map[string]any
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		err = decoder.Decode(&exact)
		meta, _ := exact["meta"].(map[string]any)
		if err != nil || meta["action"] != d.kind || meta["entity"] != d.records {
			t.Errorf("%q: %+v, %v: a plain parser finds %v", body, d, err, meta)
		}
	})
}
