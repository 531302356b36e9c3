package abi1

import (
	"context"
	"encoding/binary"
	"fmt"
	"unicode/utf16"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// AbortError is the end of a guest that aborted itself.
type AbortError struct{ Reason string }

// Error returns the reason, in the guest's words.
func (e *AbortError) Error() string { return "the connector's code gave up: " + e.Reason }

// registerEnv registers the imports that AssemblyScript's runtime needs.
func registerEnv(ctx context.Context, r wazero.Runtime) error {
	builder := r.NewHostModuleBuilder(abi.ModuleEnv)
	for _, f := range abi.EnvFunctions() {
		var params []api.ValueType
		for _, p := range f.Params {
			params = append(params, valueType(p.Type))
		}
		builder.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(abort), params, nil).Export(f.Name)
	}
	if _, err := builder.Instantiate(ctx); err != nil {
		return fmt.Errorf("register AssemblyScript's functions: %w", err)
	}
	return nil
}

// abort ends the guest. The runtime turns the panic into an error.
func abort(_ context.Context, guest api.Module, stack []uint64) {
	memory := guest.ExportedMemory(abi.ExportMemory)
	message, file := scriptString(memory, uint32(stack[0])), scriptString(memory, uint32(stack[1]))
	reason := message
	if reason == "" {
		reason = "no reason given"
	}
	if file != "" {
		reason += fmt.Sprintf(" (%s:%d:%d)", file, uint32(stack[2]), uint32(stack[3]))
	}
	panic(&AbortError{Reason: cut(reason)})
}

// scriptString reads an AssemblyScript string: UTF-16 in little endian, with
// its length in bytes stored 4 bytes before it. "" stands for a null pointer or
// an invalid one.
func scriptString(memory api.Memory, ptr uint32) string {
	const header = 4
	if memory == nil || ptr < header {
		return ""
	}
	length, ok := memory.ReadUint32Le(ptr - header)
	if !ok || uint64(ptr)+uint64(length) > uint64(memory.Size()) {
		return ""
	}
	raw, ok := memory.Read(ptr, min(length, 2*abi.MaxTextSize)&^1)
	if !ok {
		return ""
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	return string(utf16.Decode(units))
}
