package jsonstream

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// walker descends into one JSON text.
type walker struct {
	dec   *jsontext.Decoder
	index *Index // of what is beside the way; may be nil

	// The last value on the way, for messages about what is missing.
	deepest Pointer
	kind    jsontext.Kind
}

// descend walks to the value at rest, calls at with the decoder in front of
// it, and walks on to the end of the value that it began with. way is the
// pointer so far.
func (w *walker) descend(way, rest Pointer, at func() error) (found bool, err error) {
	kind := w.dec.PeekKind()
	w.deepest, w.kind = way, kind
	switch {
	case len(rest) == 0:
		return true, at()
	case kind == '{':
		return w.descendObject(way, rest, at)
	case kind == '[':
		return w.descendArray(way, rest, at)
	}
	return false, w.dec.SkipValue()
}

func (w *walker) descendObject(way, rest Pointer, at func() error) (found bool, err error) {
	if _, err := w.dec.ReadToken(); err != nil {
		return false, err
	}
	for w.dec.PeekKind() != '}' {
		raw, err := w.dec.ReadValue()
		if err != nil {
			return found, err
		}
		name, err := unquote(raw)
		if err != nil {
			return found, err
		}
		if string(name) == rest[0] {
			f, err := w.descend(append(way[:len(way):len(way)], rest[0]), rest[1:], at)
			if err != nil {
				return f, err
			}
			found = found || f
			continue
		}
		if err := w.skip(way, string(name)); err != nil {
			return found, err
		}
	}
	_, err = w.dec.ReadToken()
	return found, err
}

func (w *walker) descendArray(way, rest Pointer, at func() error) (found bool, err error) {
	if _, err := w.dec.ReadToken(); err != nil {
		return false, err
	}
	for i := 0; w.dec.PeekKind() != ']'; i++ {
		if strconv.Itoa(i) == rest[0] {
			f, err := w.descend(append(way[:len(way):len(way)], rest[0]), rest[1:], at)
			if err != nil {
				return f, err
			}
			found = found || f
			continue
		}
		if err := w.skip(way, strconv.Itoa(i)); err != nil {
			return found, err
		}
	}
	_, err = w.dec.ReadToken()
	return found, err
}

func (w *walker) skip(way Pointer, name string) error {
	start := w.dec.InputOffset()
	if err := w.dec.SkipValue(); err != nil {
		return err
	}
	if w.index != nil {
		w.index.add(append(way[:len(way):len(way)], name), start, w.dec.InputOffset())
	}
	return nil
}

// unquote returns the text of a JSON string, sharing its memory where it can.
func unquote(raw jsontext.Value) ([]byte, error) {
	if n := len(raw); n >= 2 && !hasEscape(raw) {
		return raw[1 : n-1], nil
	}
	return jsontext.AppendUnquote(nil, raw)
}

func hasEscape(raw []byte) bool {
	for _, b := range raw {
		if b == '\\' {
			return true
		}
	}
	return false
}
