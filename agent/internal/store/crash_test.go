package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// crashDir names the store that a child process commits to until it is killed.
const crashDir = "ROLLCALL_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	for variable, child := range map[string]func(context.Context, string) error{crashDir: commitForever, crashOutbox: sendForever} {
		if dir := os.Getenv(variable); dir != "" {
			if err := child(context.Background(), dir); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
	os.Exit(m.Run())
}

// commitForever opens an intent and commits it, again and again: every third
// key is created, deleted and held. It tells each commit once it is done.
func commitForever(ctx context.Context, dir string) error {
	s, err := Open(ctx, dir)
	if err != nil {
		return err
	}
	if err := s.BreakLeases(ctx); err != nil {
		return err
	}
	if _, err := s.InterruptRuns(ctx); err != nil {
		return err
	}
	lease, err := s.AcquireLease(ctx, "staff", strconv.Itoa(os.Getpid()), time.Hour)
	if err != nil {
		return err
	}
	left, err := s.Intents(ctx)
	if err != nil {
		return err
	}
	for _, in := range left {
		if err := s.CloseIntent(ctx, lease, in.ID, ident.Operation{}); err != nil {
			return err
		}
	}
	run, err := s.StartRun(ctx, lease, Run{Automation: "staff", Kind: KindManual})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		key := ident.Key(fmt.Sprintf("%d-%d", run, i))
		intent, err := s.OpenIntent(ctx, lease, creating(run, key))
		if err != nil {
			return err
		}
		l := link(key, ident.GUID(key))
		create := commit(outcome(run, key, ident.ClassCreate, ident.ResultApplied))
		create.Link, create.Intent = &l, intent
		list := []Commit{create}
		if i%3 == 0 {
			gone := commit(outcome(run, key, ident.ClassDelete, ident.ResultApplied))
			gone.Unlink = true
			list = append(list, gone, commit(outcome(run, key, ident.ClassUpdate, ident.ResultHeld)))
		}
		if err := s.CommitAll(ctx, lease, list); err != nil {
			return err
		}
		fmt.Println(key)
	}
}

func TestKill(t *testing.T) {
	random := soak.Rand(t)
	dir := t.TempDir()
	told := map[ident.Key]bool{}
	for range soak.Size(6, 20) {
		commitAndKill(t, dir, 1+random.IntN(25), told)
		s, err := Open(t.Context(), dir)
		must(t, err)
		checkAfterKill(t, s, told)
		must(t, s.Close())
	}
}

// commitAndKill starts the child and kills it at some moment after it has told
// of count commits.
func commitAndKill(t *testing.T, dir string, count int, told map[ident.Key]bool) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	lines := bufio.NewScanner(out)
	n := 0
	for lines.Scan() {
		told[ident.Key(lines.Text())] = true
		if n++; n == count {
			must(t, child.Process.Kill())
		}
	}
	if err := child.Wait(); err == nil || n < count {
		t.Fatalf("the child ended by itself after %d commits: %v", n, err)
	}
}

func checkAfterKill(t *testing.T, s *Store, told map[ident.Key]bool) {
	t.Helper()
	ctx := t.Context()
	must(t, s.VerifyJournal(ctx))
	outcomes := map[string]bool{}
	rows := 0
	for _, run := range must1[[]Run](t)(s.Runs(ctx, 1000)) {
		for _, o := range must1[[]ident.Outcome](t)(s.Outcomes(ctx, run.ID)) {
			outcomes[string(o.Key)+" "+string(o.Operation.Class)] = true
			rows++
		}
	}
	lines := 0
	must(t, s.EachJournal(ctx, func(line JournalLine) error {
		if line.Kind == JournalOutcome {
			lines++
			if !outcomes[string(line.Outcome.Key)+" "+string(line.Outcome.Operation.Class)] {
				t.Errorf("journal line %d has no outcome", line.Seq)
			}
		}
		return nil
	}))
	if lines != rows {
		t.Errorf("%d outcomes, %d lines in the journal", rows, lines)
	}
	links := map[ident.Key]bool{}
	must(t, s.Links(ctx, "crm", func(l ident.Link) error { links[l.Key] = true; return nil }))
	created := 0
	for key := range told {
		if !outcomes[string(key)+" create"] {
			t.Errorf("%s was told and is lost", key)
		}
	}
	for o := range outcomes {
		var key ident.Key
		var class string
		_, err := fmt.Sscan(o, &key, &class)
		must(t, err)
		if class != "create" {
			continue
		}
		created++
		deleted, held := outcomes[string(key)+" delete"], outcomes[string(key)+" update"]
		if links[key] == deleted || deleted != held {
			t.Errorf("%s: linked %v, deleted %v, held %v", key, links[key], deleted, held)
		}
	}
	intents := must1[[]Intent](t)(s.Intents(ctx))
	if len(intents) > 1 {
		t.Errorf("%d intents are open", len(intents))
	}
	for _, in := range intents {
		if outcomes[string(in.Key)+" create"] {
			t.Errorf("%s is committed, and its intent open", in.Key)
		}
	}
	if created == 0 {
		t.Error("nothing was committed")
	}
}
