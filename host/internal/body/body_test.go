package body

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func TestBodiesSmallAndLarge(t *testing.T) {
	for name, size := range map[string]int{"empty": 0, "small": 100, "at the border": InMemory, "spooled": InMemory + 1, "large": 3*InMemory + 5} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			store := Store{Dir: dir}
			want := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
			b, err := store.Read(bytes.NewReader(want), int64(size), 100<<20, nil)
			if err != nil {
				t.Fatal(err)
			}
			if spooled := b.file != nil; spooled != (size > InMemory) {
				t.Errorf("spooled: %v", spooled)
			}
			for range 2 {
				got, err := io.ReadAll(b.Reader())
				if err != nil || !bytes.Equal(got, want) || b.Size() != int64(size) {
					t.Fatalf("%d bytes came back, %v", len(got), err)
				}
			}
			part := make([]byte, 7)
			if n, _ := b.ReadAt(part, int64(size)/2); !bytes.Equal(part[:n], want[size/2:min(size/2+7, size)]) {
				t.Errorf("part %q", part[:n])
			}
			b.Close()
			left, err := os.ReadDir(dir)
			if err != nil || len(left) != 0 {
				t.Errorf("%d files left, %v", len(left), err)
			}
		})
	}
}

func TestBodyOverTheLimit(t *testing.T) {
	for _, limit := range []int64{10, InMemory + 10} {
		dir := t.TempDir()
		_, err := (&Store{Dir: dir}).Read(io.LimitReader(zeros{}, limit+1), -1, limit, nil)
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("limit %d: %v", limit, err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("limit %d: %d files left", limit, len(left))
		}
	}
}

func TestBodyThatBreaksOff(t *testing.T) {
	dir := t.TempDir()
	gone := errors.New("gone")
	_, err := (&Store{Dir: dir}).Read(io.MultiReader(io.LimitReader(zeros{}, InMemory+5), iotest.ErrReader(gone)), 1<<40, 1<<30, nil)
	if !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%d files left", len(left))
	}
}

func TestAFullDiskIsToldApart(t *testing.T) {
	full := errors.New("no space left on device")
	if _, err := (writer{fullDisk{full}}).Write([]byte("x")); !errors.Is(err, ErrSpool) || !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
	f, err := os.Create(t.TempDir() + "/gone")
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if err := (&Body{file: f}).fill(strings.NewReader("x")); !errors.Is(err, ErrSpool) {
		t.Errorf("a file that cannot be written: %v", err)
	}
	_, err = (&Store{Dir: t.TempDir() + "/missing"}).Read(io.LimitReader(zeros{}, InMemory+5), -1, 1<<30, nil)
	if !errors.Is(err, ErrSpool) {
		t.Errorf("no folder: %v", err)
	}
}

type fullDisk struct{ err error }

func (f fullDisk) Write([]byte) (int, error) { return 0, f.err }

func TestSpooledFilesAreNobodyElses(t *testing.T) {
	dir := t.TempDir()
	b, err := (&Store{Dir: dir}).Read(io.LimitReader(zeros{}, InMemory+5), -1, 1<<30, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	info, err := b.file.Stat()
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(dir); runtime.GOOS != "windows" && len(left) != 0 {
		t.Errorf("the file still has a name: %v", left)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestSecretsDoNotGetIn(t *testing.T) {
	secrets := []string{"long-secret-value", "another-secret", "short"}
	text := "a long-secret-value and another-secret, short and long-secret-valuelong-secret-value, long-secret-valu"
	want := "a ***************** and **************, short and **********************************, long-secret-valu"
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(text), "by byte": iotest.OneByteReader(strings.NewReader(text)),
		"halves": iotest.HalfReader(strings.NewReader(text)), "with EOF": iotest.DataErrReader(strings.NewReader(text)),
	} {
		b, err := (&Store{Dir: t.TempDir()}).Read(r, -1, 1<<20, NewRedactor(secrets))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(b.memory); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := Redact(text, secrets); got != want {
		t.Errorf("Redact: %q", got)
	}
}
