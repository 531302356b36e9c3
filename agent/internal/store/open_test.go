package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestOpenPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "new", "state")
	s := openAt(t, dir)
	must(t, s.SetMeta(t.Context(), "a", "b")) // makes the write-ahead log
	for name, want := range map[string]os.FileMode{"": 0o700, FileName: 0o600, FileName + "-wal": 0o600, FileName + "-shm": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%q has mode %o, want %o", name, info.Mode().Perm(), want)
		}
	}
}

func TestOpenTightensTheFileAndWarnsOfTheFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, FileName), nil, 0o644))
	must(t, os.Chmod(dir, 0o755))
	var log bytes.Buffer
	openAt(t, dir, WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	info, err := os.Stat(filepath.Join(dir, FileName))
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %o", info.Mode().Perm())
	}
	info, err = os.Stat(dir)
	must(t, err)
	if info.Mode().Perm() != 0o755 || !strings.Contains(log.String(), "make it 0700") {
		t.Errorf("the folder has mode %o, log %q", info.Mode().Perm(), log.String())
	}
}

func TestOpenPathWithSpecialCharacters(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c#d%41&e=ä")
	if runtime.GOOS == "windows" {
		dir = filepath.Join(t.TempDir(), "a b#d%41&e=ä")
	}
	openAt(t, dir)
	if _, err := os.Stat(filepath.Join(dir, FileName)); err != nil {
		t.Error(err)
	}
}

func TestPragmas(t *testing.T) {
	s := openTest(t)
	for _, db := range []*sql.DB{s.writer, s.reader} {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000"} {
			var got string
			must(t, db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
			if got != want {
				t.Errorf("%s is %s, want %s", pragma, got, want)
			}
		}
	}
	if _, err := s.reader.ExecContext(t.Context(), `DELETE FROM meta`); err == nil {
		t.Error("a reader can write")
	}
}

func TestReopenKeeps(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), dir)
	must(t, err)
	must(t, s.SetMeta(t.Context(), "cursor", "7"))
	must(t, s.SetMeta(t.Context(), "cursor", "8"))
	must(t, s.PutSecretBlob(t.Context(), "token", []byte{1, 0, 2}))
	must(t, s.Stage(t.Context(), 1, []ident.Record{{Key: "1"}}))
	must(t, s.Close())

	s = openAt(t, dir)
	if v, found, err := s.Meta(t.Context(), "cursor"); err != nil || !found || v != "8" {
		t.Errorf("Meta: %q, %v, %v", v, found, err)
	}
	if _, found, err := s.Meta(t.Context(), "other"); err != nil || found {
		t.Errorf("Meta of nothing: %v, %v", found, err)
	}
	if blob, found, err := s.SecretBlob(t.Context(), "token"); err != nil || !found || !bytes.Equal(blob, []byte{1, 0, 2}) {
		t.Errorf("SecretBlob: %v, %v, %v", blob, found, err)
	}
	if n := must1[int](t)(s.CountStaged(t.Context(), 1)); n != 0 {
		t.Errorf("%d staged records survive", n)
	}
}

func TestSecretBlobs(t *testing.T) {
	s := openTest(t)
	for _, name := range []string{"b", "a"} {
		must(t, s.PutSecretBlob(t.Context(), name, []byte(name)))
	}
	must(t, s.PutSecretBlob(t.Context(), "a", []byte("new")))
	if d := cmp.Diff([]string{"a", "b"}, must1[[]string](t)(s.SecretNames(t.Context()))); d != "" {
		t.Error(d)
	}
	if blob, _, err := s.SecretBlob(t.Context(), "a"); err != nil || string(blob) != "new" {
		t.Errorf("%q, %v", blob, err)
	}
	for _, want := range []bool{true, false} {
		if found, err := s.DeleteSecretBlob(t.Context(), "a"); err != nil || found != want {
			t.Errorf("delete: %v, %v", found, err)
		}
	}
	if _, found, err := s.SecretBlob(t.Context(), "a"); err != nil || found {
		t.Errorf("after delete: %v, %v", found, err)
	}
}

func TestAccepted(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	record := ident.QuarantineItem{Key: "1", Cause: "no mail", Next: "add one"}
	account := ident.QuarantineItem{Key: "1", Name: "Ada", Part: "account", Cause: "disabled by Bo", Shared: "disabled", Next: "enable it"}
	cn := ident.QuarantineItem{Key: "1", Part: "cn", Cause: "taken", Next: "rename"}
	other := ident.QuarantineItem{Key: "2", Part: "account", Cause: "disabled", Next: "enable it"}
	must(t, s.SetQuarantine(ctx, "staff", []ident.QuarantineItem{record, account, cn, other}))
	must(t, s.SetQuarantine(ctx, "other", []ident.QuarantineItem{account}))
	got := must1[[]ident.QuarantineItem](t)(s.AcceptQuarantined(ctx, "staff", "1", "ada"))
	if d := cmp.Diff([]ident.QuarantineItem{account, cn}, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]ident.QuarantineItem{record, other}, must1[[]ident.QuarantineItem](t)(s.Quarantine(ctx, "staff"))); d != "" {
		t.Error(d)
	}
	if got := must1[[]ident.QuarantineItem](t)(s.AcceptQuarantined(ctx, "staff", "1", "ada")); len(got) != 0 {
		t.Errorf("accepted again: %v", got)
	}
	remembered := func(q ident.QuarantineItem) ident.QuarantineItem {
		return ident.QuarantineItem{Key: q.Key, Part: q.Part, Cause: q.Cause}
	}
	want := map[ident.QuarantineItem]string{remembered(account): "ada", remembered(cn): "ada"}
	if d := cmp.Diff(want, must1[map[ident.QuarantineItem]string](t)(s.Accepted(ctx, "staff"))); d != "" {
		t.Error(d)
	}
	if got := must1[map[ident.QuarantineItem]string](t)(s.Accepted(ctx, "other")); len(got) != 0 {
		t.Errorf("another automation: %v", got)
	}
	must(t, s.ForgetAccepted(ctx, "staff", []ident.QuarantineItem{cn}))
	delete(want, remembered(cn))
	if d := cmp.Diff(want, must1[map[ident.QuarantineItem]string](t)(s.Accepted(ctx, "staff"))); d != "" {
		t.Error(d)
	}
	lines := 0
	must(t, s.EachJournal(ctx, func(l JournalLine) error {
		if l.Kind == JournalAccept && l.By == "ada" {
			lines++
		}
		return nil
	}))
	if lines != 2 {
		t.Errorf("%d lines in the journal", lines)
	}
}

func TestQuarantine(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	items := []ident.QuarantineItem{{Key: "2", Name: "B", Cause: "no mail", Next: "add one"}, {Key: "1", Cause: "twice", Next: "remove one"}, {Key: "1", Part: "mail", Cause: "x", Next: "y"}}
	must(t, s.SetQuarantine(ctx, "staff", items))
	must(t, s.SetQuarantine(ctx, "other", items[:1]))
	if d := cmp.Diff(items, must1[[]ident.QuarantineItem](t)(s.Quarantine(ctx, "staff"))); d != "" {
		t.Error(d)
	}
	must(t, s.SetQuarantine(ctx, "staff", items[1:2]))
	if d := cmp.Diff(items[1:2], must1[[]ident.QuarantineItem](t)(s.Quarantine(ctx, "staff"))); d != "" {
		t.Error(d)
	}
	must(t, s.SetQuarantine(ctx, "staff", nil))
	if got := must1[[]ident.QuarantineItem](t)(s.Quarantine(ctx, "staff")); len(got) != 0 {
		t.Errorf("%v", got)
	}
	if got := must1[[]ident.QuarantineItem](t)(s.Quarantine(ctx, "other")); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestSize(t *testing.T) {
	s := openTest(t)
	before := must1[int64](t)(s.Size(t.Context()))
	must(t, s.PutSecretBlob(t.Context(), "a", make([]byte, 1<<20)))
	if after := must1[int64](t)(s.Size(t.Context())); before <= 0 || after < before+1<<20 {
		t.Errorf("%d bytes, then %d", before, after)
	}
}

// TestDamage damages a store in the ways a disk or a person does.
func TestDamage(t *testing.T) {
	sound := t.TempDir()
	s, err := Open(t.Context(), sound)
	must(t, err)
	for i := range 200 {
		must(t, s.SetMeta(t.Context(), string(rune('a'+i)), strings.Repeat("x", 500)))
	}
	must(t, s.Close())
	good, err := os.ReadFile(filepath.Join(sound, FileName))
	must(t, err)
	middle := bytes.Clone(good)
	for i := 100; i < len(middle); i++ {
		middle[i] = 0x55
	}
	for name, content := range map[string][]byte{
		"text":        []byte(strings.Repeat("not a database ", 100)),
		"header":      append(bytes.Repeat([]byte{0}, 100), good[100:]...),
		"overwritten": middle,
		"cut":         good[:3*4096],
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, FileName)
			must(t, os.WriteFile(path, content, 0o600))
			s, err := Open(t.Context(), dir)
			if err == nil { // only found out when the place is read
				_, _, err = s.Meta(t.Context(), "a")
				if err == nil {
					_, err = s.Runs(t.Context(), 1)
				}
				must(t, s.Close())
			}
			var damaged *DamagedError
			if !errors.As(err, &damaged) || damaged.Path != path {
				t.Fatalf("%v", err)
			}
			for _, want := range []string{path, "restore a backup", "anchors"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			left, err := os.ReadFile(path)
			must(t, err)
			if !bytes.Equal(left, content) {
				t.Error("the damaged file was changed")
			}
		})
	}
}

func TestOpenForeignDatabase(t *testing.T) {
	dir := t.TempDir()
	db, err := sql.Open("sqlite", filepath.Join(dir, FileName))
	must(t, err)
	_, err = db.ExecContext(t.Context(), `CREATE TABLE recipes (name TEXT)`)
	must(t, err)
	must(t, db.Close())
	var damaged *DamagedError
	if _, err := Open(t.Context(), dir); !errors.As(err, &damaged) || !strings.Contains(err.Error(), "another program") {
		t.Errorf("%v", err)
	}
}

func TestOpenFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if _, err := Open(t.Context(), filepath.Join(file, "state")); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("below a file: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(cancelled, t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestSecretsBySomebody notes in the journal who has changed which secret, and
// never what it is.
func TestSecretsBySomebody(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	must(t, s.PutSecretBlob(ctx, "renewed", []byte("hush-1"))) // by rollcall itself
	must(t, s.SecretsBy("ada", "").PutSecretBlob(ctx, "token", []byte("hush-2")))
	must(t, s.SecretsBy("bob", "crm").PutSecretBlob(ctx, "oauth.crm", []byte("hush-3")))
	for _, want := range []bool{true, false} {
		if found := must1[bool](t)(s.SecretsBy("eve", "").DeleteSecretBlob(ctx, "token")); found != want {
			t.Errorf("deleted: %v", found)
		}
	}
	var lines []string
	must(t, s.EachJournal(ctx, func(l JournalLine) error {
		lines = append(lines, l.Kind+" "+l.By+" "+l.Application+" "+l.Text)
		if strings.Contains(string(l.Raw), "hush") {
			t.Errorf("the journal has the value: %s", l.Raw)
		}
		return nil
	}))
	if d := cmp.Diff([]string{"secret ada  set token", "secret bob crm set oauth.crm", "secret eve  deleted token"}, lines); d != "" {
		t.Error(d)
	}
	must(t, s.VerifyJournal(ctx))
	if names := must1[[]string](t)(s.SecretNames(ctx)); len(names) != 2 {
		t.Errorf("%v", names)
	}
}

// A write that the file cannot take names the file and what to do, whatever
// was being recorded.
func TestUnusableFileIsExplained(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir)
	exec := func(db *sql.DB, query string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	exec(s.writer, "PRAGMA max_page_count = 1") // SQLite takes the least that it can: what there is
	err := s.SetMeta(t.Context(), "large", strings.Repeat("x", 1<<20))
	exec(s.writer, "PRAGMA max_page_count = 1000000")
	says(t, "full", err, "set large: ", filepath.Join(dir, FileName), "free space on that disk")

	exec(s.writer, "PRAGMA query_only = 1")
	err = s.SetMeta(t.Context(), "a", "b")
	exec(s.writer, "PRAGMA query_only = 0")
	says(t, "read-only", err, "set a: ", filepath.Join(dir, FileName), "make that disk writable")

	other := openAt(t, dir)
	exec(other.writer, "PRAGMA busy_timeout = 1")
	tx := must1[*sql.Tx](t)(s.writer.BeginTx(t.Context(), nil))
	err = other.SetMeta(t.Context(), "a", "b")
	must(t, tx.Rollback())
	says(t, "locked", err, "set a: ", filepath.Join(dir, FileName), "locked by another program", "fuser")
	must(t, other.SetMeta(t.Context(), "a", "b"))
}

func TestFilesThatCannotBeOpenedAreNamed(t *testing.T) {
	for _, name := range []string{FileName, FileName + "-wal", FileName + "-shm"} {
		dir := t.TempDir()
		must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		_, err := Open(t.Context(), dir)
		says(t, name, err, "open store: ", filepath.Join(dir, name), "as user", "move away the folder")
	}
}

func says(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v\nlacks %q", what, err, word)
		}
	}
}
