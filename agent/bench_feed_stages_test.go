package main

import (
	"database/sql"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// toldNumber is the number that a request tells.
var toldNumber = regexp.MustCompile(`[?&"]n["=:\s]+"?(\d+)`)

// stages reports how much of the time each stage took at most for 99 of 100 changes:
// until the mirror shows it, until it is judged, until the request is made of what the
// directory has, until it is taken, and until it arrives.
func (w *world) stages(b *testing.B, shown, came map[int]time.Time) {
	b.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "state", store.FileName)+"?_pragma=busy_timeout(20000)")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(b.Context(), `SELECT e.at, v.at, d.created, d.taken, d.request FROM deliveries d
		JOIN event_verdicts v ON v.instance = d.instance JOIN events e ON e.id = v.event WHERE d.orchestration = 'tell'`)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	names := []string{"seen", "judged", "made", "taken", "sent"}
	took := make([][]float64, len(names))
	for rows.Next() {
		var at [4]int64
		var request string
		if err := rows.Scan(&at[0], &at[1], &at[2], &at[3], &request); err != nil {
			b.Fatal(err)
		}
		m := toldNumber.FindStringSubmatch(request)
		if m == nil {
			b.Fatalf("a request without a number: %s", request)
		}
		n, _ := strconv.Atoi(m[1])
		if shown[n].IsZero() || came[n].IsZero() {
			continue
		}
		before := shown[n].UnixNano()
		for i, next := range []int64{at[0], at[1], at[2], at[3], came[n].UnixNano()} {
			took[i] = append(took[i], float64(next-before)/1e6)
			before = next
		}
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	for i, name := range names {
		if slices.Sort(took[i]); len(took[i]) > 0 {
			b.ReportMetric(quantile(took[i], 0.99), name+"-p99-ms")
		}
	}
}
