package host_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/rollcall-agent/rollcall/host"
	wt "github.com/rollcall-agent/rollcall/host/internal/wasmtest"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// wasi is a module that imports functions of WASI's and of ours.
type wasi struct {
	wt.Module
	emit   uint32
	status uint32 // the type of rollcall_fetch
}

// signatures of the functions of WASI preview 1, in its order of parameters:
// i is an i32, I an i64. All answer an i32 but proc_exit.
var signatures = map[string]string{
	"args_get": "ii", "args_sizes_get": "ii", "environ_get": "ii", "environ_sizes_get": "ii",
	"clock_res_get": "ii", "clock_time_get": "iIi", "fd_advise": "iIIi", "fd_allocate": "iII", "fd_close": "i",
	"fd_datasync": "i", "fd_fdstat_get": "ii", "fd_fdstat_set_flags": "ii", "fd_fdstat_set_rights": "iII",
	"fd_filestat_get": "ii", "fd_filestat_set_size": "iI", "fd_filestat_set_times": "iIIi", "fd_pread": "iiiIi",
	"fd_prestat_get": "ii", "fd_prestat_dir_name": "iii", "fd_pwrite": "iiiIi", "fd_read": "iiii",
	"fd_readdir": "iiiIi", "fd_renumber": "ii", "fd_seek": "iIii", "fd_sync": "i", "fd_tell": "ii", "fd_write": "iiii",
	"path_create_directory": "iii", "path_filestat_get": "iiiii", "path_filestat_set_times": "iiiiIIi",
	"path_link": "iiiiiii", "path_open": "iiiiiIIii", "path_readlink": "iiiiii", "path_remove_directory": "iii",
	"path_rename": "iiiiii", "path_symlink": "iiiii", "path_unlink_file": "iii", "poll_oneoff": "iiii",
	"proc_exit": "i", "proc_raise": "i", "random_get": "ii", "sched_yield": "", "sock_accept": "iii",
	"sock_recv": "iiiiii", "sock_send": "iiiii", "sock_shutdown": "ii",
}

func types(letters string) []byte {
	var out []byte
	for _, l := range letters {
		out = append(out, map[rune]byte{'i': wt.I32, 'I': wt.I64}[l])
	}
	return out
}

// newWASI imports the functions of WASI's that are named, at the indices of
// their names, and emit_json.
func newWASI(names ...string) *wasi {
	m := &wasi{}
	for _, name := range names {
		result := []byte{wt.I32}
		if name == "proc_exit" {
			result = nil
		}
		m.Import(abi.WASI, name, m.Type(types(signatures[name]), result))
	}
	m.emit = m.Import(abi.Module, "emit_json", m.Type(types("ii"), []byte{wt.I64}))
	m.status = m.Type(nil, []byte{wt.I32})
	m.Memory(1, -1)
	m.Global(wt.I32, true, wt.I32Const(0)...)
	m.Export("memory", wt.KindMemory, 0)
	return m
}

// bytes ends the module with the code of rollcall_fetch.
func (m *wasi) bytes(code ...byte) []byte {
	m.Export(wt.FetchExport, wt.KindFunction, m.Func(m.status, nil, code...))
	return m.Bytes()
}

// numbers pushes constants.
func numbers(list ...int32) []byte {
	var out []byte
	for _, n := range list {
		out = append(out, wt.I32Const(n)...)
	}
	return out
}

const minimal = `
name = "wasi"
version = "1.0.0"
abi = "rollcall_v1"
title = "WASI"
hosts = ["api.example.com"]
[[endpoints]]
name = "users"
path = "/users"
records = ""
key = "/id"
`

// loaded opens a host with one module.
func loaded(t *testing.T, code []byte) (*host.Host, *logged) {
	t.Helper()
	// By hand: host.Embed refuses what the host refuses.
	code = wt.Cat(code, wt.Section(0, wt.Cat(wt.Name(abi.ManifestSection), []byte(minimal))))
	return open(t, host.Settings{AllowUnsigned: true, CallTimeout: limit}, map[string][]byte{"wasi.wasm": code})
}

// called runs rollcall_fetch of a module.
func called(t *testing.T, code []byte) ([]host.Record, *logged, error) {
	t.Helper()
	h, l := loaded(t, code)
	conn, err := h.Connector("wasi")
	if err != nil {
		t.Fatal(err)
	}
	var records []host.Record
	_, err = conn.Fetch(t.Context(), host.Application{Name: "app"}, abi.FetchCall{Endpoint: abi.Endpoint{Name: "users", Path: "/users", Key: "/id"}}, func(r host.Record) error {
		records = append(records, r)
		return nil
	})
	return records, l, err
}

// TestWASIRefusesTheRest: WASI's functions for files, sockets and processes are
// refused one by one before any code runs; a module that uses only listed
// functions loads.
func TestWASIRefusesTheRest(t *testing.T) {
	for _, name := range abi.WASIFunctions() {
		if _, known := signatures[name]; !known {
			t.Errorf("%s is allowed, and is none of preview 1", name)
		}
	}
	refused := 0
	for name := range signatures {
		h, _ := loaded(t, newWASI(name).bytes(numbers(0)...))
		_, err := h.Connector("wasi")
		if slices.Contains(abi.WASIFunctions(), name) {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		refused++
		if err == nil || !strings.Contains(err.Error(), "it imports wasi_snapshot_preview1."+name+": connectors have no files, environment or sockets") {
			t.Errorf("%s: %v", name, err)
		}
		if s := h.Modules()[0].State; s != host.Refused {
			t.Errorf("%s: state %s", name, s)
		}
	}
	if want := len(signatures) - len(abi.WASIFunctions()); refused != want || want != 28 {
		t.Errorf("%d functions were refused, and %d are not allowed", refused, want)
	}
	for name, code := range map[string][]byte{
		"another version": foreign("wasi_unstable", "fd_write"), "preview 2": foreign("wasi:filesystem/types@0.2.0", "read"), "invented": foreign(abi.WASI, "path_open2"),
		"browser": foreign("env", "system"), "no module": foreign("", "path_open"),
	} {
		h, _ := loaded(t, code)
		if _, err := h.Connector("wasi"); err == nil || !strings.Contains(err.Error(), "it imports") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// foreign imports something that is not there.
func foreign(module, name string) []byte {
	m, types := &wasi{}, types("iiii")
	m.Import(module, name, m.Type(types, []byte{wt.I32}))
	m.status = m.Type(nil, []byte{wt.I32})
	m.Memory(1, -1)
	m.Export("memory", wt.KindMemory, 0)
	return m.bytes(numbers(0)...)
}

// WASI's errors, and what it calls a success.
const (
	ok     = 0
	ebadf  = 8
	enosys = 52
)

// TestWASIHasNothingToGive: the functions for files, environment and arguments
// answer that there are none, whatever is asked.
func TestWASIHasNothingToGive(t *testing.T) {
	t.Setenv("ROLLCALL_TEST_CANARY", "the-canary-of-the-environment")
	type call struct {
		name string
		args []any // int32, or int64 for an I
		want []int32
	}
	cases := []call{
		{"args_sizes_get", []any{int32(0), int32(4)}, []int32{ok}},
		{"args_get", []any{int32(0), int32(64)}, []int32{ok}},
		{"environ_sizes_get", []any{int32(0), int32(4)}, []int32{ok}},
		{"environ_get", []any{int32(0), int32(64)}, []int32{ok}},
	}
	for fd := int32(3); fd <= 20; fd++ {
		cases = append(cases,
			call{"fd_prestat_get", []any{fd, int32(0)}, []int32{ebadf}},
			call{"fd_prestat_dir_name", []any{fd, int32(0), int32(64)}, []int32{ebadf}},
			call{"fd_write", []any{fd, int32(128), int32(1), int32(0)}, []int32{ebadf}},
			call{"fd_read", []any{fd, int32(128), int32(1), int32(0)}, []int32{ebadf}},
			call{"fd_fdstat_get", []any{fd, int32(0)}, []int32{ebadf}},
			call{"fd_close", []any{fd}, []int32{ebadf}},
			call{"fd_seek", []any{fd, int64(0), int32(0), int32(0)}, []int32{ebadf}},
			call{"fd_fdstat_set_flags", []any{fd, int32(0)}, []int32{ebadf}},
		)
	}
	cases = append(cases,
		call{"fd_write", []any{int32(0), int32(128), int32(1), int32(0)}, []int32{ebadf, enosys}}, // stdin takes nothing
		call{"fd_read", []any{int32(0), int32(128), int32(1), int32(512)}, []int32{ok}},           // and has nothing: see below
		call{"fd_read", []any{int32(1), int32(128), int32(1), int32(0)}, []int32{ebadf}},
		call{"fd_read", []any{int32(2), int32(128), int32(1), int32(0)}, []int32{ebadf}},
		call{"fd_write", []any{int32(-1), int32(128), int32(1), int32(0)}, []int32{ebadf}},
		call{"fd_write", []any{int32(1<<31 - 1), int32(128), int32(1), int32(0)}, []int32{ebadf}},
	)
	for fd := range int32(3) {
		cases = append(cases,
			call{"fd_prestat_get", []any{fd, int32(0)}, []int32{ok}}, // wazero: a folder whose name has no bytes
			call{"fd_prestat_dir_name", []any{fd, int32(0), int32(0)}, []int32{ok}},
			call{"fd_seek", []any{fd, int64(0), int32(0), int32(0)}, []int32{enosys}},
		)
	}
	for fd := range int32(3) {
		cases = append(cases, call{"fd_close", []any{fd}, []int32{ok}}) // last: nothing can be written any more
	}
	cases = append(cases, call{"fd_write", []any{int32(1), int32(128), int32(1), int32(0)}, []int32{ebadf}})
	names := []string{
		"args_sizes_get", "args_get", "environ_sizes_get", "environ_get", "fd_prestat_get", "fd_prestat_dir_name",
		"fd_write", "fd_fdstat_get", "fd_close", "fd_seek", "fd_fdstat_set_flags", "fd_read",
	}
	m := newWASI(names...)
	// A piece of text to write, and where it is.
	m.Data(128, binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 256), 5))
	m.Data(256, []byte("hello"))
	var code []byte
	for i, c := range cases {
		for _, a := range c.args {
			if n, ok := a.(int64); ok {
				code = append(code, wt.I64Const(n)...)
			} else {
				code = append(code, wt.I32Const(a.(int32))...)
			}
		}
		code = append(code, wt.Call(uint32(slices.Index(names, c.name)))...)
		code = append(code, check(int32(i+1), c.want)...)
	}
	// What was read is 0 bytes, where 9 stood before.
	m.Data(512, []byte{9})
	code = wt.Cat(code, numbers(512), wt.I32Load(0), check(10_004, []int32{0}))
	// What sizes were said must be 0: the sums are at 0 and 4.
	code = wt.Cat(code, numbers(0, 4), wt.Call(2), []byte{wt.Drop}, numbers(0), wt.I32Load(0), check(10_000, []int32{0}), numbers(4), wt.I32Load(0), check(10_001, []int32{0}))
	code = wt.Cat(code, numbers(0, 4), wt.Call(0), []byte{wt.Drop}, numbers(0), wt.I32Load(0), check(10_002, []int32{0}), numbers(4), wt.I32Load(0), check(10_003, []int32{0}))
	_, l, err := called(t, m.bytes(wt.Cat(code, numbers(0))...))
	if err != nil {
		var e *host.CallError
		var n int
		if errors.As(err, &e) {
			_, _ = fmt.Sscanf(e.Message, "the connector failed (status %d)", &n)
		}
		if at := n>>8 - 1; at >= 0 && at < len(cases) {
			t.Fatalf("%s%v answered %d, not one of %v", cases[at].name, cases[at].args, n&0xFF, cases[at].want)
		}
		t.Fatal(err)
	}
	if lines := l.all(); len(lines) != 0 {
		t.Errorf("logged: %q", lines)
	}
}

// check returns from the function with a number, and below it what is on the
// stack, unless that is one of the wanted ones.
func check(number int32, want []int32) []byte {
	const notEqual, and, add = 0x47, 0x71, 0x6A
	code := wt.GlobalSet(0)
	for i, w := range want {
		code = wt.Cat(code, wt.GlobalGet(0), wt.I32Const(w), []byte{notEqual})
		if i > 0 {
			code = append(code, and)
		}
	}
	return wt.Cat(code, []byte{wt.If, wt.Void}, wt.I32Const(number<<8), wt.GlobalGet(0), []byte{add, wt.Return, wt.End})
}

// TestWASIExitEndsTheCall with the status in the error, 0 too.
func TestWASIExitEndsTheCall(t *testing.T) {
	for _, status := range []int32{0, 1, 77, -1} {
		_, _, err := called(t, newWASI("proc_exit").bytes(wt.Cat(numbers(status), wt.Call(0), numbers(0))...))
		e := asCallError(t, err)
		if want := fmt.Sprintf("the connector's code ended with exit status %d", uint32(status)); e.Kind != abi.KindInternal || e.Message != want {
			t.Errorf("%d: %s: %s", status, e.Kind, e.Message)
		}
	}
}

// TestAbortOfAssemblyScript: its module loads, and its last words are in the
// error.
func TestAbortOfAssemblyScript(t *testing.T) {
	m := newWASI()
	abort := m.Import(abi.ModuleEnv, "abort", m.Type(types("iiii"), nil))
	text := func(at int32, s string) int32 {
		units := utf16.Encode([]rune(s))
		data := binary.LittleEndian.AppendUint32(nil, uint32(2*len(units)))
		for _, u := range units {
			data = binary.LittleEndian.AppendUint16(data, u)
		}
		m.Data(at, data)
		return at + 4
	}
	message, file := text(64, "Index out of range: ä😀"), text(256, "assembly/index.ts")
	_, _, err := called(t, m.bytes(wt.Cat(numbers(message, file, 12, 34), wt.Call(abort), numbers(0))...))
	e := asCallError(t, err)
	if e.Kind != abi.KindInternal || !strings.Contains(e.Message, "the connector's code gave up: Index out of range: ä😀 (assembly/index.ts:12:34)") || e.Next == "" {
		t.Errorf("%s: %s", e.Kind, e.Message)
	}
	wrong := newWASI()
	wrong.Import(abi.ModuleEnv, "abort", wrong.Type(types("iii"), nil))
	h, _ := loaded(t, wrong.bytes(numbers(0)...))
	if _, err := h.Connector("wasi"); err == nil || !strings.Contains(err.Error(), "env.abort with another signature") {
		t.Errorf("another signature: %v", err)
	}
}

// TestGoSeesNothingOfTheSystem checks what a Go program learns from its system.
func TestGoSeesNothingOfTheSystem(t *testing.T) {
	t.Setenv("ROLLCALL_TEST_CANARY", "the-canary-of-the-environment")
	f := share(t, answer(`{}`))
	look := func() map[string]any {
		got, _, err := f.fetch(context.WithoutCancel(t.Context()), "system", nil)
		if err != nil || len(got) != 1 {
			t.Fatalf("%d records, %v", len(got), err)
		}
		return got[0].Fields
	}
	before := time.Now()
	one, two := look(), look()
	for name, want := range map[string]string{
		"env": "[]", "args": "0", "canary": "", "home": "", "path": "",
	} {
		if got := fmt.Sprint(one[name]); got != want {
			t.Errorf("%s: %v", name, one[name])
		}
	}
	at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(one["time"]))
	if err != nil || at.Before(before.Add(-time.Second)) || at.After(time.Now().Add(time.Second)) {
		t.Errorf("the guest's time is %v, %v", one["time"], err)
	}
	if slept, err := time.ParseDuration(fmt.Sprint(one["slept"])); err != nil || slept < 20*time.Millisecond {
		t.Errorf("a sleep of 20 ms took %v", one["slept"])
	}
	for _, name := range []string{"random", "mathrandom"} {
		if a, b := fmt.Sprint(one[name]), fmt.Sprint(two[name]); len(a) < 8 || a == b {
			t.Errorf("%s: %s and %s", name, a, b)
		}
	}
}

// TestGoWithFilesIsRefused: what a compiler imports for them is not there.
func TestGoWithFilesIsRefused(t *testing.T) {
	code, err := buildGuest("files")
	if err != nil {
		t.Fatal(err)
	}
	h, _ := loaded(t, code)
	if _, err := h.Connector("wasi"); err == nil || !strings.Contains(err.Error(), ": connectors have no files, environment or sockets") {
		t.Errorf("%v", err)
	}
}
