package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func exampleRules(t testing.TB) Rules {
	t.Helper()
	rules, err := NewRules(
		[]string{"api.example.com", "*.example.net", "127.0.0.9", "10.0.0.1", "intranet", "nas.local", "2130706433"},
		[]string{"127.0.0.1", "extra.example.org", "extra.example.org:8443", "*.wide.example", "[fd00::7]:8443", "::1", "10.9.9.9"},
		[]string{"http://127.0.0.2:8080/base", "https://Own.Example.org"})
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func TestRules(t *testing.T) {
	rules := exampleRules(t)
	allowed := []string{
		"https://api.example.com/x", "https://API.example.com", "https://api.example.com:443/", "https://api.example.com:/",
		"https://a.example.net", "https://a.b.example.net", "http://127.0.0.1:9/", "https://127.0.0.1:9/",
		"https://extra.example.org", "https://extra.example.org:8443", "https://x.wide.example",
		"http://127.0.0.2:8080/other", "https://own.example.org/", "https://[fd00::7]:8443/", "http://[::1]:99/", "https://10.9.9.9/",
	}
	refused := map[string]string{ // why
		"http://api.example.com": "", "http://api.example.com:443": "plain http", "https://api.example.com:8443": "", "https://api.example.com:0443": "",
		"https://example.net": "", "https://evilexample.net": "", "https://api.example.com.evil.org": "", "http://127.0.0.2:8081": "",
		"http://127.0.0.3": "", "https://extra.example.org:9000": "", "http://extra.example.org:443": "plain http", "https://other.org": "",
		"ftp://api.example.com": "scheme", "file:///etc/passwd": "scheme", "javascript:alert(1)": "scheme", "": "scheme",
		"https://user@api.example.com": "user name", "https://api.example.com@evil.org/": "user name", "https://api.example.com:443@evil.org/": "user name",
		"https:///x": "no host", "https:api.example.com": "no host", "http://own.example.org": "", "https://own.example.org:444": "",
		// the manifest names these, but it may not name what is inside
		"https://127.0.0.9/": "public internet", "https://10.0.0.1/": "public internet", "https://intranet/": "public internet",
		"https://nas.local/": "public internet", "https://2130706433/": "unusual form",
		// loopback in all its forms
		"http://localhost:9/": "", "https://localhost.example.net.:443/": "label", "http://0x7f.1/": "unusual form", "http://0x7f000001/": "unusual form",
		"http://0177.0.0.1/": "unusual form", "http://127.1/": "unusual form", "http://2130706433/": "unusual form", "http://017700000001/": "unusual form",
		"http://[::ffff:127.0.0.1]:9/": "", "http://[::ffff:7f00:1]:9/": "", "http://[0:0:0:0:0:0:0:1]:99/": "", "http://127.0.0.1.:9/": "label",
		"http://127.0.0.1%2f@evil.org/": "user name", "http://[fe80::1%25eth0]/": "", "http://[64:ff9b::7f00:1]/": "",
		// names that look like allowed ones
		"https://api.example.com.": "label", "https://api..example.net/": "label", "https://.example.net/": "label",
		"https://ａｐｉ.example.com/": "ASCII", "https://api.exаmple.com/": "ASCII", "https://%61pi.example.com%E3%80%82evil.org/": "ASCII",
		"https://a。example.net/": "ASCII", "https://xn--pi-7ka.example.com/": "", "https://evil.org#.example.net": "", "https://evil.org?.example.net": "",
		`https://evil.org\.example.net/`: "", "https://evil.org,.example.net/": "ASCII", "https://evil.org;.example.net/": "ASCII", "https://a*.example.net/": "ASCII",
	}
	for _, text := range allowed {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rules.check(u); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, why := range refused {
		u, err := url.Parse(text)
		if err != nil {
			continue // not a URL at all
		}
		if _, err := rules.check(u); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %q", text, err, why)
		}
	}
	for _, bad := range [][3][]string{
		{{"https://x"}, nil, nil},
		{nil, nil, []string{"nowhere"}},
		{nil, []string{"müller.example"}, nil},
		{nil, []string{"0x7f.1"}, nil},
		{nil, nil, []string{"https://müller.example/"}},
		{nil, []string{"a..b"}, nil},
	} {
		if _, err := NewRules(bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

// FuzzRules: whatever is parsed as a URL and allowed, the standard library's
// idea of its host is one of the named ones, and the scheme is right.
func FuzzRules(f *testing.F) {
	for _, s := range []string{"https://api.example.com/x", "https://a@b", "http://127.0.0.1:9/", "https://x.example.net:443", "https://[::1]:9/", "//x", "https://a\\.example.net"} {
		f.Add(s)
	}
	rules := exampleRules(f)
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.Parse(text)
		if err != nil {
			return
		}
		if _, err := rules.check(u); err != nil {
			return
		}
		req, err := http.NewRequest("GET", u.String(), nil)
		if err != nil {
			return
		}
		host := strings.ToLower(req.URL.Hostname())
		fine := map[string]bool{"api.example.com": true, "extra.example.org": true, "own.example.org": true, "127.0.0.1": true, "127.0.0.2": true, "::1": true, "fd00::7": true, "10.9.9.9": true}
		if !fine[host] && !strings.HasSuffix(host, ".example.net") && !strings.HasSuffix(host, ".wide.example") {
			t.Errorf("%q leads to %q", text, host)
		}
		if u.Scheme == "http" && !abi.Loopback(host) {
			t.Errorf("%q is plain http", text)
		}
	})
}

func TestPrivateAddresses(t *testing.T) {
	inside := []string{
		"127.0.0.1", "127.255.0.1", "::1", "10.1.2.3", "172.16.0.1", "172.31.9.9", "192.168.0.1", "169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00::1", "fc00::1", "fec0::1",
		"::ffff:10.0.0.1", "::ffff:127.0.0.1", "100.64.0.1", "100.127.255.255", "0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "239.1.1.1", "ff02::1", "255.255.255.255", "240.0.0.1",
		"64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "::127.0.0.1", "::10.0.0.1", "2001::1", "2001:db8::1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "192.0.0.170", "192.88.99.1", "100::1", "3fff::1", "5f00::1",
	}
	outside := []string{"8.8.8.8", "2001:4860::8888", "172.32.0.1", "100.128.0.1", "64:ff9b::8.8.8.8", "2002:808:808::1", "169.253.1.1", "::ffff:8.8.8.8", "2a00::1"}
	for _, a := range inside {
		if !private(netip.MustParseAddr(a)) {
			t.Errorf("%s is taken for a public address", a)
		}
	}
	for _, a := range outside {
		if private(netip.MustParseAddr(a)) {
			t.Errorf("%s is taken for a private address", a)
		}
	}
}

// nameServer answers each question for an IPv4 address from the list of its
// turn, the last one again and again. It speaks as much DNS as that takes.
type nameServer struct {
	conn net.PacketConn

	mu      sync.Mutex
	answers [][]netip.Addr
	asked   int
}

func newNameServer(t *testing.T, answers ...[]netip.Addr) *nameServer {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s := &nameServer{conn: conn, answers: answers}
	go s.serve()
	return s
}

func (s *nameServer) serve() {
	buf := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		end := 12
		for end < n && buf[end] != 0 {
			end += int(buf[end]) + 1
		}
		end += 5
		q := buf[:end]
		reply := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:]...)
		if q[end-3] == 1 { // A
			s.mu.Lock()
			answer := s.answers[min(s.asked, len(s.answers)-1)]
			s.asked++
			s.mu.Unlock()
			for _, a := range answer {
				reply[7]++
				ip := a.As4()
				reply = append(reply, 0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ip[0], ip[1], ip[2], ip[3])
			}
		}
		_, _ = s.conn.WriteTo(reply, from)
	}
}

// resolve makes connections ask this server for names, and treat 127.0.0.1
// alone as an address of the public internet.
func (s *nameServer) resolve(t *http.Transport) {
	d := &net.Dialer{
		ControlContext: addressCheck(func(a netip.Addr) bool { return a != netip.MustParseAddr("127.0.0.1") }),
		Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "udp", s.conn.LocalAddr().String())
		}},
	}
	t.DialContext = d.DialContext
}

// TestNamesThatLeadInside checks that the address of a manifest's host is
// examined for each connection.
func TestNamesThatLeadInside(t *testing.T) {
	public, inside := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	reached := map[string]int{}
	var mu sync.Mutex
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		reached[r.Context().Value(http.LocalAddrContextKey).(net.Addr).(*net.TCPAddr).IP.String()]++
		w.Header().Set("Connection", "close")
	}))
	_ = srv.Listener.Close()
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	srv.Listener = l
	srv.StartTLS()
	defer srv.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	run := func(name string, from origin, answers ...[]netip.Addr) (errs []error) {
		cl := client(t, srv, nil, func(s *Settings) {
			s.Network.Rules = Rules{entries: []entry{{host: name, port: port, origin: from}}}
			s.Network.TLS.InsecureSkipVerify = true // the certificate is for another name
		})
		newNameServer(t, answers...).resolve(cl.connections.transport)
		for range answers {
			_, err := cl.Send(t.Context(), abi.Request{URL: "https://" + name + ":" + port + "/"})
			errs = append(errs, err)
		}
		return errs
	}
	errs := run("inside.example.com", byManifest, []netip.Addr{inside})
	wantCode(t, errs[0], abi.CodeRefused, "127.0.0.2:"+port+", which is not a public address")
	if errs := run("both.example.com", byManifest, []netip.Addr{inside, public, inside}); errs[0] != nil {
		t.Error(errs[0])
	}
	errs = run("rebound.example.com", byManifest, []netip.Addr{public}, []netip.Addr{inside})
	if errs[0] != nil {
		t.Error(errs[0])
	}
	wantCode(t, errs[1], abi.CodeRefused, "not a public address")
	if reached["127.0.0.1"] != 2 || reached["127.0.0.2"] != 0 {
		t.Errorf("reached %v", reached)
	}
	if errs := run("own.example.com", byURL, []netip.Addr{inside}); errs[0] != nil || reached["127.0.0.2"] != 1 {
		t.Errorf("a configured name: %v, reached %v", errs[0], reached)
	}
}

// TestBaseURLOfATokenObeysTheRules: what a token answer says is no reason to
// go anywhere.
func TestBaseURLOfATokenObeysTheRules(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	for _, base := range []string{"https://evil.example.org", "http://169.254.169.254/latest", "https://127.0.0.1:1", "https://user:pw@api.example.com"} {
		cl := client(t, srv, &creds{token: "some-token", base: base}, func(s *Settings) { s.Configured, s.Network.Rules = "", exampleRules(t) })
		if base == "https://127.0.0.1:1" {
			cl.Network.Rules = Rules{}
		}
		_, err := cl.Send(t.Context(), get("/"))
		wantCode(t, err, abi.CodeRefused, "")
	}
}

func TestRequestsThatAreNotTheGuests(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("sent %v", r) }))
	defer srv.Close()
	cl := client(t, srv, nil, nil)
	for _, name := range append([]string{"host", "HOST", "proxy-authorization", "te", "bad name", "", "ü", "a:b"}, own...) {
		_, err := cl.Send(t.Context(), abi.Request{Path: "/", Headers: map[string]string{name: "x"}})
		wantCode(t, err, abi.CodeInput, "header")
	}
	for name, r := range map[string]abi.Request{
		"line break": {Path: "/", Headers: map[string]string{"X": "a\r\nHost: b"}}, "twice": {Path: "/", Headers: map[string]string{"X-A": "1", "x-a": "2"}},
		"CONNECT": {Path: "/", Method: "CONNECT"}, "trace": {Path: "/", Method: "trace"}, "two words": {Path: "/", Method: "GET /x"}, "price": {Path: "/", Cost: -1},
		"neither": {}, "both": {Path: "/", URL: "/"}, "no slash": {Path: "x"}, "relative": {URL: "x"}, "profile": {Path: "/", Auth: "other"}, "escape": {Path: "/%zz"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cl.Send(t.Context(), r)
			wantCode(t, err, abi.CodeInput, "")
		})
	}
}

// TestWhatStaysBehind follows redirects to another port and back: credentials,
// and what the guest named like them, are gone for good.
func TestWhatStaysBehind(t *testing.T) {
	var seen []string
	var first, second *httptest.Server
	record := func(name string, next func() string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen = append(seen, strings.Join([]string{name, r.Header.Get("Authorization"), r.Header.Get("Cookie"), r.Header.Get("X-Mine")}, "|"))
			if to := next(); to != "" {
				http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			}
		}))
		t.Cleanup(s.Close)
		return s
	}
	first = record("first", func() string {
		return map[int]string{1: second.URL, 3: "/again"}[len(seen)]
	})
	second = record("second", func() string { return first.URL + "/back" })
	cl := client(t, first, &creds{token: "some-token"}, func(s *Settings) {
		s.Network.Rules, _ = NewRules(nil, []string{strings.TrimPrefix(second.URL, "http://")}, []string{first.URL})
	})
	_, err := cl.Send(t.Context(), abi.Request{Path: "/", Headers: map[string]string{"authorization": "mine", "Cookie": "c=1", "X-Mine": "yes"}})
	if want := "first|Bearer some-token|c=1|yes second|||yes first|||yes first|||yes"; err != nil || strings.Join(seen, " ") != want {
		t.Errorf("%v after %q", err, seen)
	}
}

func TestLoopbackOfTheConfigurationOnly(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	cl := client(t, srv, nil, func(s *Settings) { s.Network.Rules = Rules{}; s.Timeout = time.Second })
	_, err := cl.Send(t.Context(), get("/"))
	wantCode(t, err, abi.CodeRefused, "is not one that")
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
