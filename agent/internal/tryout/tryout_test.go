package tryout

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

var header = Header{
	Application: "crm", Connector: "pipedrive", Endpoint: "users", Kind: "user", Audience: "workforce", Key: "/id", Mode: "full",
	Time: time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC),
}

func records() []ident.Record {
	return []ident.Record{
		{Endpoint: "users", Key: "1", Number: "1.0", Fields: map[string]any{
			"id": json.Number("1.0"), "name": "Ada <Novak>", "phone": nil, "tags": []any{"a", json.Number("12345678901234567890")},
			"org": map[string]any{"name": "", "open": true},
		}},
		{Endpoint: "users", Key: "2", Deleted: true},
		{Endpoint: "users", Key: "1", Partial: true, Fields: map[string]any{"photo": "AAAA"}},
		{Endpoint: "users", Problem: "there is no key (endpoint users, record 3)", Fields: map[string]any{}},
	}
}

func save(t *testing.T, path string, list []ident.Record, end End) {
	t.Helper()
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	if err := w.Begin(header); err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if err := w.Record(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(end); err != nil {
		t.Fatal(err)
	}
}

// What is read is what was delivered: the four values, the spelling of numbers,
// deletions, attachments and records with a problem.
func TestASavedAnswerIsReadAsItCame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.answer")
	end := End{Sent: 1, Pages: 1, Records: 4, Complete: true, Requests: []Request{{Method: "GET", URL: "https://x/v1/users", Status: 200, Bytes: 7, Took: 12}}}
	save(t, path, records(), end)
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got []ident.Record
	ended, err := s.Each(func(r ident.Record) error { got = append(got, r); return nil })
	if err != nil || !reflect.DeepEqual(s.Header, header) || !reflect.DeepEqual(ended, end) {
		t.Errorf("%v\n%+v\n%+v", err, s.Header, ended)
	}
	if want := records(); !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%#v\nwant\n%#v", got, want)
	}
}

func TestOnlyTheOwnerReadsASavedAnswer(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are those of Unix")
	}
	path := filepath.Join(t.TempDir(), "users.answer")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	if info, err := w.temporary.Stat(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("while it is written: %v %v", info.Mode(), err)
	}
	save(t, path, nil, End{})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("afterwards: %v %v", info.Mode(), err)
	}
}

func TestWhatIsNoSavedAnswerStays(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(in("notes"), []byte(`{"header": "mine"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	save(t, in("earlier"), records(), End{})
	if err := os.Symlink(in("earlier"), in("link")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		in("notes"): "is not a saved answer, so it stays", in("link"): "symbolic link", dir: "is not a file", in("no/where"): "make a file in the folder",
	} {
		var mistake *exit.UsageError
		if _, err := Create(path); err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &mistake) {
			t.Errorf("%s: %v", path, err)
		}
	}
	save(t, in("earlier"), nil, End{Records: 7}) // replaced
	s, err := Open(in("earlier"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if end, err := s.Each(func(ident.Record) error { t.Error("a record"); return nil }); err != nil || end.Records != 7 {
		t.Errorf("%+v %v", end, err)
	}
	w, err := Create(in("late"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	if err := os.WriteFile(in("late"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(End{}); err == nil {
		t.Error("it replaced a file that appeared meanwhile")
	}
	w.Discard()
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A file that lost its end, or never was one, is not taken for an answer: a
// mapping would be tried with some of the people.
func TestAFileThatIsNotWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.answer")
	save(t, path, records(), End{Complete: true})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(whole), "\n")
	for name, c := range map[string]struct{ body, want string }{
		"empty":      {"", "is not a saved answer"},
		"other JSON": {`{"automation": "x"}`, "is not a saved answer"},
		"no JSON":    {"users", "is not a saved answer"},
		"newer":      {strings.Replace(string(whole), `"rollcall_answer":1`, `"rollcall_answer":2`, 1), "saved by a newer rollcall"},
		"no end":     {strings.Join(lines[:3], ""), "was cut off"},
		"half line":  {string(whole[:len(whole)-20]), "was cut off"},
		"damaged":    {lines[0] + "{]\n" + lines[1], "near byte"},
	} {
		if err := os.WriteFile(path, []byte(c.body), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path)
		if err == nil {
			_, err = s.Each(func(ident.Record) error { return nil })
			s.Close()
		}
		var mistake *exit.UsageError
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &mistake) {
			t.Errorf("%s: %v", name, err)
		}
	}
	stop := errors.New("enough")
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Each(func(ident.Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the reader became %v", err)
	}
}
