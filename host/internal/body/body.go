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
	"sync"
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
	store  *Store // that the memory goes back to
}

var _ io.ReaderAt = (*Body)(nil)

// Store takes bodies in, those of one call. It keeps the memory of one that was
// closed for the next. It is not safe for concurrent use, and Close of a body
// counts as a use.
type Store struct {
	Dir   string // of spooled bodies; "" is the system's folder for temporary files
	Pool  *Pool  // where Close leaves memory for the next Store; may be nil
	spare []byte // its length is 0
	held  int64  // bytes of open bodies that are in memory
}

// atOnce bounds what the open bodies of one call may have in memory: those
// beyond are spooled, whatever their size.
const atOnce = 8 * InMemory

// Pool keeps memory between calls until the next garbage collections. It is
// safe for concurrent use.
type Pool struct{ spare sync.Pool }

// Close leaves the memory to the Pool. The bodies must have been closed.
func (s *Store) Close() {
	if s.Pool != nil && s.spare != nil {
		spare := s.spare
		s.Pool.spare.Put(&spare)
	}
	s.spare = nil
}

// take finds room for a body.
func (s *Store) take(least int64) []byte {
	buf := s.spare
	s.spare = nil
	if buf == nil && s.Pool != nil {
		if kept, ok := s.Pool.spare.Get().(*[]byte); ok {
			buf = *kept
		}
	}
	if int64(cap(buf)) < least {
		buf = make([]byte, 0, least)
	}
	return buf
}

// leastRead is the room in bytes for a body whose size nobody announced.
const leastRead = 16 << 10

// Read takes a body in, at most limit bytes, spooling it to a file when it is
// large. announced is the size that the sender says it has, or a negative
// number. What the redactor (nil: none) knows is blotted out.
func (s *Store) Read(r io.Reader, announced, limit int64, redactor *Redactor) (*Body, error) {
	r = io.LimitReader(r, limit+1)
	head, err := s.head(r, announced)
	if err != nil {
		s.spare = head[:0]
		return nil, err
	}
	b := &Body{store: s}
	if len(head) <= InMemory && s.held+int64(cap(head)) <= atOnce {
		redactor.blot(head)
		b.memory, b.size = head, int64(len(head))
		s.held += int64(cap(head))
	} else {
		err = b.spool(s.Dir, redactor.Reader(io.MultiReader(bytes.NewReader(head), r)))
		s.spare = head[:0]
	}
	if err != nil {
		return nil, err
	}
	if b.size > limit {
		b.Close()
		return nil, fmt.Errorf("%w: over %d bytes", ErrTooLarge, limit)
	}
	return b, nil
}

// head reads a body to its end, or so much that it is too large for memory.
func (s *Store) head(r io.Reader, announced int64) ([]byte, error) {
	buf := s.take(min(max(announced, leastRead), InMemory) + 1)
	for len(buf) <= InMemory {
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, min(2*cap(buf), InMemory+1)), buf...)
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
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

// Close frees the memory or file. What ReadAt and Reader gave is not to be used
// afterwards. A body may be closed more than once.
func (b *Body) Close() {
	if b.store != nil {
		b.store.held -= int64(cap(b.memory))
	}
	if b.store != nil && cap(b.memory) > cap(b.store.spare) {
		b.store.spare = b.memory[:0]
	}
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
