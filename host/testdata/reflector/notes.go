package reflector

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Notes records everything that leaves a host, separately for each source. It
// is a log handler for every level and an observer of calls. It is safe for
// concurrent use.
type Notes struct {
	mu    sync.Mutex
	texts map[string]*bytes.Buffer
}

// Note records what was seen at a place.
func (n *Notes) Note(where string, what ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.texts == nil {
		n.texts = map[string]*bytes.Buffer{}
	}
	if n.texts[where] == nil {
		n.texts[where] = &bytes.Buffer{}
	}
	_, _ = fmt.Fprintln(n.texts[where], what...)
}

// Values records a value without escaping its texts once more.
func (n *Notes) Values(where string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			n.Note(where, name)
			n.Values(where, value)
		}
	case []any:
		for _, value := range v {
			n.Values(where, value)
		}
	default:
		n.Note(where, v)
	}
}

func (n *Notes) HTTPRequest(application string, status int, took time.Duration) {
	n.Note("metrics", application, status, took)
}

func (n *Notes) RateLimited(application string, waited time.Duration) {
	n.Note("metrics", application, waited)
}

func (n *Notes) ConnectorCall(connector, function, result string, took time.Duration, memory uint64) {
	n.Note("metrics", connector, function, result, took, memory)
}

func (n *Notes) Enabled(context.Context, slog.Level) bool { return true }
func (n *Notes) WithGroup(string) slog.Handler            { return n }
func (n *Notes) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		n.Note("logs", a.Key, a.Value)
	}
	return n
}

func (n *Notes) Handle(_ context.Context, r slog.Record) error {
	n.Note("logs", r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool { n.Note("logs", a.Key, a.Value); return true })
	return nil
}

// Texts returns what has been recorded so far.
func (n *Notes) Texts() map[string][]byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := map[string][]byte{}
	for where, text := range n.texts {
		all[where] = text.Bytes()
	}
	return all
}

// Search looks for secrets in everything recorded. Notes whose name begins with
// "memory" count as memory.
func (n *Notes) Search(h *Hunt) (hits []string, summary string) {
	memory, others := 0, 0
	for where, text := range n.Texts() {
		if strings.HasPrefix(where, "memory") {
			memory += len(text)
		} else {
			others += len(text)
		}
		for _, hit := range h.Find(text) {
			hits = append(hits, where+": "+hit)
		}
	}
	return hits, fmt.Sprintf("%d secrets in %d forms looked for in %d bytes of guest memory and %d bytes of records, logs, errors, "+
		"answers, reports and metrics: %d hits",
		len(h.Secrets()), h.Size(), memory, others, len(hits))
}
