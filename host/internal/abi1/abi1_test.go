package abi1_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/rollcall-agent/rollcall/host/internal/abi1"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func page(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../../docs/connector-abi.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestTheHostRegistersWhatTheABINames compares names and signatures.
func TestTheHostRegistersWhatTheABINames(t *testing.T) {
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
	defer r.Close(t.Context())
	if err := abi1.Register(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	registered := r.Module(abi.Module).ExportedFunctionDefinitions()
	have := map[string]string{}
	for name, d := range registered {
		have[name] = fmt.Sprint(types(d.ParamTypes()), types(d.ResultTypes()))
	}
	want := map[string]string{}
	for _, f := range abi.Functions() {
		var params, results []string
		for _, p := range f.Params {
			params = append(params, string(p.Type))
		}
		if f.Result != "" {
			results = append(results, string(f.Result))
		}
		want[f.Name] = fmt.Sprint(params, results)
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Error(d)
	}
}

func types(list []api.ValueType) []string {
	var names []string
	for _, v := range list {
		names = append(names, api.ValueTypeName(v))
	}
	return names
}

func TestThePageListsTheFunctions(t *testing.T) {
	var want []string
	for _, f := range abi.Functions() {
		want = append(want, f.String())
	}
	var have []string
	for _, m := range regexp.MustCompile("(?m)^### `([^`]+)`$").FindAllStringSubmatch(page(t), -1) {
		have = append(have, m[1])
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Error(d)
	}
}

func TestThePageListsCodesAndKinds(t *testing.T) {
	var want []string
	for _, c := range abi.Codes() {
		want = append(want, fmt.Sprintf("%d %s", c, c))
	}
	for _, k := range abi.Kinds() {
		want = append(want, fmt.Sprintf("%d %s", k, k))
	}
	var have []string
	for _, m := range regexp.MustCompile(`(?m)^\| (-?\d+) \| (\w+) \|`).FindAllStringSubmatch(page(t), -1) {
		have = append(have, m[1]+" "+m[2])
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Error(d)
	}
}

func TestThePageStatesTheLimits(t *testing.T) {
	text := page(t)
	for _, want := range []string{
		fmt.Sprintf("%d open responses", abi.MaxHandles),
		fmt.Sprintf("%d,000 requests", abi.MaxRequests/1000),
		fmt.Sprintf("%d,000 waits", abi.MaxWaits/1000),
		fmt.Sprintf("JSON of at most %d MiB", abi.MaxRequestSize>>20),
		fmt.Sprintf("array of objects of at most %d MiB", abi.MaxRecordsSize>>20),
		fmt.Sprintf("A value is at most %d MiB", abi.MaxValueSize>>20),
		fmt.Sprintf("at most %d MiB after decompression", abi.MaxBodySize>>20),
		fmt.Sprintf("cut at %d KiB", abi.MaxTextSize>>10),
		fmt.Sprintf("After %d,000 lines", abi.MaxLogLines/1000),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestWASI: the page lists what may be imported, and the runtime has it.
func TestWASI(t *testing.T) {
	_, section, ok := strings.Cut(page(t), "## WASI preview 1\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var have []string
	for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(section, -1) {
		have = append(have, m[1])
	}
	if d := cmp.Diff(abi.WASIFunctions(), have); !ok || d != "" {
		t.Error(d)
	}
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
	defer r.Close(t.Context())
	m, err := wasi_snapshot_preview1.Instantiate(t.Context(), r)
	if err != nil || m == nil {
		t.Fatal(err)
	}
	there := slices.Collect(maps.Keys(r.Module(abi.WASI).ExportedFunctionDefinitions()))
	for _, name := range abi.WASIFunctions() {
		if !slices.Contains(there, name) {
			t.Errorf("the runtime has no %s", name)
		}
	}
}
