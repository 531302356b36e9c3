package plan

import (
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// everywhere counts the records that lack a field for an attribute. A field that
// all of them lack is most likely misspelled, and nothing else would ever say so.
type everywhere struct {
	records int
	absent  map[string]int
	first   ident.Record // of those that were mapped
}

// fewRecords is how many records may lack a field by chance.
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

// absentEverywhere reports each attribute whose field no record has, once.
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
