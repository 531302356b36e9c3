package engine

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

var updateTable = flag.Bool("update", false, "write the table of docs/configuration.md anew")

// fourKind is a way to map an attribute that the four values are tried with.
type fourKind struct {
	attribute string // of AD; the record has a field of that name
	told      string // how the documentation names it
	list, add bool
	reference bool // the values are keys of persons 101 (had), 102 (new) and 103 (default)
}

var fourKinds = []fourKind{
	{attribute: "title", told: "`value`"},
	{attribute: "otherTelephone", told: "`values`", list: true},
	{attribute: "otherMobile", told: "`values`, `merge = \"add\"`", list: true, add: true},
	{attribute: "manager", told: "`reference`", reference: true},
	{attribute: "secretary", told: "`references`", list: true, reference: true},
	{attribute: "seeAlso", told: "`references`, `merge = \"add\"`", list: true, add: true, reference: true},
}

// had and given are what AD has of the attribute before, and what the source
// delivers as a value.
func (k fourKind) had(s *scene) []string       { return k.values(s, "had", "101") }
func (k fourKind) given(s *scene) []string     { return k.values(s, "new", "102") }
func (k fourKind) byDefault(s *scene) []string { return k.values(s, "default", "103") }

func (k fourKind) values(s *scene, value, key string) []string {
	if !k.reference {
		return []string{value}
	}
	return []string{string(s.account("four:" + key).DN)}
}

// json is the text of a state in a record.
func (k fourKind) json(state string) string {
	if k.reference && state == `"new"` {
		return "102"
	}
	return state
}

// def maps the attribute from its field, and from another field if it is a list.
func (k fourKind) def(how fourRow) mapping.AttributeDef {
	src := func(text string) expr.Source { return expr.Source{Text: text} }
	def := mapping.AttributeDef{Name: k.attribute, Add: k.add, OnMissing: how.onMissing, Absent: how.absent, Reference: k.reference}
	if how.onMissing == mapping.OnMissingDefault {
		text := src("default")
		if k.reference {
			text = src("103")
		}
		def.Default = &text
	}
	field := src("user." + k.attribute)
	if def.Value = &field; k.list {
		def.Value, def.Values = nil, []expr.Source{src("{{ user." + k.attribute + " }}"), src("{{ user." + k.attribute + "2 }}")}
	}
	return def
}

// fourRow is a row of the table: what the configuration says.
type fourRow struct {
	onMissing mapping.OnMissing
	absent    mapping.Absent
}

// fourStates are the states that a field can be in, as JSON text. For a list the
// other field has the state too, or in the last column a value.
var fourStates = []struct{ told, json string }{
	{"absent", ``},
	{"null", `null`},
	{"empty", `""`},
	{"blank", `" \t\u200b"`},
	{"an empty list", `[]`},
	{"a key without an account", `104`},
	{"a value", `"new"`},
}

// fourGaps are those of them that one of two fields is tried with.
var fourGaps = slices.Concat(fourStates[:3], fourStates[5:6])

// TestTheFourValues follows absent, null, empty and a value from the text of a
// record to what AD has after the run, in all combinations of the settings and for
// all ways to map an attribute. The table in the documentation is its result.
func TestTheFourValues(t *testing.T) {
	results := map[fourKind]map[fourRow][]string{}
	for _, k := range fourKinds {
		results[k] = map[fourRow][]string{}
	}
	var rows []fourRow
	for _, onMissing := range mapping.OnMissing("").Values() {
		for _, absent := range []mapping.Absent{"", mapping.AbsentClear} {
			how := fourRow{mapping.OnMissing(onMissing), absent}
			rows = append(rows, how)
			t.Run(onMissing+" "+string(absent), func(t *testing.T) {
				for k, cells := range tryFour(t, how) {
					results[k][how] = cells
				}
			})
		}
	}
	if !t.Failed() {
		compareTable(t, fourTable(rows, results))
	}
}

// tryFour makes one run over a person for each state of each kind, whose other
// attributes all have values.
func tryFour(t *testing.T, how fourRow) map[fourKind][]string {
	source := &feed{}
	s := newScene(t, map[string]*feed{"four": source})
	var defs []mapping.AttributeDef
	for _, k := range fourKinds {
		defs = append(defs, k.def(how))
	}
	s.mapped("four", defs...)
	a := s.configured.Load().automations["four"]
	a.Settings.Limits = map[ident.Class]plan.Limit{ident.ClassUpdate: {Unlimited: true}}
	s.Replace(map[string]Automation{"four": a}, nil)
	type cell struct {
		kind fourKind
		key  ident.Key
	}
	var cells []cell
	var made, asked []ident.Record
	for _, key := range []ident.Key{"101", "102", "103"} {
		made = append(made, fourRecord(t, key, fourKind{}, "", false))
	}
	asked = slices.Clone(made)
	for _, k := range fourKinds {
		for _, state := range fourStates {
			if state.json == "104" && !k.reference {
				cells = append(cells, cell{kind: k})
				continue
			}
			key := ident.Key(strconv.Itoa(len(cells) + 1))
			cells = append(cells, cell{kind: k, key: key})
			made = append(made, fourRecord(t, key, k, fourStates[len(fourStates)-1].json, false))
			asked = append(asked, fourRecord(t, key, k, state.json, false))
		}
		if !k.list {
			continue
		}
		for _, state := range fourGaps {
			if state.json == "104" && !k.reference {
				cells = append(cells, cell{kind: k})
				continue
			}
			key := ident.Key(strconv.Itoa(len(cells) + 1))
			cells = append(cells, cell{kind: k, key: key})
			made = append(made, fourRecord(t, key, k, fourStates[len(fourStates)-1].json, false))
			asked = append(asked, fourRecord(t, key, k, state.json, true))
		}
	}
	source.records = made
	s.run("four")
	for _, c := range cells {
		if c.key == "" {
			continue
		}
		s.dc.Replace(t, s.account("four:"+string(c.key)).DN, c.kind.attribute, c.kind.had(s)...)
	}
	source.records = asked
	s.run("four")
	out := map[fourKind][]string{}
	quarantined, err := s.Store.Quarantine(t.Context(), "four")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cells {
		if c.key == "" {
			out[c.kind] = append(out[c.kind], "")
			continue
		}
		got := s.account("four:"+string(c.key), c.kind.attribute).Attributes.Values(c.kind.attribute)
		aside := slices.ContainsFunc(quarantined, func(q ident.QuarantineItem) bool { return q.Key == c.key && q.Part == "" })
		out[c.kind] = append(out[c.kind], c.kind.became(s, got, aside))
	}
	if r := s.run("four"); len(r.Outcomes) != 0 {
		t.Errorf("the next run of the same did %+v", r.Outcomes)
	}
	return out
}

// fourRecord is a record from JSON text in which all fields have values but the one
// of a kind; of a list, gap gives the first of its two fields a value as well.
func fourRecord(t *testing.T, key ident.Key, of fourKind, state string, gap bool) ident.Record {
	t.Helper()
	lines := []string{fmt.Sprintf(`"id": %q, "name": "Person %s"`, key, key)}
	for _, k := range fourKinds {
		first, second := `"new"`, `"new"`
		if k == of {
			if second = state; !gap {
				first = state
			}
		}
		for name, value := range map[string]string{k.attribute: first, k.attribute + "2": second} {
			if value != "" {
				lines = append(lines, fmt.Sprintf("%q: %s", name, k.json(value)))
			}
		}
	}
	dec := json.NewDecoder(strings.NewReader("{" + strings.Join(lines, ", ") + "}"))
	dec.UseNumber()
	r := ident.Record{Endpoint: "users", Key: key}
	if err := dec.Decode(&r.Fields); err != nil {
		t.Fatal(err)
	}
	return r
}

// became says in a word what became of the attribute.
func (k fourKind) became(s *scene, got []string, aside bool) string {
	got = slices.Sorted(slices.Values(got))
	is := func(want ...string) bool { return slices.Equal(got, slices.Sorted(slices.Values(want))) }
	both := func(more []string) []string { return append(slices.Clone(k.had(s)), more...) }
	switch {
	case aside && is(k.had(s)...):
		return "quarantine"
	case is(k.had(s)...):
		return "stays"
	case len(got) == 0:
		return "emptied"
	case is(k.given(s)...):
		return "written"
	case is(both(k.given(s))...):
		return "added"
	case is(k.byDefault(s)...):
		return "default"
	case is(both(k.byDefault(s))...):
		return "default added"
	}
	return "?? " + strings.Join(got, "|")
}

// fourTable writes the results as the documentation shows them. Settings with the
// same results share a row, and states that never make a difference a column.
func fourTable(rows []fourRow, results map[fourKind]map[fourRow][]string) string {
	head := []string{"mapped by", "`on_missing`", "`absent`"}
	for _, state := range fourStates {
		head = append(head, state.told)
	}
	for _, state := range fourGaps {
		head = append(head, "one of two "+state.told)
	}
	var lines [][]string
	for _, k := range fourKinds {
		for i := 0; i < len(rows); i++ {
			absent := "not set"
			if rows[i].absent != "" {
				absent = "`clear`"
			}
			cells := results[k][rows[i]]
			if i+1 < len(rows) && rows[i+1].onMissing == rows[i].onMissing && slices.Equal(cells, results[k][rows[i+1]]) {
				absent, i = "either", i+1
			}
			line := append([]string{k.told, "`" + string(rows[i].onMissing) + "`", absent}, cells...)
			lines = append(lines, append(line, make([]string, len(head)-len(line))...))
		}
	}
	for column := len(head) - 1; column > 3; column-- {
		same := func(line []string) bool { return line[column] == line[column-1] }
		if slices.ContainsFunc(lines, func(line []string) bool { return !same(line) }) {
			continue
		}
		head[column-1] += ", " + strings.TrimPrefix(head[column], "one of two ")
		head = slices.Delete(head, column, column+1)
		for i := range lines {
			lines[i] = slices.Delete(lines[i], column, column+1)
		}
	}
	var b strings.Builder
	for _, line := range slices.Concat([][]string{head, slices.Repeat([]string{"---"}, len(head))}, lines) {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(line, " | "))
	}
	return b.String()
}

// compareTable holds the table of the documentation against the results.
func compareTable(t *testing.T, want string) {
	t.Helper()
	const file = "../../../docs/configuration.md"
	const begin, end = "<!-- the four values: TestTheFourValues in agent/internal/engine, with -update -->\n", "<!-- the end of the four values -->\n"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	got, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table", file)
	}
	if *updateTable {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("the table of %s differs from what runs do (-update writes it anew):\n%s", file, want)
	}
}
