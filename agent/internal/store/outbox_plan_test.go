package store

import (
	"strings"
	"testing"
)

// planOf returns how a statement finds its rows, a line for each table.
func planOf(t *testing.T, s *Store, query string, args ...any) string {
	t.Helper()
	rows, err := s.reader.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query, args...)
	must(t, err)
	lines, err := collect(rows, func(row scanner) (line string, err error) {
		var id, parent, unused int
		err = row.Scan(&id, &parent, &unused, &line)
		return line, err
	})
	must(t, err)
	return strings.Join(lines, "\n")
}

// TestTheOutboxIsReadByIndex holds for every query that runs while deliveries
// are sent: none reads rows that it does not want, and none sorts.
func TestTheOutboxIsReadByIndex(t *testing.T) {
	s := openTest(t)
	guid := []any{"crm", "g1"}
	for name, q := range map[string]struct {
		query string
		args  []any
		index string
	}{
		"due instances":    {selectInstances + dueInstances, []any{1, 10}, "instances_due"},
		"due deliveries":   {dueDeliveries, []any{"crm", 1, 10}, "deliveries_due"},
		"first instance":   {firstInstance, guid, "instances_open"},
		"earlier":          {seeEarlier, []any{"g", 9}, "instances_open_guid"},
		"who waits":        {wakeLinking, []any{1, "g", 1, 1}, "instances_linking"},
		"first delivery":   {firstDelivery, guid, "deliveries_open"},
		"recover":          {recoverDeliveries, []any{1}, "deliveries_state"},
		"depth":            {outboxDepth, nil, "deliveries_state"},
		"starts":           {countStarts, []any{"staff", 1, ""}, "instances_started"},
		"held of a run":    {heldOfRun, []any{1}, "instances_held_run"},
		"held":             {heldOfAutomation, []any{"staff"}, "instances_held"},
		"count of held":    {countHeld, []any{"staff"}, "instances_held"},
		"open of instance": {openOfInstance, []any{1}, "deliveries_instance"},
		"old instances":    {oldInstances, []any{1, 10}, "instances_ended"},
		"counts":           {instanceCounts, nil, "instances_status"},
		"counts of a run":  {instancesOfRun, []any{1}, "instances_run"},
	} {
		all := planOf(t, s, q.query, q.args...)
		if !strings.Contains(all, "INDEX "+q.index+" ") && !strings.HasSuffix(all, "INDEX "+q.index) || strings.Contains(all, "TEMP B-TREE") {
			t.Errorf("%s: %s\n%s", name, q.query, all)
		}
		if strings.Contains(all, "SCAN deliveries\n") || strings.Contains(all, "SCAN instances\n") {
			t.Errorf("%s reads the whole table:\n%s", name, all)
		}
	}
}
