package wasmfile_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/rollcall-agent/rollcall/host/internal/wasmfile"
	wt "github.com/rollcall-agent/rollcall/host/internal/wasmtest"
)

const pairs = 9

// BenchmarkHarden: what reading and rewriting the connector for Pipedrive
// costs, and what the rewriting does to its size, its compilation and to calls.
// Ratios are medians of interleaved pairs: rewritten to original.
func BenchmarkHarden(b *testing.B) {
	wasm := build(b, "../../../plugins/pipedrive")
	hardened := harden(b, wasm)
	b.Run("read and harden", func(b *testing.B) {
		b.SetBytes(int64(len(wasm)))
		for b.Loop() {
			f, err := wasmfile.Read(wasm)
			if err != nil {
				b.Fatal(err)
			}
			wasmfile.Harden(f)
		}
		b.ReportMetric(float64(len(hardened))/float64(len(wasm)), "size-ratio")
	})
	b.Run("cold compile", func(b *testing.B) {
		compile := func(code []byte) func() {
			return func() {
				r := wazero.NewRuntimeWithConfig(b.Context(), wazero.NewRuntimeConfig().WithCloseOnContextDone(true))
				if _, err := r.CompileModule(b.Context(), code); err != nil {
					b.Fatal(err)
				}
				_ = r.Close(context.WithoutCancel(b.Context()))
			}
		}
		for b.Loop() {
			ratio(b, "compile-ratio", 3, compile(wasm), compile(hardened))
		}
	})
	for name, code := range map[string][]byte{"calls": wt.CallLoop(200_000, true), "leaf calls": wt.CallLoop(200_000, false)} {
		b.Run(name, func(b *testing.B) {
			original, rewritten := caller(b, code), caller(b, harden(b, code))
			for b.Loop() {
				ratio(b, "call-ratio", pairs, original, rewritten)
			}
		})
	}
}

// caller answers a function that calls rollcall_fetch of an instance.
func caller(b *testing.B, code []byte) func() {
	h := newHost(b, wazero.NewRuntimeConfig())
	m, err := h.InstantiateWithConfig(b.Context(), code, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		b.Fatal(err)
	}
	f := m.ExportedFunction(wt.FetchExport)
	return func() {
		if _, err := f.Call(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// ratio reports the median of new to old, run in turns.
func ratio(b *testing.B, unit string, n int, old, updated func()) {
	took := func(f func()) float64 {
		start := time.Now()
		f()
		return float64(time.Since(start))
	}
	var all []float64
	for range n {
		before := took(old)
		all = append(all, took(updated)/before)
	}
	slices.Sort(all)
	b.ReportMetric(all[len(all)/2], unit)
}
