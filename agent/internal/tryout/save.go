package tryout

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// line is one line of a saved answer: the header, then records, then the end.
type line struct {
	Format int           `json:"rollcall_answer,omitempty"`
	Header *Header       `json:"header,omitempty"`
	Record *ident.Record `json:"record,omitempty"`
	End    *End          `json:"end,omitempty"`
}

// Writer saves an answer, record by record. Nobody but its owner can read the
// file, not even while it is written.
type Writer struct {
	path      string
	temporary *os.File
	out       *bufio.Writer
	enc       *json.Encoder
}

// Create checks whether an answer can be saved at path, before the call is made.
// It replaces an earlier answer only, once the new one is whole. The error is an
// exit.UsageError. The caller must call Discard at the end.
func Create(path string) (*Writer, error) {
	if err := replaceable(path); err != nil {
		return nil, exit.Mistake(fmt.Errorf("save the answer: %w", err))
	}
	// A name of its own: newly created with mode 0600, and not through a
	// symbolic link.
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		var of *fs.PathError // the user did not choose the name in the error
		if errors.As(err, &of) {
			err = of.Err
		}
		return nil, exit.Mistake(fmt.Errorf("save the answer: make a file in the folder %s: %w", filepath.Dir(path), err))
	}
	w := &Writer{path: path, temporary: f, out: bufio.NewWriterSize(f, 64<<10)}
	w.enc = json.NewEncoder(w.out)
	w.enc.SetEscapeHTML(false)
	return w, nil
}

// replaceable says why what is at a path must stay; nil when there is nothing,
// an empty file or an earlier answer.
func replaceable(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() == fs.ModeSymlink:
		return fmt.Errorf("%s is a symbolic link, which is not followed: name the file itself", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file: name one that is to be made", path)
	case info.Size() == 0:
		return nil
	}
	earlier, err := Open(path)
	if err != nil {
		return fmt.Errorf("%s exists and is not a saved answer, so it stays as it is: name another file, or remove this one first", path)
	}
	earlier.Close()
	return nil
}

// Begin writes what was called.
func (w *Writer) Begin(h Header) error { return w.put(line{Format: format, Header: &h}) }

// Record writes one record.
func (w *Writer) Record(r ident.Record) error { return w.put(line{Record: &r}) }

func (w *Writer) put(l line) error {
	if err := w.enc.Encode(l); err != nil {
		return fmt.Errorf("save the answer: %w", err)
	}
	return nil
}

// Finish writes how the call ended, and puts the whole file in place. The error
// is an exit.UsageError if another file has appeared there.
func (w *Writer) Finish(e End) error {
	if err := w.put(line{End: &e}); err != nil {
		return err
	}
	if err := errors.Join(w.out.Flush(), w.temporary.Sync(), w.temporary.Close()); err != nil {
		return fmt.Errorf("save the answer: %w", err)
	}
	if err := replaceable(w.path); err != nil { // somebody may have put a file there meanwhile
		return exit.Mistake(fmt.Errorf("save the answer: %w", err))
	}
	if err := os.Rename(w.temporary.Name(), w.path); err != nil {
		return fmt.Errorf("save the answer: %w", err)
	}
	return nil
}

// Discard removes what was not finished.
func (w *Writer) Discard() {
	_ = w.temporary.Close()
	_ = os.Remove(w.temporary.Name())
}
