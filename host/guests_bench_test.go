package host_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/internal/wasmfile"
)

// BenchmarkCGuest compares a connector without a language runtime with a native
// client, to measure the cost of the ABI itself. It needs clang and wasm-ld.
func BenchmarkCGuest(b *testing.B) {
	wasm := buildC(b)
	srv := httptest.NewServer(answer(people(bodyCount)))
	defer srv.Close()
	conn, app := plainOrNot(b, wasm, srv.URL, false)
	oneBody(b, conn, app)
}

func buildC(b *testing.B) []byte {
	for _, tool := range []string{"clang", "wasm-ld"} {
		if _, err := exec.LookPath(tool); err != nil {
			b.Skipf("not run, there is no %s here: apt-get install clang lld", tool)
		}
	}
	out := filepath.Join(b.TempDir(), "guest.wasm")
	cmd := exec.CommandContext(b.Context(), "clang", "--target=wasm32", "-O2", "-nostdlib", "-Wl,--no-entry", "-Wl,--strip-all", "-o", out, "testdata/c/guest.c")
	if text, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("build the C guest: %v\n%s", err, text)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		b.Fatal(err)
	}
	return wasm
}

// plainOrNot loads a guest as connectors are loaded, or without the checks that
// are added to its code.
func plainOrNot(b *testing.B, wasm []byte, url string, plain bool) (*host.Connector, host.Application) {
	wasm, err := host.Embed(wasm, []byte(manifest))
	if err != nil {
		b.Fatal(err)
	}
	h, _ := open(b, host.Settings{AllowUnsigned: true}, map[string][]byte{"guest.wasm": wasm})
	conn, err := h.Connector("guest")
	if err != nil {
		b.Fatal(err)
	}
	if plain {
		conn.UsePlain(wasm)
	}
	if err := conn.Prepare(b.Context()); err != nil {
		b.Fatal(err)
	}
	creds, err := host.NewStaticCredentials(conn.Manifest().Auth[0], "", "secret-api-token")
	if err != nil {
		b.Fatal(err)
	}
	return conn, host.Application{Name: "app", BaseURL: url, Credentials: creds}
}

// BenchmarkChecks compares a Go guest with the added checks to the same guest
// without them: fetching 100 pages, where the host does the work, and parsing
// 1,000 records with encoding/json itself.
func BenchmarkChecks(b *testing.B) {
	b.Run("pages", func(b *testing.B) {
		const count = 50_000
		srv := httptest.NewServer(pagesOf(500))
		defer srv.Close()
		compareChecks(b, srv.URL, 15, func(conn *host.Connector, app host.Application) {
			through(b, conn, app, cursored(conn), count)
		})
	})
	b.Run("parse", func(b *testing.B) {
		srv := httptest.NewServer(answer(people(1_000)))
		defer srv.Close()
		compareChecks(b, srv.URL, 15, func(conn *host.Connector, app host.Application) {
			e, _ := conn.Manifest().Endpoint("users")
			e.Params = map[string]string{"do": "parse"}
			through(b, conn, app, e, 1) // one record tells how many there were
		})
	})
}

func compareChecks(b *testing.B, url string, n int, run func(*host.Connector, host.Application)) {
	with, app := plainOrNot(b, guest(b), url, false)
	without, plainApp := plainOrNot(b, guest(b), url, true)
	for b.Loop() {
		took := turns(n, func() { run(without, plainApp) }, func() { run(with, app) })
		b.ReportMetric(ratio(took[1], took[0]), "with/without")
		b.ReportMetric(median(took[1]), "with-ms")
		b.ReportMetric(median(took[0]), "without-ms")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkSize tells how much larger the checks make a Go guest.
func BenchmarkSize(b *testing.B) {
	wasm := embedded(b, manifest)
	for b.Loop() {
		file, err := wasmfile.Read(wasm)
		if err != nil {
			b.Fatal(err)
		}
		hardened := wasmfile.Harden(file)
		b.ReportMetric(float64(len(hardened))/float64(len(wasm)), "with/without")
		b.ReportMetric(float64(len(wasm)), "without-bytes")
		b.ReportMetric(float64(len(hardened)), "with-bytes")
	}
	b.ReportMetric(0, "ns/op")
}
