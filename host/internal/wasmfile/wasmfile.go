// Package wasmfile reads what a WebAssembly file says about itself before
// anything compiles it: its custom sections, what it imports and exports. It
// checks every length and count that the file claims against the bytes that
// are there. It does not validate code.
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

// Caps on what a file may hold. A connector written in Go stays far below.
const (
	maxTypes     = 5_000
	maxParams    = 100
	maxImports   = 200
	maxExports   = 1_000
	maxFunctions = 20_000
	maxSegments  = 200_000
	maxTables    = 4
	maxGlobals   = 1_000
	maxName      = 1_000
	maxCustom    = 1_000
)

// Signature is the type of a function: bytes as the binary format has them
// (0x7F i32, 0x7E i64, 0x7D f32, 0x7C f64).
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

// File is what was read.
type File struct {
	Imports []Import
	Exports []Export
	Customs []Custom

	types     []Signature
	functions []uint32 // type indices: imported functions, then own ones
}

// ErrNotWASM says that the file is not a WebAssembly module of version 1.
var ErrNotWASM = errors.New("not a WebAssembly module")

var header = []byte("\x00asm\x01\x00\x00\x00")

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

// Read walks a file. Its slices share the memory of data.
func Read(data []byte) (*File, error) {
	if len(data) < len(header) || string(data[:len(header)]) != string(header) {
		return nil, ErrNotWASM
	}
	f := &File{}
	r := &reader{data: data, at: len(header)}
	last := 0
	for !r.done() {
		start := r.at
		id := r.byte()
		content := r.take(r.u32())
		if r.err != nil {
			return nil, fmt.Errorf("section at byte %d: %w", start, r.err)
		}
		if int(id) >= len(order) {
			return nil, fmt.Errorf("section at byte %d: section %d is not known", start, id)
		}
		if id != sectionCustom {
			if order[id] <= last {
				return nil, fmt.Errorf("section at byte %d: section %d is out of order or there twice", start, id)
			}
			last = order[id]
		}
		s := &reader{data: data[:r.at], at: r.at - len(content)}
		if err := f.section(id, s); err != nil {
			return nil, fmt.Errorf("section %d at byte %d: %w", id, start, err)
		}
	}
	return f, nil
}

func (f *File) section(id byte, r *reader) error {
	switch id {
	case sectionCustom:
		if len(f.Customs) >= maxCustom {
			return fmt.Errorf("more than %d custom sections", maxCustom)
		}
		name := r.name()
		f.Customs = append(f.Customs, Custom{Name: name, Content: r.rest()})
		return r.err
	case sectionType:
		f.readTypes(r)
	case sectionImport:
		f.readImports(r)
	case sectionFunction:
		for range r.count(maxFunctions) {
			f.functions = append(f.functions, f.typeIndex(r))
		}
	case sectionExport:
		f.readExports(r)
	default:
		checkCount(id, r)
		return r.err
	}
	if r.err == nil && !r.done() {
		return fmt.Errorf("%d bytes are left over", len(r.data)-r.at)
	}
	return r.err
}

// checkCount looks only at the number of entries of sections whose content
// says nothing here.
func checkCount(id byte, r *reader) {
	switch id {
	case sectionCode:
		for range r.count(maxFunctions) {
			r.take(r.u32())
		}
	case sectionElement, sectionData:
		r.count(maxSegments)
	case sectionTable, sectionMemory:
		r.count(maxTables)
	case sectionGlobal:
		r.count(maxGlobals)
	}
}

func (f *File) readTypes(r *reader) {
	const functionType = 0x60
	for range r.count(maxTypes) {
		if form := r.byte(); form != functionType && r.err == nil {
			r.fail("type form 0x%x is not that of a function", form)
		}
		f.types = append(f.types, Signature{
			Params: r.take(r.count(maxParams)), Results: r.take(r.count(maxParams)),
		})
	}
}

func (f *File) typeIndex(r *reader) uint32 {
	i := r.u32()
	if r.err == nil && int64(i) >= int64(len(f.types)) {
		r.fail("type %d of %d", i, len(f.types))
	}
	return i
}

func (f *File) signature(typeIndex uint32) Signature {
	if int64(typeIndex) < int64(len(f.types)) {
		return f.types[typeIndex]
	}
	return Signature{}
}

func (f *File) readImports(r *reader) {
	for range r.count(maxImports) {
		i := Import{Module: r.name(), Name: r.name(), Kind: r.byte()}
		switch i.Kind {
		case KindFunction:
			t := f.typeIndex(r)
			i.Signature = f.signature(t)
			f.functions = append(f.functions, t)
		case KindTable:
			r.byte()
			r.limits()
		case KindMemory:
			r.limits()
		case KindGlobal:
			r.byte()
			r.byte()
		default:
			r.fail("import kind %d is not known", i.Kind)
		}
		f.Imports = append(f.Imports, i)
	}
}

func (f *File) readExports(r *reader) {
	for range r.count(maxExports) {
		e := Export{Name: r.name(), Kind: r.byte()}
		i := r.u32()
		if e.Kind > KindGlobal && r.err == nil {
			r.fail("export kind %d is not known", e.Kind)
		}
		if e.Kind == KindFunction && r.err == nil {
			if int64(i) >= int64(len(f.functions)) {
				r.fail("export %q: function %d of %d", e.Name, i, len(f.functions))
			} else {
				e.Signature = f.signature(f.functions[i])
			}
		}
		f.Exports = append(f.Exports, e)
	}
}

// Section returns the content of the custom section with a name. Two of one
// name are an error, none is (nil, nil).
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
