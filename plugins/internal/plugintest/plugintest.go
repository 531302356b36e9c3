//go:build !wasip1

// Package plugintest builds a connector as it is shipped and loads it into the
// host, for the connector's own tests only.
package plugintest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/testdata/kept"
)

// Module is the connector in the folder of the tests. It is built and loaded
// only once, because compiling takes seconds.
type Module struct {
	Name      string // as in the manifest
	Unlimited bool   // for benchmarks: the manifest's rate limits are so high that they never apply

	once      sync.Once
	dir       string
	connector *host.Connector
	err       error
}

// Main runs the tests. TestMain needs nothing else.
func (m *Module) Main(tests *testing.M) {
	if host.IsCompiler() {
		os.Exit(host.CompileMain(context.Background()))
	}
	code := tests.Run()
	m.remove()
	os.Exit(code)
}

func (m *Module) remove() {
	if m.dir != "" {
		_ = os.RemoveAll(m.dir)
	}
}

// Connector returns the connector, which it builds and loads the first time.
func (m *Module) Connector(t testing.TB) *host.Connector {
	t.Helper()
	m.once.Do(func() { m.err = m.load(t.Context()) })
	if m.err != nil {
		t.Fatal(m.err)
	}
	return m.connector
}

func (m *Module) load(ctx context.Context) error {
	var err error
	if m.dir, err = os.MkdirTemp("", m.Name); err != nil {
		return err
	}
	modules := filepath.Join(m.dir, "modules")
	if err := os.Mkdir(modules, 0o700); err != nil {
		return err
	}
	if err := m.build(ctx, filepath.Join(modules, m.Name+".wasm")); err != nil {
		return err
	}
	cache, err := kept.Folder(m.Name)
	if err != nil {
		return err
	}
	settings := host.Settings{ModulesDir: modules, CacheDir: cache, AllowUnsigned: true}
	h, err := host.Open(ctx, settings, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	m.connector, err = h.Connector(m.Name)
	return err
}

func (m *Module) build(ctx context.Context, to string) error {
	plain := filepath.Join(m.dir, "plain.wasm")
	env := []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS="}
	if err := run(ctx, env, "go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", plain, "."); err != nil {
		return err
	}
	code, err := os.ReadFile(plain)
	if err != nil {
		return err
	}
	text, err := os.ReadFile("manifest.toml")
	if err != nil {
		return err
	}
	if m.Unlimited {
		text = regexp.MustCompile(`"\d+/\d+m?s"`).ReplaceAll(text, []byte(`"1000000/1s"`))
	}
	if code, err = host.Embed(code, text); err != nil {
		return err
	}
	return os.WriteFile(to, code, 0o600)
}

func run(ctx context.Context, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, out)
	}
	return nil
}
