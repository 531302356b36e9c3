package dispatch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
)

// nullServer tells the test's program to be the server of BenchmarkConnectors, a
// process of its own so that its processor time does not count.
const nullServer = "ROLLCALL_NULL_SERVER"

// TestMain lets this program be what tests start it as: the compiler of the host, the
// server of a benchmark, or an agent that kills itself.
func TestMain(m *testing.M) {
	if host.IsCompiler() {
		os.Exit(host.CompileMain(context.Background()))
	}
	if os.Getenv(nullServer) != "" {
		os.Exit(serveNull())
	}
	if text := os.Getenv(crashPlan); text != "" {
		os.Exit(crashing(text))
	}
	os.Exit(m.Run())
}

// serveNull says yes to everything until its standard input ends.
func serveNull() int {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"success":true,"data":{"id":1}}`)
	}))
	defer srv.Close()
	fmt.Println(srv.URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}
