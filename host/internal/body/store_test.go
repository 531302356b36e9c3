package body

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/host/soak"
)

// TestStoreKeepsBodiesApart: whatever is opened and closed in whatever order,
// each body that is open is as it came, and nothing lies behind its end.
func TestStoreKeepsBodiesApart(t *testing.T) {
	type open struct {
		body *Body
		want []byte
	}
	soak.Check(t, 30, 100, func(t *rapid.T) {
		pool := &Pool{}
		stores := []*Store{{Pool: pool}, {Pool: pool}} // of calls at the same time
		var all []open
		var closed []*Body
		check := func() {
			for _, o := range all {
				got := make([]byte, len(o.want)+10)
				n, err := o.body.ReadAt(got, 0)
				if !bytes.Equal(got[:n], o.want) || !errors.Is(err, io.EOF) {
					t.Fatalf("%d bytes, %v, of %d", n, err, len(o.want))
				}
				if got, err := io.ReadAll(o.body.Reader()); err != nil || !bytes.Equal(got, o.want) {
					t.Fatalf("read %d bytes, %v, of %d", len(got), err, len(o.want))
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"read": func(t *rapid.T) {
				want := bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 1, 5).Draw(t, "text"), rapid.IntRange(0, leastRead).Draw(t, "times"))
				announced := rapid.SampledFrom([]int64{-1, 0, int64(len(want)), 1 << 40}).Draw(t, "announced")
				store := rapid.SampledFrom(stores).Draw(t, "store")
				b, err := store.Read(bytes.NewReader(want), announced, 1<<20, nil)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, open{b, want})
			},
			"close": func(t *rapid.T) {
				if len(all) == 0 {
					t.Skip("none is open")
				}
				i := rapid.IntRange(0, len(all)-1).Draw(t, "which")
				all[i].body.Close()
				closed = append(closed, all[i].body)
				all = slices.Delete(all, i, i+1)
			},
			"close again": func(*rapid.T) {
				for _, b := range closed {
					b.Close()
				}
			},
			"end of a call": func(t *rapid.T) {
				store := rapid.SampledFrom(stores).Draw(t, "store")
				all = slices.DeleteFunc(all, func(o open) bool {
					if o.body.store == store {
						o.body.Close()
						closed = append(closed, o.body)
						return true
					}
					return false
				})
				store.Close()
			},
			"": func(*rapid.T) { check() },
		})
	})
}

// TestStoreUsesMemoryAgain counts what one page after the other takes, and one
// call after the other.
func TestStoreUsesMemoryAgain(t *testing.T) {
	pool, page := &Pool{}, bytes.Repeat([]byte("x"), 100_000)
	store := &Store{Pool: pool}
	read := func() {
		b, err := store.Read(struct{ io.Reader }{bytes.NewReader(page)}, -1, 1<<20, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
	}
	if took := testing.AllocsPerRun(10, read); took > 5 { // readers and the Body itself
		t.Errorf("%v allocations for a page", took)
	}
	took := testing.AllocsPerRun(100, func() {
		read()
		store.Close()
		store = &Store{Pool: pool}
	})
	if took > 9 { // the race detector has the pool forget some
		t.Errorf("%v allocations for a call", took)
	}
}

// TestManyOpenBodiesAreOnTheDisk: a call may have 64 of them open.
func TestManyOpenBodiesAreOnTheDisk(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	text := bytes.Repeat([]byte("x"), InMemory)
	var all []*Body
	inMemory := 0
	for range 20 {
		b, err := s.Read(bytes.NewReader(text), InMemory, InMemory, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(b.Reader()); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		if b.file == nil {
			inMemory++
		}
		all = append(all, b)
	}
	if inMemory == 0 || inMemory > atOnce/InMemory {
		t.Errorf("%d bodies are in memory", inMemory)
	}
	for _, b := range all {
		b.Close()
		b.Close()
	}
	if s.held != 0 {
		t.Errorf("%d bytes count as held", s.held)
	}
}
