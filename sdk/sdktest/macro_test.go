package sdktest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
	"github.com/rollcall-agent/rollcall/sdk/sdktest"
)

// TestMacros: a connector's own test gives the values, and they are escaped as
// the agent escapes them.
func TestMacros(t *testing.T) {
	var got []string
	check := sdk.Connector{Check: func(c *sdk.Call) error {
		for _, place := range abi.Places() {
			text, err := c.Macro("<{{ settings.tag }}>{{link.key}}", place)
			if err != nil {
				return err
			}
			got = append(got, place.String()+" "+text)
		}
		for template, want := range map[string]abi.Code{
			"{{ settings.none }}": abi.CodeNoValue, "{{ ad.mail }}": abi.CodeNoValue, "{{ x": abi.CodeInput, "{{ lower(settings.tag) }}": abi.CodeInput,
		} {
			if _, err := c.Macro(template, abi.PlaceNone); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", template, err, want)
			}
		}
		if _, err := c.Macro("", 8); !errors.Is(err, abi.CodeArgument) {
			t.Errorf("a place that is not known: %v", err)
		}
		return nil
	}}
	h := &sdktest.Host{Settings: map[string]any{"tag": `a b/"&`}, Values: map[string]any{"link": map[string]any{"key": 7}}}
	if _, err := h.Check(check); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`none <a b/"&>7`, `path <a%20b%2F%22&>7`, `query <a+b%2F%22%26>7`, `header <a b/"&>7`, `json <a b/\"\u0026>7`,
		`json_value <"a b/\"\u0026">7`, `form <a+b%2F%22%26>7`, `xml <a b/&#34;&amp;>7`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestMacrosOfATest: a test may render by itself, and a long text needs a
// larger buffer.
func TestMacrosOfATest(t *testing.T) {
	h := &sdktest.Host{Macros: func(template string, _ abi.Place) (string, error) {
		if template == "none" {
			return "", fmt.Errorf("it is refused: %w", abi.CodeRefused)
		}
		return strings.Repeat(template, 20_000), nil
	}}
	check := sdk.Connector{Check: func(c *sdk.Call) error {
		if text, err := c.Macro("x", abi.PlaceNone); err != nil || len(text) != 20_000 {
			t.Errorf("%d bytes, %v", len(text), err)
		}
		var refused *sdk.HostError
		if _, err := c.Macro("none", abi.PlaceNone); !errors.As(err, &refused) || refused.Code != abi.CodeRefused || !strings.Contains(refused.Message, "it is refused") {
			t.Errorf("%v", err)
		}
		return nil
	}}
	if _, err := h.Check(check); err != nil {
		t.Fatal(err)
	}
}
