package wasmtest

// FetchExport is the export of a connector that fetches: () -> i32.
const FetchExport = "rollcall_fetch"

// Fetch returns a module of one function, exported as rollcall_fetch, and an
// exported memory of so many pages; without memory when pages is negative. The
// code must leave an i32.
func Fetch(pages int, code ...byte) []byte {
	m, status := fetcher(pages)
	return m.exported(m.Func(status, nil, code...))
}

// fetcher starts a module whose type 0 is that of rollcall_fetch.
func fetcher(pages int) (*Module, uint32) {
	m := &Module{}
	status := m.Type(nil, []byte{I32})
	if pages >= 0 {
		m.Memory(pages, -1)
		m.Export("memory", KindMemory, 0)
	}
	return m, status
}

// exported ends a module by exporting one function.
func (m *Module) exported(function uint32) []byte {
	m.Export(FetchExport, KindFunction, function)
	return m.Bytes()
}

var zero = I32Const(0)

// Healthy returns a module whose export returns 0.
func Healthy() []byte { return Fetch(1, zero...) }

// Endless returns a module that loops for ever.
func Endless() []byte { return Fetch(1, Cat([]byte{Loop, Void, Br, 0, End}, zero)...) }

// Doubling returns a module with a chain of functions without loops. Each calls
// the next one twice: 2^depth calls.
func Doubling(depth int) []byte {
	m, status := fetcher(1)
	last := m.Func(status, nil, I32Const(1)...)
	for range depth {
		last = m.Func(status, nil, Cat(Call(last), Call(last), []byte{0x6A})...)
	}
	return m.exported(last)
}

// DoublingIndirect returns the module of Doubling with calls through a table.
func DoublingIndirect(depth int) []byte {
	m, status := fetcher(1)
	m.Table(Funcref, depth+1, -1)
	functions := []uint32{m.Func(status, nil, I32Const(1)...)}
	for i := range depth {
		call := Cat(I32Const(int32(i)), CallIndirect(status))
		functions = append(functions, m.Func(status, nil, Cat(call, call, []byte{0x6A})...))
	}
	m.Elem(0, functions...)
	return m.exported(functions[depth])
}

// Recursion returns a module that calls itself without end. The native stack
// ends it.
func Recursion() []byte { return Fetch(1, Call(0)...) }

// UnreachableTrap returns a module that traps.
func UnreachableTrap() []byte { return Fetch(1, Unreachable) }

// DivisionByZero returns a module that traps.
func DivisionByZero() []byte { return Fetch(1, Cat(zero, zero, []byte{0x6D})...) }

// OutOfBoundsLoad returns a module that traps.
func OutOfBoundsLoad() []byte { return Fetch(1, Cat(I32Const(-8), I32Load(0))...) }

// NullCall returns a module that traps: the table's entry is empty.
func NullCall() []byte {
	m, status := fetcher(1)
	m.Table(Funcref, 1, 1)
	return m.exported(m.Func(status, nil, Cat(zero, CallIndirect(status))...))
}

// HangingStart returns a module with a start function that loops for ever.
func HangingStart() []byte {
	m, status := fetcher(1)
	nothing := m.Type(nil, nil)
	m.Start(m.Func(nothing, nil, Loop, Void, Br, 0, End))
	return m.exported(m.Func(status, nil, zero...))
}

// MemoryGrowth returns a module that asks for one page after another for ever.
func MemoryGrowth() []byte {
	return Fetch(1, Cat(
		[]byte{Loop, Void}, I32Const(1), MemoryGrow, []byte{Drop, Br, 0, End}, zero)...)
}

// MemoryGrowthStraight returns a module that asks for one page n times without
// a loop. Each time the whole memory is copied.
func MemoryGrowthStraight(n int) []byte {
	return Fetch(1, Cat(Repeat(n, Cat(I32Const(1), MemoryGrow, []byte{Drop})...), zero)...)
}

// MemoryFills returns a module that fills a memory of so many pages n times
// without a loop.
func MemoryFills(pages, n int) []byte {
	fill := Cat(zero, I32Const(7), I32Const(int32(pages<<16)), MemoryFill)
	return Fetch(pages, Cat(Repeat(n, fill...), zero)...)
}

// MemoryCopies returns a module that copies half of a memory of so many pages
// onto the other n times without a loop.
func MemoryCopies(pages, n int) []byte {
	half := I32Const(int32(pages << 15))
	return Fetch(pages, Cat(Repeat(n, Cat(half, zero, half, MemoryCopy)...), zero)...)
}

// TableGrowth returns a module that grows a table by so many entries n times.
// Its export returns the last result: -1 when the growth was refused.
func TableGrowth(entries int32, n int) []byte {
	m, status := fetcher(1)
	m.Table(Funcref, 1, -1)
	grow := Cat([]byte{0xD0, Funcref}, I32Const(entries), TableGrow)
	return m.exported(m.Func(status, nil, Cat(Repeat(n-1, Cat(grow, []byte{Drop})...), grow)...))
}

// TableFills returns a module that fills and copies a table of so many entries
// n times without a loop.
func TableFills(entries, n int) []byte {
	m, status := fetcher(1)
	m.Table(Funcref, entries, entries)
	size := I32Const(int32(entries))
	once := Cat(zero, []byte{0xD0, Funcref}, size, TableFill, zero, zero, size, TableCopy)
	return m.exported(m.Func(status, nil, Cat(Repeat(n, once...), zero)...))
}

// StraightHostCalls returns a module that calls an imported function () -> i32
// n times without a loop, through a table when indirect is set.
func StraightHostCalls(module, name string, n int, indirect bool) []byte {
	m, status := &Module{}, uint32(0)
	m.Type(nil, []byte{I32})
	host := m.Import(module, name, status)
	m.Table(Funcref, 1, 1)
	m.Elem(0, host)
	call := Call(host)
	if indirect {
		call = Cat(zero, CallIndirect(status))
	}
	return m.exported(m.Func(status, nil, Cat(Repeat(n, Cat(call, []byte{Drop})...), zero)...))
}

// CallLoop returns a module that calls a function n times in a loop; when deep
// is set, that function calls another.
func CallLoop(n int, deep bool) []byte {
	m, status := fetcher(1)
	called := m.Func(status, nil, I32Const(1)...)
	if deep {
		called = m.Func(status, nil, Call(called)...)
	}
	return m.exported(m.Func(status, []byte{I32}, Cat(
		[]byte{Loop, Void}, Call(called), LocalGet(0), []byte{0x6A, 0x22, 0}, I32Const(int32(n)), []byte{0x48, BrIf, 0, End}, zero)...))
}

// Leaves returns a module with 10 functions. Each calls a small function
// without calls of its own n times without a loop; that function does so many
// loads from all over 64 MiB.
func Leaves(n, loads int) []byte {
	m, status := fetcher(1024)
	m.Global(I32, true, 0x41, 1)
	leaf := m.Func(status, []byte{I32}, Cat(
		GlobalGet(0), I32Const(1664525), []byte{0x6C}, I32Const(1013904223), []byte{0x6A, 0x22, 0}, GlobalSet(0), LocalGet(0),
		Repeat((loads-10)/3, Cat(I32Const(0x3FFFFFC), []byte{0x71}, I32Load(0))...))...)
	var callers []byte
	for range 10 {
		f := m.Func(status, nil, Cat(Repeat(n, Cat(Call(leaf), []byte{Drop})...), zero)...)
		callers = Cat(callers, Call(f), []byte{Drop})
	}
	return m.exported(m.Func(status, nil, Cat(callers, zero)...))
}

// UnknownImport returns a module that imports a function that no host has.
func UnknownImport() []byte {
	m := &Module{}
	status := m.Type(nil, []byte{I32})
	m.Import("env", "exec", status)
	return m.exported(m.Func(status, nil, zero...))
}
