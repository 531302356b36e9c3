package secrets

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func environment(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

func writeFile(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return path
}

type oneSecret struct{ name, text string }

func (o oneSecret) Get(_ context.Context, name string) (Secret, error) {
	if name != o.name {
		return Secret{}, ErrNoSecret
	}
	return New(o.text), nil
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "cred"), word+"\n", 0o440)
	r := NewResolver(environment(map[string]string{"PW": word, "NL": word + "\n", "CREDENTIALS_DIRECTORY": dir}), oneSecret{"token", word})
	for text, want := range map[string]string{
		"@{env:PW}":      word,
		"@{env:NL}":      word + "\n", // only files are trimmed
		"@{cred:cred}":   word,
		"@{store:token}": word,
		"@{file:" + writeFile(t, filepath.Join(dir, "a"), word, 0o600) + "}":             word,
		"@{file:" + writeFile(t, filepath.Join(dir, "b"), word+"\n", 0o400) + "}":        word,
		"@{file:" + writeFile(t, filepath.Join(dir, "c"), word+"\r\n", 0o600) + "}":      word,
		"@{file:" + writeFile(t, filepath.Join(dir, "d"), " "+word+" \n\n", 0o600) + "}": " " + word + " \n",
	} {
		ref, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Resolve(t.Context(), ref)
		if err != nil || got.Reveal() != want {
			t.Errorf("%s: %q, %v; want %q", text, got.Reveal(), err, want)
		}
	}
	literal, _, err := ParseOrLiteral(word)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Resolve(t.Context(), literal); err != nil || got.Reveal() != word {
		t.Errorf("literal: %v", err)
	}
}

func TestResolveRefuses(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	r := NewResolver(environment(map[string]string{"EMPTY": "", "CREDENTIALS_DIRECTORY": dir}), oneSecret{"token", word})
	cases := map[string]string{
		"@{env:GONE}":                  "not set",
		"@{env:EMPTY}":                 "is empty",
		"@{file:" + path("gone") + "}": "no such file",
		"@{file:" + dir + "}":          "not a regular file",
		"@{file:" + writeFile(t, path("nl"), "\n", 0o600) + "}":                                        "is empty",
		"@{file:" + writeFile(t, path("long"), strings.Repeat(word, maxFile/len(word)+1), 0o600) + "}": "is larger than",
		"@{cred:gone}":     "LoadCredential=gone",
		"@{store:gone}":    "rollcall secret set",
		"@{vault:a/b#c}":   "not available in this version",
		"@{dpapi:machine}": "not available in this version",
	}
	if runtime.GOOS != "windows" {
		cases["@{file:"+writeFile(t, path("group"), word, 0o640)+"}"] = "chmod 600"
		cases["@{file:"+writeFile(t, path("others"), word, 0o604)+"}"] = "chmod 600"
	}
	for text, want := range cases {
		ref, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Resolve(t.Context(), ref)
		if err == nil || !got.IsEmpty() || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), text) || wrongly(err.Error()) {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
}

func TestResolveWithoutSurroundings(t *testing.T) {
	r := NewResolver(environment(nil), nil)
	for text, want := range map[string]string{"@{cred:x}": "CREDENTIALS_DIRECTORY is not set", "@{store:x}": "cannot be used here"} {
		ref, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Resolve(t.Context(), ref); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := r.Resolve(t.Context(), Reference{}); err == nil {
		t.Error("the zero reference resolves")
	}
	_, err := NewResolver(environment(nil), oneSecret{}).Resolve(t.Context(), Reference{Kind: KindStore, Name: "x"})
	if !errors.Is(err, ErrNoSecret) {
		t.Errorf("the cause is lost: %v", err)
	}
}

// Nobody is told to change the rights of a folder that systemd makes.
func TestCredentialsOfAnotherUser(t *testing.T) {
	denied := &fs.PathError{Op: "open", Path: "/run/credentials/rollcall.service/x", Err: fs.ErrPermission}
	err := withoutCredential("/run/credentials/rollcall.service", "x", denied)
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "start the agent by its unit") || strings.Contains(err.Error(), "chmod") {
		t.Error(err)
	}
}
