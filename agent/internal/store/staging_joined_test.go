package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// The join of what several runs have staged is that of maps, in the order of the
// lead's keys, whatever the order, the doubles, the parts and the deletions.
func TestJoinOfStagedRecords(t *testing.T) {
	s := openTest(t)
	kinds := []string{"record", "record", "record", "part", "gone"}
	keys := rapid.SampledFrom([]string{"1", "10", "2", "9", "a", "B", "é", "x-1"})
	rapid.Check(t, func(rt *rapid.T) {
		runs := []int64{-1, -2, -3}
		naive := make([]map[ident.Key][]string, len(runs))
		for i, run := range runs {
			naive[i] = map[ident.Key][]string{}
			var records []ident.Record
			for n := range rapid.IntRange(0, 12).Draw(rt, "records") {
				key := ident.Key(keys.Draw(rt, "key"))
				kind := rapid.SampledFrom(kinds).Draw(rt, "kind")
				fields := map[string]any{"n": fmt.Sprint(run, n)}
				records = append(records, ident.Record{Key: key, Partial: kind == "part", Deleted: kind == "gone", Fields: fields})
				naive[i][key] = append(naive[i][key], kind)
			}
			must(t, s.Stage(t.Context(), run, records))
		}
		var got, want []string
		alone, err := s.EachJoined(t.Context(), runs[0], runs[1:], func(j Joined) error {
			line := []string{string(j.Record.Key), shape(j.Staged)}
			for _, p := range j.Partners {
				line = append(line, string(p.Record.Key), shape(p))
			}
			got = append(got, strings.Join(line, " "))
			return nil
		})
		must(t, err)
		wantAlone := []int{0, 0}
		var lead []ident.Key
		for key := range naive[0] {
			lead = append(lead, key)
		}
		slices.Sort(lead)
		for _, key := range lead {
			line := []string{string(key), shapeOf(naive[0][key])}
			for i := 1; i < len(runs); i++ {
				name := key
				if len(naive[i][key]) == 0 {
					name = ""
				}
				line = append(line, string(name), shapeOf(naive[i][key]))
			}
			want = append(want, strings.Join(line, " "))
		}
		for i := 1; i < len(runs); i++ {
			for key := range naive[i] {
				if len(naive[0][key]) == 0 {
					wantAlone[i-1]++
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || !slices.Equal(alone, wantAlone) {
			rt.Fatalf("alone %v, want %v; %s", alone, wantAlone, diff)
		}
		must(t, s.DropStaging(t.Context(), runs...))
	})
}

func shape(s Staged) string { return fmt.Sprint(s.Records, s.Parts, s.Deleted) }

func shapeOf(kinds []string) string {
	records, parts := 0, 0
	for _, k := range kinds {
		switch k {
		case "record":
			records++
		case "part":
			parts++
		}
	}
	return fmt.Sprint(records, parts, slices.Contains(kinds, "gone"))
}

// Batches end anywhere: many keys on both sides, of which one side has every third.
func TestJoinAcrossBatches(t *testing.T) {
	s := openTest(t)
	var lead, partner []ident.Record
	for i := range 3*stagedBatch + 7 {
		key := ident.Key(fmt.Sprint(i))
		lead = append(lead, ident.Record{Key: key})
		if i%3 == 0 {
			partner = append(partner, ident.Record{Key: key, Fields: map[string]any{"key": string(key)}})
		}
	}
	for i := range 700 {
		partner = append(partner, ident.Record{Key: ident.Key(fmt.Sprintf("alone-%d", i))})
	}
	rand.Shuffle(len(partner), func(i, j int) { partner[i], partner[j] = partner[j], partner[i] })
	must(t, s.Stage(t.Context(), 1, lead))
	must(t, s.Stage(t.Context(), 2, partner))
	keys, with := 0, 0
	alone, err := s.EachJoined(t.Context(), 1, []int64{2}, func(j Joined) error {
		keys++
		if p := j.Partners[0]; p.Records == 1 {
			with++
			if p.Record.Fields["key"] != string(j.Record.Key) {
				t.Fatalf("%s got the partner %v", j.Record.Key, p.Record)
			}
		}
		return nil
	})
	must(t, err)
	if n := len(lead); keys != n || with != (n+2)/3 || alone[0] != 700 {
		t.Errorf("%d keys, %d with a partner, %v alone", keys, with, alone)
	}
}

// Dropping some runs leaves what others have staged.
func TestDropStagingOfSeveralRuns(t *testing.T) {
	s := openTest(t)
	for _, run := range []int64{-4, -3, 5, 9} {
		must(t, s.Stage(t.Context(), run, []ident.Record{{Key: "1"}}))
	}
	for _, step := range []struct{ drop, left []int64 }{{[]int64{-4, 5}, []int64{-3, 9}}, {[]int64{-3, 9}, nil}} {
		must(t, s.DropStaging(t.Context(), step.drop...))
		var left []int64
		for _, run := range []int64{-4, -3, 5, 9} {
			if n, err := s.CountStaged(t.Context(), run); err != nil || n > 0 {
				left = append(left, run)
			}
		}
		if !slices.Equal(left, step.left) {
			t.Errorf("after %v: %v are left", step.drop, left)
		}
	}
}
