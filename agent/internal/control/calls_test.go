package control

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// TestEveryQuestionCanBeAsked: whatever a service answers has a call, and the
// client a method that asks the same.
func TestEveryQuestionCanBeAsked(t *testing.T) {
	notCarried := map[string]string{
		"ResetSecrets": "an agent that runs has its master key",
	}
	client, caller := reflect.TypeFor[*Client](), reflect.TypeFor[service.Caller]()
	questions := 0
	for m := range reflect.TypeFor[*service.Service]().Methods() {
		if notCarried[m.Name] != "" {
			continue
		}
		if m.Type.NumIn() != 4 || m.Type.In(1) != reflect.TypeFor[context.Context]() || m.Type.In(2) != caller {
			t.Errorf("%s is no question: it takes a context, the caller and a request", m.Name)
			continue
		}
		questions++
		ask, there := client.MethodByName(m.Name)
		if !there {
			t.Errorf("the client cannot ask %s", m.Name)
			continue
		}
		same := ask.Type.NumIn() == 3 && ask.Type.In(2) == m.Type.In(3) && ask.Type.NumOut() == m.Type.NumOut()
		for i := range m.Type.NumOut() {
			same = same && ask.Type.Out(i) == m.Type.Out(i)
		}
		if !same {
			t.Errorf("%s is %s, and the client asks %s", m.Name, m.Type, ask.Type)
		}
	}
	if n := client.NumMethod(); n != questions {
		t.Errorf("the client has %d methods for %d questions", n, questions)
	}
	if served := len(Calls(nil, slog.New(slog.DiscardHandler)).handlers); served != questions {
		t.Errorf("%d calls are served, and there are %d questions", served, questions)
	}
}

// TestListsStayInMemory: however long a list is, only a few of its items exist
// at a time, at both ends of the socket together.
func TestListsStayInMemory(t *testing.T) {
	const lines, size = 40_000, 200
	var alive, most atomic.Int64
	line := json.RawMessage(`"` + strings.Repeat("x", size) + `"`)
	m := NewMux(slog.New(slog.DiscardHandler))
	callExportJournal.serve(m, func(context.Context, service.Caller, service.Nothing) iter.Seq2[json.RawMessage, error] {
		return func(yield func(json.RawMessage, error) bool) {
			for range lines {
				own := append(json.RawMessage(nil), line...)
				alive.Add(1)
				runtime.AddCleanup(&own[0], func(int) { alive.Add(-1) }, 0)
				if !yield(own, nil) {
					return
				}
			}
		}
	})
	for way, to := range map[string]Transport{"socket": serveMux(t, m), "own process": &Local{m, Self()}} {
		most.Store(0)
		n := 0
		for item, err := range NewClient(to).ExportJournal(t.Context(), service.Nothing{}) {
			if err != nil || len(item) != size+2 {
				t.Fatalf("%s: %d bytes, %v", way, len(item), err)
			}
			if n++; n%(lines/10) == 0 {
				runtime.GC()
				runtime.GC() // what the first found unreachable is counted now
				most.Store(max(most.Load(), alive.Load()))
			}
		}
		if n != lines {
			t.Errorf("%s: %d lines", way, n)
		}
		if held := most.Load(); held > lines/10 {
			t.Errorf("%s: %d of %d lines existed at once", way, held, lines)
		}
	}
}

// A list ends with its error, which is the callee's own, and nobody is asked for
// more than was read.
func TestListsEnd(t *testing.T) {
	given := 0
	m := NewMux(slog.New(slog.DiscardHandler))
	callExportJournal.serve(m, func(context.Context, service.Caller, service.Nothing) iter.Seq2[json.RawMessage, error] {
		return func(yield func(json.RawMessage, error) bool) {
			given = 0
			for range 3 {
				if given++; !yield(json.RawMessage(`{}`), nil) {
					return
				}
			}
			yield(nil, errors.New("the disk is gone"))
		}
	})
	for way, to := range map[string]Transport{"socket": serveMux(t, m), "own process": &Local{m, Self()}} {
		items, failure := 0, error(nil)
		for _, err := range NewClient(to).ExportJournal(t.Context(), service.Nothing{}) {
			if failure = err; err == nil {
				items++
			}
		}
		if items != 3 || failure == nil || failure.Error() != "the disk is gone" {
			t.Errorf("%s: %d items, %v", way, items, failure)
		}
	}
	for range NewClient(&Local{m, Self()}).ExportJournal(t.Context(), service.Nothing{}) {
		break
	}
	if given != 1 {
		t.Errorf("%d items were made for a reader of one", given)
	}
}
