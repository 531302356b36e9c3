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
	for cause, blob := range map[string][]byte{
		"swapped": b["b"], "of another use": k.seal([]byte(word), "a"), "flipped": flip(good, len(good)-1), "nonce": flip(good, 1), "version": flip(good, 0),
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

func TestKeyFile(t *testing.T) {
	dir, b := t.TempDir(), blobs{}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	k, err := OpenWithKeyFile(t.Context(), dir, b, log)
	if err != nil {
		t.Fatalf("first use: %v", err)
	}
	path := filepath.Join(dir, KeyFileName)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || info.Size() != 45 {
		t.Errorf("key file: %v, %v", info, err)
	}
	key := readKey(t, path)
	if !strings.Contains(out.String(), "WARN") || !strings.Contains(out.String(), path) || strings.Contains(out.String(), key) || strings.Contains(out.String(), "former") {
		t.Errorf("log: %s", out.String())
	}
	if err := k.Set(t.Context(), "token", New(word)); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if k, err = OpenWithKeyFile(t.Context(), dir, b, log); err != nil || out.Len() > 0 {
		t.Errorf("second use: %v, log %q", err, out.String())
	}
	if got, err := k.Get(t.Context(), "token"); err != nil || got.Reveal() != word {
		t.Errorf("Get: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenWithKeyFile(t.Context(), dir, b, log); err == nil || !strings.Contains(err.Error(), "chmod 600") || strings.Contains(err.Error(), key) {
		t.Errorf("open to others: %v", err)
	}
}

func readKey(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// damages are what becomes of a key file, with the words that tell of it.
var damages = map[string]struct {
	do    func(path string) error
	words string
}{
	"gone":    {os.Remove, "is gone"},
	"empty":   {func(path string) error { return os.WriteFile(path, nil, 0o600) }, "is damaged: it has 0 bytes"},
	"cut":     {func(path string) error { return os.Truncate(path, 7) }, "is damaged: it has 7 bytes"},
	"another": {func(path string) error { return os.WriteFile(path, []byte(masterKey+"\n"), 0o600) }, "is not the one that"},
}

// A key that is lost is named with all that must be entered again, and stays as
// it is: perhaps somebody finds a backup.
func TestLostKeyWithSecrets(t *testing.T) {
	for name, damage := range damages {
		dir, b := t.TempDir(), blobs{}
		k, err := OpenWithKeyFile(t.Context(), dir, b, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"ad_password", "oauth.crm"} {
			if err := k.Set(t.Context(), secret, New(word)); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, KeyFileName)
		if err := damage.do(path); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		blobsBefore := maps.Clone(b)
		_, err = OpenWithKeyFile(t.Context(), dir, b, slog.New(slog.DiscardHandler))
		var lost *LostKeyError
		if !errors.As(err, &lost) || !slices.Equal(lost.Names, []string{"ad_password", "oauth.crm"}) {
			t.Fatalf("%s: %v", name, err)
		}
		for _, words := range []string{
			path, damage.words, "put it back from a backup", "`rollcall secret reset`",
			"ad_password (rollcall secret set ad_password), oauth.crm (rollcall authorize crm)",
		} {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %v\nlacks %q", name, err, words)
			}
		}
		after, _ := os.ReadFile(path)
		files, err := os.ReadDir(dir)
		if !bytes.Equal(before, after) || !maps.EqualFunc(blobsBefore, b, bytes.Equal) || err != nil || len(files) > 1 {
			t.Errorf("%s: the refusal changed something: %v", name, files)
		}
	}
}

// Nothing needs a key under which nothing is stored.
func TestLostKeyWithoutSecrets(t *testing.T) {
	for name, damage := range damages {
		dir, b := t.TempDir(), blobs{}
		if _, err := OpenWithKeyFile(t.Context(), dir, b, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, KeyFileName)
		if err := damage.do(path); err != nil {
			t.Fatal(err)
		}
		former, _ := os.ReadFile(path)
		var out bytes.Buffer
		k, err := OpenWithKeyFile(t.Context(), dir, b, slog.New(slog.NewTextHandler(&out, nil)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.Contains(out.String(), "made a new master key, since the former one "+damage.words) {
			t.Errorf("%s: log %s", name, out.String())
		}
		if err := k.Set(t.Context(), "token", New(word)); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenWithKeyFile(t.Context(), dir, b, slog.New(slog.DiscardHandler)); err != nil {
			t.Errorf("%s: afterwards: %v", name, err)
		}
		kept, _ := filepath.Glob(path + ".*")
		if name == "gone" {
			former = nil
		}
		if (len(kept) == 1) != (name != "gone") {
			t.Errorf("%s: kept aside: %v", name, kept)
		} else if len(kept) == 1 {
			if text, _ := os.ReadFile(kept[0]); !bytes.Equal(text, former) {
				t.Errorf("%s: what is kept aside is not the former key", name)
			}
		}
	}
}

func TestAnotherConfiguredKey(t *testing.T) {
	b := blobs{}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	for _, key := range []string{masterKey, masterKey + "2"} {
		if _, err := OpenWithKey(t.Context(), b, New(key), "@{cred:key}", log); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(out.String(), "another one than before") || !strings.Contains(out.String(), "@{cred:key}") {
		t.Errorf("log: %s", out.String())
	}
	k, err := OpenWithKey(t.Context(), b, New(masterKey+"2"), "@{cred:key}", log)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Set(t.Context(), "token", New(word)); err != nil {
		t.Fatal(err)
	}
	_, err = OpenWithKey(t.Context(), b, New(masterKey), "@{cred:key}", log)
	var lost *LostKeyError
	if !errors.As(err, &lost) || lost.Where != "@{cred:key}" || !slices.Equal(lost.Names, []string{"token"}) {
		t.Errorf("with a secret: %v", err)
	}
	if _, err := OpenWithKey(t.Context(), b, New("short"), "@{cred:key}", log); err == nil || !strings.Contains(err.Error(), "openssl rand") {
		t.Errorf("a short one: %v", err)
	}
}
