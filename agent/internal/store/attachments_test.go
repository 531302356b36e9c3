package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestSeen(t *testing.T) {
	s := openTest(t)
	if _, found, err := s.Seen(t.Context(), "staff", "1", "thumbnailPhoto"); found || err != nil {
		t.Fatalf("in an empty store: %v, %v", found, err)
	}
	old := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	want := ident.Seen{URL: "https://p/1", ETag: `"a"`, Modified: "m", Digest: "d", At: old}
	must(t, s.See(t.Context(), "staff", "1", "thumbnailPhoto", ident.Seen{URL: "https://p/0", At: old}))
	must(t, s.See(t.Context(), "staff", "1", "thumbnailPhoto", want))
	bad := ident.Seen{URL: "https://p/2", Attachment: ident.Attachment{Problem: "p", Shared: "s", Next: "n"}, At: old.AddDate(0, 1, 0)}
	must(t, s.See(t.Context(), "staff", "2", "jpegPhoto", bad))
	must(t, s.See(t.Context(), "others", "1", "thumbnailPhoto", want))
	for _, c := range []struct {
		key       ident.Key
		attribute string
		want      ident.Seen
	}{{"1", "thumbnailPhoto", want}, {"2", "jpegPhoto", bad}} {
		got, found, err := s.Seen(t.Context(), "staff", c.key, c.attribute)
		if d := cmp.Diff(c.want, got); d != "" || !found || err != nil {
			t.Errorf("%s: %v, %v (-want +got)\n%s", c.key, found, err, d)
		}
	}
	must(t, s.ForgetSeen(t.Context(), "staff", old.AddDate(0, 0, 1)))
	left := map[bool]int{}
	for _, one := range []struct {
		automation, attribute string
		key                   ident.Key
	}{{"staff", "thumbnailPhoto", "1"}, {"staff", "jpegPhoto", "2"}, {"others", "thumbnailPhoto", "1"}} {
		_, found, err := s.Seen(t.Context(), one.automation, one.key, one.attribute)
		must(t, err)
		left[found]++
	}
	if left[true] != 2 {
		t.Errorf("left of three: %v", left)
	}
}

// What is staged while a run's records are read belongs to its record, is not read as
// a key of its own, and is no part of what is retained.
func TestStageAttached(t *testing.T) {
	s := openTest(t)
	var records []ident.Record
	for i := range 3 * stagedBatch / 2 {
		records = append(records, ident.Record{Key: ident.Key(rune('a' + i)), Fields: map[string]any{"n": "x"}})
	}
	must(t, s.Stage(t.Context(), 7, records))
	keys := 0
	must(t, s.EachStaged(t.Context(), 7, func(one Staged) error {
		keys++
		return s.StageAttached(t.Context(), 7, one.Record.Key, map[string]ident.Attachment{"jpegPhoto": {Content: []byte("\xff\xd8" + one.Record.Key)}})
	}))
	if keys != len(records) {
		t.Errorf("%d keys while attaching, of %d", keys, len(records))
	}
	must(t, s.StageAttached(t.Context(), 7, "a", map[string]ident.Attachment{"thumbnailPhoto": {Waits: true}}))
	with := 0
	must(t, s.EachStaged(t.Context(), 7, func(one Staged) error {
		if one.Records != 1 || one.Parts != 0 || one.Record.Fields["n"] != "x" {
			t.Errorf("%+v", one)
		}
		if string(one.Record.Attached["jpegPhoto"].Content) == "\xff\xd8"+string(one.Record.Key) {
			with++
		}
		if waits := one.Record.Attached["thumbnailPhoto"].Waits; waits != (one.Record.Key == "a") {
			t.Errorf("%s waits: %v", one.Record.Key, waits)
		}
		return nil
	}))
	if with != len(records) {
		t.Errorf("%d of %d have what was attached", with, len(records))
	}
}
