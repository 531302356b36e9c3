package wasmfile_test

import (
	wt "github.com/rollcall-agent/rollcall/host/internal/wasmtest"
)

// generator writes valid modules of structured code that end: every function
// and every turn of a loop takes from a store of fuel, and traps without it.
// pick answers a number below n; the same answers give the same module.
type generator struct {
	pick   func(n int) int
	left   int   // pieces of code that may still be written
	labels []int // what a branch to each open block carries; the innermost is last
	before int   // functions before this one
}

const fuel = 300

// types of the modules that are generated.
const (
	typeStatus = iota // () -> i32
	typeOne           // (i32) -> i32
	typeTwo           // (i32 i32) -> (i32 i32)
	locals     = 4    // of each function, with its parameter
)

func generate(pick func(n int) int) []byte {
	g := &generator{pick: pick, left: 120}
	m := &wt.Module{DataCount: true}
	i32 := []byte{wt.I32}
	m.Type(nil, i32)
	m.Type(i32, i32)
	m.Type([]byte{wt.I32, wt.I32}, []byte{wt.I32, wt.I32})
	tick := m.Import("env", "tick", typeStatus)
	m.Memory(1, 3)
	m.Export("memory", wt.KindMemory, 0)
	m.Global(wt.I32, true, wt.I32Const(fuel)...)
	m.Table(wt.Funcref, 8, -1)
	m.PassiveData([]byte("passive data segment"))
	m.Data(64, []byte("active data"))
	functions := 1 + pick(4)
	for i := range functions {
		g.before = i
		g.labels = []int{1}
		m.Func(typeOne, wt.Repeat(locals-1, wt.I32), wt.Cat(g.entry(), g.statements(), g.value())...)
		m.Elem(int32(i+1), uint32(i)+1)
	}
	if pick(2) == 1 {
		m.RawElem(0x01, 0x00, 0x01, byte(tick)) // the host's function may get into the table
	} else {
		m.RawElem(0x01, 0x00, 0x01, 0x01)
	}
	last := uint32(functions)
	m.Export(wt.FetchExport, wt.KindFunction, m.Func(typeStatus, nil, wt.Cat(wt.I32Const(int32(pick(1000))), wt.Call(last))...))
	return m.Bytes()
}

// entry takes fuel, or, now and then, begins with a loop.
func (g *generator) entry() []byte {
	burn := wt.Cat(wt.GlobalGet(0), []byte{0x45, wt.If, wt.Void, wt.Unreachable, wt.End},
		wt.GlobalGet(0), wt.I32Const(1), []byte{0x6B}, wt.GlobalSet(0))
	if g.pick(3) == 0 {
		return wt.Cat([]byte{wt.Loop, wt.Void}, burn, []byte{wt.End})
	}
	return burn
}

func (g *generator) inside(carries int, code func() []byte) []byte {
	g.labels = append(g.labels, carries)
	out := code()
	g.labels = g.labels[:len(g.labels)-1]
	return out
}

func (g *generator) statements() []byte {
	var out []byte
	for range g.pick(4) {
		out = append(out, g.statement()...)
	}
	return out
}

func (g *generator) local() uint32 { return uint32(g.pick(locals)) }

// small is a value that is often within bounds.
func (g *generator) small(mask int32) []byte {
	if g.pick(12) == 0 {
		return g.value()
	}
	return wt.Cat(g.value(), wt.I32Const(mask), []byte{0x71})
}

func (g *generator) statement() []byte {
	if g.left--; g.left < 0 {
		return []byte{wt.Nop}
	}
	switch g.pick(17) {
	case 0, 1, 2:
		return wt.Cat(g.value(), wt.LocalSet(g.local()))
	case 3:
		return wt.Cat(g.small(0xFFF), g.value(), wt.I32Store(uint32(g.pick(100))))
	case 4:
		return wt.Cat(g.value(), []byte{wt.If, wt.Void}, g.inside(0, g.statements), []byte{wt.Else}, g.inside(0, g.statements), []byte{wt.End})
	case 5:
		return wt.Cat([]byte{wt.Block, wt.Void}, g.inside(0, g.statements), []byte{wt.End})
	case 6:
		return wt.Cat([]byte{wt.Loop, wt.Void}, g.entry(),
			g.inside(0, func() []byte { return wt.Cat(g.statements(), g.value(), []byte{wt.BrIf, 0}) }), []byte{wt.End})
	case 7:
		return g.branch(wt.Br)
	case 8:
		return wt.Cat(g.value(), []byte{wt.Drop})
	case 9:
		return wt.Cat(g.small(0xFFF), g.value(), g.small(0x3FF), wt.MemoryFill)
	case 10:
		return wt.Cat(g.small(0xFFF), g.small(0xFFF), g.small(0x3FF), wt.MemoryCopy)
	case 11:
		return wt.Cat(g.small(0xFFF), g.small(7), g.small(7), []byte{0xFC, 8, 0, 0})
	case 12:
		return g.tables()
	case 13:
		return g.branchTable()
	case 14:
		return wt.Cat(g.value(), []byte{wt.Return})
	case 15:
		return [][]byte{{0xFC, 9, 0}, {0xFC, 13, 0}, {wt.Nop}, {wt.Unreachable}}[g.pick(4)]
	}
	return []byte{wt.Loop, wt.Void, wt.End} // a check that is there already
}

func (g *generator) tables() []byte {
	null := []byte{0xD0, wt.Funcref}
	switch g.pick(3) {
	case 0:
		return wt.Cat(g.small(7), null, g.small(1), wt.TableFill)
	case 1:
		return wt.Cat(g.small(7), g.small(7), g.small(3), wt.TableCopy)
	}
	return wt.Cat(g.small(7), g.small(0), g.small(1), []byte{0xFC, 12, byte(g.before + 1), 0})
}

// branch leaves any of the open blocks.
func (g *generator) branch(op byte) []byte {
	to := g.pick(len(g.labels))
	var value []byte
	if g.labels[len(g.labels)-1-to] == 1 {
		value = g.value()
	}
	return wt.Cat(value, []byte{op}, wt.U32(uint32(to)))
}

// branchTable goes to the end of one of three blocks, or to where it is.
func (g *generator) branchTable() []byte { return g.nested(3) }

func (g *generator) nested(depth int) []byte {
	if depth == 0 {
		return wt.Cat(g.small(3), []byte{wt.BrTable, 3, 0, 1, 2, byte(g.pick(3))})
	}
	inner := g.inside(0, func() []byte { return g.nested(depth - 1) })
	return wt.Cat([]byte{wt.Block, wt.Void}, inner, []byte{wt.End}, g.statement())
}

// value leaves one i32.
func (g *generator) value() []byte {
	if g.left--; g.left < 0 {
		return wt.LocalGet(g.local())
	}
	switch g.pick(14) {
	case 0:
		return wt.I32Const(int32(g.pick(1<<16)) - 100)
	case 1, 2:
		return wt.LocalGet(g.local())
	case 3, 4: // arithmetic; division may trap
		ops := []byte{0x6A, 0x6B, 0x6C, 0x6D, 0x70, 0x71, 0x73, 0x74, 0x46, 0x48}
		return wt.Cat(g.value(), g.value(), ops[g.pick(len(ops)):][:1])
	case 5:
		return wt.Cat(g.small(0xFFF), wt.I32Load(uint32(g.pick(100))))
	case 6:
		return wt.Cat([]byte{wt.Block, wt.I32}, g.inside(1, func() []byte { return wt.Cat(g.statements(), g.value()) }), []byte{wt.End})
	case 7:
		return wt.Cat(g.value(), []byte{wt.If, wt.I32}, g.inside(1, g.value), []byte{wt.Else}, g.inside(1, g.value), []byte{wt.End})
	case 8:
		if g.before == 0 {
			return wt.Call(0)
		}
		return wt.Cat(g.value(), wt.Call(uint32(1+g.pick(g.before))))
	case 9:
		return wt.Cat(g.value(), g.small(7), wt.CallIndirect(typeOne))
	case 10:
		return wt.Call(0)
	case 11:
		return wt.Cat(g.small(1), wt.MemoryGrow)
	case 12: // a block that takes and leaves two values
		return wt.Cat(g.value(), g.value(), []byte{wt.Block, typeTwo, 0x6A}, wt.LocalGet(0), []byte{wt.End, 0x6C})
	}
	// Never beyond the limit that tables are given: that is where modules differ.
	return wt.Cat([]byte{0xD0, wt.Funcref}, g.value(), wt.I32Const(3), []byte{0x71}, wt.TableGrow)
}
