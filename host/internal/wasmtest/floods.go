package wasmtest

// WASI is the import module of WASI preview 1.
const WASI = "wasi_snapshot_preview1"

// Writes returns a module that calls fd_write once with all of its memory as
// buffers, each of them most of the memory and full of line ends.
func Writes(pages int) []byte {
	m := &Module{}
	status := m.Type(nil, []byte{I32})
	four := m.Type([]byte{I32, I32, I32, I32}, []byte{I32})
	write := m.Import(WASI, "fd_write", four)
	m.Memory(pages, -1)
	m.Export("memory", KindMemory, 0)
	size := int32(pages << 16)
	buffer := int64(size-(1<<20))<<32 | 0x0A0A0A
	fill := Cat([]byte{Loop, Void},
		LocalGet(0), I64Const(buffer), []byte{0x37, 3, 0},
		LocalGet(0), I32Const(8), []byte{0x6A, 0x22, 0}, I32Const(size), []byte{0x48, BrIf, 0, End})
	return m.exported(m.Func(status, []byte{I32}, Cat(fill,
		I32Const(1), zero, I32Const(size/8), zero, Call(write))...))
}

// Randoms returns a module that fills its whole memory with random numbers, n
// times without a loop.
func Randoms(pages, n int) []byte {
	m := &Module{}
	status := m.Type(nil, []byte{I32})
	two := m.Type([]byte{I32, I32}, []byte{I32})
	get := m.Import(WASI, "random_get", two)
	m.Memory(pages, -1)
	m.Export("memory", KindMemory, 0)
	once := Cat(zero, I32Const(int32(pages<<16)), Call(get), []byte{Drop})
	return m.exported(m.Func(status, nil, Cat(Repeat(n, once...), zero)...))
}

// Pointers returns a module that sends one request and asks for the value at a
// JSON pointer that fills all of its memory, slash after slash. Its export
// returns 0 when the host refused.
func Pointers(module string, pages int) []byte {
	m := &Module{}
	status := m.Type(nil, []byte{I32})
	send := m.Import(module, "http_send", m.Type([]byte{I32, I32}, []byte{I64}))
	get := m.Import(module, "json_get", m.Type([]byte{I64, I32, I32, I32, I32}, []byte{I64}))
	m.Memory(pages, -1)
	m.Export("memory", KindMemory, 0)
	request := `{"method":"GET","path":"/users"}`
	m.Data(0, []byte(request))
	size := int32(pages << 16)
	return m.exported(m.Func(status, []byte{I64}, Cat(
		zero, I32Const(int32(len(request))), Call(send), LocalSet(0),
		zero, I32Const('/'), I32Const(size), MemoryFill,
		LocalGet(0), zero, I32Const(size), zero, zero, Call(get),
		I64Const(0), []byte{0x59})...)) // 1 when the result is not negative
}
