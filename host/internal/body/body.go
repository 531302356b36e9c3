// Package body keeps response bodies outside the guest: small ones in memory,
// large ones in a temporary file that nobody else can read and that is gone
// with the body. It replaces secrets by asterisks on the way in, so that
// nothing that a server reflects can be read from a body.
package body

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// InMemory is the size in bytes up to which a body stays in memory.
const InMemory = 4 << 20

var (
	// ErrTooLarge says that a body is over the limit.
	ErrTooLarge = errors.New("the body is too large")
	// ErrSpool says that a large body could not be written to the disk, such as
	// one that is full.
	ErrSpool = errors.New("a large body cannot be kept on the disk: make room in the agent's cache folder")
)

// Body is one response body. It is safe for concurrent reads.
type Body struct {
	memory []byte
	file   *os.File
	remove string // the name of a file that could not be removed while it is open
	size   int64
}

var _ io.ReaderAt = (*Body)(nil)

// Read takes a body in, at most limit bytes, spooling it to a file in dir
// ("" is the system's folder for temporary files) when it is large. announced
// is the size that the sender says it has, or a negative number.
func Read(r io.Reader, announced int64, dir string, limit int64, secrets []string) (*Body, error) {
	b := &Body{}
	in := newRedactor(io.LimitReader(r, limit+1), secrets)
	var buf bytes.Buffer
	buf.Grow(int(min(max(announced, 0), InMemory)) + bytes.MinRead)
	n, err := io.Copy(&buf, io.LimitReader(in, InMemory+1))
	if err != nil {
		return nil, err
	}
	if n <= InMemory {
		b.memory, b.size = buf.Bytes(), n
	} else if err := b.spool(dir, io.MultiReader(&buf, in)); err != nil {
		return nil, err
	}
	if b.size > limit {
		b.Close()
		return nil, fmt.Errorf("%w: over %d bytes", ErrTooLarge, limit)
	}
	return b, nil
}

func (b *Body) spool(dir string, r io.Reader) error {
	f, err := os.CreateTemp(dir, "rollcall-body-*") // 0600
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSpool, err)
	}
	// Where the system allows it the name goes at once, and nothing is left
	// behind when the agent is killed.
	if os.Remove(f.Name()) != nil {
		b.remove = f.Name()
	}
	b.file = f
	return b.fill(r)
}

func (b *Body) fill(r io.Reader) (err error) {
	if b.size, err = io.Copy(writer{b.file}, r); err != nil {
		b.Close()
	}
	return err
}

// writer tells a fault of the disk from one of the sender.
type writer struct{ to io.Writer }

func (w writer) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrSpool, err)
	}
	return n, err
}

// Size is the number of bytes.
func (b *Body) Size() int64 { return b.size }

// ReadAt implements io.ReaderAt.
func (b *Body) ReadAt(p []byte, offset int64) (int, error) {
	if b.file != nil {
		return b.file.ReadAt(p, offset)
	}
	if offset < 0 || offset >= int64(len(b.memory)) {
		return 0, io.EOF
	}
	n := copy(p, b.memory[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Reader reads from the beginning.
func (b *Body) Reader() io.Reader {
	if b.file == nil {
		return bytes.NewBuffer(b.memory)
	}
	return io.NewSectionReader(b.file, 0, b.size)
}

// Close frees the memory or file.
func (b *Body) Close() {
	b.memory = nil
	if b.file != nil {
		_ = b.file.Close() // nothing of it is needed any more
		b.file = nil
	}
	if b.remove != "" {
		_ = os.Remove(b.remove) // the folder is the agent's own
		b.remove = ""
	}
}
