package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/host/internal/body"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// awkward needs escaping everywhere.
const awkward = `se"cr/et &<%+ä 1234`

func secretOf(text string) func(*Settings) {
	return func(s *Settings) {
		s.SecretNames = []string{"signing", "second", "unset", "broken", "empty"}
		constant := func(text string, err error) func(context.Context) (string, error) {
			return func(context.Context) (string, error) { return text, err }
		}
		s.Secrets = map[string]func(context.Context) (string, error){
			"signing": constant(text, nil), "second": constant("the-second-secret", nil),
			"broken": constant("", errors.New("vault is sealed")), "empty": constant("", nil), "undeclared": constant("undeclared-secret", nil),
		}
	}
}

func placeholder(t interface{ Fatal(...any) }, c *Client, name string) string {
	p, err := c.Secret(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlaceholders(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	one, other := client(t, srv, nil, secretOf(awkward)), client(t, srv, nil, secretOf(awkward))
	p := placeholder(t, one, "signing")
	if !regexp.MustCompile(`^rollcall-secret-[0-9a-f]{32}-end$`).MatchString(p) {
		t.Errorf("placeholder %q", p)
	}
	if placeholder(t, one, "signing") != p || placeholder(t, one, "second") == p || placeholder(t, other, "signing") == p {
		t.Error("placeholders are per call and secret")
	}
	for name, want := range map[string]abi.Code{"undeclared": abi.CodeInput, "none": abi.CodeInput, "unset": abi.CodeAuth, "broken": abi.CodeAuth, "empty": abi.CodeAuth} {
		_, err := one.Secret(t.Context(), name)
		wantCode(t, err, want, name)
		_, err = one.HMAC(t.Context(), name, abi.HMACSHA256, nil)
		wantCode(t, err, want, name)
	}
	for text, r := range map[string]abi.Request{
		"of another call": {Path: "/", Headers: map[string]string{"X": placeholder(t, other, "signing")}}, "cut": {Path: "/", Body: p[:20]}, "guessed": {Path: "/" + placeholderStart + strings.Repeat("0", 32) + placeholderEnd},
	} {
		_, err := one.Send(t.Context(), r)
		if told := wantCode(t, err, abi.CodeInput, "not given out"); strings.Contains(told, awkward) {
			t.Errorf("%s: %s", text, told)
		}
	}
}

func TestHMAC(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	c := client(t, srv, nil, secretOf("Jefe"))
	for algorithm, want := range map[abi.Algorithm]string{ // RFC 4231 and RFC 2202, test case 2
		abi.HMACSHA256: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		abi.HMACSHA1:   "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
		abi.HMACSHA512: "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
	} {
		got, err := c.HMAC(t.Context(), "signing", algorithm, []byte("what do ya want for nothing?"))
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%d: %x %v", algorithm, got, err)
		}
	}
	_, err := c.HMAC(t.Context(), "signing", 9, nil)
	wantCode(t, err, abi.CodeInput, "algorithm 9")
}

// TestSecretsArrive: whatever a secret is made of, the server reads just it in
// each place that a request has.
func TestSecretsArrive(t *testing.T) {
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
		first, err := url.PathUnescape(first)
		if rest != "end" || err != nil {
			t.Errorf("path %s %v", r.URL.EscapedPath(), err)
		}
		text := string(body)
		switch r.Header.Get("Content-Type") {
		case "application/json", "application/vnd.api+json; charset=utf-8":
			var v []string
			if err := json.Unmarshal(body, &v); err != nil {
				t.Errorf("%s: %v", body, err)
			}
			text = strings.Join(v, "")
		case "application/x-www-form-urlencoded":
			v, err := url.ParseQuery(text)
			if err != nil || len(v) != 1 {
				t.Errorf("%s: %v", body, err)
			}
			text = v.Get("a")
		case "text/xml":
			var v struct {
				A string `xml:"a,attr"`
			}
			if err := xml.Unmarshal(body, &v); err != nil {
				t.Errorf("%s: %v", body, err)
			}
			text = v.A
		}
		got = []string{first, r.URL.Query().Get("q"), r.URL.Query().Get("in"), r.Header.Get("X-Key"), text}
	}))
	defer srv.Close()
	bodies := map[string]string{
		"application/json": `["%s"]`, "application/vnd.api+json; charset=utf-8": `["%s"]`, "application/x-www-form-urlencoded": "a=%s", "text/xml": `<x a="%s"/>`, "text/plain": "%s", "": "%s",
	}
	check := func(t interface {
		Fatal(...any)
		Fatalf(string, ...any)
	}, c *Client, secret string,
	) {
		p := placeholder(t, c, "signing")
		for media, body := range bodies {
			r := abi.Request{
				Method: "POST", Path: "/" + p + "/end?in=" + p, Query: map[string]string{"q": "<" + p + ">"},
				Headers: map[string]string{"X-Key": "k=" + p}, Body: fmt.Sprintf(body, p),
			}
			if media != "" {
				r.Headers["Content-Type"] = media
			}
			if _, err := c.Send(context.Background(), r); err != nil {
				t.Fatalf("%q: %v", secret, err)
			}
			if want := []string{secret, "<" + secret + ">", secret, "k=" + secret, secret}; fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
				t.Fatalf("%s: %q, want %q", media, got, want)
			}
		}
	}
	for _, secret := range []string{"plain", awkward, "../..", "%2e", "a?b#c", "a=b&c=d", "\\", "</x>]]>", placeholderStart + strings.Repeat("0", 32) + placeholderEnd} {
		check(t, client(t, srv, nil, secretOf(secret)), secret)
	}
	soak.Check(t, 30, 100, func(r *rapid.T) {
		secret := "s" + rapid.StringOf(rapid.RuneFrom([]rune(`ab/\"'<>&=+%?#;., ~:@é€😀`))).Draw(r, "secret") + "s"
		cl, err := New(client(t, srv, nil, secretOf(secret)).Settings)
		if err != nil {
			r.Fatal(err)
		}
		defer cl.Close()
		check(r, cl, secret)
	})
}

// TestWhereSecretsMayGo: to the hosts of the manifest and the base URL, not to
// those that the configuration merely allows, and nowhere after a redirect
// away.
func TestWhereSecretsMayGo(t *testing.T) {
	var reached []string
	var to string
	record := func(name string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			reached = append(reached, name+":"+r.Header.Get("X-Key")+r.URL.Query().Get("q")+string(body))
			if to != "" {
				next := to
				to = ""
				http.Redirect(w, r, next, http.StatusTemporaryRedirect)
			}
		}))
		t.Cleanup(s.Close)
		return s
	}
	base, named := record("base"), record("named")
	cl := client(t, base, nil, func(s *Settings) {
		secretOf("signing-secret")(s)
		s.Network.Rules, _ = NewRules([]string{"api.example.com"}, []string{strings.TrimPrefix(named.URL, "http://")}, []string{base.URL})
	})
	p := placeholder(t, cl, "signing")
	key := map[string]string{"X-Key": p}
	cases := []struct {
		name, to string
		request  abi.Request
		want     string // in the refusal
		reached  string
	}{
		{"the base URL", "", abi.Request{Path: "/", Headers: key}, "", "base:signing-secret"},
		{"around within it", "/again", abi.Request{Path: "/", Headers: key, Method: "POST", Body: p}, "", "base:signing-secretsigning-secret base:signing-secretsigning-secret"},
		{"a host of the configuration", "", abi.Request{URL: named.URL, Headers: key}, "placeholder of a secret", ""},
		{"in its query", "", abi.Request{URL: named.URL, Query: map[string]string{"q": p}}, "placeholder of a secret", ""},
		{"in its body", "", abi.Request{URL: named.URL, Method: "POST", Body: p}, "placeholder of a secret", ""},
		{"without a secret", "", abi.Request{URL: named.URL}, "", "named:"},
		{"led away", named.URL + "/", abi.Request{Path: "/", Headers: key}, "placeholder of a secret", "base:signing-secret"},
		{"led away with a body", named.URL + "/", abi.Request{Path: "/", Method: "POST", Body: p}, "placeholder of a secret", "base:signing-secret"},
		{"led away without one", named.URL + "/", abi.Request{Path: "/", Query: map[string]string{"q": p}}, "", "base:signing-secret named:"},
		{"led to a host of the manifest", "https://api.example.com/", abi.Request{Path: "/", Headers: key}, "placeholder of a secret", "base:signing-secret"},
		{"in a host", "", abi.Request{URL: "https://" + p + ".example.com/"}, "is not one that", ""},
	}
	for _, c := range cases {
		reached, to = nil, c.to
		_, err := cl.Send(t.Context(), c.request)
		if c.want != "" {
			wantCode(t, err, abi.CodeRefused, c.want)
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := strings.Join(reached, " "); got != c.reached {
			t.Errorf("%s: reached %q, want %q", c.name, got, c.reached)
		}
	}
	wild := client(t, base, nil, func(s *Settings) {
		secretOf("signing-secret")(s)
		s.Network.Rules, _ = NewRules([]string{"*.example.com"}, nil, nil)
	})
	_, err := wild.Send(t.Context(), abi.Request{URL: "https://" + placeholder(t, wild, "signing") + ".example.com/"})
	wantCode(t, err, abi.CodeRefused, "cannot be part of a host")
	lines := client(t, base, nil, secretOf("two\r\nX-Lines: 1"))
	_, err = lines.Send(t.Context(), abi.Request{Path: "/", Headers: map[string]string{"X-Key": placeholder(t, lines, "signing")}})
	wantCode(t, err, abi.CodeRefused, "holds a line break")
}

// TestWhatAServerReflects answers with everything that was sent, in all forms
// known to us: the guest must not be able to read any part of a secret.
func TestWhatAServerReflects(t *testing.T) {
	const secret, old, fresh = awkward, "old-token/+value", "new-token/+value"
	now := &changing{token: old, next: fresh}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, _ := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		status := http.StatusOK
		if token == old {
			status = http.StatusUnauthorized
		}
		body, _ := io.ReadAll(r.Body)
		w.Header()["X-Reflected"] = []string{given, token, url.QueryEscape(given)}
		w.Header().Set("X-"+strings.NewReplacer("/", "", "+", "").Replace(token), "named after a token")
		w.Header().Set("X-abcd1234", "named after a secret")
		w.WriteHeader(status)
		for _, s := range []string{given, token, old, "user:" + token} {
			asJSON, _ := json.Marshal(map[string]string{s: s})
			_, _ = fmt.Fprintf(w, "%s\n%s\n%s\n%s\n%x\n%X\n", s, asJSON, url.QueryEscape(s), url.PathEscape(s), s, s)
			_ = xml.EscapeText(w, []byte(s))
			_, _ = fmt.Fprintf(w, "\n%s\n%s\n", base64.StdEncoding.EncodeToString([]byte(s)), base64.URLEncoding.EncodeToString([]byte(s)))
		}
		_, _ = w.Write(body)
	}))
	defer srv.Close()
	cl := client(t, srv, now, func(s *Settings) {
		secretOf(secret)(s)
		read := s.Secrets["second"]
		s.Secrets["second"] = func(ctx context.Context) (string, error) { _, _ = read(ctx); return "aBCd1234", nil }
	})
	p := placeholder(t, cl, "signing")
	placeholder(t, cl, "second")
	resp, err := cl.Send(t.Context(), abi.Request{Method: "POST", Path: "/" + p, Body: p})
	if err != nil || resp.Status != 200 {
		t.Fatalf("%+v %v", resp, err)
	}
	seen := []byte(text(t, resp) + fmt.Sprint(resp.Header))
	for _, s := range []string{secret, old, fresh, "aBCd1234"} {
		for _, form := range []string{s, url.QueryEscape(s), hex.EncodeToString([]byte(s)), base64.StdEncoding.EncodeToString([]byte(s))[:8], base64.URLEncoding.EncodeToString([]byte("user:" + s))[7:15], strings.ToUpper(s), "Abcd1234"} {
			if bytes.Contains(seen, []byte(form)) {
				t.Errorf("%s is still seen as %s", s, form)
			}
		}
	}
	if len(resp.Header["X-Reflected"]) != 3 || !bytes.Contains(seen, []byte("user:****")) {
		t.Errorf("%s", seen)
	}
}

// changing are credentials that are replaced when they are rejected, and then
// no longer know their former values.
type changing struct{ token, next string }

func (c *changing) Apply(_ context.Context, r *http.Request) error {
	r.Header.Set("Authorization", "Bearer "+c.token)
	return nil
}
func (c *changing) Rejected(context.Context) (bool, error)  { c.token = c.next; return true, nil }
func (c *changing) BaseURL(context.Context) (string, error) { return "", nil }
func (c *changing) Redact() []string                        { return []string{c.token} }

// TestErrorsHideSecrets of requests that fail in all ways.
func TestErrorsHideSecrets(t *testing.T) {
	const secret = "the-signing-secret"
	to := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to != "" {
			w.Header().Set("Location", strings.ReplaceAll(to, "SECRET", strings.TrimPrefix(r.URL.Path, "/")))
			w.WriteHeader(http.StatusFound)
			return
		}
		c, _, _ := http.NewResponseController(w).Hijack()
		_, _ = io.WriteString(c, strings.TrimPrefix(r.URL.Path, "/")+" is not HTTP\r\n\r\n")
		_ = c.Close()
	}))
	defer srv.Close()
	for _, to = range []string{"", "https://SECRET.example.org/", "SECRET://x/", "http://SECRET@127.0.0.1/", "https://x/?SECRET", "//[SECRET/"} {
		cl := client(t, srv, nil, secretOf(secret))
		_, err := cl.Send(t.Context(), abi.Request{Path: "/" + placeholder(t, cl, "signing")})
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", to, err)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(e.Error(), secret) {
				t.Errorf("%s: a cause tells: %v", to, e)
			}
		}
	}
}

// FuzzReveal: what is sent holds no placeholder, and what was not allowed is
// not sent.
func FuzzReveal(f *testing.F) {
	p := placeholderStart + strings.Repeat("a", 32) + placeholderEnd
	f.Add("/x/"+p, "a="+p, p, p, "application/json", true)
	f.Add("/x", "", p+p[:10], "", "", false)
	f.Fuzz(func(t *testing.T, path, query, value, body, media string, allowed bool) {
		v := &vault{values: map[string]string{p: awkward}}
		u := &url.URL{Scheme: "https", Host: "api.example.com", Path: path, RawQuery: query}
		req := &http.Request{URL: u, Header: http.Header{"X": {value}, "Content-Type": {media}}}
		out, err := v.reveal(req, body, allowed)
		if err != nil {
			return
		}
		sent := u.EscapedPath() + u.RawQuery + req.Header.Get("X") + "\n" + out
		if strings.Contains(sent, placeholderStart) || !allowed && strings.Contains(sent, awkward) && !strings.Contains(path+query+value+body, awkward) {
			t.Errorf("sent %q", sent)
		}
	})
}

// TestRedactorsAreKept: calls of one application with the same secrets share a
// redactor, and no others do.
func TestRedactorsAreKept(t *testing.T) {
	one, other := &Pool{}, &Pool{}
	look := func(p *Pool, secrets ...string) *body.Redactor {
		v := vault{made: &p.redactors}
		v.learn(secrets...)
		return v.look()
	}
	first := look(one, "a-first-secret")
	if look(one, "a-first-secret") != first {
		t.Error("the next call made a redactor of its own")
	}
	if look(other, "a-first-secret") == first {
		t.Error("another application has the same redactor")
	}
	second := look(one, "a-first-secret", "a-second-secret")
	if got := second.Text("a-first-secret, a-second-secret"); strings.Contains(got, "secret") {
		t.Errorf("shown: %s", got)
	}
	if got := look(one, "a-first-secret").Text("a-second-secret"); got != "a-second-secret" {
		t.Errorf("what another call learned counts: %s", got)
	}
}
