// Package wasmtest builds WebAssembly modules for tests: sound ones, and ones
// that no compiler would write. Only tests import it.
//
// It is an encoder, not an assembler: code is given as bytes, and nothing is
// checked. The modules may be invalid on purpose.
package wasmtest

import "slices"

// Header is the start of every module.
const Header = "\x00asm\x01\x00\x00\x00"

// Value types of the binary format.
const (
	I32       = 0x7F
	I64       = 0x7E
	F32       = 0x7D
	F64       = 0x7C
	V128      = 0x7B
	Funcref   = 0x70
	Externref = 0x6F
)

// Kinds of imports and exports.
const (
	KindFunction = 0
	KindTable    = 1
	KindMemory   = 2
	KindGlobal   = 3
)

// Module collects the parts of a module. The zero value is an empty module. Add
// imports before functions, because the method returns the index at that time.
type Module struct {
	types, imports, functions, tables, memories, globals, exports, elements, codes, data [][]byte

	start     []byte
	customs   []byte
	imported  int
	DataCount bool // write the section that memory.init and data.drop need
}

// Type adds a function type and returns its index.
func (m *Module) Type(params, results []byte) uint32 {
	t := Cat([]byte{0x60}, U32(uint32(len(params))), params, U32(uint32(len(results))), results)
	m.types = append(m.types, t)
	return uint32(len(m.types) - 1)
}

// Import adds an imported function and returns its index.
func (m *Module) Import(module, name string, typ uint32) uint32 {
	m.ImportOther(module, name, Cat([]byte{KindFunction}, U32(typ)))
	m.imported++
	return uint32(m.imported - 1)
}

// ImportOther adds an import whose description, kind first, is given in bytes.
func (m *Module) ImportOther(module, name string, description []byte) {
	m.imports = append(m.imports, Cat(Name(module), Name(name), description))
}

// Func adds a function and returns its index. It adds the end of the code.
// locals holds one value type for each local.
func (m *Module) Func(typ uint32, locals []byte, code ...byte) uint32 {
	var groups []byte
	count := uint32(0)
	for i := 0; i < len(locals); {
		n := i
		for n < len(locals) && locals[n] == locals[i] {
			n++
		}
		groups = Cat(groups, U32(uint32(n-i)), locals[i:i+1])
		count++
		i = n
	}
	return m.RawFunc(typ, Cat(U32(count), groups, code, []byte{End}))
}

// RawFunc adds a function whose locals and code are given in bytes, without
// their size.
func (m *Module) RawFunc(typ uint32, body []byte) uint32 {
	m.functions = append(m.functions, U32(typ))
	m.codes = append(m.codes, Sized(body))
	return uint32(m.imported + len(m.functions) - 1)
}

// Memory adds a memory of so many pages; a negative most means no maximum.
func (m *Module) Memory(least, most int) { m.memories = append(m.memories, limits(least, most)) }

// Table adds a table of a reference type; a negative most means no maximum.
func (m *Module) Table(kind byte, least, most int) {
	m.tables = append(m.tables, Cat([]byte{kind}, limits(least, most)))
}

func limits(least, most int) []byte {
	if most < 0 {
		return Cat([]byte{0}, U32(uint32(least)))
	}
	return Cat([]byte{1}, U32(uint32(least)), U32(uint32(most)))
}

// Global adds a global. Its initial value is a constant expression without the
// end.
func (m *Module) Global(kind byte, mutable bool, value ...byte) {
	change := byte(0)
	if mutable {
		change = 1
	}
	m.globals = append(m.globals, Cat([]byte{kind, change}, value, []byte{End}))
}

// Export adds an export.
func (m *Module) Export(name string, kind byte, index uint32) {
	m.exports = append(m.exports, Cat(Name(name), []byte{kind}, U32(index)))
}

// Start names the function that runs when the module is instantiated.
func (m *Module) Start(function uint32) { m.start = U32(function) }

// Elem adds an active segment that puts functions into table 0.
func (m *Module) Elem(offset int32, functions ...uint32) {
	e := Cat([]byte{0}, I32Const(offset), []byte{End}, U32(uint32(len(functions))))
	for _, f := range functions {
		e = append(e, U32(f)...)
	}
	m.elements = append(m.elements, e)
}

// RawElem adds an element segment in bytes, flags first.
func (m *Module) RawElem(segment ...byte) { m.elements = append(m.elements, segment) }

// Data adds an active segment that puts bytes into the memory.
func (m *Module) Data(offset int32, content []byte) {
	m.data = append(m.data, Cat([]byte{0}, I32Const(offset), []byte{End}, Sized(content)))
}

// PassiveData adds a segment for memory.init.
func (m *Module) PassiveData(content []byte) {
	m.data = append(m.data, Cat([]byte{1}, Sized(content)))
}

// Custom adds a custom section. Custom sections come last.
func (m *Module) Custom(name string, content []byte) {
	m.customs = append(m.customs, Section(0, Cat(Name(name), content))...)
}

// Bytes encodes the module. Sections without entries are left out.
func (m *Module) Bytes() []byte {
	out := []byte(Header)
	vector := func(id byte, entries [][]byte) {
		if len(entries) > 0 {
			out = append(out, Section(id, Cat(U32(uint32(len(entries))), Cat(entries...)))...)
		}
	}
	vector(1, m.types)
	vector(2, m.imports)
	vector(3, m.functions)
	vector(4, m.tables)
	vector(5, m.memories)
	vector(6, m.globals)
	vector(7, m.exports)
	if m.start != nil {
		out = append(out, Section(8, m.start)...)
	}
	vector(9, m.elements)
	if m.DataCount {
		out = append(out, Section(12, U32(uint32(len(m.data))))...)
	}
	vector(10, m.codes)
	vector(11, m.data)
	return append(out, m.customs...)
}

// Section encodes one section.
func Section(id byte, content []byte) []byte { return Cat([]byte{id}, Sized(content)) }

// Sized puts the length in front.
func Sized(content []byte) []byte { return Cat(U32(uint32(len(content))), content) }

// Name encodes a name.
func Name(s string) []byte { return Sized([]byte(s)) }

// Cat joins parts into new bytes.
func Cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

// U32 encodes an unsigned LEB128 number.
func U32(n uint32) []byte {
	var b []byte
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// S64 encodes a signed LEB128 number.
func S64(n int64) []byte {
	var b []byte
	for {
		low := byte(n & 0x7F)
		n >>= 7
		if n == 0 && low&0x40 == 0 || n == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}
