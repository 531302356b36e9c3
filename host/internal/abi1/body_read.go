package abi1

import (
	"errors"
	"io"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// bodyRead copies a part of a body: docs/connector-abi.md, body_read.
func bodyRead(f *frame) int64 {
	h, offset, buf := f.i64(), f.i64(), f.bytes()
	if f.bad {
		return f.outside()
	}
	r, bad := f.call.open(h)
	if r == nil {
		return bad
	}
	if offset < 0 {
		return f.call.no(abi.CodeArgument, "offset %d is negative", offset)
	}
	n, err := r.Body.ReadAt(buf, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return f.call.no(abi.CodeNetwork, "read the spooled body: %v", err)
	}
	return int64(n)
}
