package engine

import (
	"cmp"
	"hash/maphash"
	"maps"
	"slices"
	"sync"

	"github.com/rollcall-agent/rollcall/agent/internal/apply"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// promises are the operations of the runs that are being applied. A run plans
// with the mirror and with what other runs have promised. Whatever they write
// meanwhile is found in one of the two, and mostly in both.
//
// Only one run plans at a time. It first takes the promises as they are, then
// brings the mirror up to date, plans, and adds its own promises. A run whose
// promises are gone by then had written everything before the mirror was read.
type promises struct {
	mu     sync.Mutex
	by     map[int64]*promised // by run
	hashed maphash.Seed
}

func newPromises() *promises {
	return &promises{by: map[int64]*promised{}, hashed: maphash.MakeSeed()}
}

// promised is what one run is about to write. It is immutable.
type promised struct {
	run        int64
	automation string
	space      ident.Space // of the keys of the tasks
	tasks      []apply.Task
	guids      []ident.GUID // of the tasks; invented for accounts still to be created
	index      []indexed    // sorted
	hashed     maphash.Seed
}

// indexed is a value, or a name in a container, that a task gives to an
// account.
type indexed struct {
	sum uint64
	at  int32
}

// add notes what a run is about to write.
func (p *promises) add(r *run, tasks []apply.Task) {
	made := &promised{
		run: r.ID, automation: r.Automation, space: r.automation.Settings.Space(),
		tasks: tasks, guids: make([]ident.GUID, len(tasks)), hashed: p.hashed,
	}
	for i, t := range tasks {
		made.guids[i] = t.Change.GUID
		if operation.MakesAccount(t.Op.Class) {
			made.guids[i] = ident.GUID(madeUp + ident.Anchor(made.space, t.Change.Key))
		}
		made.note(i, t.Op)
	}
	slices.SortFunc(made.index, func(x, y indexed) int { return cmp.Or(cmp.Compare(x.sum, y.sum), cmp.Compare(x.at, y.at)) })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.by[r.ID] = made
}

// madeUp is the prefix of the placeholder for the objectGUID of an account
// still to be created.
const madeUp = "promised:"

func (p *promised) note(at int, op ident.Operation) {
	for name, values := range operation.Gains(op) {
		for _, v := range values {
			p.index = append(p.index, indexed{p.value(name, v), int32(at)})
		}
	}
	if op.To != "" {
		p.index = append(p.index, indexed{p.child(op.To.Parent(), op.To.Name()), int32(at)})
	}
}

func (p *promised) value(attribute, value string) uint64 {
	return maphash.String(p.hashed, text.Lower(attribute)+"\x00"+text.Name(value))
}

func (p *promised) child(parent ident.DN, cn string) uint64 {
	return maphash.String(p.hashed, "\x00"+parent.Fold()+"\x00"+text.Name(cn))
}

// find lists the tasks indexed under a hash.
func (p *promised) find(sum uint64) []int32 {
	from, _ := slices.BinarySearchFunc(p.index, sum, func(x indexed, s uint64) int { return cmp.Compare(x.sum, s) })
	var found []int32
	for _, x := range p.index[from:] {
		if x.sum != sum {
			break
		}
		found = append(found, x.at)
	}
	return found
}

// forget drops the promises of a run, once everything is written or given up.
func (p *promises) forget(run int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.by, run)
}

// others lists the promises of the runs of other automations, by run number.
func (p *promises) others(automation string) []*promised {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []*promised
	for _, run := range slices.Sorted(maps.Keys(p.by)) {
		if p.by[run].automation != automation {
			list = append(list, p.by[run])
		}
	}
	return list
}

// busy maps the keys that other automations of an application are changing to
// the name of that automation.
func busy(others []*promised, space ident.Space) map[ident.Key]string {
	keys := map[ident.Key]string{}
	for _, p := range others {
		if p.space != space {
			continue
		}
		for _, t := range p.tasks {
			keys[t.Change.Key] = p.automation
		}
	}
	return keys
}

// promisedEntries returns, as they will be, the objects that are about to get
// a value.
func (v *view) promisedEntries(attribute, value string, same func(a, b string) bool) ([]ident.Entry, error) {
	holds := func(s string) bool { return same(s, value) }
	return v.promised(func(p *promised) uint64 { return p.value(attribute, value) }, func(op ident.Operation) bool {
		return slices.ContainsFunc(operation.Gains(op).Values(attribute), holds)
	})
}

// promisedChildren returns the objects that are about to get a name in a
// container.
func (v *view) promisedChildren(parent ident.DN, cn string) ([]ident.Entry, error) {
	return v.promised(func(p *promised) uint64 { return p.child(parent, cn) }, func(op ident.Operation) bool {
		return text.SameName(op.To.Name(), cn) && op.To.Parent().EqualFold(parent)
	})
}

// promised lists the objects of the tasks indexed under a hash for which meant
// returns true.
func (v *view) promised(sum func(*promised) uint64, meant func(ident.Operation) bool) ([]ident.Entry, error) {
	var list []ident.Entry
	for _, p := range v.others {
		for _, at := range p.find(sum(p)) {
			if !meant(p.tasks[at].Op) {
				continue
			}
			e, there, err := v.asPromised(p, at)
			if err != nil {
				return nil, err
			}
			if there {
				list = append(list, e)
			}
		}
	}
	return list, nil
}

// asPromised returns the object of a task as the task will leave it.
func (v *view) asPromised(p *promised, at int32) (ident.Entry, bool, error) {
	t := p.tasks[at]
	e := ident.Entry{GUID: p.guids[at], DN: t.Op.To, Attributes: ident.Attributes{}}
	if operation.MakesAccount(t.Op.Class) {
		e.Attributes["objectclass"], e.Attributes["useraccountcontrol"] = []string{"user"}, []string{"512"}
	} else {
		now, there, err := v.image.EntryByGUID(v.ctx, e.GUID)
		if err != nil || !there {
			return e, false, err
		}
		e.Attributes = maps.Clone(now.Attributes)
		e.DN = cmp.Or(e.DN, now.DN)
	}
	maps.Copy(e.Attributes, operation.Gains(t.Op))
	return e, true, nil
}
