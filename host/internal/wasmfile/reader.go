package wasmfile

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

var errTruncated = errors.New("the file ends before what it announces")

// reader reads the parts of the binary format. After the first error every
// answer is zero.
type reader struct {
	data []byte
	at   int
	err  error
}

func (r *reader) done() bool { return r.err != nil || r.at >= len(r.data) }

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *reader) take(n uint32) []byte {
	if r.err != nil {
		return nil
	}
	if int64(n) > int64(len(r.data)-r.at) {
		r.err = errTruncated
		return nil
	}
	b := r.data[r.at : r.at+int(n) : r.at+int(n)]
	r.at += int(n)
	return b
}

func (r *reader) rest() []byte { return r.take(uint32(len(r.data) - r.at)) }

// u32 reads an unsigned LEB128 number of at most five bytes.
func (r *reader) u32() uint32 {
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
	r.fail("a number is longer than 32 bits")
	return 0
}

// count reads the number of entries that follow. Each takes at least a byte.
func (r *reader) count(limit uint32) uint32 {
	n := r.u32()
	if r.err == nil && int64(n) > int64(len(r.data)-r.at) {
		r.err = errTruncated
	}
	if n > limit {
		r.fail("%d entries, more than %d", n, limit)
	}
	if r.err != nil {
		return 0
	}
	return n
}

func (r *reader) name() string {
	n := r.u32()
	if n > maxName {
		r.fail("a name of %d bytes, more than %d", n, maxName)
	}
	b := r.take(n)
	if !utf8.Valid(b) {
		r.fail("a name is not UTF-8")
	}
	return string(b)
}

func (r *reader) limits() {
	flags := r.byte()
	if flags > 1 {
		r.fail("limits 0x%x are not known", flags)
	}
	r.u32()
	if flags == 1 {
		r.u32()
	}
}
