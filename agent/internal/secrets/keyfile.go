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
)

// KeyFileName is the name of the master key file within the state folder.
const KeyFileName = "master.key"

// KeyFile returns the master key that is kept in the state folder dir, for
// agents without [secrets] master_key. On first use it makes one (0600) and
// warns: who can read the folder can read the secrets. It refuses to make one
// when the backend has secrets already, because the old one is needed then.
func KeyFile(ctx context.Context, dir string, backend Backend, log *slog.Logger) (Secret, error) {
	path := filepath.Join(dir, KeyFileName)
	key, err := readFile(path, true)
	if err == nil {
		return key, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Secret{}, fmt.Errorf("master key: %w", err)
	}
	names, err := backend.SecretNames(ctx)
	if err != nil {
		return Secret{}, fmt.Errorf("master key: %w", err)
	}
	if len(names) > 0 {
		return Secret{}, fmt.Errorf("master key: %s is gone, but the store has secrets that were encrypted with it; restore the file from a backup", path)
	}
	if key, err = makeKeyFile(path); err != nil {
		return Secret{}, fmt.Errorf("make master key: %w", err)
	}
	log.Warn("made a master key beside the secrets that it protects; set [secrets] master_key to keep them apart, and back the file up until then", "file", path)
	return key, nil
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
