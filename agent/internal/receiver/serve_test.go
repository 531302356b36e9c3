package receiver

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	trusts := certificate(t, dir, 1)
	w := newWorld(t)
	cert, err := LoadCertificate(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), w.Log)
	if err != nil {
		t.Fatal(err)
	}
	base := w.serve(cert)
	deliver := func(id string, client *http.Client) error {
		status, answer, _, err := request{client: client, body: sent(id, "change", "user", "11", time.Now())}.try(base)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%d %s", status, answer)
		}
		return err
	}
	if err := deliver("d-1", clientOf(trusts)); err != nil {
		t.Fatal(err)
	}
	if err := deliver("d-2", http.DefaultClient); err == nil {
		t.Error("nobody checks the certificate")
	}
	if status, _, _, err := (request{body: "{}"}).try(strings.Replace(base, "https", "http", 1)); err == nil && status != http.StatusBadRequest {
		t.Errorf("clear text is answered with %d", status)
	}
	old := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusts, MaxVersion: tls.VersionTLS11}}} // it must not work
	if err := deliver("d-3", old); err == nil {
		t.Error("TLS 1.1 is accepted")
	}

	if err := os.WriteFile(filepath.Join(dir, "key.pem"), []byte("half of a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "the log tells of files that cannot be used", func() bool {
		if err := deliver(fmt.Sprint("x-", time.Now().UnixNano()), clientOf(trusts)); err != nil {
			t.Fatalf("the former certificate does not go on: %v", err)
		}
		return strings.Contains(w.log.String(), "the former one goes on")
	})
	renewed := certificate(t, dir, 2)
	until(t, "the new certificate is used", func() bool { return deliver(fmt.Sprint("y-", time.Now().UnixNano()), clientOf(renewed)) == nil })
	if err := deliver("d-4", clientOf(trusts)); err == nil {
		t.Error("the former certificate is used still")
	}
	if strings.Contains(w.log.String(), "half of a key") {
		t.Error("the key stands in the log")
	}
}

func TestCertificatesThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	certificate(t, dir, 1)
	for _, pair := range [][2]string{{"nothing", "key.pem"}, {"cert.pem", "nothing"}, {"key.pem", "cert.pem"}} {
		_, err := LoadCertificate(filepath.Join(dir, pair[0]), filepath.Join(dir, pair[1]), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "see receiver.tls") {
			t.Errorf("%v: %v", pair, err)
		}
	}
}

// TestTheGateWaits: a connection that is being served is never closed for another,
// however long it takes and whoever waits.
func TestTheGateWaits(t *testing.T) {
	slow := &slowStore{free: make(chan struct{})}
	w := newWorld(t, func(s *Settings) {
		s.limits.conns, s.limits.patience = 2, 10*time.Millisecond
		slow.Store, s.Store = s.Store, slow
	})
	base := w.serve(nil)
	answers := make(chan int, 2)
	all, sum := w.memory.free(), int64(0)
	for i := range cap(answers) {
		body := sent(fmt.Sprint("d-", i), "change", "user", "11", time.Now())
		sum += int64(len(body))
		taken := all - sum
		go func() {
			for { // whoever has not sent a header yet may have to make room
				if status, _, _, err := (request{body: body}).try(base); err == nil {
					answers <- status
					return
				} else if w.memory.free() == taken {
					t.Error(err)
				}
			}
		}()
		until(t, "it is being served", func() bool { return w.memory.free() == taken })
	}
	waiting, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = waiting.Close() }()
	time.Sleep(100 * time.Millisecond) // the gate looks for one to close
	close(slow.free)
	for range cap(answers) {
		if status := <-answers; status != http.StatusOK {
			t.Errorf("%d", status)
		}
	}
}

// TestStopping: who is being answered gets the answer, and then nobody listens.
func TestStopping(t *testing.T) {
	slow := &slowStore{free: make(chan struct{})}
	w := newWorld(t, func(s *Settings) { slow.Store, s.Store = s.Store, slow })
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Serve(ctx, l, nil) }()
	answer := make(chan int, 1)
	go func() {
		status, _, _, _ := request{body: sent("d-1", "change", "user", "11", time.Now())}.try("http://" + l.Addr().String())
		answer <- status
	}()
	until(t, "the delivery waits for the state", func() bool { return w.memory.free() < 64<<20 })
	cancel()
	close(slow.free)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if status := <-answer; status != http.StatusOK {
		t.Errorf("%d", status)
	}
	if _, err := Listen(t.Context(), l.Addr().String()); err != nil {
		t.Errorf("somebody listens still: %v", err)
	}
}

func TestATakenPort(t *testing.T) {
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if _, err := Listen(t.Context(), l.Addr().String()); err == nil || !strings.Contains(err.Error(), "set [receiver] listen") {
		t.Errorf("%v", err)
	}
}
