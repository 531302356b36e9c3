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
	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
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

// TestAssemblyScript: the page names what its runtime may import.
func TestAssemblyScript(t *testing.T) {
	for _, f := range abi.EnvFunctions() {
		if want := "`" + abi.ModuleEnv + "." + f.String() + "`"; !strings.Contains(page(t), want) {
			t.Errorf("the page has no %s", want)
		}
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

// TestThePageListsTheCodesOfEachFunction compares its paragraphs with package
// abi. That a function answers no other code is what the probe of the host's
// tests checks.
func TestThePageListsTheCodesOfEachFunction(t *testing.T) {
	text := page(t)
	for _, f := range abi.Functions() {
		_, paragraph, _ := strings.Cut(text, "### `"+f.String()+"`\n")
		paragraph, _, _ = strings.Cut(paragraph, "\n##")
		var have, want []string
		if _, list, ok := strings.Cut(paragraph, "Codes: "); ok {
			list = regexp.MustCompile(`\([^)]*\)`).ReplaceAllString(list, "")
			for _, m := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(list, -1) {
				have = append(have, m[1])
			}
		}
		for _, c := range f.Codes {
			want = append(want, c.String())
		}
		if d := cmp.Diff(want, have); d != "" {
			t.Errorf("%s: %s", f.Name, d)
		}
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

// TestThePageListsPlacesAndNames compares the tables of macro with package abi.
func TestThePageListsPlacesAndNames(t *testing.T) {
	text := page(t)
	for _, p := range abi.Places() {
		if !strings.Contains(text, fmt.Sprintf("\n| %s | %d | ", p, p)) {
			t.Errorf("the page has no place %d, %s", p, p)
		}
	}
	for call, names := range map[string][]string{
		"fetch | ": abi.FetchRoots(), "invoke | those of the webhook's templates: ": abi.InvokeRoots(), "check | ": abi.CheckRoots(),
	} {
		if want := "\n| " + call + "`" + strings.Join(names, "`, `") + "` |"; !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestTheExampleInC: the page shows the file.
func TestTheExampleInC(t *testing.T) {
	source, err := os.ReadFile("../../testdata/c/macro.c")
	if err != nil || !strings.Contains(page(t), "\n```c\n"+string(source)+"```\n") {
		t.Errorf("the page does not show macro.c: %v", err)
	}
}

// TestKeysHaveOneLimit: a key that a record may have can be reported as deleted.
func TestKeysHaveOneLimit(t *testing.T) {
	if jsonstream.MaxKey != abi.MaxKeySize {
		t.Errorf("a key of a record has %d bytes at most, one of emit_deleted %d", jsonstream.MaxKey, abi.MaxKeySize)
	}
}

func TestThePageStatesTheLimits(t *testing.T) {
	text := page(t)
	for _, want := range []string{
		fmt.Sprintf("%d open responses", abi.MaxHandles),
		fmt.Sprintf("%d,000 requests", abi.MaxRequests/1000),
		fmt.Sprintf("%d,000 waits", abi.MaxWaits/1000),
		fmt.Sprintf("When %d pages in a row (`max_empty` of the endpoint's `repeat`), or %d,000 requests in a row", abi.MaxIdlePages, abi.MaxIdleRequests/1000),
		fmt.Sprintf("JSON of at most %d MiB", abi.MaxRequestSize>>20),
		fmt.Sprintf("array of objects of at most %d MiB", abi.MaxRecordsSize>>20),
		fmt.Sprintf("at most %d,000 of them in %d MiB", abi.MaxFindings/1000, abi.MaxFindingsSize>>20),
		fmt.Sprintf("A value is at most %d MiB", abi.MaxValueSize>>20),
		fmt.Sprintf("at most %d,%03d MiB after decompression", abi.MaxBodySize>>20/1000, abi.MaxBodySize>>20%1000),
		fmt.Sprintf("open at once are at most %d GiB, all bodies of a call %d GiB", abi.MaxOpenSize>>30, abi.MaxCallSize>>30),
		fmt.Sprintf("more than %d MiB to be kept of one record", jsonstream.MaxRecord>>20),
		fmt.Sprintf("or the key has more than %d KiB", jsonstream.MaxKey>>10),
		fmt.Sprintf("with this primary key as deleted, and answers 0. The key is text of at most %d KiB", abi.MaxKeySize>>10),
		fmt.Sprintf("the body at most %d MiB, key and field text of at most %d KiB each", abi.MaxAttachment>>20, abi.MaxKeySize>>10),
		fmt.Sprintf("The cursor is text of at most %d KiB", abi.MaxCursorSize>>10),
		fmt.Sprintf("At most %d MiB are signed at once", abi.MaxHMACSize>>20),
		fmt.Sprintf("(`EmitKeyed`, %d)", abi.EmitKeyed),
		fmt.Sprintf("`algorithm` %d is SHA-256 (32 bytes), %d SHA-512 (64), %d SHA-1 (20)", abi.HMACSHA256, abi.HMACSHA512, abi.HMACSHA1),
		fmt.Sprintf("It has at most %d KiB, its text at most %d MiB", abi.MaxTemplateSize>>10, abi.MaxMacroSize>>20),
		fmt.Sprintf("`limit` (%d,000 templates)", abi.MaxMacros/1000),
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
