package jsonstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Index remembers where values lie that Emit passed on its way, so that Find
// need not read the text again.
type Index struct {
	places map[string][2]int64
	whole  bool    // everything beside the way is in places
	way    Pointer // to the array
	full   bool    // places is not complete: too many values
}

const maxIndex = 1_000

func (x *Index) add(p Pointer, start, end int64) {
	if x.places == nil {
		x.places = map[string][2]int64{}
	}
	if len(x.places) >= maxIndex {
		x.full = true
		return
	}
	x.places[p.String()] = [2]int64{start, end}
}

func (x *Index) complete(way Pointer) { x.whole, x.way = !x.full, way }

// locate finds the part of the text that holds a pointer's value, and what is
// left of the pointer there. known is false when only a walk can tell.
func (x *Index) locate(p Pointer, size int64) (start, end int64, rest Pointer, known bool) {
	if x == nil || !x.whole {
		return 0, size, p, true
	}
	for n := 1; n <= len(p); n++ {
		if place, ok := x.places[p[:n].String()]; ok {
			return place[0], place[1], p[n:], true
		}
	}
	common := 0
	for common < len(p) && common < len(x.way) && p[common] == x.way[common] {
		common++
	}
	onTheWay := common == len(p) || common == len(x.way)
	return 0, size, p, onTheWay
}

var errFound = errors.New("found")

// Find returns the raw text of the value at a pointer, at most limit bytes. It
// reads no further than the end of the value.
func Find(body io.ReaderAt, size int64, index *Index, p Pointer, limit int64) ([]byte, error) {
	from, to, rest, known := index.locate(p, size)
	if !known {
		return nil, fmt.Errorf("%w: nothing at %q", ErrNoValue, p)
	}
	from += skipColon(body, from, to)
	w := &walker{dec: jsontext.NewDecoder(io.NewSectionReader(body, from, to-from))}
	var start, end int64
	found, err := w.descend(slices.Clone(p[:len(p)-len(rest)]), rest, func() error {
		start = w.dec.InputOffset()
		if err := w.dec.SkipValue(); err != nil {
			return err
		}
		end = w.dec.InputOffset()
		return errFound
	})
	switch {
	case errors.Is(err, errFound):
	case err != nil:
		return nil, syntax(w.dec, err, from, to)
	case !found:
		return nil, fmt.Errorf("%w: nothing at %q, %q is %s", ErrNoValue, p, w.deepest, kindName(w.kind))
	}
	start += skipColon(body, from+start, from+end)
	if end-start > limit {
		return nil, fmt.Errorf("%w: %d bytes at %q, more than %d", ErrTooLarge, end-start, p, limit)
	}
	raw := make([]byte, end-start)
	if _, err := body.ReadAt(raw, from+start); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read value: %w", err)
	}
	return raw, nil
}

// skipColon counts the bytes between a name or an element and the value that
// an index's place begins with.
func skipColon(body io.ReaderAt, from, to int64) int64 {
	var buf [64]byte
	for n := int64(0); from+n < to; {
		got, _ := body.ReadAt(buf[:min(int64(len(buf)), to-from-n)], from+n)
		rest := bytes.TrimLeft(buf[:got], " \t\r\n:,")
		n += int64(got - len(rest))
		if len(rest) > 0 || got == 0 {
			return n
		}
	}
	return 0
}
