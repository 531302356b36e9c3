package wasmfile_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"pgregory.net/rapid"

	wt "github.com/rollcall-agent/rollcall/host/internal/wasmtest"

	"github.com/rollcall-agent/rollcall/host/soak"
)

// TestSameByHand: modules written by hand do the same before and after.
func TestSameByHand(t *testing.T) {
	h := newHost(t, wazero.NewRuntimeConfig())
	two := []byte{wt.I32, wt.I32}
	multi := &wt.Module{}
	status, pair := multi.Type(nil, []byte{wt.I32}), multi.Type(two, two)
	swap := multi.Func(pair, nil, wt.Cat(wt.LocalGet(1), wt.LocalGet(0), []byte{wt.Loop}, wt.U32(pair), wt.I32Const(0), []byte{wt.BrIf, 0, wt.End})...)
	multi.Export(wt.FetchExport, wt.KindFunction, multi.Func(status, nil, wt.Cat(wt.I32Const(5), wt.I32Const(30), wt.Call(swap), []byte{0x6B})...))
	for name, c := range map[string]struct {
		wasm []byte
		want string // a trap, or ""
	}{
		"healthy":       {wt.Healthy(), ""},
		"doubling":      {wt.Doubling(10), ""},
		"indirect":      {wt.DoublingIndirect(10), ""},
		"unreachable":   {wt.UnreachableTrap(), "unreachable"},
		"division":      {wt.DivisionByZero(), "divide by zero"},
		"out of bounds": {wt.OutOfBoundsLoad(), "out of bounds memory access"},
		"null call":     {wt.NullCall(), "invalid table access"},
		"recursion":     {wt.Recursion(), "stack overflow"},
		"growth":        {wt.MemoryGrowthStraight(20), ""},
		"fills":         {wt.MemoryFills(1, 3), ""},
		"copies":        {wt.MemoryCopies(1, 3), ""},
		"tables":        {wt.TableFills(100, 3), ""},
		"host":          {wt.StraightHostCalls("env", "tick", 10, false), ""},
		"host indirect": {wt.StraightHostCalls("env", "tick", 10, true), ""},
		"nested":        {wt.NestedBlocks(100), ""},
		"ifs":           {wt.Ifs(2, 50), ""},
		"br_table":      {wt.HugeTable(100), ""},
		"straight":      {wt.Straight(2, 500), ""},
		"two values":    {multi.Bytes(), ""},
	} {
		o := h.same(t, c.wasm)
		if c.want == "" && (o.Trap != "" || len(o.Results) != 1) || !strings.Contains(o.Trap, c.want) {
			t.Errorf("%s: %+v", name, o)
		}
	}
	if o := h.same(t, multi.Bytes()); o.Results[0] != 25 {
		t.Errorf("two values: %v", o.Results)
	}
}

// TestSameGenerated: modules of random structured code do the same.
func TestSameGenerated(t *testing.T) {
	h := newHost(t, wazero.NewRuntimeConfig())
	traps, results := 0, 0
	soak.Check(t, 25, 100, func(rt *rapid.T) {
		wasm := generate(func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "pick") })
		if o := h.same(rt, wasm); o.Trap != "" {
			traps++
		} else {
			results++
		}
	})
	if traps == 0 || results == 0 {
		t.Errorf("%d modules trapped and %d answered: one of the two was never compared", traps, results)
	}
}

// TestSameGuest: a program in Go with encoding/json answers the same.
func TestSameGuest(t *testing.T) {
	wasm := build(t, "./testdata/guest")
	ctx := t.Context()
	var answers []uint64
	for _, code := range [][]byte{wasm, harden(t, wasm)} {
		r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCloseOnContextDone(true))
		wasi_snapshot_preview1.MustInstantiate(ctx, r)
		m, err := r.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithStartFunctions("_initialize"))
		if err != nil {
			t.Fatal(err)
		}
		results, err := m.ExportedFunction(wt.FetchExport).Call(ctx)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, results...)
		if err := r.Close(context.WithoutCancel(ctx)); err != nil {
			t.Fatal(err)
		}
	}
	if len(answers) != 2 || answers[0] != answers[1] || answers[0] == 0 || int32(answers[0]) == -1 {
		t.Errorf("answers %v", answers)
	}
}

// build compiles a Go program to a module.
func build(t testing.TB, folder string) []byte {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources in %s: %v", folder, err)
	}
	for _, s := range sources { // so that `go test` runs again when they change
		if _, err := os.ReadFile(s); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "guest.wasm")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, folder)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", folder, err, text)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}
