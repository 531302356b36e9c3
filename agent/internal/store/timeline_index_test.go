package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// queryLog opens connections to a store that note every query.
type queryLog struct {
	dsn   string
	mu    sync.Mutex
	seen  []recordedQuery
	begun []driver.TxOptions
}

type recordedQuery struct {
	text string
	args []any
}

func (r *queryLog) Connect(context.Context) (driver.Conn, error) {
	c, err := (&sqlite.Driver{}).Open(r.dsn)
	return recordingConn{c, r}, err
}

func (r *queryLog) Driver() driver.Driver { return &sqlite.Driver{} }

// recordingConn passes queries on.
type recordingConn struct {
	driver.Conn
	r *queryLog
}

func (c recordingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	q := recordedQuery{text: query}
	for _, a := range args {
		q.args = append(q.args, a.Value)
	}
	c.r.mu.Lock()
	c.r.seen = append(c.r.seen, q)
	c.r.mu.Unlock()
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c recordingConn) BeginTx(ctx context.Context, how driver.TxOptions) (driver.Tx, error) {
	c.r.mu.Lock()
	c.r.begun = append(c.r.begun, how)
	c.r.mu.Unlock()
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, how)
}

// recording returns the queries that do makes for reading.
func (s *Store) recording(t *testing.T, do func()) []recordedQuery {
	t.Helper()
	r := &queryLog{dsn: s.dsn("_pragma=query_only(1)")}
	plain := s.reader
	s.reader = sql.OpenDB(r)
	do()
	must(t, s.reader.Close())
	s.reader = plain
	return r.seen
}

// scans returns the lines of a query's plan that read a table or an index whole, but
// for that of the open events, which has no others.
func (s *Store) scans(t *testing.T, q recordedQuery) (found []string, plan string) {
	t.Helper()
	plan = planOf(t, s, q.text, q.args...)
	for line := range strings.SplitSeq(plan, "\n") {
		of, scan := strings.CutPrefix(line, "SCAN ")
		if table, _, _ := strings.Cut(of, " "); scan && !slices.Contains([]string{"q", "mine", "CONSTANT"}, table) && !strings.HasPrefix(of, "(") &&
			!strings.HasSuffix(line, "INDEX events_open") {
			found = append(found, line)
		}
	}
	return found, plan
}

// TestTimelinesAreFoundByIndex: one person's timeline, and what is listed of one
// person, does not read those of all.
func TestTimelinesAreFoundByIndex(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	lease, run := begin(t, s)
	c := commit(outcome(run, "7", ident.ClassCreate, ident.ResultApplied))
	l := link("7", "guid-7")
	c.Link = &l
	must(t, s.Commit(ctx, lease, c))
	s.sql(t, `INSERT INTO receipts VALUES (1, 'crm', 'd1', 5, 'changed', 'user', '7', x'', 0, 'done', 1, 1, 0, 0, '')`)
	event := `INSERT INTO events (at, object, guid, dn, from_dn, name, group_guid, group_dn, group_name, parts_json, image_json, unsure, open)
		VALUES (5, 'user', 'guid-7', 'CN=7', '', '7', '', '', '', '[{"kind":"created"}]', '{}', '', 1)`
	s.sql(t, event, event)

	key := RecordKey{ident.Users("crm"), "7"}
	of := TimelineOf{GUID: "guid-7", Keys: []RecordKey{key, {ident.SpaceOf("crm", "contact"), "8"}}, Since: time.Unix(0, 1), Most: 50}
	entries := 0
	queries := s.recording(t, func() {
		for _, of := range []TimelineOf{of, {Keys: of.Keys, Most: 50}} {
			list, _, err := s.Timeline(ctx, of)
			must(t, err)
			entries += len(list)
		}
		must1[[]RecordKey](t)(s.KeysOf(ctx, "guid-7"))
		must1[[]ident.GUID](t)(s.ObjectsOfKey(ctx, key))
		must1[bool](t)(s.KnowsKey(ctx, key))
		must1[[]SetAside](t)(s.QuarantineOf(ctx, []ident.Key{"7", "8"}))
		must1[[]Held](t)(s.HeldAbout(ctx, "guid-7"))
		must1[[]ident.Link](t)(s.LinksOf(ctx, "guid-7"))
		_, _, err := s.LastKnown(ctx, "guid-7")
		must(t, err)
		_, _, err = s.DeletedAt(ctx, "guid-7")
		must(t, err)
		for _, f := range []EventFilter{{GUID: "guid-7", Most: 1}, {Open: true, Most: 1}} {
			list, earlier, err := s.SeenEvents(ctx, f)
			must(t, err)
			if len(list) != 1 || earlier != 1 {
				t.Errorf("%+v: %d events, %d before", f, len(list), earlier)
			}
		}
	})
	if len(queries) < 20 || entries < 5 {
		t.Fatalf("%d queries were seen, %d entries: too few", len(queries), entries)
	}
	for _, q := range queries {
		if found, plan := s.scans(t, q); len(found) > 0 {
			t.Errorf("%s\n%v\n%s", q.text, found, plan)
		}
	}
}

// TestAPlanSeesOneMoment: an image is asked for as one, also of a database that would
// show each query what was committed just before.
func TestAPlanSeesOneMoment(t *testing.T) {
	s := openTest(t)
	r := &queryLog{dsn: s.dsn("_pragma=query_only(1)")}
	other := &Store{reader: sql.OpenDB(r), now: s.now}
	must(t, other.stmts.prepare(t.Context(), other.reader))
	image, err := other.Image(t.Context())
	must(t, err)
	image.Close()
	must(t, other.reader.Close())
	want := driver.TxOptions{ReadOnly: true, Isolation: driver.IsolationLevel(sql.LevelRepeatableRead)}
	if len(r.begun) != 1 || r.begun[0] != want {
		t.Errorf("it began %+v, want %+v", r.begun, want)
	}
}

// TestAScanIsSeen: the test above can fail.
func TestAScanIsSeen(t *testing.T) {
	s := openTest(t)
	seen := s.recording(t, func() {
		rows, err := s.reader.QueryContext(t.Context(), `SELECT id FROM outcomes WHERE name = ?`, "x")
		must(t, err)
		_, err = collect(rows, scanID)
		must(t, err)
	})
	if len(seen) != 1 || fmt.Sprint(seen[0].args) != "[x]" {
		t.Fatalf("seen: %v", seen)
	}
	if found, _ := s.scans(t, seen[0]); len(found) != 1 {
		t.Errorf("found: %v", found)
	}
}
