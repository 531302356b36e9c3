package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func staged(t tb, s *Store, run int64) [][]ident.Record {
	t.Helper()
	var all [][]ident.Record
	must(t, s.EachStaged(contextOf(t), run, func(same []ident.Record) error {
		all = append(all, slices.Clone(same))
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
	if d := cmp.Diff([][]ident.Record{{record}}, staged(t, s, 1)); d != "" {
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
	if len(got) != 2 || len(got[0]) != StagedSame || got[1][0].Key != "z" {
		t.Fatalf("%d keys, %d records", len(got), len(got[0]))
	}
	if d := cmp.Diff(records[:StagedSame], got[0]); d != "" {
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
	err := s.EachStaged(ctx, 1, func([]ident.Record) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestStagingGroupsByKey(t *testing.T) {
	s, run := openTest(t), int64(0)
	rapid.Check(t, func(t *rapid.T) {
		run++
		keys := rapid.SliceOfN(rapid.StringMatching(`[aAä0-9]{0,2}`), 0, 2000).Draw(t, "keys")
		want := map[ident.Key][]ident.Record{}
		var batch []ident.Record
		for i, k := range keys {
			r := ident.Record{Key: ident.Key(k), Fields: map[string]any{"i": json.Number(fmt.Sprint(i))}}
			batch = append(batch, r)
			if same := want[r.Key]; len(same) < StagedSame {
				want[r.Key] = append(same, r)
			}
		}
		for chunk := range slices.Chunk(batch, 300) {
			must(t, s.Stage(contextOf(t), run, chunk))
		}
		got := staged(t, s, run)
		if len(got) != len(want) {
			t.Fatalf("%d keys, want %d", len(got), len(want))
		}
		for i, same := range got {
			if i > 0 && got[i-1][0].Key >= same[0].Key {
				t.Fatalf("%q comes after %q", same[0].Key, got[i-1][0].Key)
			}
			if d := cmp.Diff(want[same[0].Key], same); d != "" {
				t.Fatal(d)
			}
		}
	})
}
