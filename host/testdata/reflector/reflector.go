// Package reflector is a server that answers with everything it was sent, in
// many forms, and a search for texts that must not be shown. Only tests import
// it. It does not check credentials.
package reflector

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Server reflects what it was sent. The first part of the path names the way to
// answer; see Ways. /token and /login issue tokens, /dump receives what a
// connector says its memory is.
type Server struct {
	Canary  string   // not a secret; in every answer
	Secrets []string // where it may point redirects to, once it has received them
	Tokens  []Token  // answers of /token and /login, in order; the last one repeats

	mu       sync.Mutex
	requests int
	received map[string]bool
	kept     []string // credentials of earlier requests
	expired  bool
	given    int
	dump     []byte
}

// Token is an answer of /token.
type Token struct {
	Access, Refresh string
	Refused         bool // as an error that reveals everything sent
}

// request is what came in.
type request struct {
	*http.Request
	way   string
	body  string
	facts []string
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	way, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	if way == "dump" {
		s.take(rest, body)
		_, _ = io.WriteString(w, `{}`)
		return
	}
	in := s.learn(&request{Request: r, way: way, body: string(body)})
	w.Header().Set("X-Canary", s.Canary)
	switch way {
	case "token", "login":
		s.token(w, in)
	default:
		s.reflect(w, in)
	}
}

// learn decomposes a request and remembers its credentials.
func (s *Server) learn(in *request) *request {
	sent := pieces(in)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.received == nil {
		s.received = map[string]bool{}
	}
	for _, f := range sent {
		s.received[f] = true
	}
	keep := []string{in.Header.Get("Authorization"), in.Header.Get("Proxy-Authorization"), in.Header.Get("X-Key")}
	if in.way == "token" || in.way == "login" {
		keep = sent
	}
	for _, k := range keep {
		if k != "" && !slices.Contains(s.kept, k) {
			s.kept = append(s.kept, k)
		}
	}
	in.facts = unique(append(sent, s.kept...))
	return in
}

func unique(list []string) []string {
	seen := map[string]bool{"": true}
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool {
		was := seen[s]
		seen[s] = true
		return was
	})
}

// pieces returns all parts of a request, as received and decoded.
func pieces(in *request) []string {
	out := []string{in.Method + " " + in.RequestURI + " " + in.Proto, in.RequestURI, in.URL.Path, in.body}
	out = append(out, strings.Split(in.URL.Path, "/")...)
	for name, values := range in.URL.Query() {
		out = append(append(out, name), values...)
	}
	for name, values := range in.Header {
		for _, v := range values {
			_, word, _ := strings.Cut(v, " ")
			out = append(out, name+": "+v, v, word)
			if plain, err := base64.StdEncoding.DecodeString(word); err == nil {
				_, password, _ := strings.Cut(string(plain), ":")
				out = append(out, string(plain), password)
			}
		}
	}
	return append(out, inBody(in)...)
}

func inBody(in *request) []string {
	var out []string
	switch kind := in.Header.Get("Content-Type"); {
	case strings.Contains(kind, "json"):
		var v any
		_ = json.Unmarshal([]byte(in.body), &v)
		out = texts(v)
	case strings.Contains(kind, "form"):
		form, _ := url.ParseQuery(in.body)
		for name, values := range form {
			out = append(append(out, name), values...)
		}
	case strings.Contains(kind, "xml"):
		for d := xml.NewDecoder(strings.NewReader(in.body)); ; {
			t, err := d.Token()
			if err != nil {
				break
			}
			switch t := t.(type) {
			case xml.CharData:
				out = append(out, string(t))
			case xml.StartElement:
				for _, a := range t.Attr {
					out = append(out, a.Value)
				}
			}
		}
	}
	return out
}

func texts(v any) []string {
	var out []string
	switch v := v.(type) {
	case string:
		out = append(out, v)
	case []any:
		for _, e := range v {
			out = append(out, texts(e)...)
		}
	case map[string]any:
		for name, e := range v {
			out = append(append(out, name), texts(e)...)
		}
	}
	return out
}

// token issues the next token, and reveals all it knows.
func (s *Server) token(w http.ResponseWriter, in *request) {
	s.mu.Lock()
	t := s.Tokens[min(s.given, len(s.Tokens)-1)]
	s.given++
	if !t.Refused {
		s.kept = unique(append(s.kept, t.Access, t.Refresh))
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	answer := map[string]any{"facts": in.facts}
	if t.Refused {
		w.WriteHeader(http.StatusBadRequest)
		answer["error"], answer["error_description"] = "invalid_request", strings.Join(in.facts, " ")
	} else {
		answer["access_token"], answer["refresh_token"], answer["token_type"], answer["expires_in"] = t.Access, t.Refresh, "Bearer", 3600
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// pick returns the secrets that it has received or issued.
func (s *Server) pick() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, secret := range s.Secrets {
		if s.received[secret] || slices.Contains(s.kept, secret) {
			out = append(out, secret)
		}
	}
	return out
}

// Received reports whether it has received exactly this text, or issued it
// itself.
func (s *Server) Received(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.received[text] || slices.Contains(s.kept, text)
}

// Requests returns the number of requests, not counting the dump.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// take stores a piece of memory; the rest of the path is its address.
func (s *Server) take(rest string, body []byte) {
	var at int
	_, _ = fmt.Sscan(rest, &at)
	piece, err := base64.StdEncoding.DecodeString(string(body))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.dump = Place(s.dump, at, piece)
	}
}

// Dump returns the memory received through /dump.
func (s *Server) Dump() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dump
}

// Place puts a piece into a copy of memory.
func Place(memory []byte, at int, piece []byte) []byte {
	if missing := at + len(piece) - len(memory); missing > 0 {
		memory = append(memory, make([]byte, missing)...)
	}
	copy(memory[at:], piece)
	return memory
}
