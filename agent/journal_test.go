package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
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
	cmd.Env = append(os.Environ(), "PYTHONIOENCODING=cp1252") // as on Windows: names beyond ASCII must hold there too
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// TestSomebodyElseVerifiesTheJournal exports a real journal, and changes the
// export in the ways in which somebody could.
func TestSomebodyElseVerifiesTheJournal(t *testing.T) {
	t.Parallel()
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

// TestOldHistoryIsRemoved begins two years ago; run --once does what is due, and
// looks after the state.
func TestOldHistoryIsRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "[directory]", "[store]\nkeep_runs = \"30d\"\nkeep_journal = \"60d\"\n\n[directory]")
	then := time.Now().AddDate(-2, 0, 0)
	s, err := store.Open(t.Context(), filepath.Join(w.dir, "state"), store.WithClock(func() time.Time { return then }))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		lease, err := s.AcquireLease(t.Context(), "staff", "test", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		id, err := s.StartRun(t.Context(), lease, store.Run{Automation: "staff", Kind: store.KindScheduled, By: "schedule"})
		if err == nil {
			err = errors.Join(s.FinishRun(t.Context(), lease, store.Run{ID: id, Result: store.RunOK}), s.ReleaseLease(t.Context(), lease))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	w.apply(0)
	a := w.want(0, "run", "--once")
	if !strings.Contains(a.stderr, "removed old history") || !strings.Contains(a.stderr, "runs=3") || !strings.Contains(a.stderr, "journal_lines=6") {
		t.Errorf("the log: %s", a.stderr)
	}
	var runs []store.Run
	if err := json.Unmarshal([]byte(w.want(0, "--output", "json", "runs").stdout), &runs); err != nil || len(runs) != 2 {
		t.Errorf("%+v, %v", runs, err)
	}
	if own := w.want(0, "journal", "verify").stdout; !strings.Contains(own, "the chain is whole") || !strings.Contains(own, "The lines up to 6 are no longer kept") {
		t.Error(own)
	}
	export := w.want(0, "journal", "export").stdout
	if said, ok := verifiedElsewhere(t, export); !ok || !strings.HasPrefix(export, `{"seq":7,`) {
		t.Errorf("%s: %.100s", said, export)
	}
	lines := strings.SplitAfter(export, "\n")
	for name, changed := range map[string][]string{"more is gone than was removed": lines[1:], "the checkpoint is gone": lines[:3]} {
		if said, ok := verifiedElsewhere(t, strings.Join(changed, "")); ok || !strings.Contains(said, "no checkpoint tells of it") {
			t.Errorf("%s: %s", name, said)
		}
	}
	if again := w.want(0, "run", "--once"); strings.Contains(again.stderr, "old history") {
		t.Errorf("again: %s", again.stderr)
	}
}
