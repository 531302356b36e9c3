package jsonstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Index remembers the places of values that Emit passed, so that Find need not
// read the text again.
type Index struct {
	places map[string][2]int64
	whole  bool    // places holds every value beside the way to the array
	way    Pointer // to the array
	full   bool    // places is incomplete: there were too many values
}

const maxIndex = 1_000

func (x *Index) wants() bool { return x != nil && !x.full }

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

// locate returns the part of the text that holds a pointer's value, and the
// rest of the pointer within that part. known is false when only a walk through
// the text can tell.
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
// stops reading at the end of the value. A flaw in the value is an error.
func Find(body io.ReaderAt, size int64, index *Index, p Pointer, limit int64) ([]byte, error) {
	from, to, rest, known := index.locate(p, size)
	if !known {
		return nil, fmt.Errorf("%w: nothing at %q", ErrNoValue, p)
	}
	w := &walker{scanner: newScanner(io.NewSectionReader(body, from, to-from), to-from)}
	w.base = from
	var start, end int64
	found, err := w.descend(slices.Clone(p[:len(p)-len(rest)]), rest, func() error {
		if _, err := w.peek(); err != nil {
			return err
		}
		start = w.offset()
		if err := w.skip(); err != nil {
			return err
		}
		end = w.offset()
		return errFound
	})
	switch {
	case errors.Is(err, errFound):
	case err != nil:
		return nil, err
	case !found:
		return nil, fmt.Errorf("%w: nothing at %q, %q is %s", ErrNoValue, p, w.deepest, kindName(w.kind))
	}
	if end-start > limit {
		return nil, fmt.Errorf("%w: %d bytes at %q, more than %d", ErrTooLarge, end-start, p, limit)
	}
	raw := make([]byte, end-start)
	if _, err := body.ReadAt(raw, start); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %w", ErrRead, err)
	}
	if err := sound(raw, start); err != nil {
		return nil, err
	}
	return raw, nil
}

// sound returns an error for a flaw in a value that begins at an offset of its
// text.
func sound(raw []byte, at int64) error {
	e := &emitter{walker: walker{scanner: newScanner(bytes.NewBuffer(raw), 0)}, inner: map[string]string{}}
	e.base, e.reading.room = at, math.MaxInt
	if _, err := e.value(); err != nil {
		return err
	}
	if e.flaw.what != "" {
		return e.wrong(e.flaw.at, e.flaw.what)
	}
	return nil
}
