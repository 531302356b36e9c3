package jsonstream

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// flawed replaces a part with a flaw in a kept value.
type flawed struct{}

// key returns the primary key, found below v, the value of the key's first
// name. w is the first flaw in v. number is the spelling of a key that is a
// number. keyless says that the record has no key, and that this is not due to
// a fault.
func (s Spec) key(v any, w flaw) (key, number, problem string, keyless bool) {
	for _, token := range s.Key[1:] {
		object, ok := v.(map[string]any)
		if v == any(flawed{}) {
			break
		}
		if !ok {
			return "", "", "the record has no " + s.Key.String(), true
		}
		if v, ok = object[token]; !ok {
			return "", "", "the record has no " + s.Key.String(), true
		}
	}
	switch v := v.(type) {
	case string:
		key = v
	case json.Number:
		number = v.String()
		var ok bool
		if key, ok = abi.NumberKey(number); !ok {
			return "", "", s.Key.String() + " is a number whose exponent has more than 17 digits", false
		}
	case flawed:
		return "", "", fmt.Sprintf("the key %s%s%s at byte %d", s.Key, hasFault, w.what, w.at), false
	case nil:
		return "", "", s.Key.String() + " is null", true
	default:
		return "", "", s.Key.String() + " is neither text nor a number", false
	}
	if problem = unusable(key); problem != "" {
		return "", "", s.Key.String() + " " + problem, false
	}
	return key, number, "", false
}

// unusable returns why a text cannot be a key; "" when it can.
func unusable(key string) string {
	switch {
	case key == "":
		return "is empty"
	case len(key) > MaxKey:
		return fmt.Sprintf("has %d bytes, more than %d", len(key), MaxKey)
	case strings.ContainsRune(key, 0):
		return "holds U+0000, which nobody can type and the directory cannot store"
	}
	return ""
}

// value returns the Go value of what comes next. It returns flawed{} when the
// value itself has a flaw, or exceeds what one record may hold.
func (e *emitter) value() (any, error) {
	c, err := e.peek()
	if err != nil {
		return nil, err
	}
	at := e.offset()
	switch {
	case e.reading.room < 0:
		return flawed{}, e.skip()
	case (c == '{' || c == '[') && e.depth >= maxDepth:
		e.note(at, fmt.Sprintf("nested deeper than %d", maxDepth))
		return flawed{}, e.skip()
	case c == '{':
		e.spend(at, 0)
		return e.object()
	case c == '[':
		e.spend(at, 0)
		return e.list()
	case c == '"':
		return e.string(at)
	}
	e.hold(MaxRecord)
	if err := e.scalar(c); err != nil {
		return nil, err
	}
	raw := e.held()
	if raw == nil {
		e.excess(at)
		return flawed{}, nil
	}
	switch c {
	case 't':
		e.spend(at, 0)
		return true, nil
	case 'f':
		e.spend(at, 0)
		return false, nil
	case 'n':
		e.spend(at, 0)
		return nil, nil
	}
	if !e.spend(at, len(raw)) {
		return flawed{}, nil
	}
	return json.Number(raw), nil
}

func (e *emitter) string(at int64) (any, error) {
	before := e.flaws
	e.hold(MaxRecord)
	escaped, err := e.text()
	if err != nil {
		return nil, err
	}
	token := e.held()
	switch {
	case token == nil:
		e.excess(at)
		return flawed{}, nil
	case !e.spend(at, len(token)-2), e.flaws != before:
		return flawed{}, nil
	}
	raw := token[1 : len(token)-1]
	if escaped {
		e.scratch = unescape(e.scratch[:0], raw)
		raw = e.scratch
	}
	return string(raw), nil
}

// spend counts a kept value that begins at an offset, and reports whether there
// was room for it.
func (e *emitter) spend(at int64, size int) bool {
	if e.reading.room -= size + perValue; e.reading.room < 0 {
		e.excess(at)
		return false
	}
	return true
}

// excess stops keeping values of a record.
func (e *emitter) excess(at int64) {
	e.note(at, fmt.Sprintf("what is wanted of the record is more than %d bytes", MaxRecord))
	e.reading.room = -1
}

const perValue = 64 // bytes that a value takes besides its text

func (e *emitter) list() (any, error) {
	e.enter()
	list := []any{}
	for begun := false; ; {
		if done, err := e.next(&begun, ']'); done || err != nil {
			return list, err
		}
		v, err := e.value()
		if err != nil {
			return nil, err
		}
		if e.reading.room >= 0 {
			list = append(list, v)
		}
	}
}

func (e *emitter) object() (any, error) {
	e.enter()
	object, o := map[string]any{}, e.names.open()
	for {
		m, done, err := e.member(&o)
		if done || err != nil {
			return object, err
		}
		if e.reading.room < 0 {
			if err := e.skip(); err != nil {
				return nil, err
			}
			continue
		}
		again := m.ok && e.again(&o, m)
		if again {
			e.note(m.at, twice(m.name))
		}
		e.spend(m.at, len(m.name))
		name := e.intern(m.name)
		v, err := e.value()
		switch {
		case err != nil:
			return nil, err
		case again:
			object[name] = flawed{}
		case m.ok:
			object[name] = v
		}
	}
}

func (e *emitter) intern(text []byte) string {
	if s, ok := e.inner[string(text)]; ok {
		return s
	}
	s := string(text)
	if len(e.inner) < maxKnown && len(s) <= maxKnownName {
		e.inner[s] = s
	}
	return s
}
