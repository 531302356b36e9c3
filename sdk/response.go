package sdk

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Response is an answer. Its body stays in the host until Close.
type Response struct {
	call   *Call
	handle int64
	path   string
}

// Status returns the HTTP status.
func (r *Response) Status() int { return int(r.call.host.HTTPStatus(r.handle)) }

// Header returns a header, with several lines joined by a comma; "" when there
// is none.
func (r *Response) Header(name string) string {
	b, err := r.call.read("http_header", func(buf []byte) int64 {
		return r.call.host.HTTPHeader(r.handle, name, buf)
	})
	if err != nil {
		return ""
	}
	return string(b)
}

// Get returns the JSON of the value at a JSON pointer. Its error is
// abi.CodeNoValue when there is nothing at the pointer, and abi.CodeNotJSON
// when the body is not JSON; use errors.Is.
func (r *Response) Get(pointer string) (json.RawMessage, error) {
	b, err := r.call.read("json_get", func(buf []byte) int64 {
		return r.call.host.JSONGet(r.handle, pointer, buf)
	})
	if err != nil {
		return nil, err
	}
	return append(json.RawMessage(nil), b...), nil
}

// GetText returns the string or number at a JSON pointer as text. For null, a
// missing value and other types it returns "" without an error; a body that is
// not JSON is an error.
func (r *Response) GetText(pointer string) (string, error) {
	raw, err := r.Get(pointer)
	if errors.Is(err, abi.CodeNoValue) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	switch c := raw[0]; {
	case c == '"':
		if text := string(raw); strings.IndexByte(text, '\\') < 0 { // the host has checked the rest
			return text[1 : len(text)-1], nil
		}
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case c == '-' || c >= '0' && c <= '9':
		return string(raw), nil
	}
	return "", nil
}

// Decode reads the value at a JSON pointer. It reports false when there is
// none, or when its type does not fit.
func (r *Response) Decode(pointer string, to any) bool {
	raw, err := r.Get(pointer)
	return err == nil && json.Unmarshal(raw, to) == nil
}

// GetBool returns the boolean at a JSON pointer, and whether there is one.
func (r *Response) GetBool(pointer string) (value, ok bool, err error) {
	raw, err := r.Get(pointer)
	if errors.Is(err, abi.CodeNoValue) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	text := string(raw)
	return text == "true", text == "true" || text == "false", nil
}

// Text returns the beginning of the body, at most limit bytes, cut between
// characters. It is "" when the body cannot be read.
func (r *Response) Text(limit int) string {
	buf := make([]byte, limit)
	n := r.call.host.BodyRead(r.handle, 0, buf)
	if n <= 0 || n > int64(limit) {
		return ""
	}
	buf = buf[:n]
	for i := 1; n == int64(limit) && i < utf8.UTFMax && i < len(buf); i++ {
		if last := len(buf) - i; utf8.RuneStart(buf[last]) {
			if !utf8.FullRune(buf[last:]) {
				buf = buf[:last]
			}
			break
		}
	}
	return string(buf)
}

// Read copies the body from an offset on and returns the number of bytes
// copied, 0 at the end. Parsing a large body in the connector is slow: prefer
// Emit.
func (r *Response) Read(offset int64, buf []byte) (int, error) {
	n := r.call.host.BodyRead(r.handle, offset, buf)
	if n < 0 {
		return 0, r.call.fault("body_read", n)
	}
	return int(n), nil
}

// EmitOptions says where the records are.
type EmitOptions struct {
	Record string // JSON pointer to the record within an element of the array; "" is the element
	// Keyed says that the records are the members of an object. A member's name
	// is the key of a record that has no key of its own.
	Keyed bool
}

// Emit delivers the elements of the array at a JSON pointer, "" for the whole
// body, and returns their number. After abi.CodeNotJSON or abi.CodeStopped the
// call cannot succeed any more, because some records may have been delivered
// already.
func (r *Response) Emit(pointer string, o EmitOptions) (int64, error) {
	var flags int32
	if o.Keyed {
		flags |= abi.EmitKeyed
	}
	n := r.call.host.Emit(r.handle, pointer, o.Record, flags)
	if n < 0 {
		return 0, r.call.fault("emit", n)
	}
	return n, nil
}

// Size returns the size of the body in bytes.
func (r *Response) Size() (int64, error) {
	n := r.call.host.BodySize(r.handle)
	if n < 0 {
		return 0, r.call.fault("body_size", n)
	}
	return n, nil
}

// Attach makes the body, such as a photo, the value of a field of the record
// with this key. The record may be emitted before or after. The answer must be
// 2xx and its body at most abi.MaxAttachment bytes.
func (r *Response) Attach(key, field string) error {
	return r.call.done("attach", r.call.host.Attach(r.handle, key, field))
}

// Respond makes this the answer of the call's webhook. The last response wins.
func (r *Response) Respond() error {
	return r.call.done("respond", int64(r.call.host.Respond(r.handle)))
}

// Close frees the response. It may be called more than once.
func (r *Response) Close() {
	if r != nil && r.handle >= 0 {
		r.call.host.Release(r.handle)
		r.handle = -1
	}
}
