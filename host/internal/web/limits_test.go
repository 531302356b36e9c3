package web

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// raw answers each connection with what f writes, as long as f likes.
func raw(t *testing.T, f func(c net.Conn, r *http.Request)) *httptest.Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					f(c, r)
				}
			}()
		}
	}()
	return &httptest.Server{URL: "http://" + l.Addr().String()}
}

func forever(c net.Conn, text string, pause time.Duration) {
	for {
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
		time.Sleep(pause)
	}
}

// untimely matches the error for a server that does not answer within the time
// of a request.
const untimely = "no complete answer within"

// TestServersThatDoNotEnd checks that each request ends within its time, and
// needs only the memory of one request.
func TestServersThatDoNotEnd(t *testing.T) {
	cases := map[string]struct {
		answer func(net.Conn)
		code   abi.Code
		want   string
	}{
		"no answer":       {func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }, abi.CodeNetwork, untimely},
		"dripping header": {func(c net.Conn) { forever(c, "H", 20*time.Millisecond) }, abi.CodeNetwork, ""},
		"dripping body": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			forever(c, "x", 20*time.Millisecond)
		}, abi.CodeNetwork, untimely},
		"dripping chunks": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			forever(c, "1\r\nx\r\n", 20*time.Millisecond)
		}, abi.CodeNetwork, untimely},
		"endless headers": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			forever(c, "X-Y: "+strings.Repeat("z", 1000)+"\r\n", 0)
		}, abi.CodeNetwork, "exceeded"},
		"one endless header": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: ")
			forever(c, strings.Repeat("z", 4096), 0)
		}, abi.CodeNetwork, "exceeded"},
		"endless status":  {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 "); forever(c, strings.Repeat("z", 4096), 0) }, abi.CodeNetwork, "exceeded"},
		"100 Continue":    {func(c net.Conn) { forever(c, "HTTP/1.1 100 Continue\r\n\r\n", 0) }, abi.CodeNetwork, "exceeded"},
		"103 Early Hints": {func(c net.Conn) { forever(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 0) }, abi.CodeNetwork, "exceeded"},
		"endless body": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			forever(c, strings.Repeat("z", 32<<10), 0)
		}, abi.CodeTooLarge, "over 1048576 bytes"},
		"endless trailers": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
			forever(c, "X-Y: z\r\n", 0)
		}, abi.CodeNetwork, ""},
		"huge redirect": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 1000000000000\r\n\r\n")
			forever(c, strings.Repeat("z", 4096), 0)
		}, abi.CodeRefused, "more than 10 redirects"},
		"dripping redirect": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n")
			forever(c, "x", 20*time.Millisecond)
		}, abi.CodeNetwork, untimely},
		"cut at once":       {func(c net.Conn) { _ = c.Close() }, abi.CodeNetwork, "closed in the middle"},
		"cut in the header": {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX:"); _ = c.Close() }, abi.CodeNetwork, "closed in the middle"},
		"cut in the body": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")
			_ = c.Close()
		}, abi.CodeNetwork, "closed in the middle"},
		"cut in a chunk": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nshort")
			_ = c.Close()
		}, abi.CodeNetwork, "closed in the middle"},
		"not HTTP": {func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH\r\n"); _ = c.Close() }, abi.CodeNetwork, "malformed"},
		"another encoding": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nab")
		}, abi.CodeNetwork, `encoded as "br"`},
		"encoded twice": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: 2\r\n\r\nab")
		}, abi.CodeNetwork, "encoded as"},
		"broken gzip": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\nabcdefghijabcdefghij")
		}, abi.CodeNetwork, "gzip"},
		"redirect to no URL": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: http://%zz\r\nContent-Length: 0\r\n\r\n")
		}, abi.CodeNetwork, "not a URL"},
		"two content lengths": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")
		}, abi.CodeNetwork, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := raw(t, func(conn net.Conn, _ *http.Request) { c.answer(conn) })
			cl := client(t, srv, nil, func(s *Settings) {
				if c.want == "" || c.want == untimely {
					s.Timeout = time.Second
				}
			})
			_, err := cl.Send(t.Context(), get("/"))
			wantCode(t, err, c.code, c.want)
		})
	}
}

// TestBombsOfCompression: a limit counts what comes out.
func TestBombsOfCompression(t *testing.T) {
	var small bytes.Buffer
	z := gzip.NewWriter(&small)
	_, _ = z.Write(make([]byte, 1<<20))
	_ = z.Close()
	bomb := bytes.Repeat(small.Bytes(), 256) // 256 MiB
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("asked for %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb)
	}))
	defer srv.Close()
	dir := t.TempDir()
	_, err := client(t, srv, nil, func(s *Settings) { s.SpoolDir, s.MaxBody, s.Timeout = dir, 16<<20, soak.Patience }).Send(t.Context(), get("/"))
	wantCode(t, err, abi.CodeTooLarge, "over 16777216 bytes")
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%d files left", len(left))
	}
}

// TestHTTP2 is used where a server speaks it, with the same limits, and
// secrets are found in compressed bodies.
func TestHTTP2(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Proto)
		switch r.URL.Path {
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, "it was "+r.Header.Get("Authorization"))
			_ = z.Close()
		case "/headers":
			for i := range 1000 {
				w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("z", 1000))
			}
		case "/drip":
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "x")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(20 * time.Millisecond)
			}
		}
	}))
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = quiet()
	srv.StartTLS()
	defer srv.Close()
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	within := func(timeout time.Duration) *Client {
		return client(t, srv, &creds{token: "some-token-value"}, func(s *Settings) { s.Timeout, s.Network.TLS = timeout, &tls.Config{RootCAs: pool} })
	}
	cl := within(soak.Patience)
	resp, err := cl.Send(t.Context(), get("/gzip"))
	if err != nil || resp.Header.Get("X-Proto") != "HTTP/2.0" || text(t, resp) != "it was Bearer ****************" {
		t.Errorf("%+v %v", resp, err)
	}
	_, err = cl.Send(t.Context(), get("/headers"))
	wantCode(t, err, abi.CodeNetwork, "")
	_, err = within(time.Second).Send(t.Context(), get("/drip"))
	wantCode(t, err, abi.CodeNetwork, untimely)
}

// TestWhatIsSentTwice: when a reused connection breaks, only requests that are
// safe to repeat are sent again.
func TestWhatIsSentTwice(t *testing.T) {
	for method, want := range map[string]int32{"GET": 2, "HEAD": 2, "POST": 1, "PUT": 1, "PATCH": 1, "DELETE": 1, "POST with Idempotency-Key": 2} {
		t.Run(method, func(t *testing.T) {
			var asked atomic.Int32
			srv := raw(t, func(c net.Conn, r *http.Request) {
				if r.URL.Path == "/first" || asked.Add(1) > 1 {
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					return
				}
				_ = c.Close() // having read all of the request
			})
			cl := client(t, srv, nil, nil)
			if _, err := cl.Send(t.Context(), get("/first")); err != nil {
				t.Fatal(err)
			}
			body := `{"name":"somebody"}`
			if method == "GET" || method == "HEAD" || method == "DELETE" {
				body = ""
			}
			r := abi.Request{Path: "/", Body: body}
			if method, key, _ := strings.Cut(method, " with "); key != "" {
				r.Method, r.Headers = method, map[string]string{key: "1"} // the connector says that it is safe
			} else {
				r.Method = method
			}
			_, err := cl.Send(t.Context(), r)
			if asked.Load() != want || (err == nil) != (want == 2) {
				t.Errorf("sent %d times, want %d (%v)", asked.Load(), want, err)
			}
		})
	}
}

// TestConnectionsAreKept from call to call, and not when the rules change.
func TestConnectionsAreKept(t *testing.T) {
	var mu sync.Mutex
	from := map[string]bool{}
	var closed atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		from[r.RemoteAddr] = true
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			closed.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	var pool Pool
	call := func(more ...string) {
		cl := client(t, srv, nil, func(s *Settings) {
			s.Pool = &pool
			s.Network.Rules, _ = NewRules(nil, more, []string{srv.URL})
		})
		defer cl.Close()
		for range 2 {
			if _, err := cl.Send(t.Context(), get("/")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 3 {
		call()
	}
	if len(from) != 1 || closed.Load() != 0 {
		t.Errorf("%d connections, %d closed", len(from), closed.Load())
	}
	call("other.example.com")
	if len(from) != 2 {
		t.Errorf("%d connections after a change", len(from))
	}
	pool.Close()
	soak.Await(t, "connections are closed", func() bool { return closed.Load() >= 2 })
	if closed.Load() != 2 {
		t.Errorf("%d connections were closed", closed.Load())
	}
}
