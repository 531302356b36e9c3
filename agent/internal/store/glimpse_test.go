package store

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestAGlimpseChangesNothing reads names while the state is open, after it was
// closed, and from what is no state, and leaves each folder as it was.
func TestAGlimpseChangesNothing(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), dir)
	must(t, err)
	must(t, s.SetQuarantine(t.Context(), "staff", []ident.QuarantineItem{
		{Key: "11", Name: "Ada", Cause: "no mail"}, {Key: "12", Name: "Bo", Part: "account", Cause: "disabled"}, {Cause: "no key"},
	}))
	must(t, s.Refuse(t.Context(), "staff", []ident.Refusal{{Key: "21", Part: "title"}, {Key: "21", Part: "mail"}}))
	must(t, s.PutSecretBlob(t.Context(), "token", []byte("sealed")))
	files := func() []string {
		var names []string
		for _, e := range must1[[]os.DirEntry](t)(os.ReadDir(dir)) {
			names = append(names, e.Name())
		}
		return names
	}
	look := func(when string) {
		t.Helper()
		before := files()
		g, err := OpenGlimpse(dir)
		must(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // it waits for nobody: this only ends a hang
		defer cancel()
		got := [][]Named{
			must1[[]Named](t)(g.Quarantined(ctx, "staff", "", true)), must1[[]Named](t)(g.Quarantined(ctx, "staff", "1", false)),
			must1[[]Named](t)(g.Quarantined(ctx, "staff", "2", false)), must1[[]Named](t)(g.Refused(ctx, "staff", "")),
			must1[[]Named](t)(g.Secrets(ctx)), must1[[]Named](t)(g.Runs(ctx, true)), must1[[]Named](t)(g.Links(ctx, "crm", "", "")), must1[[]Named](t)(g.Classes(ctx, "1")),
		}
		want := [][]Named{{{"11", "Ada"}}, {{"12", "Bo"}}, nil, {{"21", ""}}, {{"token", ""}}, nil, nil, nil}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", when, d)
		}
		must(t, g.Close())
		if after := files(); !slices.Equal(before, after) {
			t.Errorf("%s: the folder holds %q, before %q", when, after, before)
		}
	}
	look("while it is open")
	must(t, s.Close())
	look("after it was closed")

	must(t, os.WriteFile(filepath.Join(dir, FileName+"-wal"), nil, 0o600))
	if g, err := OpenGlimpse(dir); err == nil {
		t.Error("a state that was not closed is read", g.Close())
	}
	if _, err := OpenGlimpse(t.TempDir()); err == nil {
		t.Error("nothing is a state")
	}
}

// TestAGlimpseOfRuns lists those that hold something, and what they hold.
func TestAGlimpseOfRuns(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir)
	lease := must1[Lease](t)(s.AcquireLease(t.Context(), "staff", "test", time.Minute))
	for range 2 {
		_, err := s.StartRun(t.Context(), lease, Run{Automation: "staff", Kind: KindManual})
		must(t, err)
	}
	must(t, s.CommitAll(t.Context(), lease, []Commit{{
		Automation: "staff", Application: "crm",
		Outcome: ident.Outcome{Run: 2, Key: "1", Operation: ident.Operation{Class: ident.ClassMove, Digest: "d"}, Result: ident.ResultHeld},
	}}))
	g, err := OpenGlimpse(dir)
	must(t, err)
	defer g.Close()
	for what, c := range map[string]struct{ got, want []Named }{
		"all":     {must1[[]Named](t)(g.Runs(t.Context(), false)), []Named{{"2", "staff, running"}, {"1", "staff, running"}}},
		"held":    {must1[[]Named](t)(g.Runs(t.Context(), true)), []Named{{"2", "staff, running"}}},
		"classes": {must1[[]Named](t)(g.Classes(t.Context(), "2")), []Named{{"move", ""}}},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
}
