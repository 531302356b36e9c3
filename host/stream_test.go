package host_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Environment of the process that is measured, and of the test.
const (
	streamURL  = "ROLLCALL_STREAM_URL"
	streamDir  = "ROLLCALL_STREAM_DIR"
	streamMiB  = "ROLLCALL_STREAM_MIB" // of every body; unset: smallBody, and largeBody in the cases that say so
	smallBody  = 12 << 20
	largeBody  = 136 << 20
	streamPeak = 100 << 20 // bytes that the process may take
)

// measured is what the child process says.
type measured struct {
	Records   int64
	Seconds   float64
	Runtime   uint64 // peak of what Go's runtime had from the system, in bytes
	Process   uint64 // peak of the resident process, where /proc tells it
	Error     string
	LastKey   string
	LastField string
}

// shapes of users, about 500 bytes each.
var shapes = map[string]func(i int64) string{
	"compact": func(i int64) string {
		return fmt.Sprintf(`{"id":%d,"name":"Person %d","mail":"person%d@example.org","pad":%q}`, i, i, i, strings.Repeat("x", 400))
	},
	"pretty and nested": func(i int64) string {
		return fmt.Sprintf("{\n    \"id\" : %d ,\n    \"name\" : \"Person %d\",\n    \"address\" : {\n        \"lines\" : [ \"a\", [ 1, { \"b\" : [ null, true, %s ] } ] ],\n        \"zip\" : { \"code\" : \"1\", \"area\" : {} }\n    },\n    \"mail\" : \"p%d@example.org\"%s}\n", i, i, strings.Repeat("1, ", 60)+"0", i, strings.Repeat(" ", 100))
	},
	"escaped": func(i int64) string {
		return fmt.Sprintf(`{"\u0069d":"%d","n\u0061me":"\u00e4\ud83d\ude00 %d","mail":"%s","pad":"%s"}`, i, i, strings.Repeat(`\"\\\/`, 20), strings.Repeat(`\u20ac`, 60))
	},
	"huge numbers": func(i int64) string {
		return fmt.Sprintf(`{"id":%d,"name":%s.%de-7,"mail":1E400,"pad":-0.%s}`, i, strings.Repeat("9", 200), i, strings.Repeat("123", 80))
	},
}

// pour writes users until there are so many bytes, and returns their number.
func pour(w http.ResponseWriter, shape string, keyed bool, size int64, last string) int64 {
	out := bufio.NewWriterSize(w, 64<<10)
	open, closing := "[", "]"
	if keyed {
		open, closing = "{", "}"
	}
	_, _ = out.WriteString(`{"success":true,"users":` + open)
	n := int64(0)
	for written := int64(0); written < size; n++ {
		text := shapes[shape](n)
		if keyed {
			text = fmt.Sprintf("\"k%d\":%s", n, text)
		}
		if n > 0 {
			_ = out.WriteByte(',')
		}
		_, _ = out.WriteString(text)
		written += int64(len(text))
	}
	_, _ = out.WriteString(last + closing + `,"next":null}`)
	_ = out.Flush()
	return n
}

// TestBodiesStreamThrough fetches bodies larger than the memory that the
// process may use, in a separate process, and reads that process's peak.
func TestBodiesStreamThrough(t *testing.T) {
	t.Parallel()
	whole := int64(0)
	if text := os.Getenv(streamMiB); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		whole = n << 20
	}
	f := start(t, host.Settings{}, answer("{}")) // builds the guest, and compiles it into the cache
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "guest.wasm"), embedded(t, manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = f
	cases := map[string]struct {
		shape string
		large bool
		keyed bool
		pages int64
		last  string // put after the last user
		fails string
	}{
		"compact":           {shape: "compact"},
		"pretty and nested": {shape: "pretty and nested"},
		"escaped":           {shape: "escaped"},
		"huge numbers":      {shape: "huge numbers"},
		"keyed":             {shape: "compact", keyed: true, large: true},
		"pages":             {shape: "pretty and nested", pages: 16},
		"a duplicate":       {shape: "compact", last: `,{"id":1,"x":1,"x":2}`},
		"a long text":       {shape: "compact", last: `,{"id":1,"name":"` + strings.Repeat("x", 9<<20) + `"}`},
		"no value":          {shape: "compact", last: `,{"id":1,"x":}`, fails: "'}' where a value must be"},
	}
	for _, name := range soak.Some(t, 2, slices.Sorted(maps.Keys(cases))) {
		t.Run(name, func(t *testing.T) {
			c := cases[name]
			size := int64(smallBody)
			if c.large {
				size = largeBody
			}
			if whole > 0 {
				size = whole
			}
			var users int64
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				page, _ := strconv.ParseInt(r.URL.Query().Get("p"), 10, 64)
				switch {
				case c.pages == 0:
					users = pour(w, c.shape, c.keyed, size, c.last)
				case page <= c.pages:
					users += pour(w, c.shape, c.keyed, size/c.pages, "")
				default:
					_, _ = w.Write([]byte(`{"users":[]}`))
				}
			}))
			defer srv.Close()
			got := measure(t, srv.URL, dir, c.keyed, c.pages > 0)
			t.Logf("%d MiB: %d users in %.1f s (%.0f/s), peak %d MB of the runtime, %d MB of the process", size>>20, got.Records, got.Seconds, float64(got.Records)/got.Seconds, got.Runtime/1e6, got.Process/1e6)
			if (c.fails == "") != (got.Error == "") || !strings.Contains(got.Error, strings.ReplaceAll(c.fails, `\"`, `"`)) || got.Records < users {
				t.Errorf("%d users of %d, error %q", got.Records, users, got.Error)
			}
			if c.fails != "" && !strings.Contains(got.Error, "at byte "+fmt.Sprint(size)[:2]) {
				t.Errorf("the error does not name the place: %s", got.Error)
			}
			if got.Runtime > streamPeak || got.Process > streamPeak {
				t.Errorf("the process took %d MB (runtime %d MB)", got.Process/1e6, got.Runtime/1e6)
			}
			if c.shape == "huge numbers" && (len(got.LastField) < 200 || !strings.HasSuffix(got.LastField, fmt.Sprint(".", users-1, "e-7"))) {
				t.Errorf("a number lost its text: %s", got.LastField)
			}
		})
	}
}

// plain is these tests without the race detector, which takes memory for
// itself.
var plain = sync.OnceValues(func() (string, error) {
	if !raceDetector {
		return os.Executable()
	}
	program := filepath.Join(shared.dir, "plain")
	build := exec.Command("go", "test", "-c", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the tests without the race detector: %w\n%s", err, text)
	}
	return program, nil
})

// measure runs a fetch in a process of its own.
func measure(t *testing.T, url, dir string, keyed, pages bool) measured {
	t.Helper()
	exe, err := plain()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), streamURL+"="+url, streamDir+"="+dir,
		"ROLLCALL_STREAM_CACHE="+shared.cache, fmt.Sprintf("ROLLCALL_STREAM_KEYED=%v", keyed), fmt.Sprintf("ROLLCALL_STREAM_PAGES=%v", pages))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var m measured
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return m
}

// streamChild is the process that is measured.
func streamChild(url string) int {
	m, err := stream(context.Background(), url)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := json.NewEncoder(os.Stdout).Encode(m); err != nil {
		return 1
	}
	return 0
}

func stream(ctx context.Context, url string) (m measured, err error) {
	h, err := host.Open(ctx, host.Settings{
		ModulesDir: os.Getenv(streamDir), CacheDir: os.Getenv("ROLLCALL_STREAM_CACHE"), AllowUnsigned: true, CallTimeout: 5 * time.Minute,
	}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, h.Close(ctx)) }()
	conn, err := h.Connector("guest")
	if err != nil {
		return m, err
	}
	e, _ := conn.Manifest().Endpoint("users")
	e.Records, e.Keyed = "/users", os.Getenv("ROLLCALL_STREAM_KEYED") == "true"
	if os.Getenv("ROLLCALL_STREAM_PAGES") == "true" {
		e.Repeat = abi.Repeat{Style: abi.RepeatPage, Param: "p"}
	}
	begin := time.Now()
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	_, err = conn.Fetch(ctx, host.Application{Name: "app", BaseURL: url}, abi.FetchCall{Endpoint: e, Keep: []string{"name", "mail", "address"}, Retry: abi.RetryLimits{Attempts: 1}}, func(r host.Record) error {
		if m.Records%1000 == 0 {
			metrics.Read(samples)
			m.Runtime = max(m.Runtime, samples[0].Value.Uint64()-samples[1].Value.Uint64())
		}
		m.Records++
		m.LastKey, m.LastField = r.Key, fmt.Sprint(r.Fields["name"])
		return nil
	})
	m.Seconds = time.Since(begin).Seconds()
	if err != nil {
		m.Error = err.Error()
	}
	if text, err := os.ReadFile("/proc/self/status"); err == nil {
		_, after, _ := strings.Cut(string(text), "VmHWM:")
		if fields := strings.Fields(after); len(fields) > 0 {
			kib, _ := strconv.ParseUint(fields[0], 10, 64)
			m.Process = kib << 10
		}
	}
	return m, nil
}
