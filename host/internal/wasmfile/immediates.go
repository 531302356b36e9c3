package wasmfile

// immediate reads the immediate operands of an instruction.
func (w *walker) immediate(op byte, s shape, start int) {
	r := w.r
	switch s.imm {
	case immNone:
	case immLocal:
		r.index("local", w.locals)
	case immI32:
		r.signed(32)
	case immI64:
		r.signed(64)
	case immBytes:
		r.take(uint32(s.limit))
	case immAddress, immAddressLane:
		w.address(s)
	case immSelect:
		if n := r.byte(); n != 1 && r.err == nil {
			r.failAt(start, "a select of %d types", n)
		}
		r.valueType()
	case immReference:
		r.referenceType()
	case immFunction:
		w.f.refer(r.index("function", len(w.f.functions)))
		w.busy = true
	case immLane:
		w.lane(s.limit)
	case immShuffle:
		for range 16 {
			w.lane(32)
		}
	case immGlobal, immGlobalSet:
		i := r.index("global", len(w.f.globals))
		if r.err == nil && s.imm == immGlobalSet && !w.f.globals[i].mutable {
			r.failAt(start, "global %d cannot be set", i)
		}
	case immBlock, immElse, immEnd, immJump, immBranch, immBranchIf, immBranchTable, immCall, immCallIndirect:
		w.control(op, s.imm, start)
	default:
		w.bulk(s.imm)
	}
}

func (w *walker) lane(limit byte) {
	if n := w.r.byte(); n >= limit {
		w.r.failAt(w.r.at-1, "lane %d of %d", n, limit)
	}
}

func (w *walker) address(s shape) {
	start := w.r.at
	w.memory(start)
	w.effort.Exits++
	if align := w.r.u32(); align > uint32(s.limit) {
		more := ""
		if align >= 64 {
			more = " (more than one memory)"
		}
		w.r.failAt(start, "an alignment of 2^%d, more than 2^%d%s", align, s.limit, more)
	}
	w.r.u32()
	if s.imm == immAddressLane {
		w.lane(16 >> s.limit)
	}
}

func (w *walker) memory(start int) {
	if w.f.memories == 0 {
		w.r.failAt(start, "there is no memory")
	}
}

// zero reads the byte that stands for the only memory.
func (w *walker) zero() {
	if b := w.r.byte(); b != 0 {
		w.r.failAt(w.r.at-1, "memory 0x%02x (more than one memory)", b)
	}
	w.memory(w.r.at - 1)
}

// bulk reads the indices of instructions on whole memories, tables and
// segments.
func (w *walker) bulk(imm immediate) {
	r, f := w.r, w.f
	switch imm {
	case immTable:
		r.index("table", len(f.tables))
	case immTwoTables:
		r.index("table", len(f.tables))
		r.index("table", len(f.tables))
	case immTableInit:
		r.index("element segment", len(f.elements))
		r.index("table", len(f.tables))
	case immElement:
		r.index("element segment", len(f.elements))
	case immMemory:
		w.zero()
	case immTwoMemories:
		w.zero()
		w.zero()
	case immMemoryInit:
		w.dataIndex()
		w.zero()
	case immData:
		w.dataIndex()
	}
}

func (w *walker) dataIndex() {
	if w.f.dataCount < 0 {
		w.r.fail("an instruction on data segments, and no data count before the code")
	}
	w.r.index("data segment", w.f.dataCount)
}
