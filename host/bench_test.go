package host_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// keep are the 8 of 25 fields that the benchmarks want.
var keep = []string{"id", "name", "email", "phone", "field_01", "field_02", "field_03", "field_04"}

var benchSpec = jsonstream.Spec{Array: jsonstream.Pointer{"data"}, Key: jsonstream.Pointer{"id"}, Keep: keep}

// people returns an application's answer: records of 25 fields, about 500 bytes
// each.
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

// turns runs the functions by turns, so many times, after one turn to warm up.
// It returns the times that each took in milliseconds.
func turns(n int, functions ...func()) [][]float64 {
	took := make([][]float64, len(functions))
	for i := range n + 1 {
		for j, f := range functions {
			begin := time.Now()
			f()
			if i > 0 {
				took[j] = append(took[j], time.Since(begin).Seconds()*1e3)
			}
		}
	}
	return took
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

// ratio returns the median of the ratios of two functions' times in the same
// turn.
func ratio(a, b []float64) float64 {
	each := make([]float64, len(a))
	for i := range a {
		each[i] = a[i] / b[i]
	}
	return median(each)
}

// nativeClient is the baseline for a connector: it sends the same requests,
// reads whole bodies and parses them with the same parser under the same
// policy. It has no limits, no credentials and no redaction.
type nativeClient struct {
	b      testing.TB
	client *http.Client
	url    string
	buffer *bytes.Buffer // for all bodies; nil: io.ReadAll makes one for each
}

func newNative(b testing.TB, url string, reuse bool) *nativeClient {
	n := &nativeClient{b: b, client: &http.Client{Transport: &http.Transport{}}, url: url}
	b.Cleanup(n.client.CloseIdleConnections)
	if reuse {
		n.buffer = &bytes.Buffer{}
	}
	return n
}

func (n *nativeClient) body(query string) []byte {
	req, err := http.NewRequestWithContext(n.b.Context(), http.MethodGet, n.url+"/users"+query, nil)
	if err != nil {
		n.b.Fatal(err)
	}
	resp, err := n.client.Do(req)
	if err != nil {
		n.b.Fatal(err)
	}
	defer resp.Body.Close()
	if n.buffer == nil {
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			n.b.Fatal(err)
		}
		return body
	}
	n.buffer.Reset()
	if _, err := n.buffer.ReadFrom(resp.Body); err != nil {
		n.b.Fatal(err)
	}
	return n.buffer.Bytes()
}

// page fetches one page and returns the number of its records and the cursor of
// the next page.
func (n *nativeClient) page(query string) (count int64, next string) {
	body := n.body(query)
	var index jsonstream.Index
	count, err := jsonstream.Emit(bytes.NewBuffer(body), int64(len(body)), benchSpec, &index, func(jsonstream.Record) error { return nil })
	if err != nil {
		n.b.Fatal(err)
	}
	if query == "" {
		return count, ""
	}
	raw, err := jsonstream.Find(bytes.NewReader(body), int64(len(body)), &index, jsonstream.Pointer{"next"}, 1<<10)
	if err != nil {
		n.b.Fatal(err)
	}
	if err := json.Unmarshal(raw, &next); err != nil {
		n.b.Fatal(err)
	}
	return count, next
}

// pages fetches all pages and fails when there are fewer records.
func (n *nativeClient) pages(want int64) {
	count, cursor := int64(0), ""
	for {
		more, next := n.page("?cursor=" + cursor)
		if count += more; next == "" {
			break
		}
		cursor = next
	}
	if count != want {
		n.b.Fatalf("%d records of %d", count, want)
	}
}

// through fetches with a connector and fails when there are fewer records.
func through(b testing.TB, conn *host.Connector, app host.Application, e abi.Endpoint, want int64) {
	n := int64(0)
	_, err := conn.Fetch(b.Context(), app, abi.FetchCall{Endpoint: e, Keep: keep}, func(host.Record) error { n++; return nil })
	if err != nil || n != want {
		b.Fatalf("%d records of %d, %v", n, want, err)
	}
}

// BenchmarkOneBody compares a fetch of 3,000 records of 25 fields in one body,
// 8 of them kept, with a native client. A Go guest takes about 4 ms to start,
// whatever it fetches.
func BenchmarkOneBody(b *testing.B) {
	f := start(b, host.Settings{}, answer(people(bodyCount)))
	oneBody(b, f.conn, f.app)
}

const bodyCount = 3_000

// oneBody fetches several times in each turn, so that the garbage collector
// does not always hit the same side.
func oneBody(b *testing.B, conn *host.Connector, app host.Application) {
	const each = 10
	n := newNative(b, app.BaseURL, true)
	e, _ := conn.Manifest().Endpoint("users")
	native := func() {
		for range each {
			n.page("")
		}
	}
	wasm := func() {
		for range each {
			through(b, conn, app, e, bodyCount)
		}
	}
	for b.Loop() {
		took := turns(15, native, wasm)
		b.ReportMetric(ratio(took[1], took[0]), "wasm/native")
		b.ReportMetric(median(took[1])/each, "wasm-ms")
		b.ReportMetric(median(took[0])/each, "native-ms")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkPages does the same with 100 pages of 500 records. The native client
// allocates a body for each page, as most clients do, or reuses one buffer for
// all.
func BenchmarkPages(b *testing.B) {
	const count = 50_000
	srv := httptest.NewServer(pagesOf(500))
	defer srv.Close()
	f := start(b, host.Settings{}, nil)
	f.app.BaseURL = srv.URL
	usual, tight := newNative(b, srv.URL, false), newNative(b, srv.URL, true)
	e := cursored(f.conn)
	for b.Loop() {
		took := turns(15, func() { usual.pages(count) }, func() { through(b, f.conn, f.app, e, count) }, func() { tight.pages(count) })
		b.ReportMetric(ratio(took[1], took[0]), "wasm/native")
		b.ReportMetric(ratio(took[1], took[2]), "wasm/native-one-buffer")
		b.ReportMetric(median(took[1]), "wasm-ms")
		b.ReportMetric(median(took[0]), "native-ms")
		b.ReportMetric(median(took[2]), "native-one-buffer-ms")
	}
	b.ReportMetric(0, "ns/op")
}

// pagesOf returns 100 pages of so many records.
func pagesOf(records int) http.HandlerFunc {
	page := strings.TrimSuffix(people(records), "}")
	return func(w http.ResponseWriter, r *http.Request) {
		next := "null"
		if n := len(r.URL.Query().Get("cursor")); n < 99 {
			next = `"` + strings.Repeat("x", n+1) + `"`
		}
		_, _ = io.WriteString(w, page+`,"next":`+next+`}`)
	}
}

// cursored returns the users endpoint, paged by a cursor.
func cursored(conn *host.Connector) abi.Endpoint {
	e, _ := conn.Manifest().Endpoint("users")
	e.Repeat = abi.Repeat{Style: abi.RepeatCursor, Param: "cursor", Next: "/next"}
	return e
}
