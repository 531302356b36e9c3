package jsonstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	window   = 64 << 10 // bytes of one read
	maxDepth = 10_000   // nested objects and arrays in values that are kept
	maxOpen  = 64 << 20 // the same in values that are skipped
	maxName  = 64 << 10 // bytes of a name
	maxReads = 100      // reads in a row without data
)

// scanner reads one JSON text token by token. It checks what it skips without
// keeping it, however long it is.
type scanner struct {
	r     io.Reader
	buf   []byte // read and still needed
	pos   int    // the next byte in buf
	mark  int    // start in buf of a token that must stay whole; -1: none
	most  int    // bytes of a token that stays whole; a longer one loses its mark
	base  int64  // the offset of buf[0] in the text
	fault error  // why r gives no more; io.EOF at the end

	flaw  flaw // the first since the caller cleared it
	flaws int  // flaws so far

	depth   int
	names   names
	scratch []byte // the last text with escapes
	quoted  []byte // the last name as it stands in the text
}

// flaw is a fault within a value that leaves the end of the value clear:
// invalid text, a name that occurs twice, too much data. Only the value is
// affected.
type flaw struct {
	at   int64
	what string // "": there is none
}

func (s *scanner) note(at int64, what string) {
	s.flaws++
	if s.flaw.what == "" {
		s.flaw = flaw{at, what}
	}
}

// hold keeps the next token in the buffer, unless it is longer than most. held
// returns the token, or nil if it was too long, and releases it.
func (s *scanner) hold(most int) { s.mark, s.most = s.pos, most }

func (s *scanner) held() []byte {
	if s.mark < 0 || s.pos-s.mark > s.most {
		s.mark = -1
		return nil
	}
	token := s.buf[s.mark:s.pos]
	s.mark = -1
	return token
}

func newScanner(r io.Reader, size int64) *scanner {
	s := &scanner{r: r, mark: -1}
	if b, ok := r.(*bytes.Buffer); ok { // the whole text is there: no copy
		s.buf, s.fault = b.Bytes(), io.EOF
		return s
	}
	s.buf = make([]byte, 0, min(max(size, 0)+1, window))
	return s
}

// offset returns the offset in the text of the next byte.
func (s *scanner) offset() int64 { return s.base + int64(s.pos) }

// more reads on. It keeps the bytes from the mark, or else from pos.
func (s *scanner) more() bool {
	if s.fault != nil {
		return false
	}
	keep := s.pos
	if s.mark >= 0 && s.pos-s.mark > s.most {
		s.mark = -1
	}
	if s.mark >= 0 {
		keep = s.mark
		s.mark = 0
	}
	if keep > 0 {
		s.buf = s.buf[:copy(s.buf, s.buf[keep:])]
		s.base += int64(keep)
		s.pos -= keep
	}
	if len(s.buf) == cap(s.buf) {
		s.buf = append(make([]byte, 0, 2*cap(s.buf)), s.buf...)
	}
	for range maxReads {
		n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf, s.fault = s.buf[:len(s.buf)+n], err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	s.fault = io.ErrNoProgress
	return false
}

// peek returns the first byte of the next token.
func (s *scanner) peek() (byte, error) {
	for {
		for s.pos < len(s.buf) {
			if c := s.buf[s.pos]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				return c, nil
			}
			s.pos++
		}
		if !s.more() {
			return 0, s.ended()
		}
	}
}

// at returns the next byte; 0 at the end, since no token contains 0.
func (s *scanner) at() byte {
	if s.pos < len(s.buf) || s.more() {
		return s.buf[s.pos]
	}
	return 0
}

// ended returns the error for a text that ends too early.
func (s *scanner) ended() error {
	end := s.base + int64(len(s.buf))
	switch {
	case !errors.Is(s.fault, io.EOF):
		return fmt.Errorf("%w at byte %d: %w", ErrRead, end, s.fault)
	case end == 0:
		return fmt.Errorf("%w: the body is empty", ErrSyntax)
	}
	return fmt.Errorf("%w at byte %d: the text ends in the middle, it is truncated", ErrSyntax, end)
}

// bad returns the error for an unexpected next byte.
func (s *scanner) bad(wanted string) error {
	if s.pos >= len(s.buf) && !s.more() {
		return s.ended()
	}
	for s.offset() == 0 && len(s.buf) < 3 && s.more() {
	}
	if s.offset() == 0 && bytes.HasPrefix(s.buf, []byte("\xEF\xBB\xBF")) {
		return s.wrong(0, "it begins with a byte order mark")
	}
	return s.wrong(s.offset(), fmt.Sprintf("%s where %s must be", char(s.buf[s.pos]), wanted))
}

func (s *scanner) wrong(at int64, what string) error {
	return fmt.Errorf("%w at byte %d: %s", ErrSyntax, at, what)
}

// char names a byte for messages without showing anybody's data.
func char(c byte) string {
	switch {
	case c == 0:
		return "a NUL byte"
	case c < ' ' || c == 0x7F:
		return fmt.Sprintf("control character 0x%02X", c)
	case c > 0x7F:
		return fmt.Sprintf("byte 0x%02X", c)
	case c >= '0' && c <= '9':
		return "a digit"
	}
	return fmt.Sprintf("%q", c)
}

// end checks that nothing follows the text.
func (s *scanner) end() error {
	_, err := s.peek()
	switch {
	case err == nil:
		return s.wrong(s.offset(), "more follows the end of the value")
	case errors.Is(s.fault, io.EOF):
		return nil
	}
	return err
}
