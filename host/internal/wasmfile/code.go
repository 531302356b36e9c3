package wasmfile

// maxLeaf is how many instructions a function without calls may have and still
// need no check at its entry. A caller runs at most maxInstructions such
// functions without a check.
const maxLeaf = 48

func (f *File) readCode(r *reader) {
	own := len(f.functions) - f.imported
	n := int(r.count("functions", maxFunctions, 3))
	if r.err == nil && n != own {
		r.fail("%d functions are declared, and %d have code", own, n)
	}
	w := &walker{f: f}
	for i := range n {
		if r.err != nil {
			return
		}
		start := r.at
		size := r.u32()
		if size > maxBody {
			r.failAt(start, "function %d of %d bytes, more than %d", f.imported+i, size, maxBody)
		}
		part := r.part(size)
		w.function(f.imported+i, part)
		r.err = part.err
	}
}

// walker walks through the code of the functions, one after another.
type walker struct {
	f      *File
	r      *reader
	index  int // of the function
	body   body
	code   int // where its code starts
	locals int // including parameters
	frames []frame
	height int // operands on the stack
	loops  int // open loops
	effort Effort

	distance int  // basic blocks since the last place where values merge
	first    byte // the first instruction
	loopAt   int  // where the code of a loop without a type starts
	checked  int  // the end of an existing check
	busy     bool // the function does more than a leaf without a check may
}

// frame is an open block.
type frame struct {
	op              byte
	base            int // operands below the block
	params, results int
	distance        int
	target          bool // a branch leads to this block
}

// function reads the locals and the code of one function.
func (w *walker) function(index int, r *reader) {
	f := w.f
	s := f.types[f.functions[index]]
	*w = walker{
		f: f, r: r, index: index, loopAt: -1, checked: -1,
		body: body{start: r.at, end: len(r.data)}, frames: append(w.frames[:0], frame{results: len(s.Results)}),
	}
	w.readLocals(len(s.Params))
	w.code = r.at
	for len(w.frames) > 0 && r.err == nil {
		w.instruction()
	}
	r.close()
	if r.err != nil {
		return
	}
	w.entry()
	size := w.body.end - w.body.start + len(w.body.checks)*len(check)
	if size > maxBody {
		r.fail("function %d of %d bytes, more than %d", index, size, maxBody)
	}
	f.Numbers.Body = max(f.Numbers.Body, size)
	w.effort.Pairs = w.effort.Branches * w.effort.Branches
	w.within()
	w.sum()
	f.bodies = append(f.bodies, w.body)
}

// entry decides whether the function needs a check at its entry.
func (w *walker) entry() {
	there := len(w.body.checks) > 0 && w.body.checks[0] == w.code
	leaf := !w.busy && w.effort.Instructions <= maxLeaf
	if there || leaf || w.first == opLoop {
		return
	}
	w.body.checks = append([]int{w.code}, w.body.checks...)
	w.height, w.distance = 0, 0
	w.countCheck(1, w.code)
}

func (w *walker) readLocals(params int) {
	r := w.r
	var all int64
	start := r.at
	for range r.count("groups of locals", maxLocals, 2) {
		all += int64(r.u32())
		r.valueType()
	}
	if all > maxLocals {
		r.failAt(start, "function %d has %d locals, more than %d", w.index, all, maxLocals)
		return
	}
	if w.f.Numbers.Locals += int(all); w.f.Numbers.Locals > maxAllLocals {
		r.failAt(start, "more than %d locals in all functions", maxAllLocals)
	}
	w.locals = params + int(all)
}

func (w *walker) instruction() {
	start := w.r.at
	op := w.r.byte()
	s := w.shape(op, start)
	if w.r.err != nil {
		return
	}
	if start == w.code {
		w.first = op
	}
	if w.effort.Instructions++; w.effort.Instructions > maxInstructions {
		w.within()
	}
	w.effort.Distance += w.distance
	if s.check {
		w.effort.Bulk++
		w.needCheck(start)
	}
	w.pop(int(s.takes))
	w.immediate(op, s, start)
	w.height += int(s.leaves)
}

func (w *walker) shape(op byte, start int) shape {
	if op != opMisc && op != opVector {
		s := plain(op)
		if exits(op) {
			w.effort.Exits++
		}
		if s.imm == immUnknown {
			w.r.failAt(start, "instruction 0x%02x is not known%s", op, proposal(op))
		}
		return s
	}
	at := w.r.at
	sub := w.r.u32()
	if w.r.err == nil && w.r.at-at > len(leb(sub)) {
		w.r.failAt(start, "the number of an instruction is longer than it has to be")
	}
	var s shape
	if op == opVector {
		s = vector(sub)
		w.effort.Vectors++
	} else {
		s = misc(sub)
		w.effort.Exits++
	}
	if s.imm == immUnknown {
		w.r.failAt(start, "instruction 0x%02x %d is not known%s", op, sub, proposal(op))
	}
	return s
}

// needCheck records that a check is needed before the instruction at start.
func (w *walker) needCheck(start int) {
	w.busy = true
	if w.checked == start {
		return
	}
	w.body.checks = append(w.body.checks, start)
	w.countCheck(len(w.frames), start)
}

// countCheck counts the effort of a check that will be added: a loop at this
// nesting depth.
func (w *walker) countCheck(depth, at int) {
	w.nested(depth, at)
	w.effort.Blocks++
	w.effort.Loops++
	w.effort.Instructions += 2
	w.loops++
	w.branch(2, 0)
	w.loops--
	w.distance = 0
}

func (w *walker) top() *frame { return &w.frames[len(w.frames)-1] }

// pop removes operands, but not those below the block: unreachable code may pop
// more than there are.
func (w *walker) pop(n int) { w.height = max(w.height-n, w.top().base) }

// label reads the index of an open block and returns how many operands a branch
// to it carries.
func (w *walker) label() int {
	i := w.r.index("label", len(w.frames))
	if w.r.err != nil {
		return 0
	}
	t := &w.frames[len(w.frames)-1-int(i)]
	t.target = true
	if t.op == opLoop {
		return t.params
	}
	return t.results
}
