package abi1_test

import (
	"slices"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// module is a small module, written byte by byte: what no compiler makes.
type module struct {
	imports []imported
	funcs   []function
	memory  bool   // exported as "memory"
	data    string // at address 0
}

type imported struct {
	module string
	f      abi.Function
}

type function struct {
	export string
	i32    bool // answers an i32
	body   []byte
}

// Instructions.
const (
	opEnd    = 0x0B
	opCall   = 0x10
	opDrop   = 0x1A
	opI32    = 0x41
	opI64    = 0x42
	opNeI32  = 0x47
	opNeI64  = 0x52
	opIf     = 0x04
	opGet    = 0x23 // of the only global
	opSet    = 0x24
	void     = 0x40
	typeI32  = 0x7F
	typeI64  = 0x7E
	kindFunc = 0
)

func leb(v int64) []byte { // signed
	var out []byte
	for {
		b := byte(v & 0x7F)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

func uleb(v int) []byte {
	var out []byte
	for ; v > 0x7F; v >>= 7 {
		out = append(out, byte(v&0x7F|0x80))
	}
	return append(out, byte(v))
}

func section(id byte, entries [][]byte) []byte {
	body := uleb(len(entries))
	for _, e := range entries {
		body = append(body, e...)
	}
	return slices.Concat([]byte{id}, uleb(len(body)), body)
}

func name(s string) []byte { return append(uleb(len(s)), s...) }

func valueTypes(list ...abi.Type) []byte {
	out := uleb(len(list))
	for _, t := range list {
		out = append(out, map[abi.Type]byte{abi.I32: typeI32, abi.I64: typeI64}[t])
	}
	return out
}

// encode writes the module. It has one global, an i32 that begins with 0.
func (m module) encode() []byte {
	var types, imports, funcs, exports, code [][]byte
	for i, im := range m.imports {
		var params, results []abi.Type
		for _, p := range im.f.Params {
			params = append(params, p.Type)
		}
		if im.f.Result != "" {
			results = append(results, im.f.Result)
		}
		types = append(types, slices.Concat([]byte{0x60}, valueTypes(params...), valueTypes(results...)))
		imports = append(imports, slices.Concat(name(im.module), name(im.f.Name), []byte{kindFunc}, uleb(i)))
	}
	for i, f := range m.funcs {
		var results []abi.Type
		if f.i32 {
			results = []abi.Type{abi.I32}
		}
		types = append(types, slices.Concat([]byte{0x60, 0}, valueTypes(results...)))
		funcs = append(funcs, uleb(len(m.imports)+i))
		exports = append(exports, slices.Concat(name(f.export), []byte{kindFunc}, uleb(len(m.imports)+i)))
		body := slices.Concat([]byte{0}, f.body, []byte{opEnd})
		code = append(code, append(uleb(len(body)), body...))
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	out = append(out, section(1, types)...)
	out = append(out, section(2, imports)...)
	out = append(out, section(3, funcs)...)
	out = append(out, section(5, [][]byte{{0, 1}})...)
	out = append(out, section(6, [][]byte{{typeI32, 1, opI32, 0, opEnd}})...)
	if m.memory {
		exports = append(exports, append(name(abi.ExportMemory), 2, 0))
	}
	out = append(out, section(7, exports)...)
	out = append(out, section(10, code)...)
	if m.data != "" {
		out = append(out, section(11, [][]byte{slices.Concat([]byte{0, opI32, 0, opEnd}, name(m.data))})...)
	}
	return out
}

// call calls an import with constants.
func (m module) call(index int, args ...int64) []byte {
	var out []byte
	for i, p := range m.imports[index].f.Params {
		op := byte(opI32)
		if p.Type == abi.I64 {
			op = opI64
		}
		out = slices.Concat(out, []byte{op}, leb(args[i]))
	}
	return slices.Concat(out, []byte{opCall}, uleb(index))
}

// expect calls an import, and puts number into the global when it answers
// something else than want.
func (m module) expect(index int, want int64, number int, args ...int64) []byte {
	call := m.call(index, args...)
	var compare []byte
	switch m.imports[index].f.Result {
	case "":
		return call
	case abi.I32:
		compare = slices.Concat([]byte{opI32}, leb(want), []byte{opNeI32})
	default:
		compare = slices.Concat([]byte{opI64}, leb(want), []byte{opNeI64})
	}
	return slices.Concat(call, compare, []byte{opIf, void, opI32}, leb(int64(number)), []byte{opSet, 0, opEnd})
}
