package plan

import (
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// mark remembers how far a plan has come.
type mark struct {
	notes, attention, links, binary, reserved int
	counts                                    ident.RecordCounts
	tally                                     tally
}

func (d *draft) mark() mark {
	return mark{
		notes: len(d.notes), attention: len(d.attention), links: len(d.links), binary: d.binary,
		reserved: len(d.names.inOrder), counts: d.counts, tally: d.tally,
	}
}

// restore removes everything planned for the keys since the mark.
func (d *draft) restore(m mark, keys ...ident.Key) {
	d.notes, d.attention, d.links = d.notes[:m.notes], d.attention[:m.attention], d.links[:m.links]
	d.counts, d.tally, d.binary = m.counts, m.tally, m.binary
	for _, id := range d.names.inOrder[m.reserved:] {
		delete(d.names.reserved, id)
	}
	d.names.inOrder = d.names.inOrder[:m.reserved]
	for _, key := range keys {
		delete(d.changes, key)
		delete(d.quarantined, key)
		delete(d.waiting, key)
		delete(d.unsettled, key)
		delete(d.references.late, key)
	}
}
