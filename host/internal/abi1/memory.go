package abi1

import (
	"context"

	"github.com/tetratelabs/wazero/api"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// frame is one call of a host function: the arguments, taken one by one from
// the front, and the guest's memory that they point into.
type frame struct {
	ctx    context.Context //nolint:containedctx // the context of the guest's code, only while the function runs
	call   *Call
	memory api.Memory // nil when the guest exports none
	args   []uint64
	bad    bool // an argument lies outside memory
}

func (f *frame) i64() int64 {
	v := int64(f.args[0])
	f.args = f.args[1:]
	return v
}

func (f *frame) u32() uint32 {
	v := uint32(f.args[0])
	f.args = f.args[1:]
	return v
}

func (f *frame) i32() int32 { return int32(f.u32()) }

// bytes takes a pointer and a length, and returns that part of the guest's own
// memory. It is valid until the host function returns.
func (f *frame) bytes() []byte {
	ptr, length := f.u32(), f.u32()
	if length == 0 {
		return nil
	}
	if f.memory != nil {
		if b, ok := f.memory.Read(ptr, length); ok {
			return b
		}
	}
	f.bad = true
	return nil
}

// outside returns the code for arguments that lie outside memory.
func (f *frame) outside() int64 {
	return f.call.no(abi.CodeArgument, "a pointer and length lie outside the connector's memory")
}

// give writes an answer into the guest's buffer if it fits, and returns the
// length that the answer needs.
func give(buf, answer []byte) int64 {
	if len(answer) <= len(buf) {
		copy(buf, answer)
	}
	return int64(len(answer))
}
