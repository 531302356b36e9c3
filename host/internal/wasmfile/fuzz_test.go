package wasmfile_test

import (
	"context"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/rollcall-agent/rollcall/host/internal/wasmfile"
	wt "github.com/rollcall-agent/rollcall/host/internal/wasmtest"
)

const maxFuzzed = 4 << 10 // bytes

// FuzzRead: nothing panics, neither Read nor the compiler on what Read accepts;
// what can be read can be read with one section more, and after Harden.
func FuzzRead(f *testing.F) {
	for _, seed := range append(hostile(), whole(), []byte(wt.Header), wt.Claim(1), wt.TypeOutOfRange(), simd(), generate(func(n int) int { return n / 2 })) {
		if len(seed) <= maxFuzzed {
			f.Add(seed)
		}
	}
	h := newHost(f, wazero.NewRuntimeConfigCompiler())
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxFuzzed {
			return
		}
		got, err := wasmfile.Read(data)
		if err != nil {
			return
		}
		compiles(t, h, data)
		again, err := wasmfile.Read(wasmfile.Append(data, "fuzz", []byte("x")))
		if err != nil {
			t.Fatalf("with a section appended: %v", err)
		}
		if len(again.Customs) != len(got.Customs)+1 {
			t.Fatal("the appended section is not there")
		}
	})
}

// compiles compiles a module before and after: it must not panic, and not be
// good before only.
func compiles(t *testing.T, h *host, data []byte) {
	t.Helper()
	ctx := context.Background()
	plain, plainErr := h.CompileModule(ctx, data)
	if plainErr == nil {
		_ = plain.Close(ctx)
	}
	compiled, err := h.CompileModule(ctx, harden(t, data))
	if err == nil {
		_ = compiled.Close(ctx)
	}
	if plainErr == nil && err != nil {
		t.Fatalf("it can be compiled, but not rewritten: %v", err)
	}
}

// FuzzCode is FuzzRead for the code of a function, in a module that is sound.
func FuzzCode(f *testing.F) {
	f.Add(wt.I32Const(0))
	f.Add(wt.Cat([]byte{wt.Block, wt.I32}, wt.I32Const(0), wt.I32Const(1), []byte{wt.BrTable, 1, 0, 0, wt.End}))
	f.Add(wt.Cat(wt.LocalGet(0), []byte{wt.If, 2}, wt.I32Const(1), []byte{wt.Else}, wt.Call(0), []byte{wt.End}))
	f.Add(wt.Cat(wt.I32Const(1), wt.I32Const(2), wt.I32Const(3), wt.MemoryFill, []byte{0xFC, 9, 0, 0xFC, 13, 0}, wt.CallIndirect(0)))
	f.Add([]byte{0xFD, 0x0C, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFD, 0x80, 0x01, 0xFD, 0x15, 3})
	f.Add([]byte{0xD2, 1, 0xD1, 0x20, 1, 0xAA, 0x1A, 0x20, 2, 0xFD, 0x53, 0x6E})
	h := newHost(f, wazero.NewRuntimeConfigCompiler())
	f.Fuzz(func(t *testing.T, code []byte) {
		if len(code) > maxFuzzed {
			return
		}
		m := &wt.Module{DataCount: true}
		status, pair := m.Type(nil, []byte{wt.I32}), m.Type([]byte{wt.I32, wt.I32}, []byte{wt.I32, wt.I64})
		m.Type([]byte{wt.I32}, []byte{wt.I32})
		m.Import("env", "tick", status)
		m.Memory(1, -1)
		m.Table(wt.Funcref, 4, -1)
		m.Table(wt.Externref, 4, 8)
		m.Global(wt.I32, true, wt.I32Const(1)...)
		m.Global(wt.V128, false, wt.Cat([]byte{0xFD, 0x0C}, make([]byte, 16))...)
		m.Elem(0, 0, 1)
		m.PassiveData([]byte("data"))
		m.Func(status, []byte{wt.I32, wt.F64, wt.V128, wt.Externref}, code...)
		m.Func(pair, []byte{wt.I64, wt.Funcref}, code...)
		data := m.Bytes()
		if _, err := wasmfile.Read(data); err == nil {
			compiles(t, h, data)
		}
	})
}

// FuzzHarden: a module of structured code, made from the input, does the same
// before and after.
func FuzzHarden(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"))
	f.Add([]byte("the same answers give the same module, however long they are"))
	h := newHost(f, wazero.NewRuntimeConfigCompiler())
	f.Fuzz(func(t *testing.T, data []byte) {
		at := 0
		wasm := generate(func(n int) int {
			if at >= len(data) {
				return 0
			}
			at++
			return int(data[at-1]) % n
		})
		hardened := harden(t, wasm)
		before, _, err := h.run(wasm, time.Second)
		if err != nil {
			t.Fatalf("%v\n%x", err, wasm)
		}
		after, _, err := h.run(hardened, time.Second)
		if err != nil {
			t.Fatalf("%v\n%x", err, wasm)
		}
		if before.String() != after.String() {
			t.Fatalf("before %s\nafter  %s\n%x", before, after, wasm)
		}
	})
}

// simd is a module with vector instructions of every kind of immediate.
func simd() []byte {
	v := make([]byte, 16)
	return wt.Fetch(1, wt.Cat(
		wt.I32Const(0), []byte{0xFD, 0x0C}, v, []byte{0xFD, 0x0C}, v, []byte{0xFD, 0x0D}, v, // shuffle
		[]byte{0xFD, 0x0B, 4, 0},                                                                  // store
		wt.I32Const(0), []byte{0xFD, 0x00, 4, 0}, []byte{0xFD, 0x80, 0x01}, []byte{0xFD, 0x15, 3}, // load, abs, extract
	)...)
}
