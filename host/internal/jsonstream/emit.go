package jsonstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Spec says where records are and what of them is wanted.
type Spec struct {
	Array  Pointer // the array in the text
	Record Pointer // the record within an element
	Key    Pointer // the primary key within a record
	Keep   []string
	All    bool // every field is wanted, whatever Keep says
}

// Record is one element of the array.
type Record struct {
	// Key is the primary key as text, numbers with the digits that were sent;
	// "" when Problem says why there is none.
	Key     string
	Problem string
	Fields  map[string]any // nil, string, bool, json.Number, []any, map[string]any
}

// Emit reads one whole JSON text of size bytes and calls deliver with each record. It returns
// how many it delivered. What it delivered counts only when the error is nil
// or ErrNoValue or ErrNotArray, both of which come before the first record.
func Emit(r io.Reader, size int64, spec Spec, index *Index, deliver func(Record) error) (int64, error) {
	e := &emitter{
		walker: walker{dec: jsontext.NewDecoder(r), index: index}, spec: spec, deliver: deliver,
		keep: make(map[string]string, len(spec.Keep)), names: map[string]string{},
	}
	for _, name := range spec.Keep {
		e.keep[name] = name
	}
	found, err := e.descend(nil, spec.Array, e.array)
	if err == nil {
		err = e.end()
	}
	switch {
	case errors.Is(err, ErrDelivery):
		return e.count, err
	case err != nil:
		return e.count, syntax(e.dec, err, 0, size)
	case !found:
		return 0, fmt.Errorf("%w: nothing at %q, %q is %s", ErrNoValue, spec.Array, e.deepest, kindName(e.kind))
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
	keep    map[string]string
	names   map[string]string // names of fields that were seen, so that they are made once
	count   int64
	other   jsontext.Kind // what is at the pointer when it is not an array
}

// end checks that nothing follows the text.
func (e *emitter) end() error {
	_, err := e.dec.ReadToken()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		err = errors.New("more follows the end of the value")
	}
	return err
}

func (e *emitter) array() error {
	if e.other = e.dec.PeekKind(); e.other != '[' {
		return e.dec.SkipValue()
	}
	e.other = 0
	if _, err := e.dec.ReadToken(); err != nil {
		return err
	}
	for e.dec.PeekKind() != ']' {
		rec, err := e.element()
		if err != nil {
			return err
		}
		if err := e.deliver(rec); err != nil {
			return fmt.Errorf("%w: %w", ErrDelivery, err)
		}
		e.count++
	}
	_, err := e.dec.ReadToken()
	return err
}

func (e *emitter) element() (Record, error) {
	if len(e.spec.Record) == 0 {
		return e.record()
	}
	var rec Record
	inner := walker{dec: e.dec}
	found, err := inner.descend(nil, e.spec.Record, func() (err error) {
		rec, err = e.record()
		return err
	})
	if err == nil && !found {
		rec.Problem = fmt.Sprintf("the element has nothing at %q", e.spec.Record)
	}
	return rec, err
}

// record reads the record that the decoder stands in front of.
func (e *emitter) record() (Record, error) {
	kind := e.dec.PeekKind()
	if kind != '{' {
		return Record{Problem: "the record is " + kindName(kind) + ", not an object"}, e.dec.SkipValue()
	}
	if _, err := e.dec.ReadToken(); err != nil {
		return Record{}, err
	}
	rec := Record{Fields: make(map[string]any, len(e.keep)), Problem: "the record has no " + e.spec.Key.String()}
	for e.dec.PeekKind() != '}' {
		if err := e.field(&rec); err != nil {
			return rec, err
		}
	}
	_, err := e.dec.ReadToken()
	return rec, err
}

func (e *emitter) field(rec *Record) error {
	raw, err := e.dec.ReadValue()
	if err != nil {
		return err
	}
	text, err := unquote(raw)
	if err != nil {
		return err
	}
	name, wanted := e.keep[string(text)]
	if e.spec.All {
		name, wanted = e.intern(text), true
	}
	isKey := len(e.spec.Key) > 0 && string(text) == e.spec.Key[0]
	if !wanted && !isKey {
		return e.dec.SkipValue()
	}
	v, err := e.value()
	if err != nil {
		return err
	}
	if wanted {
		rec.Fields[name] = v
	}
	if isKey {
		rec.Key, rec.Problem = e.spec.key(v)
	}
	return nil
}

// key finds the primary key below the value of its first name.
func (s Spec) key(v any) (key, problem string) {
	for _, token := range s.Key[1:] {
		object, ok := v.(map[string]any)
		if !ok {
			return "", "the record has no " + s.Key.String()
		}
		if v, ok = object[token]; !ok {
			return "", "the record has no " + s.Key.String()
		}
	}
	switch v := v.(type) {
	case string:
		if v == "" {
			return "", s.Key.String() + " is empty"
		}
		return v, ""
	case json.Number:
		return v.String(), ""
	case nil:
		return "", s.Key.String() + " is null"
	}
	return "", s.Key.String() + " is neither text nor a number"
}

const maxInterned = 1_000

func (e *emitter) intern(text []byte) string {
	if s, ok := e.names[string(text)]; ok {
		return s
	}
	s := string(text)
	if len(e.names) < maxInterned {
		e.names[s] = s
	}
	return s
}

// value builds the Go value of what comes next.
func (e *emitter) value() (any, error) {
	switch e.dec.PeekKind() {
	case '{':
		return e.object()
	case '[':
		if _, err := e.dec.ReadToken(); err != nil {
			return nil, err
		}
		list := []any{}
		for e.dec.PeekKind() != ']' {
			v, err := e.value()
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := e.dec.ReadToken()
		return list, err
	}
	raw, err := e.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	switch raw.Kind() {
	case '"':
		text, err := unquote(raw)
		return string(text), err
	case '0':
		return json.Number(raw), nil
	case 't':
		return true, nil
	case 'f':
		return false, nil
	}
	return nil, nil
}

func (e *emitter) object() (any, error) {
	if _, err := e.dec.ReadToken(); err != nil {
		return nil, err
	}
	object := map[string]any{}
	for e.dec.PeekKind() != '}' {
		raw, err := e.dec.ReadValue()
		if err != nil {
			return nil, err
		}
		text, err := unquote(raw)
		if err != nil {
			return nil, err
		}
		name := e.intern(text)
		if object[name], err = e.value(); err != nil {
			return nil, err
		}
	}
	_, err := e.dec.ReadToken()
	return object, err
}
