package host

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/tetratelabs/wazero"
)

// counted is a compiled module that counts how often it was closed.
type counted struct {
	wazero.CompiledModule
	closed int
}

func (c *counted) Close(context.Context) error { c.closed++; return nil }

func TestAVersionIsFreedWhenItsLastCallEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		steps string // t take, r release, x retire; after each the number of times it was freed
		freed []int
	}{
		"idle":       {"x", []int{1}},
		"twice":      {"xx", []int{1, 1}},
		"two calls":  {"ttxrr", []int{0, 0, 0, 0, 1}},
		"used again": {"trtxr", []int{0, 0, 0, 0, 1}},
		"too late":   {"xt", []int{1, 1}},
	} {
		module := &counted{}
		v := &version{host: &Host{}, compiled: module}
		retired := false
		for i, step := range tc.steps {
			switch step {
			case 't':
				if _, ok := v.take(); ok == retired {
					t.Errorf("%s: take at step %d: %v", name, i, ok)
				}
			case 'r':
				v.release(t.Context())
			case 'x':
				v.retire(t.Context())
				retired = true
			}
			if module.closed != tc.freed[i] {
				t.Errorf("%s: freed %d times after step %d", name, module.closed, i)
			}
		}
	}
}

func TestLower(t *testing.T) {
	rising := []string{"0.0.1", "0.1.0", "0.9.9", "0.10.0", "1.0.0", "1.0.1", "2.0.0", "10.0.0", "10.0.99999999999999999999", "10.0.100000000000000000000"}
	for i, a := range rising {
		for j, b := range rising {
			if lower(a, b) != (i < j) {
				t.Errorf("lower(%s, %s) is %v", a, b, lower(a, b))
			}
		}
	}
}

// TestTheDaemonNeverCompiles asks for a module that no child has compiled.
func TestTheDaemonNeverCompiles(t *testing.T) {
	h, err := Open(t.Context(), Settings{ModulesDir: t.TempDir(), CacheDir: t.TempDir()}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close(t.Context())
	wasm := []byte("\x00asm\x01\x00\x00\x00\x01\x05\x01\x60\x00\x01\x7F\x03\x02\x01\x00\x0A\x06\x01\x04\x00\x41\x00\x0B")
	if compiled, err := h.loadCompiled(t.Context(), wasm); !errors.Is(err, errMiss) || compiled != nil {
		t.Errorf("%v, %v", compiled, err)
	}
	if _, err := h.compile(t.Context(), wasm); err != nil {
		t.Error(err)
	}
	if _, err := h.loadCompiled(t.Context(), wasm); err != nil {
		t.Errorf("what a child has compiled is not found: %v", err)
	}
}
