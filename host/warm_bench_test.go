package host_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// nullServer tells the test's program to be the server of BenchmarkWarmInvoke,
// a process of its own so that only the client's processor time is counted.
const nullServer = "ROLLCALL_NULL_SERVER"

// serveNull serves until its standard input ends.
func serveNull() int {
	srv := httptest.NewServer(answer(`{"success":true,"data":{"id":1}}`))
	defer srv.Close()
	fmt.Println(srv.URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

func startNull(b *testing.B) string {
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), nullServer+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// BenchmarkWarmInvoke compares the processor time of a webhook through an
// instance that serves many with one through a new instance each, and with a
// native client that sends the same request.
func BenchmarkWarmInvoke(b *testing.B) {
	const each = 100
	f := start(b, host.Settings{}, nil)
	f.app.BaseURL, f.app.RateLimit = startNull(b), "1000000/1s"
	call := abi.InvokeCall{Webhook: abi.Webhook{Name: "create", Path: "/people", Body: `{"name":"A"}`, LinkKey: "/data/id"}}
	invoke := func() {
		if _, err := f.conn.Invoke(b.Context(), f.app, call); err != nil {
			b.Fatal(err)
		}
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	native := func() {
		resp, err := client.Post(f.app.BaseURL+"/people", "application/json", strings.NewReader(call.Webhook.Body))
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	cpu := func(n int, do func()) float64 {
		begin := soak.CPU()
		for range n {
			do()
		}
		return (soak.CPU() - begin).Seconds() * 1e3 / float64(n)
	}
	for b.Loop() {
		var warm, fresh, plain []float64
		for range 15 {
			warm = append(warm, cpu(each, invoke))
			fresh = append(fresh, cpu(10, func() { f.conn.Host().EndIdle(); invoke() }))
			plain = append(plain, cpu(each, native))
		}
		b.ReportMetric(ratio(warm, fresh), "warm/fresh")
		b.ReportMetric(ratio(warm, plain), "warm/native")
		b.ReportMetric(median(warm), "warm-cpu-ms")
		b.ReportMetric(median(fresh), "fresh-cpu-ms")
		b.ReportMetric(median(plain), "native-cpu-ms")
	}
	b.ReportMetric(0, "ns/op")
}
