package wasmfile_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"

	"github.com/rollcall-agent/rollcall/host/internal/wasmfile"
	wt "github.com/rollcall-agent/rollcall/host/internal/wasmtest"
	"github.com/rollcall-agent/rollcall/host/soak"
)

const memoryLimit = 1024 // pages: 64 MiB

// tester is a test, or a check of rapid.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// harden reads a module and writes it anew. What it wrote must be readable and
// stay as it is.
func harden(t tester, wasm []byte) []byte {
	t.Helper()
	f, err := wasmfile.Read(wasm)
	if err != nil {
		t.Fatal(err)
	}
	out := wasmfile.Harden(f)
	again, err := wasmfile.Read(out)
	if err != nil {
		t.Fatalf("what was written cannot be read: %v", err)
	}
	if again.Numbers.Effort != f.Numbers.Effort || again.Numbers.Body != f.Numbers.Body {
		t.Fatalf("%+v was announced, and became %+v", f.Numbers, again.Numbers)
	}
	if !bytes.Equal(wasmfile.Harden(again), out) || !bytes.Equal(wasmfile.Harden(f), out) {
		t.Fatal("written twice, it differs")
	}
	return out
}

// outcome is what a run did.
type outcome struct {
	Results []uint64
	Trap    string
	Memory  [sha256.Size]byte
	Ticks   int // calls of the host
}

func (o outcome) String() string {
	return fmt.Sprintf("%v %q %x %d", o.Results, o.Trap, o.Memory, o.Ticks)
}

// host is a runtime with the functions that the modules of these tests import.
type host struct {
	wazero.Runtime
	ticks int
	slow  int // calls of a function that takes a while
}

func newHost(t testing.TB, config wazero.RuntimeConfig) *host {
	t.Helper()
	ctx := context.Background()
	h := &host{Runtime: wazero.NewRuntimeWithConfig(ctx, config.WithCloseOnContextDone(true).WithMemoryLimitPages(memoryLimit))}
	t.Cleanup(func() { _ = h.Close(ctx) })
	_, err := h.NewHostModuleBuilder("env").
		NewFunctionBuilder().WithFunc(func() int32 { h.ticks++; return int32(h.ticks) }).Export("tick").
		NewFunctionBuilder().WithFunc(func() int32 { h.slow++; time.Sleep(20 * time.Millisecond); return 0 }).Export("slow").
		Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// run compiles a module and calls rollcall_fetch once, with a deadline. It
// answers for how long the call went on after the deadline, in processor time.
func (h *host) run(wasm []byte, deadline time.Duration) (o outcome, late time.Duration, err error) {
	compiled, err := h.CompileModule(context.Background(), wasm)
	if err != nil {
		return o, 0, fmt.Errorf("compile: %w", err)
	}
	defer func() { _ = compiled.Close(context.Background()) }()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	h.ticks, h.slow = 0, 0
	begin := soak.CPU() // not from a timer: what freezes the process delays that too
	o, err = h.call(ctx, compiled)
	return o, soak.CPU() - begin - deadline, err
}

func (h *host) call(ctx context.Context, compiled wazero.CompiledModule) (o outcome, err error) {
	m, err := h.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return outcome{Trap: firstLine(err)}, nil
	}
	defer func() { _ = m.Close(context.Background()) }()
	if f := m.ExportedFunction(wt.FetchExport); f != nil {
		if o.Results, err = f.Call(ctx); err != nil {
			o.Trap = firstLine(err)
		}
	}
	if mem := m.ExportedMemory("memory"); mem != nil {
		all, _ := mem.Read(0, mem.Size())
		o.Memory = sha256.Sum256(all)
	}
	o.Ticks = h.ticks
	return o, nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// same runs a module as it is and as it is written, and compares.
func (h *host) same(t tester, wasm []byte) outcome {
	t.Helper()
	hardened := harden(t, wasm)
	before, _, err := h.run(wasm, time.Minute)
	if err != nil {
		t.Fatalf("%v\n%x", err, wasm)
	}
	after, _, err := h.run(hardened, time.Minute)
	if err != nil {
		t.Fatalf("rewritten: %v\n%x", err, wasm)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Fatalf("it differs: %s\n%x", diff, wasm)
	}
	return before
}

// TestStopped: what would run for ever, or long without a loop, ends soon after
// its deadline once it was rewritten.
func TestStopped(t *testing.T) {
	const deadline, most = 100 * time.Millisecond, 500 * time.Millisecond
	const calls = 900
	h := newHost(t, wazero.NewRuntimeConfig())
	for name, wasm := range map[string][]byte{
		"endless":                  wt.Endless(),
		"doubling":                 wt.Doubling(60),
		"doubling through a table": wt.DoublingIndirect(60),
		"hanging start":            wt.HangingStart(),
		"memory growth":            wt.MemoryGrowth(),
		"straight memory growth":   wt.MemoryGrowthStraight(900),
		"memory fills":             wt.MemoryFills(memoryLimit, 900),
		"memory copies":            wt.MemoryCopies(memoryLimit, 900),
		"table fills":              wt.TableFills(50_000, 450),
		"table growth":             wt.TableGrowth(1, 900),
		"recursion":                wt.Recursion(),
		"host calls":               wt.StraightHostCalls("env", "slow", calls, false),
		"host calls by a table":    wt.StraightHostCalls("env", "slow", calls, true),
		"leaves":                   wt.Leaves(9_000, 40),
	} {
		t.Run(name, func(t *testing.T) {
			hardened := harden(t, wasm)
			best := time.Hour
			for i := 0; i < 5 && best > most; i++ { // a busy machine may not give us a turn
				_, late, err := h.run(hardened, deadline)
				if err != nil {
					t.Fatal(err)
				}
				best = min(best, late)
				if h.slow == calls { // sleeping takes no processor time
					t.Errorf("all of its %d calls were made", calls)
				}
			}
			t.Logf("ended %v of processor time after its deadline", best.Round(time.Millisecond))
			if best > most {
				t.Errorf("it ran %v past its deadline", best)
			}
		})
	}
}

// TestTableIsBounded: a table that says no maximum gets one.
func TestTableIsBounded(t *testing.T) {
	h := newHost(t, wazero.NewRuntimeConfig())
	for entries, want := range map[int32]uint64{49_999: 1, 50_000: 0xFFFFFFFF, 268_000_000: 0xFFFFFFFF} {
		o, _, err := h.run(harden(t, wt.TableGrowth(entries, 1)), time.Minute)
		if err != nil || len(o.Results) != 1 || o.Results[0] != want {
			t.Errorf("growth by %d: %+v %v", entries, o, err)
		}
	}
	limited := &wt.Module{}
	limited.Table(wt.Funcref, 2, 7)
	if b := limited.Bytes(); !bytes.Equal(harden(t, b), b) {
		t.Errorf("%x became %x", b, harden(t, b))
	}
}

// TestWhereChecksGo looks at the code that is written.
func TestWhereChecksGo(t *testing.T) {
	const check = "\x03\x40\x0B"
	for name, c := range map[string]struct {
		wasm []byte
		want int
	}{
		"leaf":                     {wt.Healthy(), 0},
		"leaf that is not small":   {wt.Fetch(1, wt.Cat(wt.Repeat(60, wt.Nop), wt.I32Const(0))...), 1},
		"begins with a loop":       {wt.Fetch(1, wt.Cat([]byte{wt.Loop, wt.Void}, wt.Call(0), []byte{wt.Drop, wt.End}, wt.I32Const(0))...), 0},
		"calls":                    {wt.Recursion(), 1},
		"fills":                    {wt.MemoryFills(1, 5), 6},
		"host calls":               {wt.StraightHostCalls("env", "slow", 5, false), 5}, // the first of them is at the entry
		"host calls by a table":    {wt.StraightHostCalls("env", "slow", 5, true), 6},
		"doubling through a table": {wt.DoublingIndirect(3), 3},
	} {
		if n := bytes.Count(harden(t, c.wasm), []byte(check)); n != c.want {
			t.Errorf("%s: %d checks, want %d", name, n, c.want)
		}
	}
}

// TestCustomSectionsAreDropped, wherever they stand.
func TestCustomSectionsAreDropped(t *testing.T) {
	plain := wt.Recursion()
	custom := wt.Section(0, wt.Cat(wt.Name("name"), []byte{1, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F}))
	withCustom := wt.Cat(plain[:8], custom, plain[8:], custom, custom)
	if !bytes.Equal(harden(t, withCustom), harden(t, plain)) {
		t.Error("they are still there")
	}
}
