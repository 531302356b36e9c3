package main

import (
	"os/exec"
	"strings"
	"testing"
)

// notShipped are what only tests may use.
var notShipped = map[string]string{
	module + "agent/internal/directory/memory":  "a directory in memory keeps nobody's accounts",
	module + "agent/internal/directory/dirtest": "it is a suite of tests",
	module + "agent/internal/directory/dctest":  "it starts a domain controller with known passwords",
	"testing": "it adds flags to the command",
}

// TestNothingOfTestsIsShipped looks at all that is linked into the command.
func TestNothingOfTestsIsShipped(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	linked := strings.Fields(string(out))
	if len(linked) < 100 {
		t.Fatalf("only %d packages are linked: the list is not what it should be", len(linked))
	}
	for _, p := range linked {
		if why, bad := notShipped[p]; bad {
			t.Errorf("%s is linked into the command: %s", p, why)
		}
	}
}
