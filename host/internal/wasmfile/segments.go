package wasmfile

// constant reads a constant expression: one instruction and an end. A global
// must be imported and immutable.
func (f *File) constant(r *reader, want byte) {
	start := r.at
	kind := f.constantKind(r)
	if r.err == nil && kind != want {
		r.failAt(start, "a constant of type 0x%02x where 0x%02x belongs", kind, want)
	}
	if end := r.byte(); end != opEnd && r.err == nil {
		r.failAt(r.at-1, "a constant expression of more than one instruction")
	}
}

func (f *File) constantKind(r *reader) byte {
	start := r.at
	switch op := r.byte(); op {
	case opI32Const:
		r.signed(32)
		return typeI32
	case opI64Const:
		r.signed(64)
		return typeI64
	case opF32Const:
		r.take(4)
		return typeF32
	case opF64Const:
		r.take(8)
		return typeF64
	case opGlobalGet:
		i := r.index("global", len(f.globals))
		if r.err != nil {
			return 0
		}
		if g := f.globals[i]; !g.foreign || g.mutable {
			r.failAt(start, "a constant expression may only use imported constant globals")
		}
		return f.globals[i].kind
	case opRefNull:
		return r.referenceType()
	case opRefFunc:
		f.refer(r.index("function", len(f.functions)))
		return typeFuncref
	case opVector:
		if r.byte() != vecConst {
			r.failAt(start, "this vector instruction is not a constant")
		}
		r.take(16)
		return typeV128
	default:
		r.failAt(start, "instruction 0x%02x in a constant expression", op)
		return 0
	}
}

// refer records that a function can get into a table.
func (f *File) refer(function uint32) {
	if int64(function) < int64(f.imported) {
		f.leaks = true
	}
}

// Bits of an element segment's flags.
const (
	elementPassive  = 1 // or declarative, with the next bit
	elementExplicit = 2 // has a table index, or is declarative
	elementExprs    = 4
)

func (f *File) readElements(r *reader) {
	for range r.count("element segments", maxSegments, 2) {
		start := r.at
		flags := r.u32()
		if flags > 7 {
			r.failAt(start, "element flags %d are not known", flags)
		}
		to := uint32(0)
		active := flags&elementPassive == 0
		if active {
			if flags&elementExplicit != 0 {
				to = r.u32()
			}
			if r.err == nil && int64(to) >= int64(len(f.tables)) {
				r.failAt(start, "table %d of %d", to, len(f.tables))
			}
			f.constant(r, typeI32)
		}
		kind := f.elementKind(r, flags)
		if r.err == nil && active && f.tables[to].kind != kind {
			r.failAt(start, "elements of type 0x%02x for a table of another", kind)
		}
		f.readEntries(r, flags, kind)
		f.elements = append(f.elements, kind)
	}
}

func (f *File) elementKind(r *reader, flags uint32) byte {
	switch {
	case flags&(elementPassive|elementExplicit) == 0:
		return typeFuncref
	case flags&elementExprs != 0:
		return r.referenceType()
	}
	if kind := r.byte(); kind != 0 {
		r.failAt(r.at-1, "element kind %d is not known", kind)
	}
	return typeFuncref
}

func (f *File) readEntries(r *reader, flags uint32, kind byte) {
	least := 1
	if flags&elementExprs != 0 {
		least = 3
	}
	n := r.count("elements", maxTable, least)
	if f.Numbers.Entries += int(n); f.Numbers.Entries > maxEntries {
		r.fail("more than %d elements in all segments", maxEntries)
	}
	for range n {
		if r.err != nil {
			return
		}
		if flags&elementExprs != 0 {
			f.constant(r, kind)
		} else {
			f.refer(r.index("function", len(f.functions)))
		}
	}
}

func (f *File) readData(r *reader) {
	f.segments = int(r.count("data segments", maxSegments, 2))
	for range f.segments {
		start := r.at
		flags := r.u32()
		switch {
		case flags > 2:
			r.failAt(start, "data flags %d are not known", flags)
		case flags == 1:
		default:
			memory := uint32(0)
			if flags == 2 {
				memory = r.u32()
			}
			if r.err == nil && int64(memory) >= int64(f.memories) {
				r.failAt(start, "memory %d of %d", memory, f.memories)
			}
			f.constant(r, typeI32)
		}
		if r.take(r.u32()); r.err != nil {
			return
		}
	}
}
