package wasmtest

// Instructions of one byte, or the first byte of longer ones.
const (
	Unreachable = 0x00
	Nop         = 0x01
	Block       = 0x02
	Loop        = 0x03
	If          = 0x04
	Else        = 0x05
	End         = 0x0B
	Br          = 0x0C
	BrIf        = 0x0D
	BrTable     = 0x0E
	Return      = 0x0F
	Drop        = 0x1A

	Void = 0x40 // type of a block
)

// I32Const pushes a number.
func I32Const(n int32) []byte { return Cat([]byte{0x41}, S64(int64(n))) }

// I64Const pushes a number.
func I64Const(n int64) []byte { return Cat([]byte{0x42}, S64(n)) }

// Call calls a function.
func Call(function uint32) []byte { return Cat([]byte{0x10}, U32(function)) }

// CallIndirect calls the function in table 0 at the index on the stack.
func CallIndirect(typ uint32) []byte { return Cat([]byte{0x11}, U32(typ), []byte{0}) }

// LocalGet pushes a local.
func LocalGet(i uint32) []byte { return Cat([]byte{0x20}, U32(i)) }

// LocalSet pops into a local.
func LocalSet(i uint32) []byte { return Cat([]byte{0x21}, U32(i)) }

// GlobalGet pushes a global.
func GlobalGet(i uint32) []byte { return Cat([]byte{0x23}, U32(i)) }

// GlobalSet pops into a global.
func GlobalSet(i uint32) []byte { return Cat([]byte{0x24}, U32(i)) }

// I32Load loads a number from the address on the stack.
func I32Load(offset uint32) []byte { return Cat([]byte{0x28, 2}, U32(offset)) }

// I32Store stores a number at an address.
func I32Store(offset uint32) []byte { return Cat([]byte{0x36, 2}, U32(offset)) }

// Instructions on whole memories and tables, which take their arguments from
// the stack.
var (
	MemoryGrow = []byte{0x40, 0}
	MemoryFill = []byte{0xFC, 11, 0}
	MemoryCopy = []byte{0xFC, 10, 0, 0}
	TableGrow  = []byte{0xFC, 15, 0}
	TableFill  = []byte{0xFC, 17, 0}
	TableCopy  = []byte{0xFC, 14, 0, 0}
)

// Repeat returns a piece of code n times in a row.
func Repeat(n int, code ...byte) []byte {
	out := make([]byte, 0, n*len(code))
	for range n {
		out = append(out, code...)
	}
	return out
}
