package secrets

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/statedir"
)

// KeyFileName is the name of the master key file within the state folder.
const KeyFileName = "master.key"

// LostKeyError reports that the master key is missing, damaged or different from
// before, so that the stored secrets cannot be read. Nothing was changed.
type LostKeyError struct {
	Where   string   // the key's file or reference
	Problem string   // what is wrong with it
	Names   []string // the secrets that cannot be read
}

func (e *LostKeyError) Error() string {
	again := make([]string, len(e.Names))
	for i, name := range e.Names {
		again[i] = fmt.Sprintf("%s (%s)", name, Again(name))
	}
	return fmt.Sprintf("the master key %s %s, and without it the stored secrets cannot be read; "+
		"next: put it back from a backup of the state folder; "+
		"if there is none, start a new key with `rollcall secret reset`, and enter again: %s",
		e.Where, e.Problem, strings.Join(again, ", "))
}

// oauthPrefix begins the names of tokens that a consent brought.
const oauthPrefix = "oauth."

// Again returns the command that stores a lost secret again.
func Again(name string) string {
	if application, ok := strings.CutPrefix(name, oauthPrefix); ok {
		return "rollcall authorize " + application
	}
	return "rollcall secret set " + name
}

// OpenWithKey is OpenKeeper for a master key that the configuration names; where
// is its reference. It accepts a new key when nothing is stored under the former
// one. Otherwise the error wraps a *LostKeyError.
func OpenWithKey(ctx context.Context, backend Backend, master Secret, where string, log *slog.Logger) (*Keeper, error) {
	k, err := OpenKeeper(ctx, backend, master)
	if !errors.Is(err, ErrWrongKey) {
		return k, err
	}
	const another = "is not the one that the stored secrets were encrypted with"
	if err := nothingLost(ctx, backend, where, another); err != nil {
		return nil, err
	}
	log.Warn("the master key is another one than before; no secret was stored under that one", "master_key", where)
	return openAnew(ctx, backend, master)
}

// OpenWithKeyFile is OpenKeeper for agents without [secrets] master_key: the key
// is a file in the state folder dir. On first use it creates one (0600) and
// warns: everybody who can read the folder can read the secrets.
//
// When the key is missing or damaged and nothing is stored under it, it is
// replaced, with a warning. Otherwise the error wraps a *LostKeyError.
func OpenWithKeyFile(ctx context.Context, dir string, backend Backend, log *slog.Logger) (*Keeper, error) {
	path := filepath.Join(dir, KeyFileName)
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	key, err := readFile(path, true)
	var k *Keeper
	if err == nil {
		k, err = OpenKeeper(ctx, backend, key)
	}
	problem := ""
	switch {
	case err == nil:
		return k, nil
	case errors.Is(err, fs.ErrNotExist):
		problem = "is gone"
	case errors.Is(err, errShortKey):
		problem = fmt.Sprintf("is damaged: it has %d bytes, and a key has at least %d", len(key.Reveal()), minMaster)
	case errors.Is(err, ErrWrongKey):
		problem = "is not the one that the stored secrets were encrypted with"
	default:
		if errors.Is(err, fs.ErrPermission) {
			err = statedir.Explain("read", path, err)
		}
		return nil, fmt.Errorf("master key: %w", err)
	}
	if err := nothingLost(ctx, backend, path, problem); err != nil {
		return nil, err
	}
	return replaceKeyFile(ctx, path, problem, backend, log)
}

// nothingLost returns a *LostKeyError when something is stored.
func nothingLost(ctx context.Context, backend Backend, where, problem string) error {
	names, err := stored(ctx, backend)
	if err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	if len(names) > 0 {
		return &LostKeyError{Where: where, Problem: problem, Names: names}
	}
	return nil
}

// replaceKeyFile creates a new key. It keeps the former one beside it, because
// that may open a backup.
func replaceKeyFile(ctx context.Context, path, problem string, backend Backend, log *slog.Logger) (*Keeper, error) {
	_, used, err := backend.SecretBlob(ctx, checkName)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	aside := fmt.Sprintf("%s.%s", path, time.Now().UTC().Format("20060102T150405.000000000Z"))
	switch err := os.Rename(path, aside); {
	case errors.Is(err, fs.ErrNotExist):
		aside = ""
	case err != nil:
		return nil, statedir.Explain("keep the former master key aside", path, err)
	}
	key, err := makeKeyFile(path)
	if err != nil {
		return nil, statedir.Explain("make the master key", path, err)
	}
	k, err := openAnew(ctx, backend, key)
	if err != nil {
		return nil, err
	}
	if used || aside != "" {
		log.Warn("made a new master key, since the former one "+problem+"; no secret was stored under that one", "file", path, "former", aside)
	}
	log.Warn("made a master key beside the secrets that it protects", "file", path,
		"next", "set [secrets] master_key to keep them apart, and back the file up until then")
	return k, nil
}

// openAnew opens a backend without secrets with a different key than before.
func openAnew(ctx context.Context, backend Backend, master Secret) (*Keeper, error) {
	if _, err := backend.DeleteSecretBlob(ctx, checkName); err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	return OpenKeeper(ctx, backend, master)
}

func makeKeyFile(path string) (Secret, error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return Secret{}, err
	}
	text := base64.StdEncoding.EncodeToString(raw)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return Secret{}, err
	}
	_, err = f.WriteString(text + "\n")
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return Secret{}, errors.Join(err, os.Remove(path)) // half a key is worse than none
	}
	return New(text), nil
}
