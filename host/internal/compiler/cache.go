package compiler

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/rollcall-agent/rollcall/host/regular"
)

const (
	noteSuffix = ".built"
	buildTag   = "new-"
	atOnce     = 2       // compilations at a time
	maxNote    = 1 << 10 // bytes
)

// Cache is the folder of compiled modules. Beside each of wazero's files lies a
// note with the module that it was made from and the file's hash, so that
// nothing is loaded but what the child wrote. Only the agent's user can write
// there. Several processes may share a folder. A Cache is safe for concurrent
// use.
type Cache struct {
	dir     string // the folder that wazero is given
	version string // the folder in it for this version of wazero
	pages   uint32
	limits  Limits
	log     *slog.Logger
	slots   chan struct{}
}

// OpenCache creates the folder, or checks that it belongs to the agent.
func OpenCache(dir string, pages uint32, l Limits, log *slog.Logger) (*Cache, error) {
	if err := private(dir, os.Geteuid()); err != nil {
		return nil, err
	}
	version, err := versionName(dir)
	if err != nil {
		return nil, err
	}
	if err := private(filepath.Join(dir, version), os.Geteuid()); err != nil {
		return nil, err
	}
	return &Cache{dir: dir, version: version, pages: pages, limits: l, log: log, slots: make(chan struct{}, atOnce)}, nil
}

// private creates a folder that only one user can enter, or closes an existing
// one to others. A folder of another user is an error.
func private(dir string, uid int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of compiled connectors: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the folder of compiled connectors: %w", err)
	}
	if id, known := owner(info); known && id != uid {
		return fmt.Errorf("the folder of compiled connectors %s belongs to user %d, not to user %d that the agent runs as: remove it",
			dir, id, uid)
	}
	if info.Mode().Perm() == 0o700 {
		return nil
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs its x bit
		return fmt.Errorf("close the folder of compiled connectors to others: %w", err)
	}
	return nil
}

// versionName asks wazero for the name of this version's folder.
func versionName(in string) (string, error) {
	dir, err := os.MkdirTemp(in, buildTag)
	if err != nil {
		return "", fmt.Errorf("open the cache of compiled connectors: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // an empty folder
	if _, err := wazero.NewCompilationCacheWithDir(dir); err != nil {
		return "", fmt.Errorf("open the cache of compiled connectors: %w", err)
	}
	return only(dir)
}

// only returns the name of the single entry of a folder.
func only(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(entries) != 1 {
		return "", fmt.Errorf("%s holds %d entries, not one", dir, len(entries))
	}
	return entries[0].Name(), nil
}

// Key returns the name of a module compiled for these limits.
func (c *Cache) Key(wasm []byte) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%d %s %d\n", c.pages, c.version, len(wasm))
	_, _ = h.Write(wasm)
	return hex.EncodeToString(h.Sum(nil))
}

func (c *Cache) path(name string) string { return filepath.Join(c.dir, c.version, name) }

// Ensure makes sure that the compiled form of a module is in the cache, and
// reports whether it had to be made. A file that a child did not write is
// removed and made again. The error is a *RefusedError if the module is at
// fault.
func (c *Cache) Ensure(ctx context.Context, wasm []byte) (made bool, err error) {
	key := c.Key(wasm)
	err = c.check(key)
	if err == nil {
		now := time.Now()
		_ = os.Chtimes(c.path(key+noteSuffix), now, now) // marks it as used, for Sweep
		return false, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		c.log.Warn("a compiled connector in the cache is damaged and is made again", "cause", err)
	}
	if err := c.Forget(wasm); err != nil {
		return false, err
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return false, fmt.Errorf("compile: %w", context.Cause(ctx))
	}
	if c.check(key) == nil { // another process made it meanwhile
		return false, nil
	}
	return true, c.build(ctx, key, wasm)
}

// Forget removes the compiled form of a module.
func (c *Cache) Forget(wasm []byte) error {
	note := c.path(c.Key(wasm) + noteSuffix)
	name, _, err := readNote(note)
	if err == nil {
		err = remove(c.path(name))
	} else {
		err = nil // without a note the file's name is unknown; Sweep will find it
	}
	if err := errors.Join(err, remove(note)); err != nil {
		return fmt.Errorf("clear the cache of compiled connectors: %w", err)
	}
	return nil
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// check compares a compiled module with its note.
func (c *Cache) check(key string) error {
	name, want, err := readNote(c.path(key + noteSuffix))
	if err != nil {
		return err
	}
	got, err := digest(c.path(name), os.Geteuid())
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%s is not what was compiled", name)
	}
	return nil
}

// readNote reads a file's name and SHA-256.
func readNote(path string) (name, sum string, err error) {
	text, err := regular.Read(path, maxNote)
	if err != nil {
		return "", "", err
	}
	name, sum, _ = strings.Cut(strings.TrimSpace(string(text)), " ")
	if !isHash(name) || !isHash(sum) {
		return "", "", fmt.Errorf("%s cannot be understood", filepath.Base(path))
	}
	return name, sum, nil
}

func isHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size
}

// digest returns the hash of a file that only its owner can have written.
func digest(path string, uid int) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	if id, known := owner(info); !info.Mode().IsRegular() || known && (id != uid || info.Mode().Perm()&0o022 != 0) {
		return "", fmt.Errorf("%s is not a file that only user %d can write", filepath.Base(path), uid)
	}
	f, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // it was only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// build compiles into a temporary folder and moves the result to its place.
func (c *Cache) build(ctx context.Context, key string, wasm []byte) error {
	dir, err := os.MkdirTemp(c.dir, buildTag)
	if err != nil {
		return fmt.Errorf("make a folder to compile in: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // Sweep removes leftovers
	if err := run(ctx, dir, c.pages, c.limits, wasm); err != nil {
		return err
	}
	name, err := only(filepath.Join(dir, c.version))
	if err != nil || !isHash(name) {
		return fmt.Errorf("the compiler said that it was done and left nothing to load: %q, %w", name, err)
	}
	made := filepath.Join(dir, c.version, name)
	sum, err := digest(made, os.Geteuid())
	if err != nil {
		return fmt.Errorf("read what was compiled: %w", err)
	}
	note := filepath.Join(dir, "note")
	if err := os.WriteFile(note, []byte(name+" "+sum+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep what was compiled: %w", err)
	}
	if err := os.Rename(made, c.path(name)); err != nil {
		return fmt.Errorf("keep what was compiled: %w", err)
	}
	if err := os.Rename(note, c.path(key+noteSuffix)); err != nil {
		return fmt.Errorf("keep what was compiled: %w", err)
	}
	return nil
}
