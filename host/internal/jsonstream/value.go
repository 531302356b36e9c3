package jsonstream

import "encoding/json"

// key finds the primary key below the value of its first name.
func (s Spec) key(v any) (key, problem string, keyless bool) {
	for _, token := range s.Key[1:] {
		object, ok := v.(map[string]any)
		if !ok {
			return "", "the record has no " + s.Key.String(), true
		}
		if v, ok = object[token]; !ok {
			return "", "the record has no " + s.Key.String(), true
		}
	}
	switch v := v.(type) {
	case string:
		if v == "" {
			return "", s.Key.String() + " is empty", false
		}
		return v, "", false
	case json.Number:
		return v.String(), "", false
	case nil:
		return "", s.Key.String() + " is null", true
	}
	return "", s.Key.String() + " is neither text nor a number", false
}

// value builds the Go value of what comes next.
func (e *emitter) value() (any, error) {
	c, err := e.peek()
	if err != nil {
		return nil, err
	}
	at := e.offset()
	switch c {
	case '{':
		if err := e.spend(at, 0); err != nil {
			return nil, err
		}
		return e.object()
	case '[':
		if err := e.spend(at, 0); err != nil {
			return nil, err
		}
		return e.list()
	case '"':
		return e.string(at)
	}
	e.mark = e.pos
	if err := e.scalar(c); err != nil {
		return nil, err
	}
	raw := e.buf[e.mark:e.pos]
	e.mark = -1
	switch c {
	case 't':
		return true, e.spend(at, 0)
	case 'f':
		return false, e.spend(at, 0)
	case 'n':
		return nil, e.spend(at, 0)
	}
	return json.Number(raw), e.spend(at, len(raw))
}

func (e *emitter) string(at int64) (any, error) {
	e.mark = e.pos
	escaped, err := e.text()
	if err != nil {
		return nil, err
	}
	raw := e.buf[e.mark+1 : e.pos-1]
	e.mark = -1
	if err := e.spend(at, len(raw)); err != nil {
		return nil, err
	}
	if escaped {
		e.scratch = unescape(e.scratch[:0], raw)
		raw = e.scratch
	}
	return string(raw), nil
}

// spend counts a value that is kept, which begins at an offset.
func (e *emitter) spend(at int64, size int) error {
	if e.room -= size + perValue; e.room < 0 {
		return e.long(at)
	}
	return nil
}

const perValue = 64 // bytes that a value takes besides its text

func (e *emitter) list() (any, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	list := []any{}
	for begun := false; ; {
		if done, err := e.next(&begun, ']'); done || err != nil {
			return list, err
		}
		v, err := e.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
}

func (e *emitter) object() (any, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	object, o := map[string]any{}, e.names.open()
	for {
		at := e.offset()
		raw, done, err := e.member(&o)
		if done || err != nil {
			return object, err
		}
		if err := e.spend(at, len(raw)); err != nil {
			return nil, err
		}
		name := e.intern(raw)
		if object[name], err = e.value(); err != nil {
			return nil, err
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
