package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	"github.com/rollcall-agent/rollcall/agent/internal/progress"
)

// status is the standard error of a command. On a terminal its last line shows
// the progress; other output replaces that line.
type status struct {
	mu    sync.Mutex
	to    io.Writer
	width func() int // of the terminal; nil if there is none
	shown bool
}

func newStatus(to io.Writer) *status {
	if s, ok := to.(*status); ok {
		return s
	}
	s := &status{to: to}
	f, ok := to.(*os.File)
	if ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" && takesColours(f) {
		s.width = func() int {
			if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
				return width
			}
			return 80
		}
	}
	return s
}

// Write implements io.Writer.
func (s *status) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wipe()
	return s.to.Write(p)
}

// show replaces the last line of a terminal. Elsewhere only important steps
// are printed.
func (s *status) show(step progress.Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := printable(step.String())
	if s.width == nil {
		if step.Notice {
			_, _ = fmt.Fprintf(s.to, "rollcall: %s\n", text)
		}
		return
	}
	line := []rune(text + " ...")
	if most := s.width() - 1; len(line) > most { // the last column would wrap
		line = line[:max(most, 0)]
	}
	s.wipe()
	_, _ = fmt.Fprint(s.to, string(line))
	s.shown = true
}

// clear removes the line.
func (s *status) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wipe()
}

func (s *status) wipe() {
	if s.shown {
		_, _ = fmt.Fprint(s.to, "\r\x1b[K") // ECMA-48: to the beginning of the line, and erase it
		s.shown = false
	}
}
