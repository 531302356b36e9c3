package body

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestStoreKeepsBodiesApart: whatever is opened and closed in whatever order,
// each body that is open is as it came, and nothing lies behind its end.
func TestStoreKeepsBodiesApart(t *testing.T) {
	type open struct {
		body *Body
		want []byte
	}
	rapid.Check(t, func(t *rapid.T) {
		store := &Store{}
		var all []open
		var closed []*Body
		check := func() {
			for _, o := range all {
				got := make([]byte, len(o.want)+10)
				n, err := o.body.ReadAt(got, 0)
				if !bytes.Equal(got[:n], o.want) || err != io.EOF {
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
			"": func(*rapid.T) { check() },
		})
	})
}

// TestStoreUsesMemoryAgain counts what one page after the other takes.
func TestStoreUsesMemoryAgain(t *testing.T) {
	store, page := &Store{}, bytes.Repeat([]byte("x"), 100_000)
	took := testing.AllocsPerRun(10, func() {
		b, err := store.Read(struct{ io.Reader }{bytes.NewReader(page)}, -1, 1<<20, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
	})
	if took > 5 { // readers and the Body itself
		t.Errorf("%v allocations for a page", took)
	}
}
