package body

import (
	"io"
	"slices"
	"strings"
)

// shortest is the length in bytes of the shortest text that is treated as a
// secret: anything shorter would overwrite ordinary words.
const shortest = 8

// Redactor overwrites secrets with as many asterisks, as they are and as JSON,
// URLs, HTML, XML, base64 and hexadecimal digits encode them. It ignores
// secrets of less than 8 bytes. It is safe for concurrent use.
type Redactor struct {
	matcher *matcher
	names   []string // the forms in lower case
}

// NewRedactor prepares the forms of secrets for use on many texts.
func NewRedactor(secrets []string) *Redactor {
	var all []pattern
	seen := map[pattern]bool{}
	for _, s := range secrets {
		if len(s) < shortest {
			continue
		}
		for _, p := range forms(s) {
			if len(p.text) >= shortest && !seen[p] {
				seen[p] = true
				all = append(all, p)
			}
		}
	}
	return &Redactor{matcher: newMatcher(all), names: lowered(all)}
}

// Redact overwrites the secrets in a text.
func Redact(text string, secrets []string) string { return NewRedactor(secrets).Text(text) }

// Text overwrites the secrets in a text.
func (r *Redactor) Text(text string) string {
	if r == nil || r.matcher == nil {
		return text
	}
	b := []byte(text)
	spans := r.matcher.find(b, nil)
	if len(spans) == 0 {
		return text
	}
	blot(b, spans)
	return string(b)
}

// blot overwrites the secrets in b.
func (r *Redactor) blot(b []byte) {
	if r != nil && r.matcher != nil {
		blot(b, r.matcher.find(b, nil))
	}
}

// Reader overwrites the secrets in a stream, wherever its chunks begin and end.
func (r *Redactor) Reader(from io.Reader) io.Reader {
	if r == nil || r.matcher == nil {
		return from
	}
	return &redactor{from: from, matcher: r.matcher, hold: r.matcher.reach - 1}
}

// Covers reports whether a name contains a form of one of the secrets. It
// ignores case, because header names may have lost theirs.
func (r *Redactor) Covers(name string) bool {
	name = strings.ToLower(name)
	return r != nil && slices.ContainsFunc(r.names, func(form string) bool { return strings.Contains(name, form) })
}

func lowered(all []pattern) []string {
	var names []string
	for _, p := range all {
		names = append(names, strings.ToLower(p.text))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func blot(b []byte, spans []span) {
	for _, s := range spans {
		for i := s.from; i < s.to; i++ {
			b[i] = '*'
		}
	}
}

// redactor redacts a stream. A secret may span two reads, so the last bytes,
// one less than the longest form, are held back until more has arrived and then
// searched again. They are held back unchanged, so that overlapping secrets are
// all found.
type redactor struct {
	from    io.Reader
	matcher *matcher
	hold    int
	space   []byte
	buf     []byte // part of space; buf[:clean] can be returned
	clean   int
	spans   []span // begin before buf[clean:] and end in it
	err     error
}

const chunk = 64 << 10

func (r *redactor) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.clean == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.buf[:r.clean])
	r.buf = r.buf[n:]
	r.clean -= n
	return n, nil
}

func (r *redactor) fill() {
	if r.space == nil {
		r.space = make([]byte, r.hold+chunk)
	}
	held := copy(r.space, r.buf)
	n, err := r.from.Read(r.space[held : held+chunk])
	r.buf, r.err = r.space[:held+n], err
	r.clean = len(r.buf)
	if err == nil {
		r.clean = max(len(r.buf)-r.hold, 0)
	}
	spans := r.matcher.find(r.buf, r.spans)
	r.spans = spans[:0]
	for _, s := range spans {
		blot(r.buf, []span{{s.from, min(s.to, r.clean)}})
		if s.to > r.clean {
			r.spans = append(r.spans, span{max(s.from-r.clean, 0), s.to - r.clean})
		}
	}
}
