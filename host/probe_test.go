package host_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// special are the results of the probe's single cases.
var special = map[string]string{
	"id": "1", "release": "0", "status": "200", "wait_ms": "0", "json_get written": "true",
	"body_read offset": "-1", "body_read end": "0", "body_read none": "0",
	"json_get small": "4", "json_get scalar": "4", "json_get malformed": "-4", "emit malformed": "-4",
	"json_get missing": "-10", "emit missing": "-10", "emit scalar": "-11", "emit flags": "-1", "emit keyed array": "-11",
	"http_header missing": "-10", "http_send input": "-4", "wait_ms negative": "-1",
	"http_send both": "-4", "http_send neither": "-4", "http_send profile": "-4", "http_send host": "-4",
	"http_send break": "-4", "http_send method": "-4", "http_send refused": "-5", "http_send file": "-5",
	"body_size": "26", "emit_deleted empty": "-4", "emit_deleted long": "-12", "emit_deleted text": "-4",
	"attach empty": "-4", "attach long": "-12", "cursor_set long": "-12", "cursor_set text": "-4", "cursor_get": "0",
	"secret unknown": "-4", "secret_hmac unknown": "-4", "secret_hmac algorithm": "-1", "secret_hmac long": "-12",
	"macro": "8", "macro written": "/success", "macro small": "8", "macro place": "-1", "macro negative": "-1", "macro long": "-12",
	"macro text": "-4", "macro empty": "0", "macro input": "-4", "macro refused": "-5", "macro no_value": "-10", "macro too_large": "-12",
	"macro auth": "-4", "macro longer": "-12",
	"emit_json long": "-12", "http_send long": "-12", "emit_json object": "-11", "respond": "-14",
}

// expected makes the probe's cases for every function of the ABI: each pair of
// a pointer and a length outside memory, and each kind of bad handle. A
// function that the probe does not call is missing from its results.
func expected() map[string]string {
	want := map[string]string{}
	for name, result := range special {
		want[name] = result
	}
	for _, f := range abi.Functions() {
		if f.Result == "" {
			continue // log and fail answer nothing; the probe calls them all the same
		}
		for _, p := range f.Params {
			var pair string
			switch {
			case p.Name == "handle":
				for _, h := range []string{"wrong", "negative", "zero", "released"} {
					want[f.Name+" handle "+h] = fmt.Sprint(int64(abi.CodeHandle))
				}
				continue
			case p.Name == "cap", len(f.Params) == 2 && strings.HasSuffix(p.Name, "_len"):
			case strings.HasSuffix(p.Name, "_len"):
				pair = strings.TrimSuffix(p.Name, "_len") + " "
			default:
				continue
			}
			for _, r := range []string{"beyond", "wraps", "huge", "most"} {
				want[f.Name+" "+pair+r] = fmt.Sprint(int64(abi.CodeArgument))
			}
		}
	}
	for _, h := range []string{"wrong", "negative", "zero", "released"} {
		want["respond handle "+h] = fmt.Sprint(int64(abi.CodeState)) // in a fetch
	}
	return want
}

// TestTheProbeCallsEveryFunction: those without a result, too.
func TestTheProbeCallsEveryFunction(t *testing.T) {
	source, err := os.ReadFile("testdata/guest/probe.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range abi.Functions() {
		m := regexp.MustCompile(`//go:wasmimport ` + abi.Module + " " + f.Name + `\nfunc (\w+)\(`).FindSubmatch(source)
		if m == nil || len(regexp.MustCompile(`\b`+string(m[1])+`\(`).FindAll(source, 3)) < 2 {
			t.Errorf("the probe does not call %s", f.Name)
		}
	}
}

// TestEveryFunctionChecksItsArguments runs the guest's probe in a fetch and in
// an invoke: each host function with pointers outside memory, huge lengths and
// bad handles, and its own special cases.
func TestEveryFunctionChecksItsArguments(t *testing.T) {
	f := share(t, answer(`{"success":true,"data":[]}`))
	f.app.Macros = echo{}
	got, _, err := f.fetch(t.Context(), "probe", nil)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]string{}
	for k, v := range got[len(got)-1].Fields {
		have[k] = fmt.Sprint(v)
	}
	want := expected()
	if d := cmp.Diff(want, have); d != "" {
		t.Error(d)
	}
	checkCodes(t, have)

	_, err = f.conn.Invoke(t.Context(), f.app, abi.InvokeCall{Webhook: abi.Webhook{Name: "probe", Path: "/x"}})
	invoked := map[string]any{}
	dec := json.NewDecoder(strings.NewReader(asCallError(t, err).Message))
	dec.UseNumber()
	if err := dec.Decode(&invoked); err != nil {
		t.Fatal(err)
	}
	state := fmt.Sprint(int64(abi.CodeState))
	for _, name := range []string{"emit missing", "emit scalar", "emit keyed array", "emit_json object", "cursor_get", "cursor_set long", "cursor_set text"} {
		want[name] = state // no records, no cursor
	}
	want["respond"] = "0"
	for _, h := range []string{"wrong", "negative", "zero", "released"} {
		want["respond handle "+h] = fmt.Sprint(int64(abi.CodeHandle))
	}
	clear(have)
	for k, v := range invoked {
		have[k] = fmt.Sprint(v)
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Error(d)
	}
	checkCodes(t, have)
}

// checkCodes: a function answers no code that the ABI does not list for it.
func checkCodes(t *testing.T, results map[string]string) {
	t.Helper()
	listed := map[string][]abi.Code{}
	for _, f := range abi.Functions() {
		listed[f.Name] = f.Codes
	}
	for name, result := range results {
		function, _, _ := strings.Cut(name, " ")
		if codes, ok := listed[function]; ok && strings.HasPrefix(result, "-") {
			found := false
			for _, c := range codes {
				found = found || fmt.Sprint(int64(c)) == result
			}
			if !found {
				t.Errorf("%s answered %s, which is not listed", name, result)
			}
		}
	}
}
