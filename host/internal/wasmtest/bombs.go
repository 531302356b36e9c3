package wasmtest

import "math"

// Claim returns a module of one section that claims 2^32-1 entries and ends
// there.
func Claim(section byte) []byte {
	return Cat([]byte(Header), Section(section, U32(math.MaxUint32)))
}

// ClaimNames returns a module with a name section that claims 2^32-1 names of
// functions.
func ClaimNames() []byte {
	m, status := fetcher(1)
	m.Custom("name", Cat([]byte{1}, Sized(U32(math.MaxUint32))))
	return m.exported(m.Func(status, nil, zero...))
}

// TypeOutOfRange returns a module that declares a function of a nonexistent
// type, which makes wazero 1.12 panic.
func TypeOutOfRange() []byte {
	m, _ := fetcher(1)
	return m.exported(m.Func(7, nil, zero...))
}

// Parameters returns a module with a type of n parameters.
func Parameters(n int) []byte {
	m, status := fetcher(1)
	m.Type(Repeat(n, I32), nil)
	return m.exported(m.Func(status, nil, zero...))
}

// Functions returns a module with n small functions.
func Functions(n int) []byte {
	m, status := fetcher(1)
	for range n {
		m.Func(status, nil, zero...)
	}
	return m.exported(0)
}

// Locals returns a module with n functions of so many locals each, in a few
// bytes.
func Locals(n, locals int) []byte {
	m, status := fetcher(1)
	for range n {
		m.RawFunc(status, Cat([]byte{1}, U32(uint32(locals)), []byte{I64}, zero, []byte{End}))
	}
	return m.exported(0)
}

// NestedBlocks returns a module with blocks nested n deep in one function.
func NestedBlocks(n int) []byte {
	return Fetch(1, Cat(Repeat(n, Block, Void), Repeat(n, End), zero)...)
}

// Ifs returns a module with n functions of so many ifs, one after the other.
func Ifs(n, ifs int) []byte {
	m, status := fetcher(1)
	for range n {
		m.Func(status, nil, Cat(Repeat(ifs, Cat(zero, []byte{If, Void, End})...), zero)...)
	}
	return m.exported(0)
}

// HugeTable returns a module with a br_table of n targets.
func HugeTable(n int) []byte {
	return Fetch(1, Cat([]byte{Block, Void}, zero, []byte{BrTable}, U32(uint32(n)), make([]byte, n+1), []byte{End}, zero)...)
}

// Straight returns a module with n functions of so many instructions without a
// branch.
func Straight(n, instructions int) []byte {
	m, _ := fetcher(1)
	one := m.Type([]byte{I32}, []byte{I32})
	code := Cat(LocalGet(0), Repeat((instructions-1)/2, 0x20, 0, 0x6A))
	for range n {
		m.Func(one, nil, code...)
	}
	return m.exported(m.Func(0, nil, zero...))
}
