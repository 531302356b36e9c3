package jsonstream_test

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
)

// Equal numbers are one key, whatever their spelling; texts are keys as they
// are.
func TestKeysThatAreNumbers(t *testing.T) {
	for sent, want := range map[string]string{
		"12": "12", "12.0": "12", "1.2e1": "12", "120E-1": "12", "-0": "0", "0.50": "0.5", "5e-1": "0.5", "-12.0": "-12",
		"9007199254740993": "9007199254740993", "9007199254740993.0": "9007199254740993", "123456789012345678901234567890": "123456789012345678901234567890",
		"1e300": "1e300", "10e299": "1e300", "1e999999999": "1e999999999", "0e999999999": "0",
		`"12"`: "12", `"12.0"`: "12.0", `"012"`: "012", `"1e3"`: "1e3", `" 12"`: " 12",
	} {
		for at, doc := range map[string]string{"/id": `[{"id":` + sent + `}]`, "/a/id": `[{"a":{"id":` + sent + `}}]`} {
			key, err := jsonstream.ParsePointer(at)
			if err != nil {
				t.Fatal(err)
			}
			var got []jsonstream.Record
			_, err = jsonstream.Emit(strings.NewReader(doc), int64(len(doc)), jsonstream.Spec{Key: key}, nil, func(r jsonstream.Record) error {
				got = append(got, r)
				return nil
			})
			number := sent
			if sent[0] == '"' {
				number = ""
			}
			if err != nil || len(got) != 1 || got[0].Key != want || got[0].Number != number || got[0].Problem != "" {
				t.Errorf("%s: %+v %v, want %s", doc, got, err, want)
			}
		}
	}
	doc := `[{"id":1e999999999999999999}]`
	_, err := jsonstream.Emit(strings.NewReader(doc), int64(len(doc)), jsonstream.Spec{Key: jsonstream.Pointer{"id"}}, nil, func(r jsonstream.Record) error {
		if r.Key != "" || r.Problem != "/id is a number whose exponent has more than 17 digits" {
			t.Errorf("%+v", r)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
