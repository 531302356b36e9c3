package reflector

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/url"
	"strings"
)

// Secret is something that must not be seen.
type Secret struct {
	Name  string
	Value string
	// Sent lists other forms in which requests carry the secret, such as that of
	// basic authentication. The hunt also looks for encodings of these.
	Sent []string
}

// Hunt searches for secrets in all their forms, in upper and lower case. It
// shares no code with the redaction that it tests.
type Hunt struct {
	secrets  []Secret
	patterns []pattern
	short    [1 << 16]bool // whether a pattern begins with these two bytes
	heads    map[uint64][]int
}

type pattern struct {
	secret, form string
	text         []byte // lower case
}

const head = 8 // bytes; no form is shorter

// NewHunt prepares the forms of the secrets, each of at least 12 bytes.
func NewHunt(secrets []Secret) *Hunt {
	h := &Hunt{secrets: secrets, heads: map[uint64][]int{}}
	seen := map[string]bool{}
	for _, s := range secrets {
		for i, text := range append([]string{s.Value}, s.Sent...) {
			if len(text) < 12 {
				panic("reflector: a secret is too short to be found for sure: " + s.Name)
			}
			for form, of := range Forms(text) {
				if i > 0 {
					form = fmt.Sprintf("%s of its form %d", form, i)
				}
				lower := bytes.ToLower([]byte(of))
				if seen[string(lower)] {
					continue
				}
				seen[string(lower)] = true
				h.add(pattern{s.Name, form, lower})
			}
		}
	}
	return h
}

func (h *Hunt) add(p pattern) {
	h.short[binary.LittleEndian.Uint16(p.text)] = true
	key := binary.LittleEndian.Uint64(p.text)
	h.heads[key] = append(h.heads[key], len(h.patterns))
	h.patterns = append(h.patterns, p)
}

// Secrets returns the secrets to look for.
func (h *Hunt) Secrets() []Secret { return h.secrets }

// Size returns the number of forms to look for.
func (h *Hunt) Size() int { return len(h.patterns) }

// Find lists the secrets that are in a text, with form and place.
func (h *Hunt) Find(text []byte) []string {
	text = bytes.ToLower(text)
	found := map[int]int{}
	var hits []string
	for at := 0; at+head <= len(text); at++ {
		if !h.short[binary.LittleEndian.Uint16(text[at:])] {
			continue
		}
		for _, i := range h.heads[binary.LittleEndian.Uint64(text[at:])] {
			if p := h.patterns[i]; bytes.HasPrefix(text[at:], p.text) {
				if found[i]++; found[i] == 1 {
					hits = append(hits, fmt.Sprintf("%s, %s, at %d in %q", p.secret, p.form, at, text[max(at-40, 0):min(at+len(p.text)+20, len(text))]))
				}
			}
		}
	}
	return hits
}

// Forms returns the ways in which a server may write a text.
func Forms(text string) map[string]string {
	standard, _ := json.Marshal(text)
	var lax, markup bytes.Buffer
	e := json.NewEncoder(&lax)
	e.SetEscapeHTML(false)
	_ = e.Encode(text)
	_ = xml.EscapeText(&markup, []byte(text))
	quoted := strings.TrimSpace(lax.String())
	forms := map[string]string{
		"as it is": text,
		"JSON":     string(standard[1 : len(standard)-1]), "lax JSON": quoted[1 : len(quoted)-1],
		"slashed JSON": strings.ReplaceAll(quoted[1:len(quoted)-1], "/", `\/`),
		"query":        url.QueryEscape(text), "path": url.PathEscape(text),
		"strict percent": strings.ReplaceAll(url.QueryEscape(text), "+", "%20"),
		"HTML":           html.EscapeString(text), "XML": markup.String(),
		"hexadecimal": hex.EncodeToString([]byte(text)),
	}
	for before := range 3 { // whatever stands before and after it
		for name, code := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			whole := code.EncodeToString([]byte(strings.Repeat("?", before) + text + "??"))
			first, end := (8*before+5)/6, 8*(before+len(text))/6
			forms[fmt.Sprintf("%s after %d bytes", name, before)] = whole[first:end]
		}
	}
	return forms
}
