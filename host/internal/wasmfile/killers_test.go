package wasmfile_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host/internal/wasmfile"
	wt "github.com/rollcall-agent/rollcall/host/internal/wasmtest"
)

// hostile are modules that are refused.
func hostile() [][]byte {
	var all [][]byte
	for _, k := range killers() {
		all = append(all, k.wasm)
	}
	return all
}

type killer struct {
	name string
	wasm []byte
	want string
}

// killers are what was seen to kill, freeze or bloat a process that decodes
// or compiles it, and relatives.
func killers() []killer {
	code := func(code ...byte) []byte { return wt.Fetch(1, wt.Cat(code, wt.I32Const(0))...) }
	list := []killer{
		{"type that is not there", wt.TypeOutOfRange(), "type 7 of 1"},
		{"100,000 parameters", wt.Parameters(100_000), "100000 parameters, more than 100"},
		{"20,001 functions", wt.Functions(20_001), "20001 functions, more than 20000"},
		{"50 million locals", wt.Locals(1, 50_000_000), "50000000 locals, more than 2000"},
		{"locals of all functions", wt.Locals(101, 2_000), "more than 200000 locals in all"},
		{"10,000 nested blocks", wt.NestedBlocks(10_000), "nests more than 3000 blocks"},
		{"100,000 nested blocks", wt.NestedBlocks(100_000), "bytes, more than 262144"},
		{"20,000 ifs", wt.Ifs(1, 20_000), "has 4001 blocks, more than 4000"},
		{"50 functions of 4,000 ifs", wt.Ifs(50, 3_990), "pairs of branches, more than 2000000000"},
		{"ifs of many functions", wt.Ifs(700, 500), "branches, more than 900000"},
		{"br_table of 100,000", wt.HugeTable(100_000), "100000 targets, more than 5000"},
		{"5 MB straight on", wt.Straight(1, 3_000_000), "bytes, more than 262144"},
		{"256 KB straight on", wt.Straight(1, 120_000), "more than 50000"},
		{"straight on in many", wt.Straight(110, 49_000), "instructions, more than 5000000"},
		{"one body is too few", wt.Cat([]byte(wt.Header), wt.Section(1, []byte{1, 0x60, 0, 0}), wt.Section(3, []byte{1, 0})), "1 functions are declared, and 0 have code"},
		{"chain of br_if", code(wt.Cat([]byte{wt.Block, wt.Void}, wt.Repeat(14_000, wt.Cat(wt.I32Const(0), []byte{wt.BrIf, 0})...), []byte{wt.End})...), "distance to where values merge"},
		{"loops in a row", code(wt.Repeat(1_100, wt.Loop, wt.Void, wt.End)...), "loops and checks, more than 1000"},
		{"live operands", code(wt.Cat(wt.Repeat(9_000, wt.I32Const(1)...), wt.Repeat(3_000, wt.Cat(wt.I32Const(0), []byte{wt.If, wt.Void, wt.End})...), wt.Repeat(9_000, wt.Drop))...), "live values at branches"},
		{"huge table", table(wt.Funcref, 50_001, -1), "a table of 50001 entries"},
		{"huge table at most", table(wt.Funcref, 0, 268_000_000), "a table of 268000000 entries"},
		{"memory of 4 GiB", wt.Fetch(65_536), "a memory of 65536 to 0 pages"},
		{"start that is not there", startsAt(9), "function 9 of 1"},
		{"start with a result", startsAt(0), "the start function has parameters or results"},
		{"file over 16 MiB", make16MiB(), "more than 16777216"},
	}
	for _, id := range []byte{1, 2, 3, 4, 5, 6, 7, 9, 10, 11} {
		list = append(list, killer{"claim in section " + string('0'+rune(id)), wt.Claim(id), "ends before what it announces"})
	}
	return append(append(list, proposals()...), malformed()...)
}

func table(kind byte, least, most int) []byte {
	m := &wt.Module{}
	m.Table(kind, least, most)
	return m.Bytes()
}

func startsAt(f uint32) []byte {
	m := &wt.Module{}
	m.Func(m.Type(nil, []byte{wt.I32}), nil, wt.I32Const(0)...)
	m.Start(f)
	return m.Bytes()
}

func make16MiB() []byte {
	return wasmfile.Append([]byte(wt.Header), "big", make([]byte, 16<<20))
}

// proposals are parts of WebAssembly that are not known here.
func proposals() []killer {
	code := func(code ...byte) []byte { return wt.Fetch(1, code...) }
	return []killer{
		{"tags", wt.Cat([]byte(wt.Header), wt.Section(13, []byte{0})), "section 13 is not known (tags: exception handling)"},
		{"throw", code(0x08, 0), "0x08 is not known (exception handling)"},
		{"try_table", code(0x1F, wt.Void, 0), "0x1f is not known (exception handling)"},
		{"tail call", code(0x12, 0), "0x12 is not known (tail calls)"},
		{"call_ref", code(0x14, 0), "0x14 is not known (typed function references)"},
		{"struct.new", code(0xFB, 0, 0), "0xfb is not known (garbage collection)"},
		{"atomics", code(0xFE, 0, 2, 0), "0xfe is not known (threads)"},
		{"relaxed SIMD", code(0xFD, 0x80, 0x02), "0xfd 256 is not known (relaxed SIMD or later)"},
		{"gap in SIMD", code(0xFD, 0x9A, 0x01), "0xfd 154 is not known"},
		{"memory.discard", code(0xFC, 0x12, 0), "0xfc 18 is not known"},
		{"shared memory", wt.Cat([]byte(wt.Header), wt.Section(5, []byte{1, 3, 1, 1})), "threads"},
		{"64-bit memory", wt.Cat([]byte(wt.Header), wt.Section(5, []byte{1, 4, 1})), "64-bit memory"},
		{"two memories", wt.Cat([]byte(wt.Header), wt.Section(5, []byte{2, 0, 1, 0, 1})), "2 memories, more than 1"},
		{"memory 1", code(0x3F, 1), "more than one memory"},
		{"group of types", wt.Cat([]byte(wt.Header), wt.Section(1, []byte{1, 0x4E, 1, 0x60, 0, 0})), "type form 0x4e"},
		{"typed reference", wt.Cat([]byte(wt.Header), wt.Section(1, []byte{1, 0x60, 1, 0x64, 0x70, 0})), "0x64 is not known (typed function references)"},
		{"table with a value", wt.Cat([]byte(wt.Header), wt.Section(4, []byte{1, 0x40, 0, 0x70, 0, 1, 0xD0, 0x70, 0x0B})), "0x40 is not known"},
		{"extended constant", wt.Cat([]byte(wt.Header), wt.Section(6, []byte{1, wt.I32, 0, 0x41, 1, 0x41, 1, 0x6A, 0x0B})), "more than one instruction"},
		{"longer opcode", code(0xFC, 0x8B, 0x00, 0), "longer than it has to be"},
		{"longer vector opcode", code(0xFD, 0x80, 0x81, 0x00), "longer than it has to be"},
	}
}

// malformed are modules whose indices and structure are wrong.
func malformed() []killer {
	code := func(code ...byte) []byte { return wt.Fetch(1, code...) }
	const most = "\xFF\xFF\xFF\xFF\x0F"
	return []killer{
		{"function", code(wt.Call(9)...), "function 9 of 1"},
		{"local", code(wt.LocalGet(9)...), "local 9 of 0"},
		{"global", code(wt.GlobalGet(9)...), "global 9 of 0"},
		{"label", code(wt.Br, 9), "label 9 of 1"},
		{"table", code(0x25, 9), "table 9 of 0"},
		{"block type", code(wt.Block, 9), "type 9 of 1"},
		{"block type unknown", code(wt.Block, 0x6A), "block type 0x6a is not known (garbage collection)"},
		{"data", code(0xFC, 9, 0), "no data count"},
		{"elements", code(0xFC, 13, 0), "element segment 0 of 0"},
		{"function reference", code(0xD2, 9), "function 9 of 1"},
		{"reference type", code(0xD0, 0x6E), "reference type 0x6e is not known (garbage collection)"},
		{"alignment", code(0x28, 3, 0), "an alignment of 2^3, more than 2^2"},
		{"lane", code(0xFD, 0x15, 16), "lane 16 of 16"},
		{"select", code(0x1C, 2, wt.I32, wt.I32), "a select of 2 types"},
		{"else", code(wt.Else), "an else without an if"},
		{"open block", code(wt.Block, wt.Void), "ends before what it announces"},
		{"code after the end", code(wt.End, wt.Nop), "left over"},
		{"cut immediate", wt.Fetch(1, 0x43, 1), "ends before what it announces"},
		{"no memory", wt.Fetch(-1, 0x28, 2, 0), "there is no memory"},
		{"long number", code(0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0), "longer than 32 bits"},
		{"bits beyond", code(0x41, 0xFF, 0xFF, 0xFF, 0xFF, 0x4F), "longer than 32 bits"},
		{"br_table claims", code(wt.Cat([]byte{wt.BrTable}, []byte(most))...), "ends before what it announces"},
		{"locals claim", rawFunction(most), "ends before what it announces"},
		{"names claim", wt.Cat([]byte(wt.Header), wt.Section(2, wt.Cat([]byte{1}, []byte(most), []byte("abc")))), "a name of 4294967295 bytes"},
		{"export twice", exportedTwice(), `export "a" is there twice`},
		{"data without memory", wt.Cat([]byte(wt.Header), wt.Section(11, []byte{1, 0, 0x41, 0, 0x0B, 0})), "memory 0 of 0"},
		{"elements without table", wt.Cat([]byte(wt.Header), wt.Section(9, []byte{1, 0, 0x41, 0, 0x0B, 0})), "table 0 of 0"},
		{"constant of another type", wt.Cat([]byte(wt.Header), wt.Section(6, []byte{1, wt.I32, 0, 0x42, 1, 0x0B})), "where 0x7f belongs"},
		{"global that is not imported", wt.Cat([]byte(wt.Header), wt.Section(6, []byte{2, wt.I32, 0, 0x41, 1, 0x0B, wt.I32, 0, 0x23, 0, 0x0B})), "imported constant globals"},
		{"body size", wt.Cat([]byte(wt.Header), wt.Section(1, []byte{1, 0x60, 0, 0}), wt.Section(3, []byte{1, 0}), wt.Section(10, []byte{1, 9, 0, 0x0B})), "ends before what it announces"},
		{"segments announced", wt.Cat([]byte(wt.Header), wt.Section(12, []byte{5})), "5 data segments are announced, and 0 are there"},
	}
}

func rawFunction(body string) []byte {
	m := &wt.Module{}
	m.RawFunc(m.Type(nil, nil), []byte(body))
	return m.Bytes()
}

func exportedTwice() []byte {
	m := &wt.Module{}
	m.Memory(1, 1)
	m.Export("a", wt.KindMemory, 0)
	m.Export("a", wt.KindMemory, 0)
	return m.Bytes()
}

// TestKillers: each is refused, and the message says what and where.
func TestKillers(t *testing.T) {
	for _, k := range killers() {
		_, err := wasmfile.Read(k.wasm)
		if err == nil || !strings.Contains(err.Error(), k.want) {
			t.Errorf("%s: %v, want %q", k.name, err, k.want)
			continue
		}
		if !strings.Contains(err.Error(), "byte") && !strings.Contains(k.want, "are there") && !strings.Contains(k.want, "have code") {
			t.Errorf("%s: %v does not say where", k.name, err)
		}
	}
}

// TestJustWithin: what is at a cap, but not over it, is accepted.
func TestJustWithin(t *testing.T) {
	for name, wasm := range map[string][]byte{
		"functions":  wt.Functions(20_000),
		"parameters": wt.Parameters(100),
		"locals":     wt.Locals(100, 2_000),
		"nesting":    wt.NestedBlocks(3_000),
		"ifs":        wt.Ifs(1, 3_999),
		"br_table":   wt.HugeTable(5_000),
		"straight":   wt.Straight(1, 49_000),
		"table":      table(wt.Funcref, 50_000, 50_000),
		"simd":       simd(),
		"names":      wt.ClaimNames(), // a custom section is dropped unread
	} {
		f, err := wasmfile.Read(wasm)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if _, err := wasmfile.Read(wasmfile.Harden(f)); err != nil {
			t.Errorf("%s, written: %v", name, err)
		}
	}
	if f, err := wasmfile.Read(wt.ClaimNames()); err != nil || bytes.Contains(wasmfile.Harden(f), []byte("name")) {
		t.Errorf("the name section is still there: %v", err)
	}
}
