package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// logger returns the logger of a command that does the work itself. On a
// terminal the lines appear among the results, so only warnings and errors are
// printed there, as sentences; with level debug, everything is.
func (c *cli) logger(cfg config.Log) *slog.Logger {
	p := openPage(c.stderr)
	if !p.terminal || cfg.Level == config.LogDebug {
		return newLogger(cfg, c.stderr)
	}
	return slog.New(&terminalLog{page: p, mu: &sync.Mutex{}})
}

// terminalLog writes warnings and errors for people.
type terminalLog struct {
	page  *page
	mu    *sync.Mutex // of the page
	group string      // with a dot at its end; "" for none
	attrs []string
}

var _ slog.Handler = (*terminalLog)(nil)

// Enabled implements slog.Handler.
func (t *terminalLog) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

// Handle implements slog.Handler. It skips the end of a run, because the
// report that follows says it.
func (t *terminalLog) Handle(_ context.Context, r slog.Record) error {
	if r.Message == service.LogRunEnded {
		return nil
	}
	attrs := t.attrs
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs[:len(attrs):len(attrs)], t.named(a))
		return true
	})
	text := r.Message
	if len(attrs) > 0 {
		text += " (" + strings.Join(attrs, ", ") + ")"
	}
	lead, s := "warning: ", yellow
	if r.Level >= slog.LevelError {
		lead, s = "error: ", red
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.page.putStyled(s, lead, plainText, text)
	return nil
}

func (t *terminalLog) named(a slog.Attr) string {
	return fmt.Sprintf("%s%s: %v", t.group, a.Key, a.Value.Resolve())
}

// WithAttrs implements slog.Handler.
func (t *terminalLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	more := *t
	more.attrs = t.attrs[:len(t.attrs):len(t.attrs)]
	for _, a := range attrs {
		more.attrs = append(more.attrs, t.named(a))
	}
	return &more
}

// WithGroup implements slog.Handler.
func (t *terminalLog) WithGroup(name string) slog.Handler {
	more := *t
	more.group += name + "."
	return &more
}

func newLogger(cfg config.Log, to io.Writer) *slog.Logger {
	levels := map[config.LogLevel]slog.Level{
		config.LogDebug: slog.LevelDebug, config.LogInfo: slog.LevelInfo,
		config.LogWarn: slog.LevelWarn, config.LogError: slog.LevelError,
	}
	opts := &slog.HandlerOptions{Level: levels[cfg.Level]}
	if cfg.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(to, opts))
	}
	return slog.New(slog.NewTextHandler(to, opts))
}
