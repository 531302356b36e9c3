package body

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/host/soak"
)

// awkward needs escaping everywhere.
const awkward = "p<ä\"/\\&' =+😀%s"

// TestReflectedForms: whatever a server makes of a secret, nothing is left of
// it that could be turned back.
func TestReflectedForms(t *testing.T) {
	for _, secret := range []string{"plain-secret-1234", awkward, "8 bytes!", "with~unreserved._-"} {
		asJSON, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		var lax, asXML bytes.Buffer
		e := json.NewEncoder(&lax)
		e.SetEscapeHTML(false)
		if err := e.Encode(secret); err != nil {
			t.Fatal(err)
		}
		if err := xml.EscapeText(&asXML, []byte(secret)); err != nil {
			t.Fatal(err)
		}
		basic := &http.Request{Header: http.Header{}}
		basic.SetBasicAuth("some user", secret)
		inner := func(s string) string { return s[1 : len(s)-1] }
		cases := map[string]string{
			"as it is": secret, "JSON": inner(string(asJSON)), "lax JSON": inner(strings.TrimSpace(lax.String())),
			"query": url.QueryEscape(secret), "path": url.PathEscape(secret), "HTML": html.EscapeString(secret), "XML": asXML.String(),
			"hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
			"base64": base64.StdEncoding.EncodeToString([]byte(secret)), "base64url": base64.RawURLEncoding.EncodeToString([]byte(secret)),
			"basic": strings.TrimPrefix(basic.Header.Get("Authorization"), "Basic "),
		}
		r := NewRedactor([]string{secret})
		for name, form := range cases {
			got := r.Text("x " + form + " y")
			if len(got) != len(form)+4 || !strings.HasPrefix(got, "x ") || !strings.HasSuffix(got, " y") {
				t.Errorf("%s of %q became %q", name, secret, got)
			}
			left := strings.Trim(got[2:len(got)-2], "*=")
			if name == "basic" { // the user name stands before it
				left = strings.TrimPrefix(left, base64.StdEncoding.EncodeToString([]byte("some user")))
				left = strings.TrimPrefix(left, "O") // of the colon's bits
			}
			if left != "" {
				t.Errorf("%s of %q leaves %q", name, secret, left)
			}
		}
	}
}

// TestWhatOtherLanguagesWrite: strings of PHP's, Python's and .NET's JSON, and
// of other escapes of quotes.
func TestWhatOtherLanguagesWrite(t *testing.T) {
	r := NewRedactor([]string{`a/é"b+<😀'zz`})
	for _, form := range []string{
		`a\/\u00e9\"b+<\ud83d\ude00'zz`, `a/\u00e9\"b+<\ud83d\ude00'zz`, `a/\u00E9\u0022b\u002B\u003C\uD83D\uDE00\u0027zz`, `a\/é\"b+<😀'zz`,
		`a/é&quot;b+&lt;😀&#x27;zz`, `a/é&quot;b+&lt;😀&apos;zz`, `a/é&quot;b+&lt;😀&#039;zz`,
		`a%2f%c3%a9%22b%2b%3c%f0%9f%98%80%27zz`, `a%2F%C3%A9%22b%2B%3C%F0%9F%98%80'zz`,
	} {
		if got := r.Text(form); strings.Trim(got, "*") != "" {
			t.Errorf("%s became %s", form, got)
		}
	}
}

func TestOrdinaryWordsStay(t *testing.T) {
	text := "the word admin and 1234567 and YWRtaW4="
	if got := Redact(text, []string{"admin", "1234567", ""}); got != text {
		t.Error(got)
	}
	if got := Redact("Basic dTpwdw== of u12345:pw", []string{"pw", "u12345:pw"}); got != "Basic dTpwdw== of *********" {
		t.Error(got)
	}
}

func TestOverlappingSecrets(t *testing.T) {
	if got := Redact("-abcdefghijkl-", []string{"abcdefgh", "efghijkl"}); got != "-************-" {
		t.Error(got)
	}
}

func TestNamesInAnyCase(t *testing.T) {
	r := NewRedactor([]string{"sEcret-token-vaLue", "admin"})
	for name, want := range map[string]bool{
		"X-Secret-Token-Value": true, "X-7345637265742d746F6b656e2d76614c7565": true, "c0vjcmv0lxrva2vulxzhthvl": true,
		"X-Admin": false, "X-Secret-Token": false, "": false,
	} {
		if r.Covers(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

// TestRedactionIsTheSameInPieces: a stream cut anywhere is redacted like the
// whole text, and the whole text like a search for each form does it.
func TestRedactionIsTheSameInPieces(t *testing.T) {
	soak.Check(t, 30, 100, func(t *rapid.T) {
		letter := rapid.SampledFrom([]byte("ab%"))
		secrets := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			return string(rapid.SliceOfN(letter, 6, 14).Draw(t, "secret"))
		}), 0, 4).Draw(t, "secrets")
		var text []byte
		for range rapid.IntRange(0, 12).Draw(t, "parts") {
			if len(secrets) > 0 && rapid.Bool().Draw(t, "reflected") {
				f := forms(rapid.SampledFrom(secrets).Draw(t, "which"))
				text = append(text, rapid.SampledFrom(f).Draw(t, "form").text...)
			}
			text = append(text, rapid.SliceOfN(letter, 0, 9).Draw(t, "between")...)
		}
		want := bytes.Clone(text)
		for _, s := range secrets {
			if len(s) < shortest {
				continue
			}
			for _, f := range forms(s) {
				for at := range text {
					if bytes.HasPrefix(text[at:], []byte(f.text)) {
						blot(want, []span{{max(at-f.before, 0), min(at+len(f.text)+f.after, len(text))}})
					}
				}
			}
		}
		if got := Redact(string(text), secrets); got != string(want) {
			t.Fatalf("whole: %q, want %q", got, want)
		}
		pieces := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 8).Draw(t, "pieces")
		got, err := io.ReadAll(NewRedactor(secrets).Reader(&piecewise{text: text, sizes: pieces}))
		if err != nil || string(got) != string(want) {
			t.Fatalf("in pieces: %q, want %q (%v)", got, want, err)
		}
	})
}

// piecewise gives a text out in pieces of the given sizes, again and again.
type piecewise struct {
	text  []byte
	sizes []int
	next  int
}

func (p *piecewise) Read(b []byte) (int, error) {
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := min(p.sizes[p.next%len(p.sizes)], len(p.text), len(b))
	if n == 0 && p.next%len(p.sizes) == 0 {
		n = 1
	}
	p.next++
	copy(b, p.text[:n])
	p.text = p.text[n:]
	return n, nil
}

func FuzzRedact(f *testing.F) {
	f.Add("a secret-value in a text", "secret-value")
	f.Add(`{"x":"`+awkward+`"}`, awkward)
	f.Add("\xff\xfe\x00broken\x80", "\xff\xfe\x00broken\x80")
	f.Fuzz(func(t *testing.T, text, secret string) {
		got := Redact(text, []string{secret})
		if len(got) != len(text) {
			t.Fatalf("%d bytes became %d", len(text), len(got))
		}
		if len(secret) >= shortest && strings.Trim(secret, "*") != "" && strings.Contains(got, secret) {
			t.Fatalf("%q is still in %q", secret, got)
		}
		streamed, err := io.ReadAll(NewRedactor([]string{secret}).Reader(&piecewise{text: []byte(text), sizes: []int{1, 3, 2}}))
		if err != nil || string(streamed) != got {
			t.Fatalf("streamed %q, whole %q, %v", streamed, got, err)
		}
	})
}

// BenchmarkRedact reads JSON of people with so many forms of secrets.
func BenchmarkRedact(b *testing.B) {
	var text bytes.Buffer
	random := rand.New(rand.NewPCG(1, 2))
	for text.Len() < 8<<20 {
		fmt.Fprintf(&text, `{"id":%d,"name":"Person %d","email":"person.%d@example.com","active":true,"role":"member of the team","hash":"%x"},`,
			random.IntN(1e9), random.IntN(1e6), random.IntN(1e6), random.Uint64())
	}
	tokens := []string{"0123456789abcdef0123456789abcdef01234567", "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc", "p@ss/word+with=all"}
	for _, n := range []int{0, 1, 3} {
		r := NewRedactor(tokens[:n])
		count := 0
		if r.matcher != nil {
			count = len(r.matcher.patterns)
		}
		b.Run(fmt.Sprintf("forms=%d", count), func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				if _, err := io.Copy(io.Discard, r.Reader(bytes.NewReader(text.Bytes()))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestPartsOfALongText: a long text is searched in four parts at once. A secret
// is found wherever it lies, also at the borders and across them.
func TestPartsOfALongText(t *testing.T) {
	const secret = "a long secret-value"
	r := NewRedactor([]string{secret})
	for _, filling := range []string{"x", "e", "secret-", " long secret", "-value", "ng"} {
		for length := 4*leastLane + len(secret); length < 4*leastLane+len(secret)+4; length++ {
			plain := bytes.Repeat([]byte(filling), length)[:length]
			text := bytes.Clone(plain)
			for at := range length - len(secret) + 1 {
				copy(text[at:], secret)
				r.blot(text)
				if found := text[at : at+len(secret)]; strings.Trim(string(found), "*") != "" {
					t.Fatalf("%q between %q at %d of %d", found, filling, at, length)
				}
				copy(text[at:], plain[at:at+len(secret)])
				if !bytes.Equal(text, plain) {
					t.Fatalf("something else than the secret between %q at %d of %d was blotted out", filling, at, length)
				}
			}
		}
	}
}
