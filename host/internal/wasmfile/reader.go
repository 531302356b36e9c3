package wasmfile

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

var errTruncated = errors.New("the file ends before what it announces")

// reader reads the elements of the binary format. After the first error it
// returns only zeros. Errors give the byte of the file at which they were
// found.
type reader struct {
	data []byte // up to the end of the part that may be read
	at   int
	err  error
}

func (r *reader) done() bool { return r.err != nil || r.at >= len(r.data) }

func (r *reader) left() int { return len(r.data) - r.at }

func (r *reader) fail(format string, args ...any) { r.failAt(r.at, format, args...) }

func (r *reader) failAt(at int, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: %w", at, fmt.Errorf(format, args...))
	}
}

func (r *reader) truncated(at int) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: %w", at, errTruncated)
	}
}

func (r *reader) byte() byte {
	if r.err != nil {
		return 0
	}
	if r.at >= len(r.data) {
		r.truncated(r.at)
		return 0
	}
	b := r.data[r.at]
	r.at++
	return b
}

func (r *reader) take(n uint32) []byte {
	if r.err != nil {
		return nil
	}
	if int64(n) > int64(r.left()) {
		r.truncated(r.at)
		return nil
	}
	b := r.data[r.at : r.at+int(n) : r.at+int(n)]
	r.at += int(n)
	return b
}

// part returns the next n bytes as a separate reader.
func (r *reader) part(n uint32) *reader {
	r.take(n)
	return &reader{data: r.data[:r.at], at: r.at - min(int(n), r.at), err: r.err}
}

// close fails when bytes are left.
func (r *reader) close() {
	if !r.done() {
		r.fail("%d bytes are left over", r.left())
	}
}

// u32 reads an unsigned LEB128 number of at most five bytes.
func (r *reader) u32() uint32 {
	start := r.at
	var n uint32
	for shift := 0; shift < 35; shift += 7 {
		b := r.byte()
		if shift == 28 && b > 0x0F {
			break
		}
		n |= uint32(b&0x7F) << shift
		if b < 0x80 {
			return n
		}
	}
	r.failAt(start, "a number is longer than 32 bits")
	return 0
}

// signed reads a signed LEB128 number of at most bits bits. The unused bits of
// its last byte must repeat the sign.
func (r *reader) signed(bits int) int64 {
	start := r.at
	var n int64
	for shift := 0; shift < bits; shift += 7 {
		b := r.byte()
		if used := bits - shift; used < 7 {
			if rest := int8(b<<1) >> used; b >= 0x80 || rest != 0 && rest != -1 {
				break
			}
		}
		n |= int64(b&0x7F) << shift
		if b < 0x80 {
			if b&0x40 != 0 && shift+7 < 64 {
				n |= -1 << (shift + 7)
			}
			return n
		}
	}
	r.failAt(start, "a number is longer than %d bits", bits)
	return 0
}

// count reads the number of entries that follow. Each entry takes at least
// least bytes.
func (r *reader) count(what string, limit uint32, least int) uint32 {
	start := r.at
	n := r.u32()
	if r.err == nil && int64(n)*int64(least) > int64(r.left()) {
		r.truncated(start)
	}
	if n > limit {
		r.failAt(start, "%d %s, more than %d", n, what, limit)
	}
	if r.err != nil {
		return 0
	}
	return n
}

// index reads an index into a list.
func (r *reader) index(what string, of int) uint32 {
	start := r.at
	i := r.u32()
	if r.err == nil && int64(i) >= int64(of) {
		r.failAt(start, "%s %d of %d", what, i, of)
	}
	if r.err != nil {
		return 0
	}
	return i
}

func (r *reader) name() string {
	start := r.at
	n := r.u32()
	if n > maxName {
		r.failAt(start, "a name of %d bytes, more than %d", n, maxName)
	}
	b := r.take(n)
	if !utf8.Valid(b) {
		r.failAt(start, "a name is not UTF-8")
	}
	return string(b)
}

// Value types of the binary format.
const (
	typeI32       = 0x7F
	typeI64       = 0x7E
	typeF32       = 0x7D
	typeF64       = 0x7C
	typeV128      = 0x7B
	typeFuncref   = 0x70
	typeExternref = 0x6F
)

func isReference(t byte) bool { return t == typeFuncref || t == typeExternref }

func isValue(t byte) bool { return t >= typeV128 && t <= typeI32 || isReference(t) }

func (r *reader) valueType() byte {
	t := r.byte()
	if r.err == nil && !isValue(t) {
		r.failAt(r.at-1, "value type 0x%02x is not known%s", t, typeProposal(t))
	}
	return t
}

func (r *reader) referenceType() byte {
	t := r.byte()
	if r.err == nil && !isReference(t) {
		r.failAt(r.at-1, "reference type 0x%02x is not known%s", t, typeProposal(t))
	}
	return t
}

func typeProposal(t byte) string {
	switch t {
	case 0x63, 0x64:
		return " (typed function references)"
	case 0x69, 0x74:
		return " (exception handling)"
	case 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x71, 0x72, 0x73:
		return " (garbage collection)"
	}
	return ""
}
