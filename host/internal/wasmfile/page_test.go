package wasmfile

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// thousands writes a number as the page does.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// TestThePageStatesTheCaps compares docs/connector-abi.md with the caps.
func TestThePageStatesTheCaps(t *testing.T) {
	b, err := os.ReadFile("../../../docs/connector-abi.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	want := []string{
		"| bytes | 256 KiB | 16 MiB |", "| depth of nested blocks | " + thousands(maxNesting) + " | |",
		"| locals | " + thousands(maxLocals) + " | " + thousands(maxAllLocals) + " |",
		"| targets of one br_table | " + thousands(maxTargets) + " | |",
		fmt.Sprintf("%s functions; %s types with %d parameters and %d results; %d imports; %s exports; %s globals; %d tables of %s entries; %s segments of data; %s entries of element segments; one memory.",
			thousands(maxFunctions), thousands(maxTypes), maxParams, maxParams, maxImports, thousands(maxExports), thousands(maxGlobals), maxTables, thousands(maxTable), thousands(maxSegments), thousands(maxEntries)),
	}
	for _, l := range effortLimits {
		want = append(want, fmt.Sprintf("| %s | %s | %s |", l.what, thousands(l.function), thousands(l.module)))
	}
	for _, text := range want {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
}
