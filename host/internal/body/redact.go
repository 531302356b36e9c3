package body

import (
	"bytes"
	"io"
	"strings"
)

// shortest is the length in bytes of the shortest text that is taken for a
// secret: less would blot out ordinary words.
const shortest = 8

// Redact replaces each secret in text by as many asterisks.
func Redact(text string, secrets []string) string {
	for _, s := range secrets {
		if len(s) >= shortest {
			text = strings.ReplaceAll(text, s, strings.Repeat("*", len(s)))
		}
	}
	return text
}

// redactor redacts a stream. A secret may lie across two reads: as many bytes
// as the longest secret has, less one, are held back until more has come.
type redactor struct {
	from    io.Reader
	secrets [][]byte
	hold    int
	space   []byte
	buf     []byte // in space; buf[:clean] can be given out
	clean   int
	err     error
}

const chunk = 64 << 10

func newRedactor(r io.Reader, secrets []string) io.Reader {
	red := &redactor{from: r}
	for _, s := range secrets {
		if len(s) >= shortest {
			red.secrets = append(red.secrets, []byte(s))
			red.hold = max(red.hold, len(s)-1)
		}
	}
	if len(red.secrets) == 0 {
		return r
	}
	return red
}

func (r *redactor) Read(p []byte) (int, error) {
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
	for _, s := range r.secrets {
		for at := 0; ; {
			i := bytes.Index(r.buf[at:], s)
			if i < 0 {
				break
			}
			at += i
			for j := range s {
				r.buf[at+j] = '*'
			}
		}
	}
	r.clean = len(r.buf)
	if err == nil {
		r.clean = max(len(r.buf)-r.hold, 0)
	}
}
