package simkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
)

const maxBody = 1 << 20

// Errors of ReadBody.
var (
	ErrMediaType = errors.New("content type is not application/json")
	ErrBody      = errors.New("body cannot be read")
)

// ReadBody reads the body of a request, which must declare itself as JSON.
func ReadBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return nil, ErrMediaType
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBody, err)
	}
	return body, nil
}

// Parse decodes one JSON value. It refuses two things that encoding/json
// accepts: repeated members, and text after the value. Integers become int64,
// other numbers json.Number.
func Parse(body []byte) (any, Violations) {
	p := parser{json.NewDecoder(bytes.NewReader(body))}
	p.UseNumber()
	v, found := p.value("", 0)
	if found != nil {
		return nil, found
	}
	if _, err := p.Token(); !errors.Is(err, io.EOF) {
		return nil, Violations{{"body", "has text behind the value"}}
	}
	return v, nil
}

type parser struct{ *json.Decoder }

const maxDepth = 50

func notJSON() Violations { return Violations{{"body", "is not valid JSON"}} }

func (p parser) value(path string, depth int) (any, Violations) {
	if depth > maxDepth {
		return nil, Violations{{"body", "is nested too deeply"}}
	}
	t, err := p.Token()
	if err != nil {
		return nil, notJSON()
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return p.object(path, depth+1)
		}
		return p.array(path, depth+1)
	case json.Number:
		if n, err := strconv.ParseInt(string(t), 10, 64); err == nil {
			return n, nil
		}
		return t, nil
	}
	return t, nil
}

func (p parser) object(path string, depth int) (any, Violations) {
	members := map[string]any{}
	for p.More() {
		t, err := p.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, notJSON()
		}
		at := name
		if path != "" {
			at = path + "." + name
		}
		v, found := p.value(at, depth)
		if found != nil {
			return nil, found
		}
		if _, twice := members[name]; twice {
			return nil, Violations{{at, "is given twice"}}
		}
		members[name] = v
	}
	return members, p.end()
}

func (p parser) array(path string, depth int) (any, Violations) {
	items := []any{}
	for p.More() {
		v, found := p.value(fmt.Sprintf("%s[%d]", path, len(items)), depth)
		if found != nil {
			return nil, found
		}
		items = append(items, v)
	}
	return items, p.end()
}

func (p parser) end() Violations {
	if _, err := p.Token(); err != nil {
		return notJSON()
	}
	return nil
}

func typeOf(v any) Type {
	switch v.(type) {
	case map[string]any:
		return Object
	case []any:
		return Array
	case string:
		return String
	case bool:
		return Boolean
	case int64:
		return Integer
	case json.Number:
		return Number
	}
	return "null"
}
