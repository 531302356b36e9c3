package wasmfile

// control reads the instructions for blocks, branches and calls.
func (w *walker) control(op byte, imm immediate, start int) {
	switch imm {
	case immBlock:
		w.open(op)
	case immElse:
		t := w.top()
		if t.op != opIf {
			w.r.failAt(start, "an else without an if")
		}
		t.op = opElse
		w.height, w.distance = t.base+t.params, t.distance
	case immEnd:
		w.shut(start)
	case immJump:
		w.height = w.top().base
	case immBranch:
		w.effort.Operands += w.label()
		w.height = w.top().base
	case immBranchIf:
		w.branch(1, w.label())
	case immBranchTable:
		w.branchTable()
	case immCall:
		i := w.r.index("function", len(w.f.functions))
		if w.r.err == nil {
			w.effort.Calls++
			w.call(w.f.functions[i], 0, int(i) < w.f.imported, start)
		}
	case immCallIndirect:
		w.callIndirect(start)
	}
}

// open starts a block.
func (w *walker) open(op byte) {
	start := w.r.at
	t, plain := w.blockType()
	if w.r.err != nil {
		return
	}
	t.op = op
	w.pop(t.params)
	t.base, t.distance = w.height, w.distance
	w.height += t.params
	w.frames = append(w.frames, t)
	w.nested(len(w.frames)-1, start)
	if w.effort.Blocks++; w.effort.Blocks > maxBlocks {
		w.within()
	}
	w.loopAt = -1
	switch op {
	case opLoop:
		w.loops++
		w.effort.Loops++
		if plain {
			w.loopAt = w.r.at
		}
		w.branch(2, t.params+t.results)
		w.distance = 0
	case opIf:
		w.branch(3, t.params+t.results)
	default:
		w.branch(2, t.params+t.results)
	}
}

func (w *walker) nested(n, at int) {
	if n > maxNesting {
		w.r.failAt(at, "function %d nests more than %d blocks", w.index, maxNesting)
	}
	w.f.Numbers.Nesting = max(w.f.Numbers.Nesting, n)
}

// blockType reads the type of a block. plain is a block without operands.
func (w *walker) blockType() (t frame, plain bool) {
	const empty = -64
	start := w.r.at
	n := w.r.signed(33)
	kind := byte(n & 0x7F)
	switch {
	case w.r.err != nil:
	case n >= 0:
		if n >= int64(len(w.f.types)) {
			w.r.failAt(start, "type %d of %d", n, len(w.f.types))
			return t, false
		}
		s := w.f.types[n]
		t.params, t.results = len(s.Params), len(s.Results)
	case w.r.at-start != 1 || n != empty && !isValue(kind):
		w.r.failAt(start, "block type 0x%02x is not known%s", kind, typeProposal(kind))
	case n != empty:
		t.results = 1
	}
	return t, n == empty
}

// shut ends a block, or the function.
func (w *walker) shut(start int) {
	t := *w.top()
	if t.op == opIf && t.params != t.results {
		w.r.failAt(start, "an if without an else that changes the operands")
	}
	w.frames = w.frames[:len(w.frames)-1]
	w.height = t.base + t.results
	switch {
	case t.op == opLoop:
		w.loops--
	case t.op == opIf, t.op == opElse, t.target:
		w.distance = 0
	}
	if w.loopAt == start {
		w.checked = w.r.at
	}
}

func (w *walker) branchTable() {
	n := int(w.r.count("targets", maxTargets, 1))
	w.effort.Targets += n
	w.f.Numbers.Table = max(w.f.Numbers.Table, n)
	for range n + 1 {
		if w.r.err != nil {
			return
		}
		operands := w.label()
		w.effort.Operands += operands
		w.flow(1, operands)
	}
	w.height = w.top().base
}

func (w *walker) callIndirect(start int) {
	of := w.r.index("type", len(w.f.types))
	at := w.r.at
	i := w.r.index("table", len(w.f.tables))
	if w.r.err != nil {
		return
	}
	if w.f.tables[i].kind != typeFuncref {
		w.r.failAt(at, "table %d holds no functions", i)
	}
	w.effort.Indirect++
	w.call(of, 1, w.f.leaks, start)
}

// call counts a call to a function of a type, with more operands besides its
// parameters. foreign functions belong to the host and have no checks of their
// own.
func (w *walker) call(of uint32, more int, foreign bool, start int) {
	s := w.f.types[of]
	w.busy = true
	if foreign {
		w.needCheck(start)
	}
	w.pop(len(s.Params) + more)
	w.height += len(s.Results)
	w.effort.Operands += len(s.Params) + len(s.Results)
}
