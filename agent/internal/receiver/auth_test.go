package receiver

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func basicHeader(user, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret))
}

func TestGenuine(t *testing.T) {
	basic := abi.ReceiverAuth{Kind: abi.ReceiverBasic}
	secret := abi.ReceiverAuth{Kind: abi.ReceiverHeader, Header: "X-Token", Prefix: "Key "}
	for name, c := range map[string]struct {
		auth abi.ReceiverAuth
		h    http.Header
		want bool
	}{
		"basic":                     {basic, header("Authorization", basicHeader("u", password)), true},
		"scheme in any case":        {basic, header("Authorization", strings.Replace(basicHeader("u", password), "Basic", "bASIC", 1)), true},
		"wrong password":            {basic, header("Authorization", basicHeader("u", password+"x")), false},
		"begin of the password":     {basic, header("Authorization", basicHeader("u", password[:5])), false},
		"no password":               {basic, header("Authorization", basicHeader("u", "")), false},
		"wrong user":                {basic, header("Authorization", basicHeader("U", password)), false},
		"no header":                 {basic, header(), false},
		"not base64":                {basic, header("Authorization", "Basic ???"), false},
		"another scheme":            {basic, header("Authorization", "Bearer "+password), false},
		"two headers":               {basic, header("Authorization", basicHeader("u", password), "Authorization", "Basic x"), false},
		"secret":                    {secret, header("X-Token", "Key "+password), true},
		"secret without its prefix": {secret, header("X-Token", password), false},
		"another secret":            {secret, header("X-Token", "Key "+password+" "), false},
		"no secret":                 {secret, header("X-Token", "Key "), false},
		"two secrets":               {secret, header("X-Token", "Key "+password, "X-Token", "Key "+password), false},
		"unknown kind":              {abi.ReceiverAuth{Kind: "none"}, header(), false},
	} {
		if got := genuine(c.auth, "u", password, c.h); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSigned(t *testing.T) {
	const body, stamp = `{"id":1}`, "1785568509"
	for name, c := range map[string]struct {
		auth abi.ReceiverAuth
		text string // that is signed
	}{
		"sha256 in hex":    {abi.ReceiverAuth{Algorithm: "sha256", Encoding: "hex", Prefix: "sha256=", Signed: "{body}"}, body},
		"sha512 in base64": {abi.ReceiverAuth{Algorithm: "sha512", Encoding: "base64", Signed: "{body}"}, body},
		"sha1":             {abi.ReceiverAuth{Algorithm: "sha1", Encoding: "hex", Signed: "{body}"}, body},
		"with time":        {abi.ReceiverAuth{Algorithm: "sha256", Encoding: "hex", Timestamp: "X-Time", Signed: "v0:{timestamp}:{body}"}, "v0:" + stamp + ":" + body},
		"time behind":      {abi.ReceiverAuth{Algorithm: "sha256", Encoding: "hex", Timestamp: "X-Time", Signed: "{body}.{timestamp}"}, body + "." + stamp},
	} {
		c.auth.Kind, c.auth.Header = abi.ReceiverHMAC, "X-Signature"
		good := header("X-Signature", c.auth.Prefix+sign(c.auth, password, c.text), "X-Time", stamp)
		if !genuine(c.auth, "", "", good) || !signed(c.auth, password, good, []byte(body)) {
			t.Errorf("%s: what is genuine is refused", name)
		}
		for what, h := range map[string]http.Header{
			"another secret": header("X-Signature", c.auth.Prefix+sign(c.auth, password+"x", c.text), "X-Time", stamp),
			"another body":   header("X-Signature", c.auth.Prefix+sign(c.auth, password, c.text+" "), "X-Time", stamp),
			"no signature":   header("X-Time", stamp),
			"an empty one":   header("X-Signature", c.auth.Prefix, "X-Time", stamp),
			"half of it":     header("X-Signature", good.Get("X-Signature")[:20], "X-Time", stamp),
			"not encoded":    header("X-Signature", c.auth.Prefix+"???", "X-Time", stamp),
			"twice":          header("X-Signature", good.Get("X-Signature"), "X-Signature", good.Get("X-Signature"), "X-Time", stamp),
		} {
			if genuine(c.auth, "", "", h) && signed(c.auth, password, h, []byte(body)) {
				t.Errorf("%s: %s is taken", name, what)
			}
		}
		if c.auth.Timestamp == "" {
			continue
		}
		later := header("X-Signature", good.Get("X-Signature"), "X-Time", "1785568510")
		if signed(c.auth, password, later, []byte(body)) {
			t.Errorf("%s: another time is taken", name)
		}
	}
}

// sign signs a text as an application does.
func sign(a abi.ReceiverAuth, secret, text string) string {
	new := sha256.New
	switch a.Algorithm {
	case "sha512":
		new = sha512.New
	case "sha1":
		new = sha1.New
	}
	mac := hmac.New(new, []byte(secret))
	_, _ = mac.Write([]byte(text))
	if a.Encoding == "base64" {
		return base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return hex.EncodeToString(mac.Sum(nil))
}

func TestSecretsAreReadNowAndThen(t *testing.T) {
	now, reads := time.Now(), 0
	secret, err := password, error(nil)
	a := Application{Name: "x", Secret: func(context.Context) (string, error) { reads++; return secret, err }}
	s := secrets{now: func() time.Time { return now }, patience: time.Hour}
	for range 3 {
		if got, err := s.of(t.Context(), a); got.secret != password || err != nil {
			t.Fatal(got, err)
		}
	}
	if reads != 1 {
		t.Errorf("a stranger's requests read it %d times", reads)
	}
	now, secret = now.Add(6*time.Second), "another secret of many letters"
	if got, err := s.of(t.Context(), a); got.secret != secret || err != nil {
		t.Error("a new secret needs a restart")
	}
	now, secret = now.Add(6*time.Second), "short"
	if _, err := s.of(t.Context(), a); err == nil || strings.Contains(err.Error(), "short") || !strings.Contains(err.Error(), "has 5 characters; it must have 16 or more") {
		t.Errorf("%v", err)
	}
	now, err = now.Add(6*time.Second), errors.New("no such file")
	if _, got := s.of(t.Context(), a); !errors.Is(got, err) {
		t.Errorf("%v", got)
	}
}

// TestASecretThatTakesLong holds up its own application only, and that not for long. It
// is read on meanwhile, and there when the application repeats its request.
func TestASecretThatTakesLong(t *testing.T) {
	s := secrets{now: time.Now, patience: 20 * time.Millisecond}
	goOn, reading := make(chan struct{}), make(chan struct{})
	slow := Application{Name: "slow", Secret: func(ctx context.Context) (string, error) {
		close(reading) // a second read would panic
		<-goOn
		return password, ctx.Err()
	}}
	if _, err := s.of(t.Context(), slow); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	<-reading
	if _, err := s.of(t.Context(), slow); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "still being read") {
		t.Errorf("%v", err)
	}
	s.patience = time.Hour
	if got, err := s.of(t.Context(), Application{Name: "x", Secret: constant(password)}); got.secret != password || err != nil {
		t.Error(got, err)
	}
	close(goOn)
	if got, err := s.of(t.Context(), slow); got.secret != password || err != nil {
		t.Error(got, err)
	}
}

// TestASecretThatTakesLongEachTime: while it is read again the one before is used, for a
// minute, and nobody is refused for good by it, as it may be another one by now. What the
// read brings counts at once, a failure too.
func TestASecretThatTakesLongEachTime(t *testing.T) {
	now := time.Now()
	type found struct {
		secret string
		err    error
	}
	reads := make(chan found)
	s := secrets{now: func() time.Time { return now }, patience: soak.Patience}
	slow := Application{Name: "slow", Secret: func(context.Context) (string, error) { r := <-reads; return r.secret, r.err }}
	is := func(want string, again bool) {
		t.Helper()
		if got, err := s.of(t.Context(), slow); got.secret != want || got.again != again || (err == nil) != (want != "") {
			t.Errorf("%+v, %v; want %q, again: %v", got, err, want, again)
		}
	}
	ends := func(r found) {
		t.Helper()
		done := s.known("slow").under.done
		reads <- r
		<-done
	}
	go func() { reads <- found{secret: password} }()
	is(password, false)
	s.patience = time.Millisecond
	now = now.Add(24 * time.Hour)
	is(password, true)
	now = now.Add(secretAgain - time.Second)
	is(password, true)
	now = now.Add(time.Second)
	is("", false)
	other := password + " of today"
	ends(found{secret: other})
	is(other, false)
	now = now.Add(secretFor)
	is(other, true)
	ends(found{err: errors.New("no such file")})
	is("", false)
	now = now.Add(secretFor)
	is("", false) // the one before the failure is not used
	ends(found{secret: other})
	is(other, false)
}

// TestAnotherSecretWhileItIsRead: the application is told to come again.
func TestAnotherSecretWhileItIsRead(t *testing.T) {
	var now atomic.Int64
	goOn, slow := make(chan struct{}), atomic.Bool{}
	w := newWorld(t, func(s *Settings) {
		s.Now = func() time.Time { return time.Now().Add(time.Duration(now.Load())) }
		s.limits.secret = soak.Patience
	})
	w.apps = append(w.apps, signing("acme"))
	for i := range w.apps {
		secret := w.apps[i].Secret
		w.apps[i].Secret = func(ctx context.Context) (string, error) {
			if slow.Load() {
				<-goOn
			}
			return secret(ctx)
		}
	}
	base := w.serve(nil)
	w.Check(t.Context())
	slow.Store(true)
	now.Store(int64(10 * time.Second))
	w.secrets.patience = time.Millisecond
	body := sent("d", "change", "user", "1", time.Now())
	signed := map[string]string{"X-Signature": strings.Repeat("00", 32)}
	for name, c := range map[string]struct {
		request
		status int
	}{
		"the one before": {request{body: body}, http.StatusOK},
		"another one":    {request{password: "the one of today", body: body}, http.StatusServiceUnavailable},
		"signed":         {request{path: "/acme", user: "-", header: signed, body: body}, http.StatusServiceUnavailable},
	} {
		if status, answer, _ := c.send(t, base); status != c.status {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	close(goOn)
}

// TestAPanicWhileASecretIsRead is that of one application.
func TestAPanicWhileASecretIsRead(t *testing.T) {
	var log bytes.Buffer
	s := secrets{now: time.Now, patience: soak.Patience, log: slog.New(slog.NewTextHandler(&log, nil))}
	_, err := s.of(t.Context(), Application{Name: "x", Secret: func(context.Context) (string, error) { panic("the sky") }})
	if err == nil || !strings.Contains(err.Error(), "the sky") || !strings.Contains(log.String(), "application=x") {
		t.Errorf("%v; log: %s", err, log.String())
	}
}

// FuzzAuth: whatever stands in the header, nobody gets in who does not know the
// secret, and nothing panics.
func FuzzAuth(f *testing.F) {
	f.Add("Basic "+base64.StdEncoding.EncodeToString([]byte("u:p")), "{}", "1785568509")
	f.Add("sha256=00", "{}", "")
	f.Add("sha256="+strings.Repeat("0", 64), "{}", "{body}")
	f.Add("Key ", "", "{timestamp}")
	f.Fuzz(func(t *testing.T, value, body, stamp string) {
		for _, a := range []abi.ReceiverAuth{
			{Kind: abi.ReceiverBasic},
			{Kind: abi.ReceiverHeader, Header: "Authorization", Prefix: "Key "},
			{Kind: abi.ReceiverHMAC, Header: "Authorization", Prefix: "sha256=", Algorithm: "sha256", Encoding: "hex", Signed: "{body}"},
			{Kind: abi.ReceiverHMAC, Header: "Authorization", Algorithm: "sha1", Encoding: "base64", Timestamp: "X-Time", Signed: "{timestamp}{body}"},
		} {
			h := header("Authorization", value, "X-Time", stamp)
			if strings.Contains(value, password) {
				continue
			}
			if in := genuine(a, "u", password, h); in && (a.Kind != abi.ReceiverHMAC || signed(a, password, h, []byte(body))) {
				if decoded, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(value, "Basic ")); !strings.Contains(string(decoded), password) {
					t.Errorf("%s: %q got in", a.Kind, value)
				}
			}
		}
	})
}
