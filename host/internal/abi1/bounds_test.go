package abi1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/rollcall-agent/rollcall/host/internal/body"
	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
	"github.com/rollcall-agent/rollcall/host/internal/web"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// text is a guest's memory that holds it.
type text struct {
	api.Memory
	held string
}

func (m text) Read(ptr, length uint32) ([]byte, bool) {
	if uint64(ptr)+uint64(length) > uint64(len(m.held)) {
		return nil, false
	}
	return []byte(m.held[ptr:][:length]), true
}

// delivering is a call that takes so many records.
func delivering(t *testing.T, most int64) (*Call, *int) {
	t.Helper()
	ctx, clock := NewClock(t.Context(), time.Minute)
	t.Cleanup(clock.Stop)
	n := new(int)
	return &Call{
		Context: ctx, Clock: clock, Log: slog.New(slog.DiscardHandler), MaxRecords: most,
		Spec: jsonstream.Spec{Key: jsonstream.Pointer{"id"}, All: true},
		Sink: func(Record) error { *n++; return nil },
	}, n
}

// TestRecordsOfACallAreLimited: whatever way they are delivered, and the call
// cannot succeed afterwards.
func TestRecordsOfACallAreLimited(t *testing.T) {
	c, n := delivering(t, 3)
	array := `[{"id":1},{"id":2}]`
	if got, err := c.deliver(strings.NewReader(array), int64(len(array)), c.Spec, nil, origin{"answer 1", 1}); got != 2 || err != nil {
		t.Fatal(got, err)
	}
	if got := c.single(Record{Record: jsonstream.Record{Key: "3"}, Deleted: true}, "deleted"); got != 0 {
		t.Fatal(got, c.problem)
	}
	if got := c.single(Record{Record: jsonstream.Record{Key: "4"}, Deleted: true}, "deleted"); got != int64(abi.CodeLimit) {
		t.Errorf("a deletion too many: %d %s", got, c.problem)
	}
	_, err := c.deliver(strings.NewReader(array), int64(len(array)), c.Spec, nil, origin{"answer 1", 1})
	if got := c.broken(err, err.Error()); got != int64(abi.CodeLimit) {
		t.Errorf("a record too many: %d %v", got, err)
	}
	if *n != 3 || c.Records != 3 || c.Broken == nil {
		t.Errorf("%d records went through, %d were counted, broken %v", *n, c.Records, c.Broken)
	}
}

func TestPointersAreShort(t *testing.T) {
	for _, c := range []struct {
		size int
		ok   bool
	}{{abi.MaxPointerSize, true}, {abi.MaxPointerSize + 1, false}, {64 << 20, false}} {
		p, err := pointer([]byte(strings.Repeat("/", c.size)))
		if (err == nil) != c.ok || c.ok && len(p) != c.size {
			t.Errorf("%d bytes: %d tokens, %v", c.size, len(p), err)
		}
	}
}

func TestRequestsHaveNotTooManyFields(t *testing.T) {
	for _, field := range []string{"headers", "query"} {
		var b strings.Builder
		for i := range abi.MaxFields + 1 {
			fmt.Fprintf(&b, `%q:"",`, fmt.Sprint("x", i))
		}
		c, _ := delivering(t, 0)
		request := `{"method":"GET","path":"/","` + field + `":{` + strings.TrimSuffix(b.String(), ",") + `}}`
		f := &frame{ctx: t.Context(), call: c, memory: text{held: request}, args: []uint64{0, uint64(len(request))}}
		if got := httpSend(f); got != int64(abi.CodeInput) || !strings.Contains(c.problem, "more than 1000") {
			t.Errorf("%s: %d %s", field, got, c.problem)
		}
	}
}

// TestALargeBodyIsReadUntilTheTimeIsOver: a walk through a spooled body takes
// seconds.
func TestALargeBodyIsReadUntilTheTimeIsOver(t *testing.T) {
	large := `{"data":[{"id":1}],"pad":"` + strings.Repeat("x", body.InMemory+1) + `"}`
	store := body.Store{Dir: t.TempDir()}
	b, err := store.Read(strings.NewReader(large), -1, 1<<30, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	c, n := delivering(t, 0)
	c.handles = map[int64]*response{1: {Response: &web.Response{Status: 200, Body: b}}}
	over, end := context.WithCancel(t.Context())
	end()

	find := &frame{ctx: over, call: c, memory: text{held: "/none"}}
	find.args = []uint64{1, 0, 5, 0, 0}
	if got := jsonGet(find); got != int64(abi.CodeDeadline) {
		t.Errorf("json_get: %d %s", got, c.problem)
	}
	c.Context = over
	deliver := &frame{ctx: t.Context(), call: c, memory: text{held: "/data"}}
	deliver.args = []uint64{1, 0, 5, 0, 0, 0}
	if got := emit(deliver); got != int64(abi.CodeDeadline) || c.Broken == nil || *n != 0 {
		t.Errorf("emit: %d %s, %d records", got, c.problem, *n)
	}
	if _, err := io.Copy(io.Discard, c.handles[1].reader(over)); !errors.Is(err, context.Canceled) {
		t.Errorf("reader: %v", err)
	}
}
