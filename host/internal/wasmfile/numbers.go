package wasmfile

// Numbers counts the content of a module as it is after Harden.
type Numbers struct {
	Functions int // with code
	Entries   int // in element segments
	Locals    int // declared locals
	Checks    int // checks that Harden adds

	Effort         // of all functions together
	Largest Effort // the maximum of each within one function
	Body    int    // bytes of the largest function
	Nesting int    // the deepest nesting
	Table   int    // targets of the largest br_table
}

// Effort is what compiling code costs, by its causes. The times are what wazero
// 1.12 took for each on one core.
type Effort struct {
	Instructions int // 0.4 us
	Blocks       int // block, loop, if
	Branches     int // basic blocks made by these and br_if; 4 us
	Pairs        int // pairs of branches in one function; 1.5 ns
	Loops        int // checks among them; 15 us
	Exits        int // instructions that may leave the code: loads, stores, divisions, conversions; 6 us
	Vectors      int // SIMD; 4 us
	Calls        int // 4 us
	Indirect     int // calls through a table; 20 us and 13 KB
	Bulk         int // instructions on whole memories and tables; 150 us
	Operands     int // operands that calls, branches and blocks carry; 0.5 us
	Targets      int // of br_table; 4 us and 2 KB
	Live         int // locals and operands, counted at each branch; 50 ns
	Merges       int // pairs of values that may merge at a branch, times the loops around it; 0.5 ns
	Distance     int // instructions times branches since values last merged; 16 ns
}

// limit is a cap on one kind of effort.
type limit struct {
	what             string
	value            func(*Effort) *int
	function, module int
}

// effortLimits are the caps on a function and on the module. The end of each
// line has the numbers of a connector in Go with encoding/json (largest
// function, module).
var effortLimits = [...]limit{
	{"instructions", func(e *Effort) *int { return &e.Instructions }, maxInstructions, 5_000_000},            // 13,339; 1,125,332
	{"blocks", func(e *Effort) *int { return &e.Blocks }, maxBlocks, 400_000},                                // 801; 75,446
	{"branches", func(e *Effort) *int { return &e.Branches }, 15_000, 900_000},                               // 2,046; 190,919
	{"pairs of branches", func(e *Effort) *int { return &e.Pairs }, 225_000_000, 2_000_000_000},              // 4,186,116; 49,460,181
	{"loops and checks", func(e *Effort) *int { return &e.Loops }, 1_000, 25_000},                            // 33; 4,731
	{"instructions that may leave the code", func(e *Effort) *int { return &e.Exits }, 20_000, 600_000},      // 1,851; 134,416
	{"vector instructions", func(e *Effort) *int { return &e.Vectors }, 10_000, 200_000},                     // 0; 0
	{"calls", func(e *Effort) *int { return &e.Calls }, 10_000, 120_000},                                     // 264; 20,111
	{"indirect calls", func(e *Effort) *int { return &e.Indirect }, 5_000, 30_000},                           // 16; 413
	{"instructions on whole memories or tables", func(e *Effort) *int { return &e.Bulk }, 1_000, 5_000},      // 31; 614
	{"operands carried", func(e *Effort) *int { return &e.Operands }, 200_000, 400_000},                      // 458; 40,043
	{"targets of br_table", func(e *Effort) *int { return &e.Targets }, 50_000, 400_000},                     // 964; 80,515
	{"live values at branches", func(e *Effort) *int { return &e.Live }, 4_000_000, 10_000_000},              // 41,258; 2,073,109
	{"merges of values", func(e *Effort) *int { return &e.Merges }, 1_000_000_000, 2_000_000_000},            // 1,483,920; 38,600,611
	{"distance to where values merge", func(e *Effort) *int { return &e.Distance }, 50_000_000, 100_000_000}, // 307,180; 4,259,040
}

// branch counts the basic blocks that the compiler makes from an instruction,
// and the values that flow into them.
func (w *walker) branch(blocks, operands int) {
	w.effort.Branches += blocks
	w.effort.Operands += blocks * operands
	w.flow(blocks, operands)
	w.distance += blocks
}

func (w *walker) flow(edges, operands int) {
	values := w.locals + operands
	w.effort.Live += edges * (w.locals + w.height)
	w.effort.Merges += edges * values * values * (1 + w.loops)
}

// within fails when the function is over a cap.
func (w *walker) within() {
	for _, l := range effortLimits {
		if n := *l.value(&w.effort); n > l.function {
			w.r.fail("function %d has %d %s, more than %d", w.index, n, l.what, l.function)
		}
	}
}

// sum adds the function to the module's effort, and fails when that is over a
// cap.
func (w *walker) sum() {
	all := &w.f.Numbers
	all.Functions++
	all.Checks += len(w.body.checks)
	for _, l := range effortLimits {
		n := *l.value(&w.effort)
		sum, largest := l.value(&all.Effort), l.value(&all.Largest)
		*largest = max(*largest, n)
		if *sum += n; *sum > l.module {
			w.r.fail("all functions up to %d have %d %s, more than %d", w.index, *sum, l.what, l.module)
		}
	}
}
