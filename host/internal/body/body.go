// Package body keeps response bodies outside the guest: small ones in memory,
// large ones in a temporary file that only the agent can read and that
// disappears with the body. It overwrites secrets with asterisks as a body
// comes in, so that a server that reflects a secret does not reveal it.
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
	// ErrTooLarge is the error for a body over the limit.
	ErrTooLarge = errors.New("the body is too large")
	// ErrSpool is the error for a large body that could not be written to disk,
	// for example because the disk is full.
	ErrSpool = errors.New("a large body cannot be kept on the disk: make room in the agent's cache folder")
)

// Body is one response body. It is safe for concurrent reads.
type Body struct {
	memory []byte
	file   *os.File
	remove string // name of a file that could not be removed while it was open
	size   int64
	store  *Store // gets the memory back
}

var _ io.ReaderAt = (*Body)(nil)

// Store takes in the bodies of one call. It reuses the memory of a closed body
// for the next one. It is not safe for concurrent use, and closing a body
// counts as a use.
type Store struct {
	Dir   string // for spooled bodies; "" is the system's folder for temporary files
	Pool  *Pool  // where Close leaves memory for the next Store; may be nil
	spare []byte // its length is 0
	held  int64  // bytes of open bodies that are in memory
}

// atOnce limits the memory of one call's open bodies. Bodies beyond it are
// spooled, whatever their size.
const atOnce = 8 * InMemory

// Pool keeps memory for other calls until the garbage collector claims it. It
// is safe for concurrent use.
type Pool struct{ spare sync.Pool }

// Close gives the memory to the Pool. All bodies must have been closed.
func (s *Store) Close() {
	if s.Pool != nil && s.spare != nil {
		spare := s.spare
		s.Pool.spare.Put(&spare)
	}
	s.spare = nil
}

// take finds memory for a body.
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

// leastRead is the first buffer, in bytes, for a body of unknown size.
const leastRead = 16 << 10

// Read takes in a body of at most limit bytes, and spools a large one to a
// file. announced is the size that the sender declares; it is negative when the
// sender declares none. Read overwrites the secrets that the redactor (nil:
// none) knows.
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

// head reads a body to its end, or until it is too large for memory.
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
	// Where the system allows it, the name is removed at once, so that nothing is
	// left behind if the agent is killed.
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

// writer marks errors of the disk, to distinguish them from the sender's.
type writer struct{ to io.Writer }

func (w writer) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrSpool, err)
	}
	return n, err
}

// Size returns the number of bytes.
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

// Reader returns a reader from the beginning.
func (b *Body) Reader() io.Reader {
	if b.file == nil {
		return bytes.NewBuffer(b.memory)
	}
	return io.NewSectionReader(b.file, 0, b.size)
}

// Close frees the memory or file. Results of ReadAt and Reader must not be used
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
		_ = b.file.Close() // the file is no longer needed
		b.file = nil
	}
	if b.remove != "" {
		_ = os.Remove(b.remove) // the folder belongs to the agent
		b.remove = ""
	}
}
