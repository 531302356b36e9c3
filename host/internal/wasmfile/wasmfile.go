// Package wasmfile reads untrusted WebAssembly files, and rewrites them so that
// their code can be stopped.
//
// Read walks the whole binary. It checks every section, every count against the
// bytes that exist, and every instruction with its immediates and indices. It
// knows WebAssembly 2.0, and names any other feature that it refuses. Its caps
// keep an accepted file from exhausting the process that compiles it. Harden
// returns the module to compile.
//
// It does not check the types of operands, which the compiler's own validation
// does. It is neither a compiler nor a sandbox: a file that Read accepts must
// still be compiled in a process that may die.
package wasmfile

import (
	"errors"
	"fmt"
	"slices"
)

// Kinds of imports and exports.
const (
	KindFunction = 0
	KindTable    = 1
	KindMemory   = 2
	KindGlobal   = 3
)

// Signature is the type of a function. Its bytes are those of the binary format
// (0x7F i32, 0x7E i64, 0x7D f32, 0x7C f64, 0x7B v128, 0x70 funcref, 0x6F
// externref).
type Signature struct{ Params, Results []byte }

// Equal reports whether two signatures are the same.
func (s Signature) Equal(o Signature) bool {
	return slices.Equal(s.Params, o.Params) && slices.Equal(s.Results, o.Results)
}

// Import is one import. Signature is set for functions.
type Import struct {
	Module, Name string
	Kind         byte
	Signature    Signature
}

// Export is one export. Signature is set for functions.
type Export struct {
	Name      string
	Kind      byte
	Signature Signature
}

// Custom is one custom section.
type Custom struct {
	Name    string
	Content []byte
}

// File is the content of a module. Its slices share memory with the data given
// to Read.
type File struct {
	Imports []Import
	Exports []Export
	Customs []Custom
	Numbers Numbers

	data      []byte
	sections  []section
	types     []Signature
	functions []uint32 // type indices: imported functions, then the module's own
	imported  int      // functions
	tables    []table
	memories  int
	globals   []global
	elements  []byte // reference type of each element segment
	dataCount int    // as announced before the code section; -1: not announced
	segments  int    // data segments
	bodies    []body
	leaks     bool // a table may hold a function of the host
}

// section says where the content of a section other than a custom one is.
type section struct {
	id         byte
	start, end int
}

type table struct {
	kind    byte
	limits  int // where its limits start
	end     int // and where they end
	least   uint32
	bounded bool // it has a maximum size
	foreign bool // it is imported
}

type global struct {
	kind             byte
	mutable, foreign bool
}

// body is the code of one function.
type body struct {
	start, end int   // without the size in front
	checks     []int // the places for checks, in order
}

// ErrNotWASM is the error for a file that is not a WebAssembly module of
// version 1.
var ErrNotWASM = errors.New("not a WebAssembly module")

const header = "\x00asm\x01\x00\x00\x00"

// Section identifiers of the binary format.
const (
	sectionCustom = iota
	sectionType
	sectionImport
	sectionFunction
	sectionTable
	sectionMemory
	sectionGlobal
	sectionExport
	sectionStart
	sectionElement
	sectionCode
	sectionData
	sectionDataCount
)

// order is the place of each section: the data count comes before the code.
var order = [...]int{
	sectionType: 1, sectionImport: 2, sectionFunction: 3, sectionTable: 4, sectionMemory: 5,
	sectionGlobal: 6, sectionExport: 7, sectionStart: 8, sectionElement: 9, sectionDataCount: 10,
	sectionCode: 11, sectionData: 12,
}

// Read parses and checks a file. Its error says what is wrong and at which
// byte.
func Read(data []byte) (*File, error) {
	if len(data) < len(header) || string(data[:len(header)]) != header {
		return nil, ErrNotWASM
	}
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%d bytes, more than %d", len(data), MaxSize)
	}
	f := &File{data: data, dataCount: -1}
	r := &reader{data: data, at: len(header)}
	last := 0
	for !r.done() {
		start := r.at
		id := r.byte()
		content := r.part(r.u32())
		if r.err != nil {
			return nil, fmt.Errorf("section at byte %d: %w", start, r.err)
		}
		if int(id) >= len(order) {
			return nil, fmt.Errorf("section at byte %d: section %d is not known%s", start, id, sectionProposal(id))
		}
		if id != sectionCustom {
			if order[id] <= last {
				return nil, fmt.Errorf("section at byte %d: section %d is out of order or there twice", start, id)
			}
			last = order[id]
			f.sections = append(f.sections, section{id: id, start: content.at, end: r.at})
		}
		f.section(id, content)
		if content.close(); content.err != nil {
			return nil, fmt.Errorf("section %d: %w", id, content.err)
		}
	}
	if err := f.complete(); err != nil {
		return nil, err
	}
	return f, nil
}

func sectionProposal(id byte) string {
	if id == 13 {
		return " (tags: exception handling)"
	}
	return ""
}

func (f *File) section(id byte, r *reader) {
	switch id {
	case sectionCustom:
		f.readCustom(r)
	case sectionType:
		f.readTypes(r)
	case sectionImport:
		f.readImports(r)
	case sectionFunction:
		for range r.count("functions", maxFunctions, 1) {
			f.functions = append(f.functions, r.index("type", len(f.types)))
		}
	case sectionTable:
		for range r.count("tables", maxTables, 3) {
			f.readTable(r, false)
		}
	case sectionMemory:
		for range r.count("memories", 1, 2) {
			f.readMemory(r)
		}
	case sectionGlobal:
		f.readGlobals(r)
	case sectionExport:
		f.readExports(r)
	case sectionStart:
		f.readStart(r)
	case sectionElement:
		f.readElements(r)
	case sectionDataCount:
		f.dataCount = int(r.count("data segments", maxSegments, 0))
	case sectionCode:
		f.readCode(r)
	case sectionData:
		f.readData(r)
	}
}

// complete checks what only the whole file shows.
func (f *File) complete() error {
	if own := len(f.functions) - f.imported; own != len(f.bodies) {
		return fmt.Errorf("%d functions are declared, and %d have code", own, len(f.bodies))
	}
	if f.dataCount >= 0 && f.dataCount != f.segments {
		return fmt.Errorf("%d data segments are announced, and %d are there", f.dataCount, f.segments)
	}
	return nil
}

// Section returns the content of the custom section with a name, or nil when
// there is none. Two sections of one name are an error.
func (f *File) Section(name string) ([]byte, error) {
	var found []byte
	for _, c := range f.Customs {
		if c.Name != name {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("custom section %q is there twice", name)
		}
		found = c.Content
	}
	return found, nil
}

// Append returns a copy of a module with a custom section at its end.
func Append(module []byte, name string, content []byte) []byte {
	body := append(leb(uint32(len(name))), name...)
	body = append(body, content...)
	out := slices.Clone(module)
	out = append(out, sectionCustom)
	out = append(out, leb(uint32(len(body)))...)
	return append(out, body...)
}

func leb(n uint32) []byte {
	var b []byte
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}
