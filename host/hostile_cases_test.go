package host_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	wt "github.com/rollcall-agent/rollcall/host/internal/wasmtest"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

const (
	soon     = 300 * time.Millisecond // the deadline of small modules
	guestMiB = 64                     // memory of an instance
	allPages = guestMiB * 16
)

// hostiles returns all modules of the suite. The healthy one comes first, to
// show that the others end as they do because of their own code.
func hostiles(t *testing.T) []hostile {
	t.Helper()
	all := []hostile{{name: "healthy", wasm: wt.Healthy()}}
	for _, group := range [][]hostile{forms(), bombs(), links(), endless(), traps()} {
		all = append(all, group...)
	}
	for i := range all {
		all[i].wasm = with(all[i].wasm, manifest)
	}
	for _, group := range [][]hostile{manifests(), damaged(), compiled(t)} {
		all = append(all, group...)
	}
	return all
}

// forms are files that claim content they lack, or that violate the format.
func forms() []hostile {
	all := []hostile{
		{name: "type out of range", wasm: wt.TypeOutOfRange(), refused: "type 7 of 1"},
		{name: "100,000 parameters", wasm: wt.Parameters(100_000), refused: "100000 parameters, more than 100"},
		{name: "1,001 custom sections", wasm: customs(1_001), refused: "custom sections"},
		{name: "component", wasm: []byte("\x00asm\x0d\x00\x01\x00"), refused: "not a WebAssembly module"},
		{name: "two memories", wasm: twoMemories(), refused: "2 memories, more than 1"},
		{name: "atomics", wasm: wt.Fetch(1, 0xFE, 0x03, 0x00), refused: "0xfe"},
		{name: "tail call", wasm: wt.Fetch(1, 0x12, 0), refused: "0x12"},
		{name: "operand of another type", wasm: wt.Fetch(1, wt.Cat(wt.I64Const(1))...), refused: "compile"},
		{name: "name section of 2^32-1", wasm: wt.ClaimNames()}, // dropped unread
		{name: "10 MiB custom section", wasm: padded(10 << 20)},
	}
	for _, section := range []byte{1, 2, 3, 4, 6, 7, 9, 10, 11} {
		all = append(all, hostile{name: fmt.Sprintf("section %d of 2^32-1", section), wasm: wt.Claim(section), refused: "the file ends before"})
	}
	return all
}

// bombs make a compiler hang or take all memory.
func bombs() []hostile {
	return []hostile{
		{name: "10,000 nested blocks", wasm: wt.NestedBlocks(10_000), refused: "nests more than 3000 blocks"},
		{name: "20,000 ifs", wasm: wt.Ifs(1, 20_000), refused: "more than"},
		{name: "50 functions of 4,000 ifs", wasm: wt.Ifs(50, 4_000), refused: "more than"},
		{name: "br_table of 100,000", wasm: wt.HugeTable(100_000), refused: "more than"},
		{name: "50 million locals", wasm: wt.Locals(1, 50_000_000), refused: "locals"},
		{name: "20,001 functions", wasm: wt.Functions(20_001), refused: "more than 20000"},
		{name: "one function of 5 MB", wasm: wt.Straight(1, 3_300_000), refused: "more than"},
		{name: "150 large functions", wasm: wt.Straight(150, 49_000), refused: "instructions"},
		{name: "more than 16 MiB", wasm: padded(17 << 20), refused: "larger than"},
		{name: "19,000 functions", wasm: wt.Functions(19_000)}, // within the caps: it compiles
	}
}

// links are modules that ask for functions that connectors do not have.
func links() []hostile {
	imports := func(module, name string) []byte {
		m := &wt.Module{}
		status := m.Type(nil, []byte{wt.I32})
		m.Import(module, name, status)
		m.Export(wt.FetchExport, wt.KindFunction, m.Func(status, nil, wt.I32Const(0)...))
		return m.Bytes()
	}
	return []hostile{
		{name: "unknown import", wasm: wt.UnknownImport(), refused: "imports env.exec"},
		{name: "files", wasm: imports(abi.WASI, "path_open"), refused: "no files, environment or sockets"},
		{name: "sockets", wasm: imports(abi.WASI, "sock_accept"), refused: "no files, environment or sockets"},
		{name: "folders", wasm: imports(abi.WASI, "fd_readdir"), refused: "no files, environment or sockets"},
		{name: "environment", wasm: environment(), stopped: "status 1) and did not say why"}, // two answers of 0: there is none
		{name: "other signature", wasm: imports(abi.Module, "http_send"), refused: "another signature"},
		{name: "too much memory at start", wasm: wt.Fetch(allPages+1, wt.I32Const(0)...), refused: "compile"},
		{name: "no memory", wasm: wt.Fetch(-1, wt.I32Const(0)...)},
		{name: "table of 60,000", wasm: table(60_000), refused: "more than 50000"},
	}
}

// endless are modules that run until they are stopped.
func endless() []hostile {
	all := []hostile{
		{name: "endless loop", wasm: wt.Endless()},
		{name: "2^60 calls without a loop", wasm: wt.Doubling(60)},
		{name: "the same through a table", wasm: wt.DoublingIndirect(60)},
		{name: "hanging start function", wasm: wt.HangingStart()},
		{name: "growth without end", wasm: wt.MemoryGrowth()},
		{name: "memory.fill, straight", wasm: wt.MemoryFills(allPages, 900)},
		{name: "memory.copy, straight", wasm: wt.MemoryCopies(allPages, 900)},
		{name: "fd_write of everything", wasm: wt.Writes(allPages)},
		{name: "random_get of everything", wasm: wt.Randoms(allPages, 900)},
	}
	for i := range all {
		all[i].deadline, all[i].stopped = soon, "ran for more than"
	}
	return all
}

// traps are modules that end by themselves.
func traps() []hostile {
	return []hostile{
		{name: "unreachable", wasm: wt.UnreachableTrap(), stopped: "unreachable"},
		{name: "division by zero", wasm: wt.DivisionByZero(), stopped: "divide by zero"},
		{name: "load outside memory", wasm: wt.OutOfBoundsLoad(), stopped: "out of bounds memory access"},
		{name: "call of nothing", wasm: wt.NullCall(), stopped: "invalid table access"},
		{name: "recursion without end", wasm: wt.Recursion(), stopped: "stack overflow"},
		{name: "table.grow of 268 million", wasm: wt.TableGrowth(268_000_000, 1), stopped: "status -1)"},
		{name: "table.fill, straight", wasm: wt.TableFills(50_000, 450)},
		{name: "deaf leaves", wasm: wt.Leaves(9_000, 40)},
		{name: "pointer of 64 MiB", wasm: wt.Pointers(abi.Module, allPages)},
		{name: "900 times more memory", wasm: wt.MemoryGrowthStraight(900)}, // refused by the host at 64 MiB
	}
}

// manifests are modules whose manifest is forged or odd.
func manifests() []hostile {
	change := func(old, new string) []byte { return with(wt.Healthy(), strings.Replace(manifest, old, new, 1)) }
	appended := func(text string) []byte { return with(wt.Healthy(), manifest+text) }
	return []hostile{
		{name: "no manifest", wasm: wt.Healthy(), refused: "no section rollcall.manifest"},
		{name: "two manifests", wasm: with(with(wt.Healthy(), manifest), manifest), refused: "is there twice"},
		{name: "another ABI", wasm: change("rollcall_v1", "rollcall_v2"), refused: `abi "rollcall_v2" is not known`},
		{name: "every host", wasm: change(`"api.example.com"`, `"*"`), refused: `host "*"`},
		{name: "a whole top-level domain", wasm: change(`"api.example.com"`, `"*.com"`), refused: "top-level domain"},
		{name: "name of a path", wasm: change(`"guest"`, `"../guest"`), refused: `name "../guest"`},
		{name: "manifest of 2 MiB", wasm: with(wt.Healthy(), manifest+"#"+strings.Repeat("x", 2<<20)), refused: "bytes, more than"},
		{name: "manifest with a key of 100,000 parts", wasm: appended(strings.Repeat("a.", 100_000) + "a = 1"), refused: "names and brackets deep, more than 16"},
		{name: "manifest with a header of 100,000 parts", wasm: appended("[" + strings.Repeat("a.", 100_000) + "a]"), refused: "names and brackets deep, more than 16"},
		{name: "manifest of nested inline tables", wasm: appended("a = " + strings.Repeat("{a = ", 50_000) + "1" + strings.Repeat("}", 50_000)), refused: "names and brackets deep, more than 16"},
		{name: "manifest of nested arrays", wasm: appended("a = " + strings.Repeat("[", 900_000)), refused: "names and brackets deep, more than 16"},
		{name: "manifest with a long name above many keys", wasm: appended("[" + strings.Repeat("k", 500_000) + "]\n" + strings.Repeat("a = 1\n", 50_000)), refused: "a name of 500000 bytes, more than 256"},
		{name: "manifest of many keys", wasm: appended("[a]\n" + strings.Repeat("a = 1\n", 100_000)), refused: "keys, tables and values, more than 20000"},
		{name: "manifest with a token URL elsewhere", wasm: appended("\n[[auth]]\nkind = \"oauth2\"\ntoken_url = \"http://127.0.0.1:9/t\"\n"), refused: `auth "oauth2": token_url: "http://127.0.0.1:9/t" is not https on port 443`},
		{name: "manifest of many endpoints", wasm: appended("\n" + strings.Repeat("[[endpoints]]\n", 5_000)), refused: "5001 endpoints, more than 500"},
		{name: "manifest with thousands of faults", wasm: appended("\n" + strings.Repeat("[[attributes]]\n", 900)), refused: "and 1780 more"},
		{name: "manifest with a version of 900 KB", wasm: change(`"1.2.3"`, `"`+strings.Repeat("9", 900_000)+`"`), refused: "is not MAJOR.MINOR.PATCH"},
		{name: "manifest with a host of 900 KB", wasm: change(`"api.example.com"`, `"`+strings.Repeat("a", 900_000)+`"`), refused: "is too long"},
		{name: "manifest with a number of 900 KB", wasm: appended("\na = " + strings.Repeat("1.", 450_000)), refused: "manifest: toml: line"},
		{name: "manifest of NULs", wasm: with(wt.Healthy(), strings.Repeat("\x00", 100)), refused: "manifest"},
	}
}

// damaged is a sound module cut off before its end.
func damaged() []hostile {
	const short = "the file ends before what it announces"
	whole := with(wt.Doubling(5), manifest)
	var all []hostile
	for size, reason := range map[int]string{
		7: "not a WebAssembly module", 8: "no section rollcall.manifest", 20: short, len(whole) / 2: short, len(whole) - 1: short,
	} {
		all = append(all, hostile{name: fmt.Sprintf("truncated to %d bytes", size), wasm: whole[:size], refused: reason})
	}
	return all
}

// compiled are modules from Go.
func compiled(t *testing.T) []hostile {
	t.Helper()
	plain, err := shared.hostile()
	if err != nil {
		t.Fatal(err)
	}
	wasm := with(plain, manifest)
	code := func(do, stopped string) hostile {
		return hostile{name: "Go: " + do, do: do, wasm: wasm, stopped: stopped, deadline: time.Second}
	}
	whole := func(do, stopped string) hostile {
		c := code(do, stopped)
		c.timeout = time.Minute // the whole fetch ends first
		return c
	}
	itself := func(do, stopped string) hostile {
		c := code(do, stopped)
		c.deadline = 0
		return c
	}
	return []hostile{
		code("fibonacci", "ran for more than"), code("spin", "ran for more than"), code("logs", "ran for more than"),
		whole("requests", "did not end within"), whole("endless-emit", "did not end within"), whole("spin", "did not end within"),
		itself("recursion", "internal: "), itself("grow", "out of memory"), itself("handles", "64 responses are open"),
		itself("huge-emit", "more than 16777216"), itself("waits", "100000 waits"),
	}
}

func customs(n int) []byte {
	m := &wt.Module{}
	m.Export(wt.FetchExport, wt.KindFunction, m.Func(m.Type(nil, []byte{wt.I32}), nil, wt.I32Const(0)...))
	for range n {
		m.Custom("x", nil)
	}
	return m.Bytes()
}

func padded(size int) []byte {
	m := &wt.Module{}
	m.Export(wt.FetchExport, wt.KindFunction, m.Func(m.Type(nil, []byte{wt.I32}), nil, wt.I32Const(0)...))
	m.Custom("padding", make([]byte, size))
	return m.Bytes()
}

func twoMemories() []byte {
	m := &wt.Module{}
	m.Memory(1, 1)
	m.Memory(1, 1)
	m.Export(wt.FetchExport, wt.KindFunction, m.Func(m.Type(nil, []byte{wt.I32}), nil, wt.I32Const(0)...))
	return m.Bytes()
}

func table(entries int) []byte {
	m := &wt.Module{}
	m.Table(wt.Funcref, entries, entries)
	m.Export(wt.FetchExport, wt.KindFunction, m.Func(m.Type(nil, []byte{wt.I32}), nil, wt.I32Const(0)...))
	return m.Bytes()
}

// environment returns 1 when there are neither variables nor arguments.
func environment() []byte {
	m := &wt.Module{}
	status := m.Type(nil, []byte{wt.I32})
	two := m.Type([]byte{wt.I32, wt.I32}, []byte{wt.I32})
	variables, arguments := m.Import(abi.WASI, "environ_sizes_get", two), m.Import(abi.WASI, "args_sizes_get", two)
	m.Memory(1, 1)
	m.Export("memory", wt.KindMemory, 0)
	ask := func(f uint32, at int32) []byte {
		return wt.Cat(wt.I32Const(at), wt.I32Const(at+4), wt.Call(f), wt.I32Const(at), wt.I32Load(0), []byte{0x6A})
	}
	m.Export(wt.FetchExport, wt.KindFunction, m.Func(status, nil, wt.Cat(ask(variables, 0), ask(arguments, 8), []byte{0x6A, 0x45})...))
	return m.Bytes()
}

// TestFlippedBits loads modules with one bit or byte changed, one after the
// other, into one host. Each must be refused, or run and end within its time.
func TestFlippedBits(t *testing.T) {
	o := newOthers(t)
	r := soak.Rand(t)
	sound := [][]byte{wt.Doubling(8), wt.DoublingIndirect(4), wt.MemoryFills(2, 20), wt.TableFills(100, 3), wt.Leaves(3, 16)}
	let, refused := 0, 0
	for i := range soak.Size(50, 400) {
		wasm := bytes.Clone(sound[i%len(sound)])
		at := 8 + r.IntN(len(wasm)-8)
		if i%2 == 0 {
			wasm[at] ^= 1 << r.IntN(8)
		} else {
			wasm[at] = byte(r.Uint32())
		}
		switch o.survive(t, with(wasm, manifest)) {
		case "refused":
			refused++
		default:
			let++
		}
	}
	t.Logf("%d were refused, %d were let in;%s", refused, let, o.check(t))
	if let == 0 || refused == 0 {
		t.Error("one of the two never happened")
	}
}
