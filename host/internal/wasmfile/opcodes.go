package wasmfile

// Instructions that are treated specially.
const (
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0B
	opCall         = 0x10
	opCallIndirect = 0x11
	opGlobalGet    = 0x23
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opRefNull      = 0xD0
	opRefFunc      = 0xD2
	opMisc         = 0xFC
	opVector       = 0xFD

	vecConst = 0x0C
)

// immediate is the kind of immediate operands that an instruction has.
type immediate byte

const (
	immUnknown immediate = iota // no such instruction exists
	immNone
	immBlock
	immElse
	immEnd
	immJump // none, and the code after it is unreachable
	immBranch
	immBranchIf
	immBranchTable
	immCall
	immCallIndirect
	immSelect
	immLocal
	immGlobal
	immGlobalSet
	immTable
	immTwoTables
	immTableInit
	immElement
	immMemory
	immTwoMemories
	immMemoryInit
	immData
	immAddress // alignment, at most limit, and offset
	immAddressLane
	immI32
	immI64
	immBytes // as many bytes as limit says
	immLane  // a number below limit
	immShuffle
	immReference
	immFunction
)

// shape describes an instruction: its immediates, how many operands it takes
// and leaves, and whether it needs a check before it.
type shape struct {
	imm           immediate
	takes, leaves int8
	limit         byte
	check         bool
}

func none(takes, leaves int8) shape     { return shape{imm: immNone, takes: takes, leaves: leaves} }
func load(align byte) shape             { return shape{imm: immAddress, takes: 1, leaves: 1, limit: align} }
func store(align byte) shape            { return shape{imm: immAddress, takes: 2, limit: align} }
func with(i immediate, t, l int8) shape { return shape{imm: i, takes: t, leaves: l} }

func bulk(i immediate, t, l int8) shape {
	return shape{imm: i, takes: t, leaves: l, check: true}
}

// plain returns the shape of an instruction of one byte.
func plain(op byte) shape {
	switch {
	case op >= 0x45 && op <= 0xC4:
		return numeric(op)
	case op >= 0x28 && op <= 0x3E:
		return access(op)
	}
	switch op {
	case 0x01:
		return none(0, 0)
	case 0x00, 0x0F: // unreachable, return
		return with(immJump, 0, 0)
	case opBlock, opLoop:
		return with(immBlock, 0, 0)
	case opIf:
		return with(immBlock, 1, 0)
	case opElse:
		return with(immElse, 0, 0)
	case opEnd:
		return with(immEnd, 0, 0)
	case 0x0C:
		return with(immBranch, 0, 0)
	case 0x0D:
		return with(immBranchIf, 1, 0)
	case 0x0E:
		return with(immBranchTable, 1, 0)
	case opCall:
		return with(immCall, 0, 0)
	case opCallIndirect:
		return with(immCallIndirect, 0, 0)
	case 0x1A: // drop
		return none(1, 0)
	case 0x1B: // select
		return none(3, 1)
	case 0x1C:
		return with(immSelect, 3, 1)
	}
	return rare(op)
}

func rare(op byte) shape {
	switch op {
	case 0x20:
		return with(immLocal, 0, 1)
	case 0x21:
		return with(immLocal, 1, 0)
	case 0x22:
		return with(immLocal, 1, 1)
	case opGlobalGet:
		return with(immGlobal, 0, 1)
	case 0x24:
		return with(immGlobalSet, 1, 0)
	case 0x25: // table.get
		return with(immTable, 1, 1)
	case 0x26:
		return with(immTable, 2, 0)
	case 0x3F: // memory.size
		return with(immMemory, 0, 1)
	case 0x40: // memory.grow
		return bulk(immMemory, 1, 1)
	case opI32Const:
		return with(immI32, 0, 1)
	case opI64Const:
		return with(immI64, 0, 1)
	case opF32Const:
		return shape{imm: immBytes, leaves: 1, limit: 4}
	case opF64Const:
		return shape{imm: immBytes, leaves: 1, limit: 8}
	case opRefNull:
		return with(immReference, 0, 1)
	case 0xD1: // ref.is_null
		return none(1, 1)
	case opRefFunc:
		return with(immFunction, 0, 1)
	}
	return shape{}
}

// access returns the shape of a load or store; the limit is the logarithm of
// its width.
func access(op byte) shape {
	const widths = "\x02\x03\x02\x03\x00\x00\x01\x01\x00\x00\x01\x01\x02\x02" + "\x02\x03\x02\x03\x00\x01\x00\x01\x02"
	if op < 0x36 {
		return load(widths[op-0x28])
	}
	return store(widths[op-0x28])
}

func numeric(op byte) shape {
	switch {
	case op == 0x45, op == 0x50, // eqz
		op >= 0x67 && op <= 0x69, op >= 0x79 && op <= 0x7B, // clz, ctz, popcnt
		op >= 0x8B && op <= 0x91, op >= 0x99 && op <= 0x9F, // of floats
		op >= 0xA7: // conversions, sign extension
		return none(1, 1)
	}
	return none(2, 1)
}

// exits reports whether the compiler must provide a way out of the code for a
// one-byte instruction: divisions, conversions, tables, references.
func exits(op byte) bool {
	switch {
	case op >= 0x6D && op <= 0x70, op >= 0x7F && op <= 0x82:
		return true
	case op == 0xAC, op == 0xAD: // of integers
		return false
	case op >= 0xA8 && op <= 0xBA, op == 0x25, op == 0x26, op == opRefFunc:
		return true
	}
	return false
}

// misc returns the shape of an instruction with the prefix 0xFC.
func misc(op uint32) shape {
	switch op {
	case 0, 1, 2, 3, 4, 5, 6, 7: // saturating conversions
		return none(1, 1)
	case 8:
		return bulk(immMemoryInit, 3, 0)
	case 9:
		return with(immData, 0, 0)
	case 10:
		return bulk(immTwoMemories, 3, 0)
	case 11: // memory.fill
		return bulk(immMemory, 3, 0)
	case 12:
		return bulk(immTableInit, 3, 0)
	case 13:
		return with(immElement, 0, 0)
	case 14: // table.copy
		return bulk(immTwoTables, 3, 0)
	case 15: // table.grow
		return bulk(immTable, 2, 1)
	case 16: // table.size
		return with(immTable, 0, 1)
	case 17: // table.fill
		return bulk(immTable, 3, 0)
	}
	return shape{}
}

// vector returns the shape of an instruction with the prefix 0xFD.
func vector(op uint32) shape {
	switch {
	case op <= 0x0C || op == 0x5C || op == 0x5D || op >= 0x54 && op <= 0x5B:
		return vectorAccess(op)
	case op == 0x0D:
		return with(immShuffle, 2, 1)
	case op == 0x0E: // swizzle
		return none(2, 1)
	case op <= 0x14: // splat
		return none(1, 1)
	case op <= 0x22:
		return lane(op)
	case op > 0xFF, vectorGap(byte(op)):
		return shape{}
	case op == 0x52: // bitselect
		return none(3, 1)
	case vectorUnary(op):
		return none(1, 1)
	}
	return none(2, 1)
}

func vectorAccess(op uint32) shape {
	const widths = "\x04\x03\x03\x03\x03\x03\x03\x00\x01\x02\x03\x04"
	switch {
	case op == vecConst:
		return shape{imm: immBytes, leaves: 1, limit: 16}
	case op == 0x0B:
		return store(4)
	case op < 0x0B:
		return load(widths[op])
	case op == 0x5C:
		return load(2)
	case op == 0x5D:
		return load(3)
	case op < 0x58:
		return shape{imm: immAddressLane, takes: 2, leaves: 1, limit: byte(op - 0x54)}
	}
	return shape{imm: immAddressLane, takes: 2, limit: byte(op - 0x58)}
}

// lane returns the shape of an instruction that reads or replaces one lane of a
// vector.
func lane(op uint32) shape {
	s := shape{imm: immLane, takes: 1, leaves: 1}
	switch op {
	case 0x17, 0x1A, 0x1C, 0x1E, 0x20, 0x22: // replace
		s.takes = 2
	}
	switch {
	case op <= 0x17:
		s.limit = 16
	case op <= 0x1A:
		s.limit = 8
	case op <= 0x1C, op == 0x1F, op == 0x20:
		s.limit = 4
	default:
		s.limit = 2
	}
	return s
}

func vectorGap(op byte) bool {
	switch op {
	case 0x9A, 0xA2, 0xA5, 0xA6, 0xAF, 0xB0, 0xB2, 0xB3, 0xB4, 0xBB, 0xC2, 0xC5, 0xC6,
		0xCF, 0xD0, 0xD2, 0xD3, 0xD4, 0xE2, 0xEE:
		return true
	}
	return false
}

func vectorUnary(op uint32) bool {
	switch op {
	case 0x4D, 0x53, 0x5E, 0x5F, 0x74, 0x75, 0x7A, 0x94:
		return true
	}
	for _, span := range [...][2]uint32{
		{0x60, 0x64},
		{0x67, 0x6A},
		{0x7C, 0x81},
		{0x83, 0x84},
		{0x87, 0x8A},
		{0xA0, 0xA1},
		{0xA3, 0xA4},
		{0xA7, 0xAA},
		{0xC0, 0xC1},
		{0xC3, 0xC4},
		{0xC7, 0xCA},
		{0xE0, 0xE3},
		{0xEC, 0xEF},
		{0xF8, 0xFF},
	} {
		if op >= span[0] && op <= span[1] {
			return true
		}
	}
	return false
}

// proposal names the WebAssembly proposal that an unknown instruction belongs
// to.
func proposal(op byte) string {
	switch op {
	case 0x06, 0x07, 0x08, 0x09, 0x0A, 0x18, 0x19, 0x1F:
		return " (exception handling)"
	case 0x12, 0x13:
		return " (tail calls)"
	case 0x14, 0x15, 0xD4, 0xD5, 0xD6:
		return " (typed function references)"
	case 0xD3, 0xFB:
		return " (garbage collection)"
	case 0xFE:
		return " (threads)"
	case opVector:
		return " (relaxed SIMD or later)"
	}
	return ""
}
