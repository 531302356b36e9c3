package abi1

import (
	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// jsonGet returns a value of a body: docs/connector-abi.md, json_get.
func jsonGet(f *frame) int64 {
	h, text, buf := f.i64(), f.bytes(), f.bytes()
	if f.bad {
		return f.outside()
	}
	r, bad := f.call.open(h)
	if r == nil {
		return bad
	}
	at, err := pointer(text)
	if err != nil {
		return f.call.no(abi.CodeInput, "%v", err)
	}
	raw, err := jsonstream.Find(r.readerAt(f.ctx), r.Body.Size(), &r.index, at, abi.MaxValueSize)
	if err != nil {
		return f.call.no(code(err), "%s", r.blame(err))
	}
	return give(buf, raw)
}
