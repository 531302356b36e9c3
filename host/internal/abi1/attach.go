package abi1

import (
	"encoding/base64"
	"errors"
	"io"
	"slices"

	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// attach delivers a body as the value of a field: docs/connector-abi.md, attach.
func attach(f *frame) int64 {
	h, rawKey, rawField := f.i64(), f.bytes(), f.bytes()
	if f.bad {
		return f.outside()
	}
	c := f.call
	r, bad := c.open(h)
	if r == nil {
		return bad
	}
	key, bad := c.key(rawKey)
	if bad < 0 {
		return bad
	}
	field, bad := c.key(rawField)
	if bad < 0 {
		return bad
	}
	switch size := r.Body.Size(); {
	case r.Status < 200 || r.Status > 299:
		return c.no(abi.CodeInput, "the answer with status %d is no attachment", r.Status)
	case size > abi.MaxAttachment:
		return c.no(abi.CodeTooLarge, "an attachment of %d bytes, more than %d", size, abi.MaxAttachment)
	}
	fields := map[string]any{}
	if c.Spec.All || slices.Contains(c.Spec.Keep, field) { // as in other records, a field that nobody needs is dropped
		content := make([]byte, r.Body.Size())
		if _, err := r.Body.ReadAt(content, 0); err != nil && !errors.Is(err, io.EOF) {
			return c.no(abi.CodeNetwork, "read the spooled body: %v", err)
		}
		fields[field] = base64.StdEncoding.EncodeToString(content)
	}
	if bad := c.single(Record{Record: jsonstream.Record{Key: key, Fields: fields}, Partial: true}, field); bad < 0 {
		return bad
	}
	return r.Body.Size()
}
