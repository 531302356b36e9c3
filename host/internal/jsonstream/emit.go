package jsonstream

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Spec says where the records are, and what of them is wanted.
type Spec struct {
	Array  Pointer // the array in the text
	Record Pointer // the record within an element
	Key    Pointer // the primary key within a record
	// Keyed says that the records are the members of an object. A member's name
	// is the key of a record that has no key of its own. A name may occur twice:
	// both records are delivered.
	Keyed bool
	// Foreign says that Key is not the API's own key, so that a member's name is
	// no key.
	Foreign bool
	Keep    []string
	All     bool // every field is wanted, whatever Keep says
	// Single says that a single record was asked for: in place of the array there
	// may be the record itself, or null when there is none.
	Single bool
	// Unkeyed says that records have no key of their own, and Key is empty.
	Unkeyed bool
}

const (
	// MaxRecord bounds what is kept of one record, in bytes: each value counts
	// the length of its text plus 64.
	MaxRecord = 8 << 20
	// MaxKey bounds a primary key, in bytes.
	MaxKey = 4 << 10
)

// Record is one element of the array.
type Record struct {
	// Key is the primary key as text; a number is spelled as by abi.NumberKey. It
	// is "" when Problem says why there is none.
	Key string
	// Number is the key as the text spells it, when it is a number.
	Number string
	// Problem says what is wrong with the record, and Place where it is, as the
	// JSON pointer of its element. Fields leaves out a field that has a flaw.
	Problem string
	Place   string
	Fields  map[string]any // nil, string, bool, json.Number, []any, map[string]any
}

// Emit reads one whole JSON text of size bytes, calls deliver with each record,
// and returns how many it delivered. Invalid text, a name that occurs twice, or
// too much data is a Problem of the record, unless it is in a part that is not
// kept. The records count only when the error is nil, ErrNoValue or
// ErrNotArray; the latter two come before the first record. A text in a
// bytes.Buffer is not copied.
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
	known   map[string]*field // fields of all records, by name
	shape   []*field          // fields of the last record, in order
	inner   map[string]string // names within kept values, so that each is allocated once
	count   int64
	other   byte // first byte of what is at the pointer, when it is not what it must be
	reading reading
}

// reading is the state of the record that is being read.
type reading struct {
	room    int    // what is left of MaxRecord; below 0: the rest is skipped
	keys    int    // fields with the key so far
	keyless bool   // the record has no value at the key
	flaw    string // the first flaw in what is kept; "": none
}

// besides joins a problem of the key with the flaw, unless the problem names
// the flaw already.
func (r reading) besides(problem string) string {
	if r.flaw == "" || strings.Contains(problem, hasFault) {
		return problem
	}
	if problem == "" {
		return r.flaw
	}
	return problem + "; " + r.flaw
}

const hasFault = " has a fault: "

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
	if e.spec.Single && !e.spec.Keyed && (c == '{' || c == 'n') {
		return e.single(c)
	}
	if c != open {
		e.other = c
		return e.skip()
	}
	e.enter()
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

// single reads the record that stands in place of the array; null is none.
func (e *emitter) single(c byte) error {
	if c == 'n' {
		return e.skip()
	}
	rec, err := e.element("")
	if err != nil {
		return err
	}
	if err := e.deliver(rec); err != nil {
		return fmt.Errorf("%w: %w", ErrDelivery, err)
	}
	e.count++
	return nil
}

// one reads an element of the array or a member of the object.
func (e *emitter) one() (Record, error) {
	if !e.spec.Keyed {
		return e.element(strconv.FormatInt(e.count, 10))
	}
	e.flaw = flaw{}
	raw, ok, err := e.name()
	if err != nil {
		return Record{}, err
	}
	name, bad := string(raw), e.flaw
	place := name
	if !ok {
		place = "?"
	}
	rec, err := e.element(place)
	if err != nil || rec.Fields == nil || !e.reading.keyless || e.spec.Foreign {
		return rec, err
	}
	switch {
	case !ok:
		rec.Problem = fmt.Sprintf("the record has no %s and its name%s%s at byte %d", e.spec.Key, hasFault, bad.what, bad.at)
	case name == "":
		rec.Problem = "the record has no " + e.spec.Key.String() + " and its name is empty"
	default:
		if rec.Problem = unusable(name); rec.Problem != "" {
			rec.Problem = "the record has no " + e.spec.Key.String() + " and its name " + rec.Problem
			break
		}
		rec.Key, rec.Problem = name, e.reading.flaw
		if k := e.spec.Key; len(k) == 1 && (e.spec.All || e.keep[k[0]]) {
			rec.Fields[k[0]] = name
		}
	}
	return e.placed(rec, place), nil
}

// element reads a record and, when it has a problem, sets its place.
func (e *emitter) element(token string) (Record, error) {
	if len(e.spec.Record) == 0 {
		rec, err := e.record()
		return e.placed(rec, token), err
	}
	var all []Record // one record, unless a name on the way occurs twice
	inner := walker{scanner: e.scanner, element: true}
	found, err := inner.descend(nil, e.spec.Record, func() error {
		rec, err := e.record()
		if len(all) < 2 {
			all = append(all, rec)
		}
		return err
	})
	switch {
	case err != nil:
		return Record{}, err
	case !found:
		return e.placed(Record{Problem: fmt.Sprintf("the element has nothing at %q", e.spec.Record)}, token), nil
	case len(all) > 1:
		return e.placed(Record{Problem: fmt.Sprintf("the element has %q twice", e.spec.Record)}, token), nil
	}
	return e.placed(all[0], token), nil
}

// placed sets the place of a record with a problem.
func (e *emitter) placed(rec Record, token string) Record {
	rec.Place = ""
	if rec.Problem != "" {
		at := Pointer{token}
		if token == "" && !e.spec.Keyed { // it stands in place of the array
			at = nil
		}
		rec.Place = slices.Concat(e.spec.Array, at, e.spec.Record).String()
	}
	return rec
}

// record reads the record in front of the scanner.
func (e *emitter) record() (Record, error) {
	e.reading = reading{room: MaxRecord, keyless: true}
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
	e.enter()
	rec := Record{Fields: make(map[string]any, e.fields())}
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
		e.flaw = flaw{}
		f, err := e.field(&o, i, &known)
		if err != nil {
			return rec, err
		}
		if err := e.take(f, &rec); err != nil {
			return rec, err
		}
	}
	if e.reading.keys == 0 && !e.spec.Unkeyed {
		rec.Problem = "the record has no " + e.spec.Key.String()
	}
	rec.Problem = e.reading.besides(rec.Problem)
	return rec, nil
}
