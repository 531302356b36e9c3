package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host"
)

// BenchmarkReady starts the real command with two connectors written in Go and
// a warm cache, and measures the time until it says that it is ready. The goal
// is 500 ms.
func BenchmarkReady(b *testing.B) {
	built := build()
	if built.err != nil {
		b.Fatal(built.err)
	}
	dir := b.TempDir()
	twoConnectors(b, filepath.Join(dir, "modules"), filepath.Join(built.modules, "pipedrive.wasm"))
	config, err := os.ReadFile("testdata/agent.toml")
	if err != nil {
		b.Fatal(err)
	}
	text := string(config) + `
[applications.other]
connector = "xxxxxxxxx"
auth      = "api_key"
api_key   = "@{store:pipedrive}"
[data_sources.others]
category    = "lifecycle"
application = "other"
endpoints   = ["users"]
primary_key = "id"
[data_sources.others.attributes]
displayName    = "{{ trim(user.name) }}"
sAMAccountName = { value = "{{ sam_safe(user.name) }}", unique = "domain", suffix = "number", apply = "create" }
[automations.others]
data_source = "others"
action      = "lifecycle"
ou          = "OU=Staff,DC=example,DC=com"
`
	if err := os.WriteFile(filepath.Join(dir, "agent.toml"), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	first, work := ready(b, built.binary, dir)
	b.Logf("with an empty cache: %s, of which its own work is %s", first, work)
	var all, own time.Duration
	for range b.N {
		took, work := ready(b, built.binary, dir)
		all, own = all+took, own+work
	}
	b.ReportMetric(float64(all.Milliseconds())/float64(b.N), "ms/start")
	b.ReportMetric(float64(own.Milliseconds())/float64(b.N), "cpu-ms/start") // what does not depend on who else is at work
}

// twoConnectors puts a connector into a folder under two names.
func twoConnectors(b *testing.B, dir, file string) {
	b.Helper()
	wasm, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	m, err := host.ReadManifest(wasm)
	if err != nil {
		b.Fatal(err)
	}
	other := bytes.Replace(wasm, []byte(`"`+m.Name+`"`), []byte(`"`+strings.Repeat("x", len(m.Name))+`"`), 1)
	if bytes.Equal(wasm, other) {
		b.Fatal("the manifest does not hold its name")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	for name, content := range map[string][]byte{"one.wasm": wasm, "two.wasm": other} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			b.Fatal(err)
		}
	}
}

// ready starts the agent, waits until it is ready and stops it. It tells how
// long that took, and the time of the processor from start to end.
func ready(b *testing.B, binary, dir string) (took, own time.Duration) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "--config", "agent.toml", "run")
	cmd.Dir = dir
	stderr, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	var log strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "msg=ready") {
			took = time.Since(start)
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil || took == 0 || strings.Contains(log.String(), "level=ERROR") {
		b.Fatalf("%v:\n%s", err, log.String())
	}
	return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
