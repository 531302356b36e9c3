package abi1

import (
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// httpHeader returns a header: docs/connector-abi.md, http_header.
func httpHeader(f *frame) int64 {
	h, name, buf := f.i64(), f.bytes(), f.bytes()
	if f.bad {
		return f.outside()
	}
	r, bad := f.call.open(h)
	if r == nil {
		return bad
	}
	name = name[:min(len(name), abi.MaxKeySize)] // no header name is longer
	values := r.Header.Values(string(name))
	if len(values) == 0 {
		return f.call.no(abi.CodeNoValue, "the answer has no header %q", name)
	}
	return give(buf, []byte(strings.Join(values, ", ")))
}
