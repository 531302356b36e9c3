package jsonstream

import (
	"bytes"
	"fmt"
	"io"
)

// Spec says where records are and what of them is wanted.
type Spec struct {
	Array  Pointer // the array in the text
	Record Pointer // the record within an element
	Key    Pointer // the primary key within a record
	// Keyed says that the records are the members of an object. The name of a
	// member is the key of a record that has none itself. Names may occur
	// twice: both records are delivered.
	Keyed bool
	Keep  []string
	All   bool // every field is wanted, whatever Keep says
}

// MaxRecord bounds what is kept of one record: each value as the bytes of its
// text and 64 more.
const MaxRecord = 8 << 20

// Record is one element of the array.
type Record struct {
	// Key is the primary key as text, numbers with the digits that were sent;
	// "" when Problem says why there is none.
	Key     string
	Problem string
	Fields  map[string]any // nil, string, bool, json.Number, []any, map[string]any
}

// Emit reads one whole JSON text of size bytes and calls deliver with each
// record. It returns how many it delivered. What it delivered counts only when
// the error is nil or ErrNoValue or ErrNotArray, both of which come before the
// first record. A text in a bytes.Buffer is not copied.
func Emit(r io.Reader, size int64, spec Spec, index *Index, deliver func(Record) error) (int64, error) {
	e := &emitter{
		walker: walker{scanner: newScanner(r, size), index: index}, spec: spec, deliver: deliver,
		keep: make(map[string]bool, len(spec.Keep)), known: map[string]*field{}, inner: map[string]string{},
	}
	for _, name := range spec.Keep {
		e.keep[name] = true
	}
	found, err := e.descend(nil, spec.Array, e.records)
	if err == nil {
		err = e.end()
	}
	switch {
	case err != nil:
		return e.count, err
	case !found:
		return 0, fmt.Errorf("%w: nothing at %q, %q is %s", ErrNoValue, spec.Array, e.deepest, kindName(e.kind))
	case e.other != 0 && spec.Keyed:
		return 0, fmt.Errorf("%w of records by their keys: at %q is %s", ErrNotArray, spec.Array, kindName(e.other))
	case e.other != 0:
		return 0, fmt.Errorf("%w: at %q is %s", ErrNotArray, spec.Array, kindName(e.other))
	}
	if index != nil {
		index.complete(spec.Array)
	}
	return e.count, nil
}

type emitter struct {
	walker
	spec    Spec
	deliver func(Record) error
	keep    map[string]bool
	known   map[string]*field // of records, by name
	shape   []*field          // of the last record, in order
	inner   map[string]string // names within kept values, so that they are made once
	count   int64
	other   byte // what is at the pointer when it is not what it must be
	room    int  // of MaxRecord, for the record that is being read
	keyless bool // the record has no value at the key
}

// records reads the array or object at the pointer.
func (e *emitter) records() error {
	open, closing := byte('['), byte(']')
	if e.spec.Keyed {
		open, closing = '{', '}'
	}
	c, err := e.peek()
	if err != nil {
		return err
	}
	if c != open {
		e.other = c
		return e.skip()
	}
	if err := e.enter(); err != nil {
		return err
	}
	for begun := false; ; {
		done, err := e.next(&begun, closing)
		if done || err != nil {
			return err
		}
		rec, err := e.one()
		if err != nil {
			return err
		}
		if err := e.deliver(rec); err != nil {
			return fmt.Errorf("%w: %w", ErrDelivery, err)
		}
		e.count++
	}
}

// one reads an element of the array or a member of the object.
func (e *emitter) one() (Record, error) {
	e.room = MaxRecord
	if !e.spec.Keyed {
		return e.element()
	}
	raw, err := e.name()
	if err != nil {
		return Record{}, err
	}
	name := string(raw)
	rec, err := e.element()
	if err != nil || rec.Fields == nil || !e.keyless {
		return rec, err
	}
	if name == "" {
		rec.Problem = "the record has no " + e.spec.Key.String() + " and its name is empty"
		return rec, nil
	}
	rec.Key, rec.Problem = name, ""
	if k := e.spec.Key; len(k) == 1 && (e.spec.All || e.keep[k[0]]) {
		rec.Fields[k[0]] = name
	}
	return rec, nil
}

func (e *emitter) element() (Record, error) {
	if len(e.spec.Record) == 0 {
		return e.record()
	}
	var rec Record
	inner := walker{scanner: e.scanner}
	found, err := inner.descend(nil, e.spec.Record, func() (err error) {
		rec, err = e.record()
		return err
	})
	if err == nil && !found {
		rec.Problem = fmt.Sprintf("the element has nothing at %q", e.spec.Record)
	}
	return rec, err
}

// record reads the record that the scanner stands in front of.
func (e *emitter) record() (Record, error) {
	c, err := e.peek()
	if err != nil {
		return Record{}, err
	}
	if c != '{' {
		if err := e.skip(); err != nil {
			return Record{}, err
		}
		return Record{Problem: "the record is " + kindName(c) + ", not an object"}, nil
	}
	if err := e.enter(); err != nil {
		return Record{}, err
	}
	rec := Record{Fields: make(map[string]any, e.fields())}
	e.keyless = true
	o, known := e.names.open(), true
	for i := 0; ; i++ {
		done, err := e.next(&o.begun, '}')
		if err != nil {
			return rec, err
		}
		if done {
			e.names.close(&o)
			break
		}
		f, err := e.field(&o, i, &known)
		if err != nil {
			return rec, err
		}
		if err := e.take(f, &rec); err != nil {
			return rec, err
		}
	}
	if e.keyless && rec.Problem == "" {
		rec.Problem = "the record has no " + e.spec.Key.String()
	}
	return rec, nil
}

// fields guesses how many fields of a record are kept.
func (e *emitter) fields() int {
	if e.spec.All {
		return len(e.shape)
	}
	return len(e.keep)
}

// field is what is known of a field of the records.
type field struct {
	quoted []byte // as it stands in the text
	name   string
	sum    uint64 // see names
	wanted bool
	key    bool // the primary key is in it
}

const (
	maxKnown     = 1_000 // fields and names that are remembered
	maxKnownName = 128   // bytes
)

// field reads the name of the i-th field of a record. Records mostly have the
// same fields in the same order: as long as this one has those of the last
// (known), the names need neither be decoded nor compared with each other.
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
			e.names.add(o, f.sum)
		}
	}
	at := e.offset()
	name, err := e.name()
	if err != nil {
		return nil, err
	}
	f, ok := e.known[string(name)]
	if !ok {
		f = e.meet(name)
	}
	if f.quoted != nil && len(e.shape) == i {
		e.shape = append(e.shape, f)
	}
	return f, e.unique(o, name, f.sum, at)
}

// meet makes a field of a name that was not seen before.
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
	v, err := e.value()
	if err != nil {
		return err
	}
	if f.wanted {
		rec.Fields[f.name] = v
	}
	if f.key {
		rec.Key, rec.Problem, e.keyless = e.spec.key(v)
	}
	return nil
}
