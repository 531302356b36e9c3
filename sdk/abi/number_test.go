package abi

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNumbersHaveOneSpelling(t *testing.T) {
	for text, want := range map[string]string{
		"12": "12", "12.0": "12", "1.2e1": "12", "1.2E+1": "12", "120e-1": "12", "0.0012e4": "12", "12e0": "12", "12.000": "12",
		"-12.0": "-12", "0": "0", "-0": "0", "-0.00e5": "0", "0e99999999999999999999": "", "0e999999999999": "0",
		"0.50": "0.5", "5e-1": "0.5", "1e0": "1", "100": "100", "1e2": "100", "-0.50": "-0.5", "1.25e1": "12.5",
		"9007199254740993": "9007199254740993", "9007199254740993.0": "9007199254740993",
		"12345678901234567890123": "12345678901234567890123", "1.2345678901234567890123e22": "12345678901234567890123",
		"1e300": "1e300", "10e299": "1e300", "1.50e300": "1.5e300", "-15e299": "-1.5e300", "1e-300": "1e-300",
		"1e40": "1" + strings.Repeat("0", 40), "1e41": "1e41", "0.001e-39": "1e-42", "1e-41": "0." + strings.Repeat("0", 40) + "1",
		"1e999999999": "1e999999999", "0.1e1000000000": "1e999999999", "1e-999999999": "1e-999999999",
		"012": "", "+1": "", ".5": "", "1.": "", "1e": "", "1e+": "", "": "", "-": "", "1x": "", " 1": "", "1e5 ": "", "0x1": "", "Infinity": "",
		"1e999999999999999999": "", "1e00000000000000000000000000003": "1000",
	} {
		got, ok := NumberKey(text)
		if ok != (want != "") || got != want {
			t.Errorf("NumberKey(%q) = %q %v, want %q", text, got, ok, want)
		}
	}
}

// The order and the spelling must be those of exact fractions.
func TestNumbersCompareExactly(t *testing.T) {
	text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,8})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		m, okA := ParseNumber(a)
		n, okB := ParseNumber(b)
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		if !okA || !okB || m.Compare(n) != x.Cmp(y) {
			t.Fatalf("%s and %s compare as %d, exactly as %d", a, b, m.Compare(n), x.Cmp(y))
		}
		if (m.String() == n.String()) != (x.Cmp(y) == 0) {
			t.Fatalf("%s and %s are spelled %s and %s", a, b, m, n)
		}
		again, ok := ParseNumber(m.String())
		if z, valid := new(big.Rat).SetString(m.String()); !ok || !valid || z.Cmp(x) != 0 || again != m {
			t.Fatalf("%s is spelled %s", a, m)
		}
	})
}

func TestHugeExponentsCostNothing(t *testing.T) {
	n, ok := ParseNumber("1e99999999999999999")
	m, _ := ParseNumber("1e-99999999999999999")
	if !ok || n.Compare(m) != 1 || m.Compare(Number{}) != 1 || len(n.String()) > 30 || len(m.String()) > 30 {
		t.Errorf("%s %s", n, m)
	}
}
