package abi1

import (
	"context"

	"github.com/tetratelabs/wazero/api"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// frame is one call of a host function: its arguments, taken from the front,
// and the memory that they point into.
type frame struct {
	ctx    context.Context //nolint:containedctx // that of the guest's code, for as long as the function runs
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

// bytes takes a pointer and a length. The answer is the guest's own memory,
// valid until the host function returns.
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

// outside is the answer to arguments outside memory.
func (f *frame) outside() int64 {
	return f.call.no(abi.CodeArgument, "a pointer and length lie outside the connector's memory")
}

// give answers into the buffer that the guest passed: the needed length, and
// the answer itself where it fits.
func give(buf, answer []byte) int64 {
	if len(answer) <= len(buf) {
		copy(buf, answer)
	}
	return int64(len(answer))
}
