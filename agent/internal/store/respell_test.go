package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// A link with another spelling of its key is the same link; the journal tells
// of it in order. One that would take the key of another stays.
func TestRespellLink(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	for i := range 8 {
		from, to := ident.Key(fmt.Sprintf("%d.0", i)), ident.Key(fmt.Sprint(i))
		l := link(from, ident.GUID("guid-"+to))
		must(t, s.PutLink(ctx, l, "test"))
		if !must1[bool](t)(s.RespellLink(ctx, ident.Users("crm"), from, to, "ada")) {
			t.Errorf("%s stays", from)
		}
		if _, found, err := s.LinkByKey(ctx, ident.Users("crm"), from); found || err != nil {
			t.Errorf("%s is still there: %v", from, err)
		}
		if got, _, err := s.LinkByKey(ctx, ident.Users("crm"), to); got.GUID != l.GUID || !got.Created.Equal(l.Created) || err != nil {
			t.Errorf("%s is %+v, %v", to, got, err)
		}
	}
	must(t, s.PutLink(ctx, link("7.0", "guid-x"), "test"))
	for _, from := range []ident.Key{"7.0", "none"} {
		if must1[bool](t)(s.RespellLink(ctx, ident.Users("crm"), from, "7", "ada")) {
			t.Errorf("%s took the key of another", from)
		}
	}
	if l, _, err := s.LinkByKey(ctx, ident.Users("crm"), "7.0"); l.GUID != "guid-x" || err != nil {
		t.Errorf("%+v, %v", l, err)
	}
	var kinds, want []string
	for i := range 8 {
		want = append(want, fmt.Sprintf("unlink %d.0", i), fmt.Sprintf("link %d", i))
	}
	must(t, s.EachJournal(ctx, func(l JournalLine) error {
		if l.By == "ada" {
			kinds = append(kinds, l.Kind+" "+string(l.Link.Key))
		}
		return nil
	}))
	if !slices.Equal(kinds, want) {
		t.Errorf("the journal says %v", kinds)
	}
}

// Deletions, parts and what earlier deliveries left get the one spelling; what
// was left gives way to what this delivery says of the key.
func TestRespellStaged(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	record := func(key string) string { return `{"key":"` + key + `","fields":{"from":"` + key + `"}}` }
	for _, row := range []struct {
		key         string
		kind, fresh int
	}{
		{"1", kindRecord, 1}, {"1.0", kindDeleted, 0}, // settled by the record
		{"2.0", kindDeleted, 1}, {"2", kindRecord, 0}, // and by the deletion
		{"3.0", kindRecord, 0}, {"3.0", kindPart, 1}, // a part alone settles nothing
		{"x.0", kindDeleted, 1},
	} {
		_, err := s.writer.ExecContext(ctx, `INSERT INTO staging (run, key, kind, fresh, record_json) VALUES (7, ?, ?, ?, ?)`, row.key, row.kind, row.fresh, record(row.key))
		must(t, err)
	}
	must(t, s.Stage(ctx, 8, []ident.Record{{Key: "9.0", Deleted: true}})) // of another run
	spell := func(k ident.Key) ident.Key {
		if strings.HasPrefix(string(k), "x") {
			return k
		}
		return ident.Key(strings.TrimSuffix(string(k), ".0"))
	}
	must(t, s.RespellStaged(ctx, 7, spell))
	var got []string
	for _, run := range []int64{7, 8} {
		must(t, s.EachStaged(ctx, run, func(st Staged) error {
			got = append(got, fmt.Sprintf("%s: %d records, %d parts, deleted %t", st.Record.Key, st.Records, st.Parts, st.Deleted))
			return nil
		}))
	}
	want := []string{
		"1: 1 records, 0 parts, deleted false", "2: 0 records, 0 parts, deleted true", "3: 1 records, 1 parts, deleted false",
		"x.0: 0 records, 0 parts, deleted true", "9.0: 0 records, 0 parts, deleted true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("staged:\n%s", strings.Join(got, "\n"))
	}
}
