package plan

import (
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// everywhere counts the records that lack a field for an attribute. A field
// that all of them lack is probably misspelled, and nothing else would report
// that.
type everywhere struct {
	records int
	absent  map[string]int
	first   ident.Record // the first record that was mapped
}

// fewRecords is the number of records below which all of them may lack a field
// by chance.
const fewRecords = 5

func (ev *everywhere) count(rec ident.Record, want ident.Desired) {
	if ev.records++; ev.records == 1 {
		ev.first, ev.absent = rec, map[string]int{}
		for _, name := range want.Absent {
			ev.absent[name] = 1
		}
		return
	}
	for _, name := range want.Absent {
		if _, always := ev.absent[name]; always {
			ev.absent[name]++
		}
	}
}

// explainer is a Mapper that says why an attribute has no value.
type explainer interface {
	WhyAbsent(rec ident.Record, attribute string) *mapping.Error
}

var _ explainer = (*mapping.Mapper)(nil)

// absentEverywhere reports, once per attribute, a field that no record has.
func (f *differ) absentEverywhere() {
	ev := f.everywhere
	mapper, explains := f.mapper.(explainer)
	if !explains || ev.records < fewRecords {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(ev.absent)) {
		if ev.absent[name] < ev.records {
			continue
		}
		if why := mapper.WhyAbsent(ev.first, name); why != nil {
			f.draft.note("", "", "%s; so it is in all %d records that were mapped, and %s stays as it is for everybody: %s",
				why.Error(), ev.records, name, why.Next)
		}
	}
}
