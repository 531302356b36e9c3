package receiver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// signing is an application that signs, whose name and secret are given.
func signing(name string) Application {
	return Application{Name: name, Secret: constant(password), Receiver: abi.Receiver{
		Auth: abi.ReceiverAuth{Kind: abi.ReceiverHMAC, Header: "X-Signature", Algorithm: "sha256", Encoding: "hex", Signed: "{body}"},
		ID:   "/id", Key: "/person", Endpoint: "people",
	}}
}

// begin opens a connection and sends the begin of a request.
func begin(t *testing.T, base, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_, _ = io.WriteString(c, text)
	return c
}

// TestSlowLoris: whoever opens connections and proves nothing, however much of a
// request comes, keeps nobody out. No other bound helps here.
func TestSlowLoris(t *testing.T) {
	const header = "POST /%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
	for name, sent := range map[string]string{
		"nothing":                    "",
		"half a header":              "POST /pipedrive HTTP/1.1\r\nHost: x\r\nAuth",
		"no credentials and no body": fmt.Sprintf(header, "pipedrive") + "\r\n",
		"a signature and no body":    fmt.Sprintf(header, "acme") + "X-Signature: " + strings.Repeat("00", 32) + "\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *Settings) {
				s.limits.conns, s.limits.patience = 4, 50*time.Millisecond
				s.limits.header, s.limits.read, s.limits.linger = time.Hour, time.Hour, time.Hour
			})
			w.apps = append(w.apps, signing("acme"))
			base := w.serve(nil)
			for range 20 {
				begin(t, base, sent)
			}
			for i := range 3 {
				w.delivered(t, base, fmt.Sprint("d-", i))
			}
		})
	}
}

// delivered sends a good delivery until it is taken: while it proves nothing, it may
// have to make room too.
func (w *world) delivered(t *testing.T, base, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // it hangs: somebody keeps it out
	defer cancel()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(_ context.Context, network, address string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, address)
			if err == nil {
				context.AfterFunc(ctx, func() { _ = c.Close() })
			}
			return c, err
		},
	}}
	for {
		status, answer, _, err := request{client: client, body: sent(id, "change", "user", "11", time.Now())}.try(base)
		switch {
		case err == nil && status == http.StatusOK:
			return
		case ctx.Err() != nil || err == nil:
			t.Fatalf("%d %s, %v", status, answer, err)
		}
	}
}

// TestSlowRequestsEnd: a header and a body have a time to arrive in.
func TestSlowRequestsEnd(t *testing.T) {
	w := newWorld(t, func(s *Settings) {
		s.limits.header, s.limits.read, s.limits.linger = 100*time.Millisecond, 200*time.Millisecond, 50*time.Millisecond
	})
	base := w.serve(nil)
	auth := "Authorization: " + basicHeader("rollcall", password)
	for name, begin := range map[string]string{
		"header": "POST /pipedrive HTTP/1.1\r\nHost: x\r\nX-",
		"body":   "POST /pipedrive HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n" + auth + "\r\n\r\n{\"me",
	} {
		c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_, _ = io.WriteString(c, begin)
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.ReadAll(bufio.NewReader(c)); err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				t.Errorf("%s: the connection is kept open", name)
			}
		}
	}
	if open := w.open("pipedrive"); len(open) > 0 {
		t.Error(open)
	}
}

// TestStrangersHoldNothing: whoever is refused by the header has no time to send a
// body in, although the answer reaches whoever sends one.
func TestStrangersHoldNothing(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.limits.read, s.limits.linger = time.Hour, 50*time.Millisecond })
	base := w.serve(nil)
	good := "Authorization: " + basicHeader("rollcall", password) + "\r\n"
	for text, want := range map[string]string{
		"POST /nobody HTTP/1.1\r\n":                                       "404",
		"PUT /pipedrive HTTP/1.1\r\n" + good:                              "405",
		"POST /pipedrive HTTP/1.1\r\n":                                    "401",
		"POST /pipedrive HTTP/1.1\r\nContent-Type: text/plain\r\n" + good: "415",
	} {
		c := begin(t, base, text+"Host: x\r\nContent-Length: 100\r\n\r\n")
		_ = c.SetReadDeadline(time.Now().Add(2 * time.Minute)) // it is kept open
		answer, err := io.ReadAll(c)
		if !strings.HasPrefix(string(answer), "HTTP/1.1 "+want) || err != nil {
			t.Errorf("%q: %q, %v", text, answer, err)
		}
	}
	base = newWorld(t).serve(nil)
	answered := 0
	for range 20 {
		status, _, _, err := request{path: "/nobody", body: strings.Repeat("x", 100<<10)}.try(base)
		switch {
		case cutOff(err):
		case err != nil || status != http.StatusNotFound:
			t.Errorf("%d, %v", status, err)
		default:
			answered++
		}
	}
	if answered < 10 {
		t.Errorf("%d of 20 got their answer", answered)
	}
}

// TestLargeHeaders: nobody has the receiver keep a megabyte of header. It reads 16
// KiB and the 4 KiB that net/http adds, and answers then without waiting for more.
func TestLargeHeaders(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.limits.header = time.Hour })
	base := w.serve(nil)
	const line = "POST /pipedrive HTTP/1.1\r\nHost: x\r\nX-Large: "
	c := begin(t, base, line+strings.Repeat("x", 20<<10-len(line)))
	_ = c.SetReadDeadline(time.Now().Add(2 * time.Minute)) // it waits for more
	answer, err := bufio.NewReader(c).ReadString('\n')
	if !strings.HasPrefix(answer, "HTTP/1.1 431 ") {
		t.Errorf("%q, %v", answer, err)
	}
	large := request{header: map[string]string{"X-Large": strings.Repeat("x", 15<<10)}, body: sent("d-1", "change", "user", "11", time.Now())}
	if status, answer, _ := large.send(t, base); status != http.StatusOK {
		t.Errorf("a header of 15 KiB: %d %s", status, answer)
	}
}

// TestOneApplicationTakesNoMemoryOfOthers: strangers can have bodies read whose
// signature is wrong, as long as it is not known. That takes the memory of that
// application alone.
func TestOneApplicationTakesNoMemoryOfOthers(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.limits.share, s.limits.read = 3*s.MaxBody, time.Hour })
	w.apps = append(w.apps, signing("acme"))
	base := w.serve(nil)
	whole := w.memory.free()
	header := "POST /acme HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nX-Signature: " +
		strings.Repeat("00", 32) + "\r\n\r\n"
	for i := range 3 {
		begin(t, base, header)
		until(t, "its body is being read", func() bool { return w.memory.free() == whole-int64(i+1)*w.MaxBody })
	}
	c := begin(t, base, header)
	_ = c.SetReadDeadline(time.Now().Add(2 * time.Minute)) // its body is being read too
	answer, err := bufio.NewReader(c).ReadString('\n')
	if !strings.HasPrefix(answer, "HTTP/1.1 503 ") || w.memory.free() != whole-3*w.MaxBody {
		t.Errorf("%q, %v, %d of %d bytes are free", answer, err, w.memory.free(), whole)
	}
	w.delivered(t, base, "d-1")
}

// TestMemoryAfterAPanic: what a body took is given back.
func TestMemoryAfterAPanic(t *testing.T) {
	w := newWorld(t)
	w.Now = func() time.Time { panic("no clock") }
	free := w.memory.free()
	base := w.serve(nil)
	if status, _, _ := (request{body: sent("d", "change", "user", "1", time.Now())}).send(t, base); status != http.StatusInternalServerError {
		t.Error(status)
	}
	if got := w.memory.free(); got != free {
		t.Errorf("%d of %d bytes are free", got, free)
	}
}

// TestAFloodEnds: what cannot be worked off is not taken, and what is known is not
// sent again for ever.
func TestAFloodEnds(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.limits.bounds = store.ReceiptBounds{Open: 3, Bytes: 1 << 20} })
	base := w.serve(nil)
	var got []int
	for _, i := range []int{1, 2, 3, 4, 1} {
		status, _, _ := request{body: sent(fmt.Sprint("d-", i), "change", "user", fmt.Sprint(i), time.Now())}.send(t, base)
		got = append(got, status)
	}
	if !slices.Equal(got, []int{200, 200, 200, 503, 200}) {
		t.Error(got)
	}
	w.work()
	until(t, "there is room again", func() bool {
		status, _, _ := request{body: sent("d-4", "change", "user", "4", time.Now())}.send(t, base)
		return status == http.StatusOK
	})
}

// TestBodiesHaveBoundedMemory: what is read at once is bounded whoever sends it.
func TestBodiesHaveBoundedMemory(t *testing.T) {
	w := newWorld(t)
	var releases []func()
	for i := 0; w.memory.free() > 0; i++ { // each application has a share only
		release, ok := w.memory.take(fmt.Sprint("other ", i), min(w.memory.free(), w.memory.share))
		if !ok {
			t.Fatal("no memory at all")
		}
		releases = append(releases, release)
	}
	body := sent("d-1", "change", "user", "11", time.Now())
	base := w.serve(nil)
	if status, _, _ := (request{body: body}).send(t, base); status != http.StatusServiceUnavailable {
		t.Errorf("%d", status)
	}
	for _, release := range releases {
		release()
	}
	whole := w.memory.free()
	for _, body := range []string{body, "hello", sent("d-2", "merge", "user", "11", time.Now()), sent("d-1", "change", "user", "11", time.Now())} {
		request{body: body}.send(t, base)
	}
	until(t, "memory is given back", func() bool {
		return w.memory.free() == whole
	})
}
