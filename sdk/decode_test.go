package sdk

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// fill gives every field of a struct a different value, so that a field that
// decodeCall forgets or confuses is noticed.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d \"ä\"", *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n) + 1<<52)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, k := range []string{"a", "b"} {
			value := reflect.New(v.Type().Elem()).Elem()
			fill(value, n)
			v.SetMapIndex(reflect.ValueOf(k), value)
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf(float64(*n)))
	default:
		panic("no value for a field of kind " + v.Kind().String())
	}
}

func TestDecodeCall(t *testing.T) {
	var full abi.Call
	fill(reflect.ValueOf(&full).Elem(), new(int))
	full.Endpoint.Audience, full.Endpoint.Attributes = "", nil // the host keeps them
	for name, want := range map[string]abi.Call{
		"full": full, "zero": {}, "check": {Function: "check", Retry: full.Retry},
		"fetch": {Endpoint: &abi.Endpoint{Name: "users"}}, "invoke": {Webhook: &abi.Webhook{Verify: &abi.Verify{}}},
	} {
		input, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeCall(input)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\n%s became\n%+v", name, err, input, got)
		}
	}
}

func TestDecodeCallRefuses(t *testing.T) {
	for input, want := range map[string]string{
		`{"function":1}`:                          "function",
		`{"settings":[]}`:                         "settings",
		`{"retry":{"attempts":1.5}}`:              "attempts",
		`{"retry":{"attempts":"1"}}`:              "attempts",
		`{"again":"true"}`:                        "again",
		`{"endpoint":{"params":{"a":1}}}`:         "a",
		`{"endpoint":{"scopes":["a",1]}}`:         "scopes",
		`{"webhook":{"verify":{"found":[]}}}`:     "found",
		`{"endpoint":{"repeat":{"first":"one"}}}`: "first",
		`{"retry":{"max_wait_ms":1e300}}`:         "max_wait_ms",
		`{"function":"fetch"`:                     "unexpected end",
		`[]`:                                      "array",
	} {
		if _, err := decodeCall([]byte(input)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", input, err)
		}
	}
}

// TestSettingsAreText: numbers as they stand in the configuration.
func TestSettingsAreText(t *testing.T) {
	input, err := decodeCall([]byte(`{"settings":{"many":1000000,"long":9007199254740991,"half":0.5,"on":true,"name":"x","none":null}}`))
	if err != nil {
		t.Fatal(err)
	}
	c := &Call{input: input}
	for name, want := range map[string]string{"many": "1000000", "long": "9007199254740991", "half": "0.5", "on": "true", "name": "x", "none": "", "other": ""} {
		if got := c.Setting(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
