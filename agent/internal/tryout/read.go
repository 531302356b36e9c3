package tryout

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Saved is a saved answer. It is read from its beginning to its end, once, and
// is never in memory as a whole.
type Saved struct {
	Header
	path string
	file *os.File
	dec  *json.Decoder
}

// Open opens a saved answer and reads its header. The error is an
// exit.UsageError. The caller must call Close.
func Open(path string) (*Saved, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, exit.Mistake(fmt.Errorf("read the saved answer: %w", err))
	}
	s := &Saved{path: path, file: f, dec: json.NewDecoder(bufio.NewReaderSize(f, 64<<10))}
	s.dec.UseNumber() // as the host delivers numbers
	var first line
	err = s.dec.Decode(&first)
	switch {
	case err == nil && first.Format > format:
		err = fmt.Errorf("%s was saved by a newer rollcall (form %d, this one knows %d): save the answer anew", path, first.Format, format)
	case err != nil || first.Header == nil || first.Format == 0:
		err = fmt.Errorf("%s is not a saved answer of an endpoint", path)
	default:
		s.Header = *first.Header
		return s, nil
	}
	s.Close()
	return nil, exit.Mistake(err)
}

// Each calls do with each record, as the source delivered it then, and returns
// how the call ended. An error of do ends the reading and is returned unchanged.
// A file that was cut off is an exit.UsageError.
func (s *Saved) Each(do func(ident.Record) error) (End, error) {
	for {
		var l line
		err := s.dec.Decode(&l)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return End{}, exit.Mistake(fmt.Errorf("%s was cut off: it has no end. Save the answer anew", s.path))
		case err != nil:
			return End{}, exit.Mistake(fmt.Errorf("read the saved answer %s: %w (near byte %d)", s.path, err, s.dec.InputOffset()))
		case l.End != nil:
			return *l.End, nil
		case l.Record != nil:
			if err := do(*l.Record); err != nil {
				return End{}, err
			}
		}
	}
}

// Close closes the file.
func (s *Saved) Close() { _ = s.file.Close() }
