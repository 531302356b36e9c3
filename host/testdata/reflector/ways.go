package reflector

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf16"
)

// Ways lists the ways to answer, by the first part of the path. Broken lists
// those without a readable answer.
func Ways() []string {
	return []string{
		"json", "lax", "ascii", "records", "text", "html", "xml", "base64", "percent", "hex",
		"headers", "error", "status", "chunked", "gzip", "trailers", "redirect", "expire",
	}
}

// Broken lists the ways that end in an error.
func Broken() []string {
	return []string{"to-host", "to-port", "to-user", "to-scheme", "to-nowhere", "rubbish", "header-rubbish", "length", "cut", "encoded"}
}

func (s *Server) reflect(w http.ResponseWriter, in *request) {
	switch in.way {
	case "lax", "ascii", "json", "records":
		s.json(w, in, in.way, http.StatusOK)
	case "error":
		s.headers(w, in)
		s.json(w, in, "json", http.StatusUnprocessableEntity)
	case "expire":
		s.expire(w, in)
	case "redirect":
		all := url.Values{"all": s.pick(), "uri": {in.RequestURI}}
		w.Header().Set("Location", "/json/"+url.PathEscape(strings.Join(s.pick(), " "))+"?"+all.Encode())
		w.WriteHeader(http.StatusTemporaryRedirect)
		s.text(w, in)
	case "status", "rubbish", "header-rubbish", "length", "cut":
		s.raw(w, in)
	default:
		if strings.HasPrefix(in.way, "to-") {
			s.away(w, in)
			return
		}
		s.plain(w, in)
	}
}

func (s *Server) text(w http.ResponseWriter, in *request) { _, _ = w.Write(s.lines(in, same)) }

func same(t string) string { return t }

// lines returns everything that was sent, one item a line, encoded.
func (s *Server) lines(in *request, code ...func(string) string) []byte {
	var out bytes.Buffer
	_, _ = fmt.Fprintln(&out, s.Canary)
	for _, f := range in.facts {
		for _, c := range code {
			_, _ = fmt.Fprintln(&out, c(f))
		}
	}
	return out.Bytes()
}

// plain answers with something other than JSON.
func (s *Server) plain(w http.ResponseWriter, in *request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	switch in.way {
	case "html":
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, "<!DOCTYPE html><p>%s</p>", s.lines(in, html.EscapeString))
	case "xml":
		w.Header().Set("Content-Type", "application/xml")
		_, _ = fmt.Fprintf(w, "<a>%s</a>", s.lines(in, escapeXML))
	case "base64":
		encoded := func(c *base64.Encoding, before string) func(string) string {
			return func(t string) string { return c.EncodeToString([]byte(before + t)) }
		}
		_, _ = w.Write(s.lines(in, encoded(base64.StdEncoding, ""), encoded(base64.URLEncoding, ""), encoded(base64.RawStdEncoding, "x"),
			encoded(base64.StdEncoding, "me")))
		_, _ = fmt.Fprintln(w, base64.StdEncoding.EncodeToString(s.lines(in, same)))
	case "percent":
		_, _ = w.Write(s.lines(in, url.QueryEscape, url.PathEscape))
	case "hex":
		_, _ = w.Write(s.lines(in, func(t string) string { return fmt.Sprintf("%x %X", t, t) }))
	case "headers":
		s.headers(w, in)
	case "chunked":
		text := s.lines(in, same)
		for i, size := 0, 1; i < len(text); i, size = i+size, size%7+1 {
			_, _ = w.Write(text[i:min(i+size, len(text))])
			w.(http.Flusher).Flush()
		}
	case "gzip":
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(s.lines(in, same))
		_ = z.Close()
	case "encoded":
		w.Header().Set("Content-Encoding", "br") // it is not
		s.text(w, in)
	case "trailers":
		s.text(w, in)
		for i, f := range in.facts {
			w.Header().Set(fmt.Sprintf("%sX-Plain-%d", http.TrailerPrefix, i), oneLine(f))
		}
	default:
		s.text(w, in)
	}
}

func escapeXML(t string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(t))
	return b.String()
}

func oneLine(t string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, t)
}

// headers puts everything into headers, and the secrets into their names.
func (s *Server) headers(w http.ResponseWriter, in *request) {
	h := w.Header()
	for i, f := range in.facts {
		h.Set(fmt.Sprintf("X-Plain-%d", i), oneLine(f))
		h.Set(fmt.Sprintf("X-Base64-%d", i), base64.StdEncoding.EncodeToString([]byte(f)))
		h.Set(fmt.Sprintf("X-Percent-%d", i), url.QueryEscape(f))
		h.Set(fmt.Sprintf("X-Hex-%d", i), fmt.Sprintf("%x", f))
		h.Add("Set-Cookie", fmt.Sprintf("c%d=%s; Path=/", i, url.QueryEscape(f)))
		h.Add("X-All", oneLine(f))
	}
	for _, secret := range s.pick() {
		h.Set(fmt.Sprintf("X-%x", secret), "1")
		h.Set(base64.RawURLEncoding.EncodeToString([]byte(secret)), "1")
		if !strings.ContainsFunc(secret, func(r rune) bool { return r > '~' || strings.ContainsRune(" \"(),/:;<=>?@[]\\{}", r) }) {
			h.Set(secret, "1")
		}
	}
	h.Set("WWW-Authenticate", fmt.Sprintf("Basic realm=%q", oneLine(strings.Join(s.pick(), " "))))
	h.Set("Location", "/elsewhere?"+url.Values{"all": s.pick()}.Encode())
	h.Set("Link", "</json?"+url.Values{"all": s.pick()}.Encode()+`>; rel="next"`)
}

func (s *Server) json(w http.ResponseWriter, in *request, way string, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	keyed, everything := map[string]any{}, strings.Join(in.facts, "\n")
	for i, f := range in.facts { // redacted secrets of one length look the same
		keyed[fmt.Sprint(i, " ", f)] = map[string]any{"name": f}
	}
	answer := map[string]any{"canary": s.Canary, "count": len(in.facts), "facts": in.facts}
	if way == "records" {
		answer["keyed"] = keyed
		answer["data"] = []any{
			map[string]any{
				"id": "r1", "name": everything, "base64": base64.StdEncoding.EncodeToString([]byte(everything)), "hex": fmt.Sprintf("%x", everything),
				"percent": url.QueryEscape(everything), "html": html.EscapeString(strings.Join(s.pick(), "\n")), "nested": keyed, "list": in.facts,
			},
			everything,
		}
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(way != "lax" && way != "ascii") // as Go escapes, and as others do
	_ = e.Encode(answer)
	text := out.String()
	switch way {
	case "lax":
		text = strings.ReplaceAll(text, "/", `\/`)
	case "ascii":
		var b strings.Builder
		for _, r := range text {
			if r <= '~' {
				b.WriteRune(r)
				continue
			}
			for _, unit := range utf16.Encode([]rune{r}) {
				_, _ = fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
		text = b.String()
	}
	_, _ = w.Write([]byte(text))
}

// expire answers 401 to the first request, and later ones.
func (s *Server) expire(w http.ResponseWriter, in *request) {
	s.mu.Lock()
	first := !s.expired
	s.expired = true
	s.mu.Unlock()
	s.headers(w, in)
	status := http.StatusOK
	if first {
		status = http.StatusUnauthorized
	}
	s.json(w, in, "json", status)
}

// away redirects to places that requests may not go to and that contain a
// secret. The last part of the path says which.
func (s *Server) away(w http.ResponseWriter, in *request) {
	all := s.pick()
	n := 0
	_, _ = fmt.Sscan(in.URL.Query().Get("n"), &n)
	secret := all[n%len(all)]
	host := strings.Map(func(r rune) rune {
		if r > '~' || strings.ContainsRune(" \"/:<>?@[]\\{}|^`#%", r) { // a host may contain the others
			return -1
		}
		return r
	}, secret)
	w.Header().Set("Location", map[string]string{
		"to-host":    "https://" + host + ".example.org/",
		"to-port":    "https://127.0.0.1:" + host + "/",
		"to-user":    "http://" + host + "@127.0.0.1/",
		"to-scheme":  "x" + host + "://x/",
		"to-nowhere": "//[" + host + "/",
	}[in.way])
	w.WriteHeader(http.StatusFound)
	s.text(w, in)
}

// raw writes responses that net/http would not.
func (s *Server) raw(w http.ResponseWriter, in *request) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	all, body := oneLine(strings.Join(in.facts, " ")), s.lines(in, same)
	switch in.way {
	case "status":
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", all, len(body), body)
	case "rubbish":
		_, _ = fmt.Fprintf(c, "%s\r\n\r\n%s", all, body)
	case "header-rubbish":
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\n%s\r\n\r\n", strings.ReplaceAll(all, ":", " "))
	case "length":
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n", all)
	case "cut":
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body)+100, body)
	}
}
