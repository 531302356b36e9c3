package connector

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/testdata/kept"
)

// TestTheConnectorOfTheDocsBuilds takes the connector out of
// docs/write-a-connector.md, builds it and looks at it as a host does.
func TestTheConnectorOfTheDocsBuilds(t *testing.T) {
	page, err := os.ReadFile("../../../docs/write-a-connector.md")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("../../testdata", "acme-") // within the module, so that it can import the sdk
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for file, pattern := range map[string]string{"manifest.toml": "(?s)```toml manifest\n(name .*?)```", "main.go": "(?s)```go\n(package main.*?)```"} {
		m := regexp.MustCompile(pattern).FindSubmatch(page)
		if m == nil {
			t.Fatalf("the page has no %s", file)
		}
		if err := os.WriteFile(filepath.Join(dir, file), m[1], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "acme.wasm")
	var log bytes.Buffer
	if _, err := Build(t.Context(), dir, out, &log); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	cache, err := kept.Folder("connector")
	if err != nil {
		t.Fatal(err)
	}
	m, problems, err := host.Inspect(t.Context(), out, host.Settings{AllowUnsigned: true, CacheDir: cache})
	if err != nil || len(problems) != 0 || m.Manifest.Name != "acme" || len(m.Manifest.Endpoints) != 1 {
		t.Errorf("%+v %v %v", m, problems, err)
	}
}
