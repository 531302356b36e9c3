package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// verifier is the script of docs/operate.md, for whoever does not trust us.
func verifier(t testing.TB) string {
	t.Helper()
	page, err := os.ReadFile("../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```python verify.py\n(.*?)```").FindSubmatch(page)
	if m == nil {
		t.Fatal("the page has no verifier")
	}
	return string(m[1])
}

// verifiedElsewhere runs the verifier over an export.
func verifiedElsewhere(t testing.TB, export string) (said string, ok bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "python3", "-c", verifier(t))
	cmd.Stdin = strings.NewReader(export)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// TestSomebodyElseVerifiesTheJournal exports a real journal, and changes the
// export in the ways in which somebody could.
func TestSomebodyElseVerifiesTheJournal(t *testing.T) {
	w := newWorld(t, 3)
	if said, ok := verifiedElsewhere(t, w.want(0, "journal", "export").stdout); !ok || said != "empty\n" {
		t.Errorf("an empty journal: %s", said)
	}
	w.apply(0)
	export := w.want(0, "journal", "export").stdout
	said, ok := verifiedElsewhere(t, export)
	if !ok {
		t.Fatal(said)
	}
	// rollcall says the same about it.
	sum := regexp.MustCompile(`line (\d+) with the hash (\w+)`)
	if own := w.want(0, "journal", "verify").stdout; len(sum.FindString(said)) < 64 || sum.FindString(own) != sum.FindString(said) {
		t.Errorf("%s: %s", own, said)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(export, "\n"), "\n")
	if len(lines) < 5 || !strings.Contains(export, `"kind":"outcome"`) || !json.Valid([]byte(lines[3])) {
		t.Fatalf("%d lines:\n%s", len(lines), export)
	}
	inRaw := strings.Replace(lines[2], `\"at\":\"2`, `\"at\":\"3`, 1)
	for name, changed := range map[string][]string{
		"a line was changed":       {lines[0], lines[1], inRaw, lines[3]},
		"a line is gone":           {lines[0], lines[2]},
		"two lines changed places": {lines[0], lines[2], lines[1]},
		"the beginning is gone":    lines[1:],
		"a line is there twice":    {lines[0], lines[0]},
	} {
		if said, ok := verifiedElsewhere(t, strings.Join(changed, "")); ok || !strings.Contains(said, "broken after") {
			t.Errorf("%s: %s", name, said)
		}
	}
	if inRaw == lines[2] {
		t.Error("the change changed nothing")
	}
}
