package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rollcall-agent/rollcall/host"
)

// scriptVersion is `version VERSION FILE [OLD NEW]`: the connector for
// Pipedrive that does nothing, with a version and one text of its manifest
// replaced, is put into place.
func scriptVersion(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 && len(args) != 4 {
		ts.Fatalf("usage: version version file [old new]")
	}
	manifest, err := os.ReadFile(filepath.Join(ts.Getenv("REPO"), "plugins/pipedrive/manifest.toml"))
	ts.Check(err)
	text := regexp.MustCompile(`(?m)^version .*$`).ReplaceAllString(string(manifest), `version = "`+args[0]+`"`)
	if len(args) == 4 {
		if !strings.Contains(text, args[2]) {
			ts.Fatalf("the manifest does not hold %q", args[2])
		}
		text = strings.ReplaceAll(text, args[2], args[3])
	}
	module, err := host.Embed(emptyModule(), []byte(text))
	ts.Check(err)
	file := ts.MkAbs(args[1])
	ts.Check(errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file+".part", module, 0o644), os.Rename(file+".part", file)))
}

// scriptBecome is `become PATTERN PROGRAM ARGS...`: what the program prints,
// whatever its exit code, comes to match the pattern.
func scriptBecome(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: become pattern program [args...]")
	}
	want := regexp.MustCompile(`(?m)` + args[0])
	said := ""
	for end := time.Now().Add(hang); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		_ = ts.Exec(args[1], args[2:]...) // the exit code is not what is asked
		if said = ts.ReadFile("stdout") + ts.ReadFile("stderr"); want.MatchString(said) {
			return
		}
	}
	ts.Fatalf("it did not come to match %q:\n%s", args[0], said)
}

// scriptTrust is `trust FROM TO KEY`: TO is the configuration FROM with a key
// file trusted instead of unsigned connectors allowed.
func scriptTrust(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: trust from to key")
	}
	_, key, _ := strings.Cut(strings.TrimSpace(ts.ReadFile(args[2])), "\n")
	scriptEdit(ts, false, []string{args[0], args[1], "allow_unsigned = true", `trusted_keys = ["` + key + `"]`})
}
