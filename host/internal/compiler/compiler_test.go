package compiler

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if IsChild() {
		os.Exit(Main(context.Background(), os.Stdin, os.Stdout))
	}
	if dir := os.Getenv("COMPILER_TEST_PARENT"); dir != "" {
		os.Exit(parent(dir))
	}
	os.Exit(m.Run())
}

const pages = 64 * 16

var usual = Limits{Time: time.Minute, MemoryMiB: 512}

// leb writes an unsigned number.
func leb(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func section(id byte, content []byte) []byte {
	return slices.Concat([]byte{id}, leb(len(content)), content)
}

// module is one of so many functions () -> i32 with the same code.
func module(functions int, code ...byte) []byte {
	body := slices.Concat([]byte{0}, code, []byte{0x0B})
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, []byte{1, 0x60, 0, 1, 0x7F}),
		section(3, slices.Concat(leb(functions), make([]byte, functions))),
		section(7, []byte{1, 1, 'f', 0, 0}),
		section(10, slices.Concat(leb(functions), bytes.Repeat(slices.Concat(leb(len(body)), body), functions))),
	)
}

var small = module(1, 0x41, 0)

// straight is straight-line code of so many bytes: the compiler holds all of a
// function at once.
func straight(size int) []byte {
	code := []byte{0x41, 1}
	for len(code) < size {
		code = append(code, 0x41, 7, 0x6C, 0x41, 3, 0x6A)
	}
	return code
}

// slow takes the compiler many seconds.
func slow() []byte { return module(400, straight(60_000)...) }

func cache(t testing.TB, dir string, l Limits) (*Cache, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	c, err := OpenCache(dir, pages, l, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return c, &log
}

func ensure(t testing.TB, c *Cache, wasm []byte, want bool) {
	t.Helper()
	made, err := c.Ensure(t.Context(), wasm)
	if err != nil || made != want {
		t.Fatalf("made %v, want %v: %v", made, want, err)
	}
}

// compiled lists the machine code in the cache.
func compiled(t testing.TB, c *Cache) []string {
	t.Helper()
	var files []string
	entries, err := os.ReadDir(filepath.Join(c.dir, c.version))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), noteSuffix) {
			files = append(files, c.path(e.Name()))
		}
	}
	return files
}

func TestModulesThatTheCompilerCannotTake(t *testing.T) {
	for name, tc := range map[string]struct {
		wasm   []byte
		limits Limits
		want   string
	}{
		"invalid code":    {module(1, 0x6A), usual, "invalid function[0]"},
		"no module":       {[]byte("hello"), usual, "invalid magic number"},
		"type of nothing": {bytes.Replace(small, []byte{3, 2, 1, 0}, []byte{3, 2, 1, 9}, 1), usual, "type section index 9 out of range"},
		"claims billions": {slices.Concat(small[:8], section(4, []byte{0xFF, 0xFF, 0xFF, 0xFF, 0x0F})), usual, "more than 512 MiB of memory (compile_memory_mib in [modules])"},
		"takes memory":    {module(1, straight(4<<20)...), Limits{Time: time.Minute, MemoryMiB: 128}, "more than 128 MiB of memory"},
		"takes time":      {slow(), Limits{Time: 300 * time.Millisecond, MemoryMiB: 512}, "longer than 300ms of processor time (compile_timeout in [modules])"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := cache(t, t.TempDir(), tc.limits)
			start := time.Now()
			_, err := c.Ensure(t.Context(), tc.wasm)
			t.Logf("after %s: %v", time.Since(start).Round(time.Millisecond), err)
			var refusal *RefusedError
			if !errors.As(err, &refusal) || !strings.Contains(refusal.Why, tc.want) {
				t.Errorf("error %v, want a refusal with %q", err, tc.want)
			}
			entries, err := os.ReadDir(c.dir)
			if err != nil || len(entries) != 1 || len(compiled(t, c)) != 0 {
				t.Errorf("something was left behind: %v %v", entries, err)
			}
		})
	}
}

// TestVerdict are ends of a child that no module is known to bring about today.
func TestVerdict(t *testing.T) {
	died := errors.New("exit status 2")
	for name, tc := range map[string]struct {
		stdout, stderr string
		err            error
		want           string
	}{
		"done":           {stdout: `{"OK":true}`, want: ""},
		"panic":          {stdout: `{"Error":"the compiler cannot take it: index out of range"}`, want: "the compiler cannot take it: index out of range"},
		"stack":          {stderr: "fatal error: stack overflow\n\nruntime stack:", err: died, want: "the compiler broke on it (exit status 2): fatal error: stack overflow"},
		"silent":         {err: died, want: "the compiler broke on it (exit status 2)"},
		"memory":         {stderr: "fatal error: runtime: out of memory\n", err: died, want: tooLarge(usual).Why},
		"other program":  {stdout: "usage: ...", want: errNoHook.Error()},
		"done, then bad": {stdout: `{"OK":true}`, err: died, want: "the compiler broke on it (exit status 2)"},
	} {
		c := child{started: true, limits: usual, stdout: head{[]byte(tc.stdout)}, stderr: head{[]byte(tc.stderr)}}
		err := c.verdict(tc.err, nil)
		if got := fmt.Sprint(err); tc.want == "" && err != nil || tc.want != "" && got != tc.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestOnlyAProgramThatAsksCanCompile(t *testing.T) {
	hooked.Store(false)
	defer hooked.Store(true)
	c, _ := cache(t, t.TempDir(), usual)
	if _, err := c.Ensure(t.Context(), small); !errors.Is(err, errNoHook) {
		t.Errorf("error %v", err)
	}
	IsChild()
	t.Setenv(orderEnv, "{}") // as in a child
	if IsChild() {
		t.Error("the environment alone makes this a child")
	}
	if _, err := c.Ensure(t.Context(), small); !errors.Is(err, errChild) {
		t.Errorf("error %v", err)
	}
}

func TestCacheIsUsedAndMadeAgain(t *testing.T) {
	damage := map[string]func(t *testing.T, c *Cache, file string) error{
		"gone":    func(_ *testing.T, _ *Cache, file string) error { return os.Remove(file) },
		"empty":   func(_ *testing.T, _ *Cache, file string) error { return os.Truncate(file, 0) },
		"flipped": func(t *testing.T, _ *Cache, file string) error { return flip(t, file, 2) },
		// wazero's own checksum covers the code only: a flipped bit in the number
		// of functions makes it ask for gigabytes.
		"flipped count": func(t *testing.T, _ *Cache, file string) error { return flip(t, file, 1) },
		"other version": func(_ *testing.T, _ *Cache, file string) error {
			b, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			return os.WriteFile(file, slices.Concat(b[:7], []byte("9"), b[8:]), 0o600)
		},
		"writable": func(_ *testing.T, _ *Cache, file string) error { return os.Chmod(file, 0o666) },
		"a link": func(_ *testing.T, _ *Cache, file string) error {
			return errors.Join(os.Rename(file, file+".x"), os.Symlink(file+".x", file))
		},
		"note": func(_ *testing.T, c *Cache, _ string) error {
			return os.WriteFile(c.path(c.Key(small)+noteSuffix), []byte("../../etc/passwd 00"), 0o600)
		},
	}
	for name, do := range damage {
		t.Run(name, func(t *testing.T) {
			c, log := cache(t, t.TempDir(), usual)
			ensure(t, c, small, true)
			ensure(t, c, small, false)
			if err := do(t, c, compiled(t, c)[0]); err != nil {
				t.Fatal(err)
			}
			ensure(t, c, small, true)
			if name != "gone" && !strings.Contains(log.String(), "damaged") {
				t.Errorf("log %q", log)
			}
			ensure(t, c, small, false)
		})
	}
}

// flip flips a bit at 1/of of a file; of 1 means in the header.
func flip(t *testing.T, file string, of int) error {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	at := len(b) / of
	if of == 1 {
		at = 12
	}
	b[at] ^= 0x40
	return os.WriteFile(file, b, 0o600)
}

func TestFolderIsTheAgentsOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "compiled")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cache(t, dir, usual)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if err := private(dir, os.Geteuid()+1); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("belongs to user %d", os.Geteuid())) {
		t.Errorf("a folder of somebody else: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := digest(file, os.Geteuid()); err != nil {
		t.Error(err)
	}
	if _, err := digest(file, os.Geteuid()+1); err == nil || !strings.Contains(err.Error(), "only user") {
		t.Errorf("a file of somebody else: %v", err)
	}
}

// TestManyAtOnce uses one folder from several caches, as processes do.
func TestManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 8 {
		c, log := cache(t, dir, usual)
		wg.Go(func() {
			for n := range 3 {
				if _, err := c.Ensure(t.Context(), module(1+n, 0x41, byte(i%2))); err != nil {
					t.Error(err)
				}
			}
			if strings.Contains(log.String(), "damaged") {
				t.Errorf("log %s", log)
			}
		})
	}
	wg.Wait()
	c, _ := cache(t, dir, usual)
	if files := compiled(t, c); len(files) != 6 {
		t.Errorf("%d files for 6 modules", len(files))
	}
	for n := range 3 {
		ensure(t, c, module(1+n, 0x41, 0), false)
	}
}

func TestSweep(t *testing.T) {
	c, _ := cache(t, t.TempDir(), usual)
	var keys []string
	const made = spare + 3
	for i := range made {
		wasm := module(1, 0x41, byte(i))
		ensure(t, c, wasm, true)
		keys = append(keys, c.Key(wasm))
		used := time.Now().Add(time.Duration(i-made) * time.Hour)
		if err := os.Chtimes(c.path(c.Key(wasm)+noteSuffix), used, used); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * leftover)
	other := filepath.Join(c.dir, "wazero-0.0.1-amd64-linux")
	crashed, under := filepath.Join(c.dir, buildTag+"1"), filepath.Join(c.dir, buildTag+"2")
	orphan := c.path(strings.Repeat("ab", 32))
	for _, dir := range []string{other, crashed, under} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.WriteFile(orphan, nil, 0o600), os.Chtimes(orphan, old, old), os.Chtimes(crashed, old, old)); err != nil {
		t.Fatal(err)
	}
	if err := c.Sweep(keys[:1]); err != nil { // the one that was used first is needed
		t.Fatal(err)
	}
	for _, gone := range []string{other, crashed, orphan} {
		if _, err := os.Stat(gone); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there", gone)
		}
	}
	if _, err := os.Stat(under); err != nil {
		t.Error("what somebody works on was removed")
	}
	if n := len(compiled(t, c)); n != spare+1 {
		t.Errorf("%d compiled modules are left", n)
	}
	for i := range made {
		ensure(t, c, module(1, 0x41, byte(i)), i == 1 || i == 2)
	}
}
