package body

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/url"
	"strings"
	"unicode/utf16"
)

// pattern is one form of a secret. before and after count the bytes around it
// that hold some of its bits, as the characters of base64 do.
type pattern struct {
	text          string
	before, after int
}

// forms lists how a server may send a secret back.
func forms(secret string) []pattern {
	texts := []string{secret, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret)))}
	texts = append(texts, jsonForms(secret)...)
	texts = append(texts, percentForms(secret)...)
	texts = append(texts, markupForms(secret)...)
	var all []pattern
	for _, t := range texts {
		all = append(all, pattern{text: t})
	}
	return append(all, base64Forms(secret)...)
}

// jsonForms escapes as little as JSON asks for, and as much as Go, Python, PHP
// and .NET do.
func jsonForms(secret string) []string {
	goes, err := json.Marshal(secret)
	if err != nil {
		return nil
	}
	ascii := func(format, special string, slash bool) string {
		var out strings.Builder
		for _, r := range secret {
			short := strings.IndexRune("\"\\\b\f\n\r\t", r)
			switch {
			case strings.ContainsRune(special, r) || r < ' ' && short < 0:
				fmt.Fprintf(&out, format, r)
			case short >= 0:
				out.WriteByte('\\')
				out.WriteByte("\"\\bfnrt"[short])
			case r == '/' && slash:
				out.WriteString(`\/`)
			case r > 0xFFFF:
				high, low := utf16.EncodeRune(r)
				fmt.Fprintf(&out, format+format, high, low)
			case r > '~':
				fmt.Fprintf(&out, format, r)
			default:
				out.WriteRune(r)
			}
		}
		return out.String()
	}
	plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(goes[1 : len(goes)-1]))
	return []string{
		string(goes[1 : len(goes)-1]), plain, strings.ReplaceAll(plain, "/", `\/`),
		ascii(`\u%04x`, "", false), ascii(`\u%04x`, "", true), ascii(`\u%04X`, "\"&'+<>`", false),
	}
}

func percentForms(secret string) []string {
	query, path := url.QueryEscape(secret), url.PathEscape(secret)
	strict := strings.ReplaceAll(query, "+", "%20")
	script := strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(strict)
	all := []string{query, path, strict, script}
	for _, s := range all[:4:4] {
		all = append(all, lowerEscapes(s))
	}
	return all
}

// lowerEscapes writes the hexadecimal digits of %XX in lower case.
func lowerEscapes(s string) string {
	out := []byte(s)
	for i := 0; i+2 < len(out); i++ {
		if out[i] == '%' {
			copy(out[i+1:], strings.ToLower(s[i+1:i+3]))
			i += 2
		}
	}
	return string(out)
}

func markupForms(secret string) []string {
	escaped := html.EscapeString(secret) // &#34; and &#39;
	var x strings.Builder
	_ = xml.EscapeText(&x, []byte(secret)) // a Builder takes everything
	return []string{
		escaped, x.String(),
		strings.NewReplacer("&#34;", "&quot;").Replace(escaped),
		strings.NewReplacer("&#34;", "&quot;", "&#39;", "&apos;").Replace(escaped),
		strings.NewReplacer("&#34;", "&quot;", "&#39;", "&#x27;").Replace(escaped),
		strings.NewReplacer("&#34;", "&quot;", "&#39;", "&#039;").Replace(escaped),
	}
}

// base64Forms are the characters that are sure when the secret stands at any
// place of an encoded text, as a password does in that of USER:PASSWORD.
func base64Forms(secret string) []pattern {
	const bits = 6
	var all []pattern
	for offset := range 3 {
		padded := strings.Repeat("\x00", offset) + secret + "\x00\x00"
		first := (8*offset + bits - 1) / bits
		end := 8 * (offset + len(secret))
		p := pattern{before: min(8*offset%bits, 1), after: min(end%bits, 1)}
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			p.text = e.EncodeToString([]byte(padded))[first : end/bits]
			all = append(all, p)
		}
	}
	return all
}
