package abi1_test

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/rollcall-agent/rollcall/host/internal/abi1"
	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func load(t *testing.T, m module) api.Module {
	t.Helper()
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	if err := abi1.Register(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	guest, err := r.InstantiateWithConfig(t.Context(), m.encode(), wazero.NewModuleConfig().WithStartFunctions(abi.ExportInitialize))
	if err != nil {
		t.Fatal(err)
	}
	return guest
}

// newCall makes a call that delivers into records.
func newCall(t *testing.T, records *[]abi1.Record) (context.Context, *abi1.Call) {
	t.Helper()
	ctx, clock := abi1.NewClock(t.Context(), time.Minute)
	t.Cleanup(clock.Stop)
	c := &abi1.Call{
		Context: ctx, Clock: clock, Input: []byte("{}"), Log: slog.New(slog.DiscardHandler),
		Spec: jsonstream.Spec{Key: jsonstream.Pointer{"id"}, All: true},
		Sink: func(r abi1.Record) error { *records = append(*records, r); return nil },
	}
	t.Cleanup(c.Close)
	return abi1.With(ctx, c), c
}

func status(ctx context.Context, t *testing.T, guest api.Module) int32 {
	t.Helper()
	results, err := guest.ExportedFunction(abi.ExportFetch).Call(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return api.DecodeI32(results[0])
}

func everything() module {
	m := module{memory: true}
	for _, f := range abi.Functions() {
		m.imports = append(m.imports, imported{abi.Module, f})
	}
	return m
}

// someArguments are good pointers and otherwise small numbers.
func someArguments(f abi.Function) []int64 {
	args := make([]int64, len(f.Params))
	for i, p := range f.Params {
		switch {
		case strings.HasSuffix(p.Name, "ptr"):
			args[i] = 16
		case strings.HasSuffix(p.Name, "_len"), p.Name == "cap":
			args[i] = 8
		case p.Name == "milliseconds":
			args[i] = -1
		default:
			args[i] = 1
		}
	}
	return args
}

// TestCallsFromInitialize: every function answers state before there is a
// call, and log and fail do nothing.
func TestCallsFromInitialize(t *testing.T) {
	m := everything()
	var body []byte
	for i, f := range abi.Functions() {
		body = append(body, m.expect(i, int64(abi.CodeState), i+1, someArguments(f)...)...)
	}
	m.funcs = []function{
		{export: abi.ExportInitialize, body: body},
		{export: abi.ExportFetch, i32: true, body: []byte{opGet, 0}},
	}
	guest := load(t, m)
	var records []abi1.Record
	ctx, call := newCall(t, &records)
	if n := status(ctx, t, guest); n != 0 {
		t.Errorf("%s answered something else than state", abi.Functions()[n-1].Name)
	}
	if call.Failure != nil {
		t.Errorf("fail before the call: %+v", call.Failure)
	}
}

// TestWithoutMemory: a module that exports none has no pointer that lies in
// it, and everything else works.
func TestWithoutMemory(t *testing.T) {
	m := everything()
	m.memory = false
	var body []byte
	for i, f := range abi.Functions() {
		want := abi.CodeArgument // of a pointer, or a negative wait
		switch {
		case f.Name == "respond":
			want = abi.CodeState
		case len(f.Params) == 1 && f.Params[0].Name == "handle", f.Name == "page_until":
			want = abi.CodeHandle
		}
		body = append(body, m.expect(i, int64(want), i+1, someArguments(f)...)...)
	}
	m.funcs = []function{{export: abi.ExportFetch, i32: true, body: append(body, opGet, 0)}}
	guest := load(t, m)
	var records []abi1.Record
	ctx, call := newCall(t, &records)
	if n := status(ctx, t, guest); n != 0 {
		t.Errorf("%s answered something else", abi.Functions()[n-1].Name)
	}
	if len(records) != 0 || call.Failure != nil {
		t.Errorf("%d records, %+v", len(records), call.Failure)
	}
}

// TestReentry: an export that calls an export of its own module stays within
// one call; what both deliver counts, and handles are the call's.
func TestReentry(t *testing.T) {
	m := everything()
	m.data = strings.Repeat(" ", 16) + "somebody"
	at := func(name string) int {
		return slices.IndexFunc(abi.Functions(), func(f abi.Function) bool { return f.Name == name })
	}
	again := uleb(len(m.imports))
	body := slices.Concat(
		m.call(at("emit_deleted"), 16, 8), []byte{opDrop},
		[]byte{opGet, 0, opI32, 2, opNeI32, opIf, void}, // up to two more calls of itself
		[]byte{opGet, 0, opI32, 1, 0x6A, opSet, 0, opCall}, again, []byte{opDrop, opEnd},
		m.call(at("cursor_set"), 16, 8), []byte{opDrop},
		m.call(at("release"), 1),
	)
	m.funcs = []function{{export: abi.ExportFetch, i32: true, body: body}}
	guest := load(t, m)
	var records []abi1.Record
	ctx, call := newCall(t, &records)
	if n := status(ctx, t, guest); n != int32(abi.CodeHandle) {
		t.Errorf("release answered %d", n)
	}
	if len(records) != 3 || call.NextCursor != "somebody" || records[2].Key != "somebody" || !records[2].Deleted {
		t.Errorf("%+v, cursor %q", records, call.NextCursor)
	}
}

// script writes a string as AssemblyScript lays it out, and returns where it is.
func script(data *[]byte, text string) int64 {
	units := utf16.Encode([]rune(text))
	*data = binary.LittleEndian.AppendUint32(*data, uint32(2*len(units)))
	at := len(*data)
	for _, u := range units {
		*data = binary.LittleEndian.AppendUint16(*data, u)
	}
	return int64(at)
}

func TestAbort(t *testing.T) {
	data := make([]byte, 16)
	message, file := script(&data, "index out of range: ä😀\n"), script(&data, "assembly/index.ts")
	huge := int64(len(data) + 4)
	data = append(data, 0xFF, 0xFF, 0xFF, 0xFF, 'x', 0)
	for name, c := range map[string]struct {
		message, file int64
		want          string
	}{
		"both":     {message, file, "the connector's code gave up: index out of range: ä😀  (assembly/index.ts:7:9)"},
		"no file":  {message, 0, "gave up: index out of range: ä😀 "},
		"nothing":  {0, 0, "gave up: no reason given"},
		"far":      {0xFFFF_FFF0 - 1<<32, 70_000, "gave up: no reason given"},
		"at 1":     {1, 3, "gave up: no reason given"},
		"at 65536": {65_536, 65_535, "gave up: no reason given"},
		"huge":     {huge, file, "assembly/index.ts:7:9"},
	} {
		m := module{memory: true, data: string(data)}
		for _, f := range abi.EnvFunctions() {
			m.imports = append(m.imports, imported{abi.ModuleEnv, f})
		}
		m.funcs = []function{{export: abi.ExportFetch, i32: true, body: append(m.call(0, c.message, c.file, 7, 9), opI32, 0)}}
		guest := load(t, m)
		_, err := guest.ExportedFunction(abi.ExportFetch).Call(t.Context())
		var abort *abi1.AbortError
		if !errors.As(err, &abort) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
