package connector

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestEveryOperationIsDocumented: the page of a vendor has a row for each
// operation, with its scopes and its price.
func TestEveryOperationIsDocumented(t *testing.T) {
	for _, v := range vendors() {
		page, err := os.ReadFile("../../../docs/" + v.name + ".md")
		if err != nil {
			t.Error(err)
			continue
		}
		rows := rowsOf(string(page))
		m := manifestOf(t, v)
		document := func(kind, name string, scopes []string, costs ...int64) {
			row := rows[name]
			if row == "" {
				t.Errorf("docs/%s.md has no row for the %s %s", v.name, kind, name)
				return
			}
			for _, scope := range scopes {
				if !strings.Contains(row, "`"+scope+"`") {
					t.Errorf("docs/%s.md: the row of the %s %s does not name the scope %s", v.name, kind, name, scope)
				}
			}
			if want := v.price; want != nil && !strings.Contains(row, want(costs)) {
				t.Errorf("docs/%s.md: the row of the %s %s does not say %q", v.name, kind, name, want(costs))
			}
			delete(rows, name)
		}
		for _, e := range m.Endpoints {
			document("endpoint", e.Name, e.Scopes, e.Cost)
		}
		for _, w := range m.Webhooks {
			document("webhook", w.Name, w.Scopes, costsOf(w)...)
		}
	}
}

// costsOf are those of the request, and of the look before it.
func costsOf(w abi.Webhook) []int64 {
	if w.Verify == nil {
		return []int64{w.Cost}
	}
	return []int64{w.Cost, w.Verify.Cost}
}

// rowsOf are the rows of tables whose first cell is one name in backquotes.
func rowsOf(page string) map[string]string {
	rows := map[string]string{}
	for line := range strings.Lines(page) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		first := strings.TrimSpace(cells[1])
		if name := strings.Trim(first, "`"); first == "`"+name+"`" && rows[name] == "" {
			rows[name] = line
		}
	}
	return rows
}

// tokens is a price as docs/pipedrive.md has it.
func tokens(costs []int64) string {
	if len(costs) == 1 {
		return fmt.Sprintf("| %d |", costs[0])
	}
	return fmt.Sprintf("| %d, and %d for the look |", costs[0], costs[1])
}
