package abi

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// TestLinkAt finds the key in answers of a search.
func TestLinkAt(t *testing.T) {
	w := Webhook{LinkKey: "/id", LinkRecords: "/data", LinkMatch: map[string]string{"/email": "Ada@x.test"}}
	for answer, want := range map[string]string{
		`{"data": [{"id": 7, "email": "bada@x.test"}, {"id": 8, "email": "ada@X.test"}]}`: "/data/1/id",
		`{"data": [{"id": 7, "email": "bada@x.test"}]}`:                                   "",
		`{"data": [{"id": 7}]}`: "",
		`{"data": []}`:          "",
		`{"data": null}`:        "",
		`{"data": [{"id": 7, "email": "ada@x.test"}, {"id": 8, "email": "ada@x.test"}]}`: "the search found several",
		`{"data": {}}`:      "no array of candidates",
		`{"success": true}`: "no candidates",
	} {
		at, err := w.LinkAt(get(t, answer))
		if err != nil {
			at = err.Error()
		}
		if at != want && (err == nil || !strings.Contains(at, want)) {
			t.Errorf("%s: %q, want %q", answer, at, want)
		}
	}
	if at, err := (Webhook{LinkKey: "/id"}).LinkAt(nil); at != "/id" || err != nil {
		t.Errorf("a create: %q, %v", at, err)
	}
}

// get reads values of a JSON text.
func get(t *testing.T, answer string) func(string) ([]byte, error) {
	t.Helper()
	var doc any
	if err := json.Unmarshal([]byte(answer), &doc); err != nil {
		t.Fatal(err)
	}
	return func(pointer string) ([]byte, error) {
		v := doc
		for _, name := range strings.Split(pointer, "/")[1:] {
			switch in := v.(type) {
			case map[string]any:
				at, ok := in[name]
				if !ok {
					return nil, fmt.Errorf("%s: %w", pointer, CodeNoValue)
				}
				v = at
			case []any:
				i, err := strconv.Atoi(name)
				if err != nil || i >= len(in) {
					return nil, fmt.Errorf("%s: %w", pointer, CodeNoValue)
				}
				v = in[i]
			default:
				return nil, fmt.Errorf("%s: %w", pointer, CodeNoValue)
			}
		}
		return json.Marshal(v)
	}
}
