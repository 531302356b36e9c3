package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Old events go with their verdicts, unless something waits for them.
func TestEventsAreNotKeptForEver(t *testing.T) {
	s := openTest(t)
	old, now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	verdict := func(event int64, verdict string, instance int64) {
		must(t, s.exec(t.Context(), "verdict", `INSERT INTO event_verdicts (event, automation, verdict, instance, cause, next, at) VALUES (?, 'x', ?, ?, '', '', 1)`, event, verdict, instance))
	}
	must(t, s.UpdateMirror(t.Context(), func(m MirrorTx) error {
		for i := range 2200 {
			e := ident.Event{At: old, Object: ident.ObjectUser, GUID: "g", DN: "CN=a,DC=c", Parts: []ident.EventPart{{Kind: ident.EventCreated}}}
			if i >= 2190 {
				e.At = now
			}
			if err := m.b.addEvent(&e); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, s.exec(t.Context(), "close", `UPDATE events SET open = 0 WHERE id > 1`))
	must(t, s.exec(t.Context(), "instances", `INSERT INTO definitions VALUES ('d', '{}')`))
	for id, ended := range map[int64]int64{7: 0, 8: 5} {
		must(t, s.exec(t.Context(), "instance", `INSERT INTO instances VALUES (?, 'leaver', 'd', 'x', '', 0, '', '', 0, 'g', '', '', 'done', '', '', '', 0, 1, 1, 1, 1, 1, 1, ?, 'null', 'null', 0)`, id, ended))
	}
	verdict(2, "aside", 0)
	verdict(3, "begun", 7)
	verdict(4, "begun", 8)
	verdict(5, "filtered", 0)
	for _, guid := range []string{"old", "new"} {
		at := map[string]time.Time{"old": old, "new": now}[guid]
		must(t, s.exec(t.Context(), "deleted", `INSERT INTO mirror_deleted (guid, at) VALUES (?, ?)`, guid, stamp(at)))
	}
	removed := must1[Removed](t)(s.Retain(t.Context(), Retention{Runs: now.AddDate(0, -1, 0), Deleted: now.AddDate(0, -1, 0)}))
	var left []int64
	for _, e := range events(t, s) {
		if e.ID < 2190 {
			left = append(left, e.ID)
		}
	}
	if d := cmp.Diff([]int64{1, 2, 3}, left); d != "" || removed.Events != 2187 || len(events(t, s)) != 13 {
		t.Errorf("%+v removed; old ones left (-want +got)\n%s", removed, d)
	}
	rows, err := s.reader.QueryContext(t.Context(), `SELECT guid FROM mirror_deleted UNION SELECT 'verdict of ' || event FROM event_verdicts ORDER BY 1`)
	must(t, err)
	names := must1[[]string](t)(collect(rows, func(row scanner) (name string, err error) {
		err = row.Scan(&name)
		return name, err
	}))
	if d := cmp.Diff([]string{"new", "verdict of 2", "verdict of 3"}, names); d != "" {
		t.Errorf("left (-want +got)\n%s", d)
	}
}
