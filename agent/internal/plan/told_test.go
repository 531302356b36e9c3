package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// everything is all that a plan tells, and what it tells besides.
type everything struct {
	Error          string `json:",omitempty"`
	Plan           ident.Plan
	Updates        []LinkUpdate
	Unsettled      []ident.Key
	Accepted       []ident.QuarantineItem
	StillRefused   []ident.Refusal
	Strays         int
	Fresh, Absent  []ident.Key
	Back           []ident.Key
	Crashed        int
	CrashOf, Panic string
}

func (w *wideWorld) builder() *Builder { return NewBuilder(w.set, w.world, w.mapper, w.hist) }

// tell plans the world.
func (w *wideWorld) tell() everything {
	b := w.builder()
	b.Mapped([]string{"cn", "mail", "info", "title"})
	for _, text := range w.remarks {
		b.Remark(text)
		b.Attend(text, "look")
	}
	for _, key := range w.deleted {
		b.Deleted(key)
	}
	for _, key := range w.contradictory {
		b.Contradiction(key)
	}
	for _, key := range w.quarantined {
		b.Quarantine(key, "Ada", "the record cannot be read", "look")
	}
	records := slices.Clone(w.records)
	slices.SortStableFunc(records, func(a, b ident.Record) int { return cmp.Compare(a.Key, b.Key) })
	for _, rec := range records {
		if err := b.Add(rec); err != nil {
			return everything{Error: err.Error()}
		}
	}
	p, err := b.Finish(w.delivery)
	if err != nil {
		return everything{Error: err.Error()}
	}
	crash := b.Crashes()
	all := everything{
		Plan: p, Updates: b.LinkUpdates(), Unsettled: b.Unsettled(), Accepted: b.Accepted(), StillRefused: b.StillRefused(),
		Strays: b.Strays(), Crashed: crash.Count, CrashOf: string(crash.Key), Panic: crash.Panic,
	}
	slices.SortFunc(all.StillRefused, func(x, y ident.Refusal) int { return cmp.Or(cmp.Compare(x.Key, y.Key), cmp.Compare(x.Part, y.Part)) })
	all.Fresh, all.Absent = b.Marks()
	slices.Sort(all.Fresh)
	slices.Sort(all.Absent)
	for i := range 10 {
		if key := ident.Key(strconv.Itoa(i)); b.Back(key) {
			all.Back = append(all.Back, key)
		}
	}
	return all
}

// byHand is what comes of links that a person asks for, of any key and any
// account.
func (w *wideWorld) byHand() (all []any) {
	find := func(key ident.Key) *ident.Record {
		if i := slices.IndexFunc(w.records, func(r ident.Record) bool { return r.Key == key && r.Fields["odd"] != "panic" }); i >= 0 {
			return &w.records[i]
		}
		return nil
	}
	guids := slices.Sorted(maps.Keys(w.entries))
	for i, guid := range guids {
		key := ident.Key(strconv.Itoa(i))
		made, err := w.builder().ByHand(key, find(key), "it was not delivered", *w.entries[guid])
		all = append(all, made, fmt.Sprint(err))
		made, _, err = w.builder().Rekey(key, ident.Key(strconv.Itoa(i+1)), find(ident.Key(strconv.Itoa(i+1))), "it was not delivered")
		all = append(all, made, fmt.Sprint(err))
	}
	return all
}

// learn makes of a plan what the next run has to know of it: some of its
// operations and values were refused by the directory, some are held, some were
// rejected by a person.
func (w *wideWorld) learn(p ident.Plan) {
	refused := map[string]ident.Refusal{}
	digests := map[string]bool{}
	for _, c := range p.Changes {
		for _, op := range c.Operations {
			again := noon.Add(time.Hour)
			if w.odd(4, "due again", c.Key) {
				again = noon.Add(-time.Hour)
			}
			if w.odd(4, "refused", c.Key, op.Class) {
				whole := ident.Refusal{Digest: op.Digest, Cause: string(op.Class) + " failed", Next: "see", Again: again}
				refused[string(c.Key)+ident.RefusedOperation(op.Class)] = whole
			}
			for _, ch := range op.Attributes {
				if w.odd(6, "refused", c.Key, ch.Name) {
					value := ident.Refusal{Digest: ops.AppliedDigest(ch), Cause: ch.Name + ": refused", Next: "see", Again: again}
					refused[string(c.Key)+strings.ToLower(ch.Name)] = value
				}
			}
			digests[op.Digest] = true
		}
	}
	w.hist.Refused = func(key ident.Key, part string) (ident.Refusal, bool) {
		r, ok := refused[string(key)+part]
		return r, ok
	}
	w.hist.Decided = func(key ident.Key, class ident.Class, digest string) (int64, ident.Result, bool) {
		switch {
		case !digests[digest]:
			return 0, "", false
		case w.odd(5, "held", key, class):
			return 41, ident.ResultHeld, true
		case w.odd(7, "rejected", key, class):
			return 40, ident.ResultRejected, true
		}
		return 0, "", false
	}
}
