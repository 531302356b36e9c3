package body

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
)

// pattern is one form of a secret. before and after count the neighbouring
// bytes that also hold some bits of the secret, as characters of base64 may.
type pattern struct {
	text          string
	before, after int
}

// forms lists how a server may send a secret back. The server may have received
// it already encoded for JSON, URLs or markup, and may encode it once more in
// the answer.
func forms(secret string) []pattern {
	var all []pattern
	for _, w := range writings(secret) {
		bits := hex.EncodeToString([]byte(w))
		all = append(all, pattern{text: bits}, pattern{text: strings.ToUpper(bits)})
		all = append(all, base64Forms(w)...)
		for _, again := range writings(w) {
			all = append(all, pattern{text: again})
		}
	}
	return all
}

// writings returns a text as it is and as JSON, URLs and markup encode it,
// without duplicates: an ordinary token is the same in all of them.
func writings(text string) []string {
	all := append([]string{text}, jsonForms(text)...)
	all = append(all, percentForms(text)...)
	all = append(all, markupForms(text)...)
	slices.Sort(all)
	return slices.Compact(all)
}

// jsonForms returns the text with as few escapes as JSON allows, and with as
// many as Go, Python, PHP and .NET use.
func jsonForms(secret string) []string {
	goes, plain := goJSON(secret, true), goJSON(secret, false)
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
	return []string{
		goes, plain, strings.ReplaceAll(plain, "/", `\/`),
		ascii(`\u%04x`, "", false), ascii(`\u%04x`, "", true), ascii(`\u%04X`, "\"&'+<>`", false),
	}
}

// goJSON returns a text as Go's JSON encoder writes it, without the quotes.
func goJSON(text string, markup bool) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(markup)
	_ = e.Encode(text) // a string can always be encoded, and a Builder never fails
	return strings.TrimSuffix(out.String()[1:], "\"\n")
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
	_ = xml.EscapeText(&x, []byte(secret)) // a Builder never fails
	return []string{
		escaped, x.String(),
		strings.NewReplacer("&#34;", "&quot;").Replace(escaped),
		strings.NewReplacer("&#34;", "&quot;", "&#39;", "&apos;").Replace(escaped),
		strings.NewReplacer("&#34;", "&quot;", "&#39;", "&#x27;").Replace(escaped),
		strings.NewReplacer("&#34;", "&quot;", "&#39;", "&#039;").Replace(escaped),
	}
}

// base64Forms returns the base64 characters that are certain wherever the
// secret stands in the encoded text, as a password does in USER:PASSWORD. It
// includes the forms for JSON and URLs that escape some of the characters.
func base64Forms(secret string) []pattern {
	const bits = 6
	var all []pattern
	for offset := range 3 {
		padded := strings.Repeat("\x00", offset) + secret + "\x00\x00"
		first := (8*offset + bits - 1) / bits
		end := 8 * (offset + len(secret))
		p := pattern{before: min(8*offset%bits, 1), after: min(end%bits, 1)}
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := e.EncodeToString([]byte(padded))[first : end/bits]
			for _, escape := range base64Escapes {
				p.text = escape.Replace(text)
				all = append(all, p)
			}
		}
	}
	return all
}

// base64Escapes holds the ways in which JSON and URLs escape base64.
var base64Escapes = []*strings.Replacer{
	strings.NewReplacer(), strings.NewReplacer("/", `\/`), strings.NewReplacer("+", `\u002B`),
	strings.NewReplacer("+", "%2B", "/", "%2F"), strings.NewReplacer("+", "%2b", "/", "%2f"),
}
