package host_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// people makes the answer of an application: 25 fields each, about 500 bytes.
func people(n int) string {
	var b strings.Builder
	b.WriteString(`{"success":true,"data":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"Person Number %d","email":"person%d@example.org","phone":null`, i, i, i)
		for f := range 21 {
			fmt.Fprintf(&b, `,"field_%02d":"value %d"`, f, f*i)
		}
		b.WriteByte('}')
	}
	b.WriteString(`]}`)
	return b.String()
}

// BenchmarkThroughWASM compares a fetch of 3,000 records of 25 fields, 8 of
// them kept, with a native client that sends the same request and parses the
// answer with the same parser under the same policy. Pairs are interleaved and
// the median of their ratios is reported.
func BenchmarkThroughWASM(b *testing.B) {
	const count = 3_000
	text := people(count)
	f := start(b, host.Settings{}, answer(text))
	keep := []string{"id", "name", "email", "phone", "field_01", "field_02", "field_03", "field_04"}
	spec := jsonstream.Spec{Array: jsonstream.Pointer{"data"}, Key: jsonstream.Pointer{"id"}, Keep: keep}
	native := func() int {
		resp, err := http.Get(f.app.BaseURL + "/users")
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		if _, err := jsonstream.Emit(bytes.NewBuffer(body), int64(len(body)), spec, nil, func(jsonstream.Record) error { n++; return nil }); err != nil {
			b.Fatal(err)
		}
		return n
	}
	e, _ := f.conn.Manifest().Endpoint("users")
	through := func() int {
		n := 0
		_, err := f.conn.Fetch(b.Context(), f.app, abi.FetchCall{Endpoint: e, Keep: keep}, func(host.Record) error { n++; return nil })
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	for _, f := range []func() int{native, through} { // once to warm up, and to see that both do the work
		if n := f(); n != count {
			b.Fatalf("%d records of %d", n, count)
		}
	}
	var ratios []float64
	var slow, fast time.Duration
	for b.Loop() {
		begin := time.Now()
		native()
		middle := time.Now()
		through()
		n, w := middle.Sub(begin), time.Since(middle)
		fast, slow = fast+n, slow+w
		ratios = append(ratios, float64(w)/float64(n))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "wasm/native")
	b.ReportMetric(float64(slow.Milliseconds())/float64(len(ratios)), "wasm-ms")
	b.ReportMetric(float64(fast.Milliseconds())/float64(len(ratios)), "native-ms")
}

// BenchmarkPages is the same in 100 pages of 500 records, where what a call
// costs by itself no longer counts.
func BenchmarkPages(b *testing.B) {
	page := strings.TrimSuffix(people(500), "}")
	f := start(b, host.Settings{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := "null"
		if n := len(r.URL.Query().Get("cursor")); n < 99 {
			next = `"` + strings.Repeat("x", n+1) + `"`
		}
		_, _ = io.WriteString(w, page+`,"next":`+next+`}`)
	}))
	keep := []string{"id", "name", "email", "phone", "field_01", "field_02", "field_03", "field_04"}
	spec := jsonstream.Spec{Array: jsonstream.Pointer{"data"}, Key: jsonstream.Pointer{"id"}, Keep: keep}
	native := func() {
		cursor := ""
		for {
			resp, err := http.Get(f.app.BaseURL + "/users?cursor=" + cursor)
			if err != nil {
				b.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil {
				b.Fatal(err)
			}
			var index jsonstream.Index
			if _, err := jsonstream.Emit(bytes.NewBuffer(body), int64(len(body)), spec, &index, func(jsonstream.Record) error { return nil }); err != nil {
				b.Fatal(err)
			}
			raw, err := jsonstream.Find(bytes.NewReader(body), int64(len(body)), &index, jsonstream.Pointer{"next"}, 1<<10)
			if err != nil {
				b.Fatal(err)
			}
			if cursor = ""; json.Unmarshal(raw, &cursor) != nil || cursor == "" {
				return
			}
		}
	}
	e, _ := f.conn.Manifest().Endpoint("users")
	e.Repeat = abi.Repeat{Style: abi.RepeatCursor, Param: "cursor", Next: "/next"}
	through := func() {
		n := 0
		_, err := f.conn.Fetch(b.Context(), f.app, abi.FetchCall{Endpoint: e, Keep: keep}, func(host.Record) error { n++; return nil })
		if err != nil || n != 50_000 {
			b.Fatal(n, err)
		}
	}
	native()
	through()
	var ratios []float64
	for b.Loop() {
		begin := time.Now()
		native()
		middle := time.Now()
		through()
		ratios = append(ratios, float64(time.Since(middle))/float64(middle.Sub(begin)))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "wasm/native")
}
