package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

func staged(t tb, s *Store, run int64) []Staged {
	t.Helper()
	var all []Staged
	must(t, s.EachStaged(contextOf(t), run, func(key Staged) error {
		all = append(all, key)
		return nil
	}))
	return all
}

func TestStagingKeepsValues(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	record := ident.Record{Endpoint: "users", Key: "12345678901234567890", Fields: map[string]any{
		"big": json.Number("12345678901234567890"), "exp": json.Number("1.50e+400"), "zero": json.Number("-0"),
		"null": nil, "empty": "", "yes": true, "text": "<a>&\u2028 ä\x00",
		"list": []any{json.Number("1"), nil, "x", map[string]any{}}, "object": map[string]any{"a": []any{}, "b": nil},
	}}
	must(t, s.Stage(ctx, 1, []ident.Record{record}))
	if d := cmp.Diff([]Staged{{Record: record, Records: 1}}, staged(t, s, 1)); d != "" {
		t.Error(d)
	}
	if err := s.Stage(ctx, 1, []ident.Record{{Key: "ok"}, {Key: "bad", Fields: map[string]any{"x": func() {}}}}); err == nil || !strings.Contains(err.Error(), `"bad"`) {
		t.Errorf("a field that is no JSON: %v", err)
	}
	if n := must1[int](t)(s.CountStaged(ctx, 1)); n != 1 {
		t.Errorf("a failed Stage left %d records", n-1)
	}
}

func TestStagingByRun(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	must(t, s.Stage(ctx, 1, []ident.Record{{Key: "a"}, {Key: "b"}}))
	must(t, s.Stage(ctx, -7, []ident.Record{{Key: "c"}}))
	must(t, s.Stage(ctx, 1, nil))
	for key, want := range map[ident.Key]bool{"a": true, "b": true, "c": false, "A": false, "": false} {
		if has := must1[bool](t)(s.StagedHas(ctx, 1, key)); has != want {
			t.Errorf("StagedHas(%q) = %v", key, has)
		}
	}
	must(t, s.DropStaging(ctx, 1))
	if n := must1[int](t)(s.CountStaged(ctx, 1)); n != 0 {
		t.Errorf("%d left", n)
	}
	if n := must1[int](t)(s.CountStaged(ctx, -7)); n != 1 {
		t.Errorf("another run has %d", n)
	}
	if got := staged(t, s, 1); got != nil {
		t.Errorf("%v", got)
	}
}

func TestStagingManyOfOneKey(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	var records []ident.Record
	for i := range 3 * stagedBatch {
		records = append(records, ident.Record{Key: "same", Fields: map[string]any{"i": json.Number(fmt.Sprint(i))}})
	}
	must(t, s.Stage(ctx, 1, append(records, ident.Record{Key: "z"})))
	got := staged(t, s, 1)
	want := []Staged{{Record: records[0], Records: len(records)}, {Record: ident.Record{Key: "z"}, Records: 1}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestStagingLargeRecords(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	for i := range 10 {
		must(t, s.Stage(ctx, 1, []ident.Record{{Key: ident.Key(fmt.Sprint(i)), Fields: map[string]any{"x": strings.Repeat("x", 1<<20)}}}))
	}
	batch, more, err := s.stagedAfter(ctx, 1, stagedRow{})
	if err != nil || !more || len(batch) > 5 {
		t.Errorf("%d records of 1 MiB in one batch, %v, %v", len(batch), more, err)
	}
	if got := staged(t, s, 1); len(got) != 10 {
		t.Errorf("%d of 10", len(got))
	}
}

func TestStagingStops(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	must(t, s.Stage(ctx, 1, []ident.Record{{Key: "a"}, {Key: "b"}, {Key: "c"}}))
	stop, calls := errors.New("stop"), 0
	err := s.EachStaged(ctx, 1, func(Staged) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// What EachStaged makes of records, parts and deletions in any order is what a
// map makes of them.
func TestStagingGroupsByKey(t *testing.T) {
	s, run := openTest(t), int64(0)
	soak.Check(t, 20, 100, func(t *rapid.T) {
		run++
		keys := rapid.SliceOfN(rapid.StringMatching(`[aAä0-9]{0,2}`), 0, 2000).Draw(t, "keys")
		kinds := rapid.SliceOfN(rapid.IntRange(0, 5), len(keys), len(keys)).Draw(t, "kinds")
		want, parts := map[ident.Key]Staged{}, map[ident.Key]any{}
		var batch []ident.Record
		for i, k := range keys {
			r := ident.Record{Key: ident.Key(k), Deleted: kinds[i] == 0, Partial: kinds[i] == 1}
			w := want[r.Key]
			w.Record.Key = r.Key
			switch number := json.Number(fmt.Sprint(i)); kinds[i] {
			case 0:
				w.Deleted = true
			case 1:
				r.Fields = map[string]any{"photo": number}
				w.Parts++
				parts[r.Key] = number
			default:
				r.Fields = map[string]any{"i": number}
				if w.Records++; w.Records == 1 {
					w.Record.Fields = map[string]any{"i": number}
				}
			}
			want[r.Key] = w
			batch = append(batch, r)
		}
		for chunk := range slices.Chunk(batch, 300) {
			must(t, s.Stage(contextOf(t), run, chunk))
		}
		got := staged(t, s, run)
		if len(got) != len(want) {
			t.Fatalf("%d keys, want %d", len(got), len(want))
		}
		for i, key := range got {
			if i > 0 && got[i-1].Record.Key >= key.Record.Key {
				t.Fatalf("%q comes after %q", key.Record.Key, got[i-1].Record.Key)
			}
			w := want[key.Record.Key]
			if w.Records > 0 && w.Parts > 0 {
				w.Record.Fields["photo"] = parts[key.Record.Key]
			}
			if d := cmp.Diff(w, key); d != "" {
				t.Fatal(d)
			}
		}
	})
}

func TestPartsOfARecord(t *testing.T) {
	part := func(key ident.Key, photo string) ident.Record {
		return ident.Record{Key: key, Partial: true, Fields: map[string]any{"photo": photo}}
	}
	record := func(key ident.Key) ident.Record {
		return ident.Record{Key: key, Fields: map[string]any{"id": string(key), "photo": nil}}
	}
	deleted := func(key ident.Key) ident.Record { return ident.Record{Key: key, Deleted: true} }
	with := func(key ident.Key, photo any) ident.Record {
		return ident.Record{Key: key, Fields: map[string]any{"id": string(key), "photo": photo}}
	}
	for name, c := range map[string]struct {
		staged  []ident.Record
		want    Staged
		present bool
	}{
		"before its record":      {[]ident.Record{part("a", "x"), record("a")}, Staged{Record: with("a", "x"), Records: 1, Parts: 1}, true},
		"after its record":       {[]ident.Record{record("a"), part("a", "x")}, Staged{Record: with("a", "x"), Records: 1, Parts: 1}, true},
		"twice: the last counts": {[]ident.Record{part("a", "x"), record("a"), part("a", "y")}, Staged{Record: with("a", "y"), Records: 1, Parts: 2}, true},
		"a record without one":   {[]ident.Record{record("a")}, Staged{Record: with("a", nil), Records: 1}, true},
		"without a record":       {[]ident.Record{part("a", "x")}, Staged{Record: ident.Record{Key: "a"}, Parts: 1}, true},
		"deleted":                {[]ident.Record{deleted("a"), deleted("a")}, Staged{Record: ident.Record{Key: "a"}, Deleted: true}, false},
		"deleted and there":      {[]ident.Record{record("a"), deleted("a")}, Staged{Record: with("a", nil), Records: 1, Deleted: true}, true},
		"to no fields":           {[]ident.Record{{Key: "a"}, part("a", "x")}, Staged{Record: ident.Record{Key: "a", Fields: map[string]any{"photo": "x"}}, Records: 1, Parts: 1}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t)
			must(t, s.Stage(t.Context(), 1, c.staged))
			if d := cmp.Diff([]Staged{c.want}, staged(t, s, 1)); d != "" {
				t.Error(d)
			}
			if has := must1[bool](t)(s.StagedHas(t.Context(), 1, "a")); has != c.present {
				t.Errorf("present: %v", has)
			}
		})
	}
}

// Photos go through the disk: however many there are, memory holds a few.
func TestMemoryStaysFlatWithPhotos(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	const size = 1 << 20
	photos := soak.Size(50, 80) // 67 or 107 MiB as base64
	peak := uint64(0)
	look := func() {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
	}
	look()
	before := peak
	for i := range photos {
		key := ident.Key(fmt.Sprintf("%03d", i))
		photo := strings.Repeat(string('A'+rune(i%26)), size*4/3)
		must(t, s.Stage(ctx, 1, []ident.Record{
			{Key: key, Partial: true, Fields: map[string]any{"photo": photo}}, {Key: key, Fields: map[string]any{"id": string(key)}},
		}))
		if i%25 == 0 {
			look()
		}
	}
	n := 0
	must(t, s.EachStaged(ctx, 1, func(k Staged) error {
		if text, _ := k.Record.Fields["photo"].(string); len(text) != size*4/3 || text[0] != byte('A'+n%26) {
			t.Fatalf("key %s has %d bytes", k.Record.Key, len(text))
		}
		if n%25 == 0 {
			look()
		}
		n++
		return nil
	}))
	t.Logf("%d photos: %d MiB of heap in use at most, %d before", n, peak>>20, before>>20)
	if n != photos || peak-before > 40<<20 {
		t.Errorf("%d photos, %d MiB of heap", n, (peak-before)>>20)
	}
}
