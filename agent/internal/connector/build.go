package connector

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/regular"
)

// Build compiles the connector in dir, embeds its manifest.toml, writes the
// module to out and returns its size. Messages of the compiler go to stderr.
// It needs the go command: a connector is a Go package main.
func Build(ctx context.Context, dir, out string, stderr io.Writer) (int, error) {
	manifest, err := regular.Read(filepath.Join(dir, "manifest.toml"), host.MaxManifest)
	if err != nil {
		return 0, fmt.Errorf("read the manifest: %w", err)
	}
	parsed, err := host.ParseManifest(manifest)
	if err == nil {
		err = checkExpressions(parsed)
	}
	if err != nil {
		return 0, fmt.Errorf("check %s: %w", filepath.Join(dir, "manifest.toml"), err)
	}
	work, err := os.MkdirTemp("", "rollcall-connector-")
	if err != nil {
		return 0, fmt.Errorf("make a folder to build in: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	compiled := filepath.Join(work, "connector.wasm")
	build := exec.CommandContext(ctx, "go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", compiled, ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	build.Stderr = stderr
	if err := build.Run(); err != nil {
		return 0, fmt.Errorf("compile %s: %w", dir, err)
	}
	code, err := os.ReadFile(compiled)
	if err != nil {
		return 0, fmt.Errorf("read the compiled module: %w", err)
	}
	module, err := host.Embed(code, manifest)
	if err != nil {
		return 0, fmt.Errorf("embed %s: %w", filepath.Join(dir, "manifest.toml"), err)
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil { //nolint:gosec // the agent's user must be able to read it
		return 0, fmt.Errorf("write the connector: %w", err)
	}
	// A rename, so that an agent that watches the folder never sees half a file.
	//nolint:gosec // the agent's user must be able to read it; the caller names the place
	if err := os.WriteFile(out+".part", module, 0o644); err != nil {
		return 0, fmt.Errorf("write the connector: %w", err)
	}
	if err := os.Rename(out+".part", out); err != nil {
		return 0, fmt.Errorf("write the connector: %w", err)
	}
	return len(module), nil
}
