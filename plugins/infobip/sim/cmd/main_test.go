package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host/soak"
)

// output is what the command prints; ready is closed with the last line.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ready chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if strings.Contains(o.text.String(), "stops it.") {
		close(o.ready)
	}
	return len(p), nil
}

func TestRunServesUntilItIsTold(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out := &output{ready: make(chan struct{})}
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--listen", "127.0.0.1:0", "--people", "20", "--api-key", "abc", "--reading", "get_one=list"}, out, io.Discard)
	}()
	select {
	case <-out.ready:
	case err := <-done:
		t.Fatal(err)
	}
	base := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(out.text.String())
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, base+"/people/2/persons?identifier=1&type=ID", nil)
	r.Header.Set("Authorization", "App abc")
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%+v, %v", res, err)
	}
	_ = res.Body.Close()
	stop()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(soak.Patience):
		t.Error("does not stop")
	}
}

func TestWrongUsage(t *testing.T) {
	for args, want := range map[string]string{
		"--listen 0.0.0.0:0":        "not a loopback address",
		"--listen example.org:1":    "not a loopback address",
		"--listen nothing":          "--listen",
		"--people -1":               "--people",
		"--agents -1":               "--agents",
		"--per-second -1":           "--per-second",
		"--reading nothing=1":       "unknown reading",
		"--reading get_one=both":    "must be one of person, list",
		"--listen 127.0.0.1:0 more": "unexpected argument",
		"--nothing":                 "not defined",
	} {
		err := run(t.Context(), strings.Fields(args), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}
