package secrets

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const masterKey = "0123456789abcdef-master-of-tests"

// blobs is a Backend in memory.
type blobs map[string][]byte

func (b blobs) SecretBlob(_ context.Context, name string) ([]byte, bool, error) {
	blob, found := b[name]
	return blob, found, nil
}

func (b blobs) PutSecretBlob(_ context.Context, name string, blob []byte) error {
	b[name] = blob
	return nil
}

func (b blobs) SecretNames(context.Context) ([]string, error) {
	return slices.Sorted(maps.Keys(b)), nil
}

func (b blobs) DeleteSecretBlob(_ context.Context, name string) (bool, error) {
	_, found := b[name]
	delete(b, name)
	return found, nil
}

func openKeeper(t *testing.T, b Backend) *Keeper {
	t.Helper()
	k, err := OpenKeeper(t.Context(), b, New(masterKey))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeeper(t *testing.T) {
	b := blobs{}
	k := openKeeper(t, b)
	for _, name := range []string{"token", "api"} {
		if err := k.Set(t.Context(), name, New(word)); err != nil {
			t.Fatal(err)
		}
	}
	if bytes.Equal(b["token"], b["api"]) {
		t.Error("the same secret is encrypted in the same way twice")
	}
	for name, blob := range b {
		if bytes.Contains(blob, []byte(word)) {
			t.Errorf("%s is not encrypted", name)
		}
	}
	k = openKeeper(t, b) // as after a restart
	got, err := k.Get(t.Context(), "token")
	if err != nil || got.Reveal() != word {
		t.Errorf("Get: %v", err)
	}
	names, err := k.List(t.Context())
	if err != nil || !slices.Equal(names, []string{"api", "token"}) {
		t.Errorf("List: %v, %v", names, err)
	}
	if err := k.Set(t.Context(), "token", New("new")); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Get(t.Context(), "token"); err != nil || got.Reveal() != "new" {
		t.Errorf("after Set again: %v", err)
	}
	if err := k.Delete(t.Context(), "token"); err != nil {
		t.Error(err)
	}
	if err := k.Delete(t.Context(), "token"); !errors.Is(err, ErrNoSecret) {
		t.Errorf("Delete of a secret that is gone: %v", err)
	}
	if _, err := k.Get(t.Context(), "token"); !errors.Is(err, ErrNoSecret) {
		t.Errorf("Get of a secret that is gone: %v", err)
	}
}

func TestKeeperRefuses(t *testing.T) {
	k := openKeeper(t, blobs{})
	for _, name := range []string{"", ".check", "a/b", "a b", strings.Repeat("x", 200)} {
		if err := k.Set(t.Context(), name, New(word)); err == nil || wrongly(err.Error()) {
			t.Errorf("Set(%q): %v", name, err)
		}
		if _, err := k.Get(t.Context(), name); err == nil {
			t.Errorf("Get(%q) gives something", name)
		}
		if err := k.Delete(t.Context(), name); err == nil {
			t.Errorf("Delete(%q) does something", name)
		}
	}
	if err := k.Set(t.Context(), "empty", Secret{}); err == nil {
		t.Error("an empty secret is stored")
	}
}

func TestKeeperWrongKey(t *testing.T) {
	b := blobs{}
	if err := openKeeper(t, b).Set(t.Context(), "token", New(word)); err != nil {
		t.Fatal(err)
	}
	before := maps.Clone(b)
	other := "another-master-key-of-tests"
	_, err := OpenKeeper(t.Context(), b, New(other))
	if !errors.Is(err, ErrWrongKey) || strings.Contains(err.Error(), other) || strings.Contains(err.Error(), masterKey) {
		t.Errorf("wrong master key: %v", err)
	}
	if !strings.Contains(err.Error(), "give back the old one") {
		t.Errorf("no next step: %v", err)
	}
	if !maps.EqualFunc(before, b, bytes.Equal) {
		t.Error("a wrong master key changed the store")
	}
	_, err = OpenKeeper(t.Context(), b, New("short"))
	if err == nil || !strings.Contains(err.Error(), "openssl rand") {
		t.Errorf("short master key: %v", err)
	}
}

func TestKeeperNoticesTampering(t *testing.T) {
	b := blobs{}
	k := openKeeper(t, b)
	for name, text := range map[string]string{"a": word, "b": "other"} {
		if err := k.Set(t.Context(), name, New(text)); err != nil {
			t.Fatal(err)
		}
	}
	good := b["a"]
	sealed := k.Seal([]byte(word))
	for cause, blob := range map[string][]byte{
		"swapped": b["b"], "sealed": sealed, "flipped": flip(good, len(good)-1), "nonce": flip(good, 1), "version": flip(good, 0),
		"cut": good[:len(good)-1], "tiny": good[:1], "empty": {},
	} {
		b["a"] = blob
		if got, err := k.Get(t.Context(), "a"); err == nil || !got.IsEmpty() || wrongly(err.Error()) {
			t.Errorf("%s: %v", cause, err)
		}
	}
}

func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

func TestSeal(t *testing.T) {
	b := blobs{}
	k := openKeeper(t, b)
	for _, plain := range []string{"", word} {
		sealed := k.Seal([]byte(plain))
		if plain != "" && bytes.Contains(sealed, []byte(plain)) {
			t.Error("not encrypted")
		}
		got, err := openKeeper(t, b).Open(sealed)
		if err != nil || string(got) != plain {
			t.Errorf("Open: %q, %v", got, err)
		}
		if _, err := k.Open(flip(sealed, len(sealed)-1)); !errors.Is(err, ErrWrongKey) {
			t.Errorf("tampered: %v", err)
		}
	}
	if err := k.Set(t.Context(), "token", New(word)); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Open(b["token"]); err == nil {
		t.Error("a stored secret opens as sealed bytes")
	}
}

func TestKeyFile(t *testing.T) {
	dir, b := t.TempDir(), blobs{}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	key, err := KeyFile(t.Context(), dir, b, log)
	if err != nil || len(key.Reveal()) != 44 {
		t.Fatalf("first use: %d bytes, %v", len(key.Reveal()), err)
	}
	path := filepath.Join(dir, KeyFileName)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info, err)
	}
	if !strings.Contains(out.String(), "WARN") || !strings.Contains(out.String(), path) || strings.Contains(out.String(), key.Reveal()) {
		t.Errorf("log: %s", out.String())
	}
	k, err := OpenKeeper(t.Context(), b, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Set(t.Context(), "token", New(word)); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	again, err := KeyFile(t.Context(), dir, b, log)
	if err != nil || again.Reveal() != key.Reveal() || out.Len() > 0 {
		t.Errorf("second use: %v, log %q", err, out.String())
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := KeyFile(t.Context(), dir, b, log); err == nil || !strings.Contains(err.Error(), "chmod 600") || strings.Contains(err.Error(), key.Reveal()) {
		t.Errorf("open to others: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := KeyFile(t.Context(), dir, b, log); err == nil || !strings.Contains(err.Error(), "restore the file") {
		t.Errorf("lost key: %v", err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("a new key was made although secrets need the old one")
	}
}
