package abi_test

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestMacrosOfAManifest: names that an administrator can write, and roots that
// exist.
func TestMacrosOfAManifest(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*abi.Manifest)
		want   string
	}{
		"no name":       {func(m *abi.Manifest) { m.Macros[0].Name = "" }, `macro "": a name is`},
		"a subtraction": {func(m *abi.Manifest) { m.Macros[0].Name = "given-name" }, `macro "given-name": a name with - would be a subtraction`},
		"twice":         {func(m *abi.Manifest) { m.Macros = append(m.Macros, m.Macros[0]) }, `macro "given_name": the name is used twice`},
		"no expression": {func(m *abi.Manifest) { m.Macros[0].Expression = " " }, "expression is missing"},
		"long":          {func(m *abi.Manifest) { m.Macros[0].Expression = strings.Repeat("x", 8<<10+1) }, "expression has 8193 bytes"},
		"unexplained":   {func(m *abi.Manifest) { m.Macros[0].Description = "" }, "description is missing"},
		"unknown root":  {func(m *abi.Manifest) { m.MacroRoots = []string{"user"} }, `macro_roots: "user" is not one of ad, change`},
		"a path":        {func(m *abi.Manifest) { m.MacroRoots = []string{"ad.mail"} }, `macro_roots: "ad.mail" is not one of`},
		"password":      {func(m *abi.Manifest) { m.MacroRoots = []string{"password"} }, "password is never given to a connector"},
		"root twice":    {func(m *abi.Manifest) { m.MacroRoots = []string{"ad", "now", "ad"} }, `macro_roots: "ad" is there twice`},
		"many":          {func(m *abi.Manifest) { m.Macros = make([]abi.Macro, 501) }, "501 macros, more than 500"},
		"many roots":    {func(m *abi.Manifest) { m.MacroRoots = make([]string, 101) }, "101 of macro_roots, more than 100"},
	} {
		refuses(t, name, c.change, c.want)
	}
	if m, ok := good().Macro("given_name"); !ok || m.Expression == "" {
		t.Errorf("%+v %v", m, ok)
	}
	if _, ok := good().Macro("none"); ok {
		t.Error("there is a macro of no name")
	}
}

// TestPlaces: no number without a name.
func TestPlaces(t *testing.T) {
	for _, p := range abi.Places() {
		if !p.Known() || p.String() == "unknown" {
			t.Errorf("place %d is %s", p, p)
		}
	}
	for _, p := range []abi.Place{-1, abi.PlaceXML + 1} {
		if p.Known() || p.String() != "unknown" {
			t.Errorf("place %d is %s", p, p)
		}
	}
}
