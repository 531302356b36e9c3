package jsonstream

import (
	"bytes"
	"fmt"
)

// field is a field of the records, as seen so far.
type field struct {
	quoted   []byte // the name as it stands in the text
	name     string
	sum      uint64 // see names
	wanted   bool
	key      bool // the primary key is in this field
	nameless bool // the name has a flaw
}

const (
	maxKnown     = 1_000 // fields and names to remember
	maxKnownName = 128   // bytes
)

// fields estimates how many fields of a record are kept.
func (e *emitter) fields() int {
	if e.spec.All {
		return len(e.shape)
	}
	return len(e.keep)
}

// field reads the name of the i-th field of a record. Records mostly have the
// same fields in the same order: as long as this one matches the last (known),
// names need neither decoding nor a check for duplicates. A field that is not
// wanted may occur any number of times.
func (e *emitter) field(o *object, i int, known *bool) (*field, error) {
	if *known && i < len(e.shape) {
		if f := e.shape[i]; bytes.HasPrefix(e.buf[e.pos:], f.quoted) {
			e.pos += len(f.quoted)
			return f, e.colon()
		}
	}
	if *known {
		*known = false
		e.shape = e.shape[:min(i, len(e.shape))]
		for _, f := range e.shape {
			if f.wanted || f.key {
				e.names.add(o, f.sum)
			}
		}
	}
	at := e.offset()
	name, ok, err := e.name()
	if err != nil {
		return nil, err
	}
	if !ok {
		return &field{wanted: e.spec.All, nameless: true}, nil
	}
	f, met := e.known[string(name)]
	if !met {
		f = e.meet(name)
	}
	if e.reading.room < 0 {
		return f, nil
	}
	if (f.wanted || f.key) && !e.names.add(o, f.sum) {
		e.note(at, twice(name))
		return f, nil
	}
	if f.quoted != nil && len(e.shape) == i {
		e.shape = append(e.shape, f)
	}
	return f, nil
}

// meet creates the field for a name that was not seen before.
func (e *emitter) meet(name []byte) *field {
	f := &field{name: string(name), sum: e.names.sum(name)}
	f.wanted = e.spec.All || e.keep[f.name]
	f.key = len(e.spec.Key) > 0 && f.name == e.spec.Key[0]
	if len(e.known) < maxKnown && len(name) <= maxKnownName {
		f.quoted = bytes.Clone(e.quoted)
		e.known[f.name] = f
	}
	return f
}

// take reads the value of a field.
func (e *emitter) take(f *field, rec *Record) error {
	if !f.wanted && !f.key {
		return e.skip()
	}
	room := e.reading.room
	if f.key && room < 0 { // even an oversized record needs its key
		e.reading.room = MaxKey + perValue
	}
	v, err := e.value()
	if err != nil {
		return err
	}
	if room < 0 {
		e.reading.room = room
	}
	if f.key {
		e.takeKey(v, rec)
	}
	switch {
	case e.flaw.what == "" && room >= 0 && f.wanted:
		rec.Fields[f.name] = v
	case e.flaw.what != "":
		delete(rec.Fields, f.name) // when a name occurs twice, neither value is trusted
		if e.reading.flaw == "" {
			e.reading.flaw = e.flaw.in(f)
		}
	}
	return nil
}

// takeKey sets the key from the value of the key's first name. If the key
// occurs twice with different values, neither counts.
func (e *emitter) takeKey(v any, rec *Record) {
	before := rec.Key
	e.reading.keys++
	rec.Key, rec.Number, rec.Problem, e.reading.keyless = e.spec.key(v, e.flaw)
	if e.reading.keys > 1 && (rec.Key == "" || rec.Key != before) {
		rec.Key, rec.Problem, e.reading.keyless = "", e.spec.Key.String()+" occurs twice, with two values", false
	}
}

// in describes a flaw in a field.
func (w flaw) in(f *field) string {
	if f.nameless {
		return fmt.Sprintf("a name of the record%s%s at byte %d", hasFault, w.what, w.at)
	}
	return fmt.Sprintf("%s%s%s at byte %d", Pointer{f.name}, hasFault, w.what, w.at)
}
