package jsonstream

import (
	"fmt"
	"strconv"
)

// enter passes over the bracket that opens an object or array.
func (s *scanner) enter() error {
	if s.depth++; s.depth > maxDepth {
		return s.wrong(s.offset(), fmt.Sprintf("nested deeper than %d", maxDepth))
	}
	s.pos++
	return nil
}

// next goes to the next element or member: past the comma, where one must be,
// or past the closing bracket, and then done is true.
func (s *scanner) next(begun *bool, closing byte) (done bool, err error) {
	c, err := s.peek()
	switch {
	case err != nil:
		return false, err
	case c == closing:
		s.pos++
		s.depth--
		return true, nil
	case !*begun:
		*begun = true
		return false, nil
	case c != ',':
		return false, s.bad("a comma or " + strconv.QuoteRune(rune(closing)))
	}
	s.pos++
	_, err = s.peek()
	return false, err
}

// name reads a name and its colon. The answer, and quoted, are valid until more
// is read.
func (s *scanner) name() ([]byte, error) {
	c, err := s.peek()
	if err != nil {
		return nil, err
	}
	if c != '"' {
		return nil, s.bad("a name")
	}
	s.mark = s.pos
	escaped, err := s.text()
	if err != nil {
		return nil, err
	}
	length := s.pos - s.mark
	if length > maxName {
		return nil, fmt.Errorf("%w: the name at byte %d is over %d bytes", ErrTooLarge, s.base+int64(s.mark), maxName)
	}
	if err := s.colon(); err != nil {
		return nil, err
	}
	s.quoted = s.buf[s.mark : s.mark+length]
	raw := s.quoted[1 : length-1]
	s.mark = -1
	if escaped {
		s.scratch = unescape(s.scratch[:0], raw)
		return s.scratch, nil
	}
	return raw, nil
}

func (s *scanner) colon() error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	if c != ':' {
		return s.bad("a colon")
	}
	s.pos++
	return nil
}

// member reads the next name of an object, which must be new in it.
func (s *scanner) member(o *object) (name []byte, done bool, err error) {
	if done, err = s.next(&o.begun, '}'); done {
		s.names.close(o)
	}
	if done || err != nil {
		return nil, done, err
	}
	at := s.offset()
	if name, err = s.name(); err != nil {
		return nil, false, err
	}
	return name, false, s.unique(o, name, s.names.sum(name), at)
}

// skip passes over a value.
func (s *scanner) skip() error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	switch c {
	case '"':
		_, err := s.text()
		return err
	case '{':
		return s.skipObject()
	case '[':
		return s.skipArray()
	}
	return s.scalar(c)
}

// scalar passes over a number, boolean or null.
func (s *scanner) scalar(c byte) error {
	switch c {
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return s.number()
	}
	return s.bad("a value")
}

func (s *scanner) skipObject() error {
	if err := s.enter(); err != nil {
		return err
	}
	o := s.names.open()
	for {
		if _, done, err := s.member(&o); done || err != nil {
			return err
		}
		if err := s.skip(); err != nil {
			return err
		}
	}
}

func (s *scanner) skipArray() error {
	if err := s.enter(); err != nil {
		return err
	}
	for begun := false; ; {
		if done, err := s.next(&begun, ']'); done || err != nil {
			return err
		}
		if err := s.skip(); err != nil {
			return err
		}
	}
}

// walker descends into one JSON text.
type walker struct {
	*scanner
	index *Index // of what is beside the way; may be nil

	// The last value on the way, for messages about what is missing.
	deepest Pointer
	kind    byte
}

// descend walks to the value at rest, calls at with the scanner in front of
// it, and walks on to the end of the value that it began with. way is the
// pointer so far.
func (w *walker) descend(way, rest Pointer, at func() error) (found bool, err error) {
	c, err := w.peek()
	if err != nil {
		return false, err
	}
	w.deepest, w.kind = way, c
	switch {
	case len(rest) == 0:
		return true, at()
	case c == '{':
		return w.descendObject(way, rest, at)
	case c == '[':
		return w.descendArray(way, rest, at)
	}
	return false, w.skip()
}

func (w *walker) descendObject(way, rest Pointer, at func() error) (found bool, err error) {
	if err := w.enter(); err != nil {
		return false, err
	}
	o := w.names.open()
	for {
		name, done, err := w.member(&o)
		if done || err != nil {
			return found, err
		}
		if string(name) != rest[0] {
			token := ""
			if w.index.wants() {
				token = string(name)
			}
			if err := w.pass(way, token); err != nil {
				return found, err
			}
			continue
		}
		if found, err = w.descend(append(way[:len(way):len(way)], rest[0]), rest[1:], at); err != nil {
			return found, err
		}
	}
}

func (w *walker) descendArray(way, rest Pointer, at func() error) (found bool, err error) {
	if err := w.enter(); err != nil {
		return false, err
	}
	wanted, err := strconv.Atoi(rest[0])
	if err != nil || strconv.Itoa(wanted) != rest[0] {
		wanted = -1
	}
	begun := false
	for i := 0; ; i++ {
		if done, err := w.next(&begun, ']'); done || err != nil {
			return found, err
		}
		if i != wanted {
			token := ""
			if w.index.wants() {
				token = strconv.Itoa(i)
			}
			if err := w.pass(way, token); err != nil {
				return found, err
			}
			continue
		}
		if found, err = w.descend(append(way[:len(way):len(way)], rest[0]), rest[1:], at); err != nil {
			return found, err
		}
	}
}

// pass passes over a value beside the way and remembers its place, under a
// token that is there when the index wants it.
func (w *walker) pass(way Pointer, token string) error {
	if _, err := w.peek(); err != nil {
		return err
	}
	start := w.offset()
	if err := w.skip(); err != nil {
		return err
	}
	if w.index.wants() {
		w.index.add(append(way[:len(way):len(way)], token), start, w.offset())
	}
	return nil
}
