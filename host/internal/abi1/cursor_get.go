package abi1

import "github.com/rollcall-agent/rollcall/sdk/abi"

// cursorGet returns the last cursor: docs/connector-abi.md, cursor_get.
func cursorGet(f *frame) int64 {
	buf := f.bytes()
	if f.bad {
		return f.outside()
	}
	if f.call.Sink == nil {
		return f.call.no(abi.CodeState, "only a fetch has a cursor")
	}
	return give(buf, []byte(f.call.Cursor))
}
