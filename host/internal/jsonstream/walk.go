package jsonstream

import (
	"fmt"
	"strconv"
)

// enter skips the bracket that opens an object or array.
func (s *scanner) enter() {
	s.depth++
	s.pos++
}

// next moves to the next element or member, past the comma. done is true when
// it moved past the closing bracket instead.
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

// name reads a name and its colon. ok is false when the name has a flaw, and
// then it matches no wanted name. The result and quoted are valid until the
// next name.
func (s *scanner) name() (name []byte, ok bool, err error) {
	if err := s.quote(); err != nil {
		return nil, false, err
	}
	at, before := s.offset(), s.flaws
	s.hold(maxName)
	escaped, err := s.text()
	if err != nil {
		return nil, false, err
	}
	token := s.held()
	if token == nil {
		s.note(at, fmt.Sprintf("a name of more than %d bytes", maxName))
	}
	s.quoted = append(s.quoted[:0], token...)
	if err := s.colon(); err != nil || s.flaws != before {
		return nil, false, err
	}
	raw := s.quoted[1 : len(s.quoted)-1]
	if escaped {
		s.scratch = unescape(s.scratch[:0], raw)
		raw = s.scratch
	}
	return raw, true, nil
}

// quote moves to the opening quote of a name.
func (s *scanner) quote() error {
	c, err := s.peek()
	if err == nil && c != '"' {
		err = s.bad("a name")
	}
	return err
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

// member reads the next name of an object.
func (s *scanner) member(o *object) (m member, done bool, err error) {
	if done, err = s.next(&o.begun, '}'); done {
		s.names.close(o)
	}
	if done || err != nil {
		return m, done, err
	}
	m.at = s.offset()
	m.name, m.ok, err = s.name()
	return m, false, err
}

type member struct {
	name []byte
	at   int64
	ok   bool // the name has no flaw
}

// again reports whether a name came before in its object.
func (s *scanner) again(o *object, m member) bool {
	return !s.names.add(o, s.names.sum(m.name))
}

// twice returns the flaw of a name that came before in its object.
func twice(name []byte) string {
	return fmt.Sprintf("the name %q occurs twice in its object", name[:min(len(name), shown)])
}

const shown = 64 // bytes of a name in a message

// skip skips a value. It checks no more than where the value ends. It remembers
// one bit for each open object and array, however many there are.
func (s *scanner) skip() error {
	var open brackets
	for {
		c, err := s.peek()
		if err != nil {
			return err
		}
		begun := true
		switch c {
		case '{', '[':
			if open.depth == maxOpen {
				return s.wrong(s.offset(), fmt.Sprintf("nested deeper than %d", maxOpen))
			}
			open.push(c == '{')
			s.enter()
			begun = false
		case '"':
			_, err = s.text()
		default:
			err = s.scalar(c)
		}
		if err != nil {
			return err
		}
		if done, err := s.following(&open, begun); done || err != nil {
			return err
		}
	}
}

// following moves to the next value of the innermost open bracket. done is true
// when none is open any more.
func (s *scanner) following(open *brackets, begun bool) (done bool, err error) {
	for open.depth > 0 {
		closing := byte(']')
		if open.object() {
			closing = '}'
		}
		ended, err := s.next(&begun, closing)
		if err != nil {
			return false, err
		}
		if !ended {
			return false, s.passName(closing)
		}
		open.depth--
		begun = true
	}
	return true, nil
}

// passName skips the name of a member; an element has none.
func (s *scanner) passName(closing byte) error {
	if closing == ']' {
		return nil
	}
	if err := s.quote(); err != nil {
		return err
	}
	if _, err := s.text(); err != nil {
		return err
	}
	return s.colon()
}

// brackets holds the kinds of the open objects and arrays.
type brackets struct {
	objects []uint64
	depth   int
}

func (b *brackets) push(object bool) {
	word, bit := b.depth/64, uint64(1)<<(b.depth%64)
	if word == len(b.objects) {
		b.objects = append(b.objects, 0)
	}
	b.objects[word] &^= bit
	if object {
		b.objects[word] |= bit
	}
	b.depth++
}

func (b *brackets) object() bool {
	at := b.depth - 1
	return b.objects[at/64]&(1<<(at%64)) != 0
}

// scalar skips a number, boolean or null.
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

// walker descends into one JSON text.
type walker struct {
	*scanner
	index *Index // for values beside the way; may be nil

	// The last value on the way, for messages about a missing value.
	deepest Pointer
	kind    byte

	// element says that the text is that of one record, where a duplicate name is
	// the record's own fault.
	element bool
}

// descend walks to the value at rest, calls at with the scanner in front of it,
// and walks on to the end of the value that it started in. way is the pointer
// so far.
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
	w.enter()
	o := w.names.open()
	for {
		m, done, err := w.member(&o)
		if err == nil && !done {
			err = w.unique(&o, m)
		}
		if done || err != nil {
			return found, err
		}
		if !m.ok || string(m.name) != rest[0] {
			if err := w.passMember(way, m); err != nil {
				return found, err
			}
			continue
		}
		below, err := w.descend(append(way[:len(way):len(way)], rest[0]), rest[1:], at)
		if err != nil {
			return found, err
		}
		found = found || below
	}
}

// unique requires each name in the objects on the way to occur once, so that a
// pointer names one value only.
func (w *walker) unique(o *object, m member) error {
	switch {
	case w.element || !m.ok:
		return nil
	case len(w.names.sums) >= maxNames:
		return fmt.Errorf("%w: at byte %d objects of more than %d names are open", ErrTooLarge, m.at, maxNames)
	case w.again(o, m):
		return w.wrong(m.at, twice(m.name))
	}
	return nil
}

// passMember skips a member beside the way.
func (w *walker) passMember(way Pointer, m member) error {
	if !m.ok { // no pointer can name it
		return w.skip()
	}
	token := ""
	if w.index.wants() {
		token = string(m.name)
	}
	return w.pass(way, token)
}

func (w *walker) descendArray(way, rest Pointer, at func() error) (found bool, err error) {
	w.enter()
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

// pass skips a value beside the way. When the index wants it, pass remembers
// its place under the token.
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
