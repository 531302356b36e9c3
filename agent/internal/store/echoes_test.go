package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

const dc1 = "dc1 (database 1)"

// writes is a store with a run that writes for the application crm.
type writes struct {
	*testing.T
	*Store
	lease Lease
	run   int64
}

func openWrites(t *testing.T) *writes {
	s := openTest(t)
	lease, run := begin(t, s)
	must(t, s.PutLink(t.Context(), link("1", "guid-1"), "test"))
	update(t, s, eventsCount(true))
	return &writes{T: t, Store: s, lease: lease, run: run}
}

func eventsCount(count bool) func(MirrorTx) error {
	return func(m MirrorTx) error { return m.SetState(MirrorState{Events: count}) }
}

func (w *writes) origin() *ident.Origin {
	return &ident.Origin{Application: "crm", Automation: "staff", Run: w.run}
}

// opens opens the intent of an operation on the account guid-1, or of a create.
func (w *writes) opens(op ident.Operation) (Intent, int64) {
	w.Helper()
	in := Intent{
		Run: w.run, Automation: "staff", Application: "crm", Key: "1", GUID: "guid-1", Operation: op, Origin: *w.origin(), Database: dc1,
	}
	if op.Class == ident.ClassCreate {
		in.Key, in.GUID, in.Anchor = "2", "", "crm:2"
	}
	return in, must1[int64](w)(w.OpenIntent(w.Context(), w.lease, in))
}

// commits records how the write of an intent ended.
func (w *writes) commits(in Intent, id int64, result ident.Result, change ...func(*Commit)) {
	w.Helper()
	c := Commit{
		Automation: "staff", Application: "crm", Intent: id,
		Outcome: ident.Outcome{Run: w.run, Key: in.Key, GUID: in.GUID, DN: "CN=x,DC=c", Operation: in.Operation, Result: result},
	}
	if in.GUID == "" && result == ident.ResultApplied {
		c.Outcome.GUID = "guid-2"
	}
	for _, f := range change {
		f(&c)
	}
	must(w, w.Commit(w.Context(), w.lease, c))
}

// reads lets the mirror see events in a read that began at a time. It returns
// which parts are known as the agent's own.
func (w *writes) reads(began time.Time, server string, events ...ident.Event) (own []ident.EventKind) {
	w.Helper()
	err := w.UpdateMirror(w.Context(), func(tx MirrorTx) error {
		for i := range events {
			e := &events[i]
			if _, err := tx.b.recognise(e); err != nil {
				return err
			}
			for _, p := range e.Parts {
				if p.Origin == nil {
					continue
				}
				if d := cmp.Diff(w.origin(), p.Origin); d != "" {
					w.Error(d)
				}
				own = append(own, p.Kind)
			}
		}
		return tx.SetState(MirrorState{Server: server, Full: true, Synced: began, Events: true})
	})
	must(w, err)
	return own
}

func (w *writes) expects(want int) {
	w.Helper()
	var n int
	must(w, w.reader.QueryRowContext(w.Context(), `SELECT count(*) FROM echoes`).Scan(&n))
	if n != want {
		w.Errorf("%d echoes are expected, want %d", n, want)
	}
}

func titled(values ...string) ident.Operation {
	return ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{{Name: "Title", Old: []string{"before"}, New: values}}}
}

func modified(values ...string) ident.Event {
	return ident.Event{GUID: "guid-1", DN: "CN=x,DC=c", Parts: []ident.EventPart{
		{Kind: ident.EventModified, Attribute: "title", Old: []string{"before"}, New: values},
	}}
}

var (
	earlier = time.Now().Add(-time.Minute)
	later   = time.Now().Add(time.Hour / 2) // after everything that a test writes
)

// TestAWriteIsKnownBeforeItCanBeSeen: a change can be read as soon as the write
// is sent. At that moment, which is when the intent is on disk, the mirror knows
// it, also when it is read before the outcome is recorded.
func TestAWriteIsKnownBeforeItCanBeSeen(t *testing.T) {
	w := openWrites(t)
	in, id := w.opens(titled("Lead"))
	if own := w.reads(later, dc1, modified("Lead")); len(own) != 1 {
		t.Error("the change is not known as the agent's own")
	}
	w.expects(0)
	w.commits(in, id, ident.ResultApplied)
	if own := w.reads(later, dc1, modified("Lead")); len(own) != 0 {
		t.Error("the same change by somebody else later is taken for the agent's own")
	}
}

func TestASettledWriteIsRecognised(t *testing.T) {
	w := openWrites(t)
	in, id := w.opens(titled("Lead"))
	w.commits(in, id, ident.ResultApplied)
	w.expects(1)
	if own := w.reads(earlier, dc1); len(own) != 0 { // it began before the write
		t.Error(own)
	}
	must(t, w.UpdateMirror(t.Context(), func(tx MirrorTx) error { // the first page of a read of everything
		return tx.SetState(MirrorState{Server: dc1, Synced: later, Events: true})
	}))
	w.expects(1)
	if own := w.reads(later, dc1, modified("Lead")); len(own) != 1 {
		t.Error("the change is not known as the agent's own")
	}
	w.expects(0)
}

// TestWhatIsNotTheWrite: other objects, attributes, values and kinds are
// somebody else's.
func TestWhatIsNotTheWrite(t *testing.T) {
	w := openWrites(t)
	w.opens(titled("Lead"))
	another, attribute := modified("Lead"), modified("Lead")
	another.GUID, attribute.Parts[0].Attribute = "guid-9", "company"
	for name, e := range map[string]ident.Event{
		"object": another, "attribute": attribute, "value": modified("lead"), "more values": modified("Lead", "x"), "cleared": modified(),
		"kind": {GUID: "guid-1", Parts: []ident.EventPart{{Kind: ident.EventDisabled}, {Kind: ident.EventDeleted}, {Kind: ident.EventRestored}}},
	} {
		if own := w.reads(earlier, dc1, e); len(own) != 0 {
			t.Errorf("another %s is taken for the agent's own", name)
		}
	}
	if own := w.reads(earlier, dc1, modified("Lead")); len(own) != 1 { // whatever else was read before, the write may still come
		t.Error("the change is not known as the agent's own")
	}
}

// TestAWriteThatFailed: the same change by hand later is not the agent's.
func TestAWriteThatFailed(t *testing.T) {
	for name, end := range map[string]func(*writes, Intent, int64){
		"refused": func(w *writes, in Intent, id int64) { w.commits(in, id, ident.ResultFailed) },
		"stale":   func(w *writes, in Intent, id int64) { w.commits(in, id, ident.ResultSkipped) },
		"not sent": func(w *writes, _ Intent, id int64) {
			must(w, w.CloseIntent(w.Context(), w.lease, id, ident.Operation{}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := openWrites(t)
			in, id := w.opens(titled("Lead"))
			end(w, in, id)
			w.expects(0)
			if own := w.reads(later, dc1, modified("Lead")); len(own) != 0 {
				t.Error("a change by hand is taken for the agent's own")
			}
		})
	}
}

// TestAWriteThatFailedInPart: what was carried out is the agent's, the rest is of
// whoever does it later.
func TestAWriteThatFailedInPart(t *testing.T) {
	disable := ident.Operation{Class: ident.ClassDisable, From: "CN=x,OU=a,DC=c", To: "CN=x,OU=b,DC=c"}
	both := titled("Lead")
	both.Attributes = append(both.Attributes, ident.AttributeChange{Name: "mail", New: []string{"bad"}})
	for name, tc := range map[string]struct {
		op    ident.Operation
		end   func(*Commit)
		event ident.Event
		own   ident.EventKind
	}{
		"disabled, and not moved": {
			disable, func(c *Commit) {
				c.Outcome.Result, c.Wrote = ident.ResultFailed, ident.Operation{Class: ident.ClassDisable}
			},
			ident.Event{GUID: "guid-1", DN: "CN=x,OU=b,DC=c", From: "CN=x,OU=a,DC=c", Parts: []ident.EventPart{{Kind: ident.EventDisabled}, {Kind: ident.EventMoved}}},
			ident.EventDisabled,
		},
		"one attribute refused": {
			both, func(c *Commit) { c.Outcome.Operation = titled("Lead") },
			ident.Event{GUID: "guid-1", Parts: []ident.EventPart{
				{Kind: ident.EventModified, Attribute: "mail", New: []string{"bad"}}, {Kind: ident.EventModified, Attribute: "title", New: []string{"Lead"}},
			}},
			ident.EventModified,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := openWrites(t)
			in, id := w.opens(tc.op)
			w.commits(in, id, ident.ResultApplied, tc.end)
			w.expects(1)
			if d := cmp.Diff([]ident.EventKind{tc.own}, w.reads(later, dc1, tc.event)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestALostAnswer: until it is found out what became of the write, its echo is
// expected, across reads and a restart.
func TestALostAnswer(t *testing.T) {
	for _, made := range []bool{false, true} {
		w := openWrites(t)
		in, id := w.opens(titled("Lead"))
		w.reads(later, dc1)
		w.expects(1)
		if made { // a recovery finds it out
			w.commits(in, id, ident.ResultApplied)
		} else {
			must(t, w.CloseIntent(t.Context(), w.lease, id, ident.Operation{}))
		}
		if own := w.reads(later, dc1, modified("Lead")); (len(own) == 1) != made {
			t.Errorf("made %t: %v", made, own)
		}
	}
}

// TestOverwritten: somebody has overwritten what the agent wrote before it was
// read. Setting the agent's value again later is theirs.
func TestOverwritten(t *testing.T) {
	for name, events := range map[string][]ident.Event{"seen": {modified("Other")}, "taken back": nil} {
		w := openWrites(t)
		in, id := w.opens(titled("Lead"))
		w.commits(in, id, ident.ResultApplied)
		if own := w.reads(later, dc1, events...); len(own) != 0 {
			t.Errorf("%s: somebody else's value is taken for the agent's own", name)
		}
		w.expects(0)
		if own := w.reads(later, dc1, modified("Lead")); len(own) != 0 {
			t.Errorf("%s: the value that somebody sets again is taken for the agent's own", name)
		}
	}
}

// TestAnotherDomainController may be late: the echo is expected for longer than a day,
// as replication between sites may come once a day.
func TestAnotherDomainController(t *testing.T) {
	w := openWrites(t)
	in, id := w.opens(titled("Lead"))
	w.commits(in, id, ident.ResultApplied)
	w.reads(later, "dc2 (database 2)", modified("Before it arrives"))
	w.expects(1)
	if own := w.reads(later, "dc2 (database 2)", modified("Lead")); len(own) != 1 {
		t.Error("the change is not known as the agent's own")
	}
	in, id = w.opens(titled("Lead"))
	w.commits(in, id, ident.ResultApplied)
	w.reads(time.Now().Add(24*time.Hour), "dc2 (database 2)")
	w.expects(1)
	w.reads(later.Add(MostLag), "dc2 (database 2)")
	w.expects(0)
}

// TestEchoesOfNobody are removed: their intents were removed in a way that this
// version does not know.
func TestEchoesOfNobody(t *testing.T) {
	w := openWrites(t)
	w.opens(titled("Lead"))
	w.reads(later, dc1)
	w.expects(1)
	_, err := w.writer.ExecContext(t.Context(), `DELETE FROM intents`)
	must(t, err)
	w.reads(later, dc1)
	w.expects(0)
}

// TestTheLastWriteCounts: of two writes that are read as one, the last one is the
// origin.
func TestTheLastWriteCounts(t *testing.T) {
	w := openWrites(t)
	for n, value := range []string{"Lead", "Chief", "Lead"} {
		in := Intent{Run: w.run, Automation: "staff", Application: "crm", Key: "1", GUID: "guid-1", Operation: titled(value), Database: dc1}
		if n == 2 {
			in.Origin = *w.origin()
		}
		w.commits(in, must1[int64](t)(w.OpenIntent(t.Context(), w.lease, in)), ident.ResultApplied)
	}
	if own := w.reads(later, dc1, modified("Lead")); len(own) != 1 {
		t.Error("the change is not known as the agent's own")
	}
	w.expects(0)
}

func creation() ident.Operation {
	return ident.Operation{Class: ident.ClassCreate, To: "CN=New,OU=a,DC=c", Attributes: []ident.AttributeChange{
		{Name: "employeeNumber", New: []string{"crm:2"}},
		{Name: "title", New: []string{"Lead"}},
		{Name: "manager", New: []string{"CN=Bo,DC=c"}},
		{Name: "mail", New: []string{"not mirrored"}},
	}}
}

func created() ident.Event {
	return ident.Event{GUID: "guid-2", DN: "CN=New,OU=a,DC=c", Parts: []ident.EventPart{{Kind: ident.EventCreated}}, Image: ident.Attributes{
		"employeenumber": {"crm:2"}, "title": {"Lead"}, "manager": {"cn=bo,DC=c"}, "useraccountcontrol": {"512"}, "samaccountname": {"x"},
	}}
}

// TestACreateIsRecognised by the anchor, as long as nobody knows the objectGUID,
// and by that afterwards.
func TestACreateIsRecognised(t *testing.T) {
	w := openWrites(t)
	in, id := w.opens(creation())
	if own := w.reads(earlier, dc1, created()); len(own) != 1 {
		t.Error("before its outcome: it is not known as the agent's own")
	}
	w.commits(in, id, ident.ResultApplied)
	in, id = w.opens(creation())
	w.commits(in, id, ident.ResultApplied)
	if own := w.reads(earlier, dc1, created()); len(own) != 1 {
		t.Error("after its outcome: it is not known as the agent's own")
	}
}

// TestWhatIsNotTheCreate: an account that somebody else has made, or has changed
// before it was read for the first time.
func TestWhatIsNotTheCreate(t *testing.T) {
	for name, change := range map[string]func(*ident.Event){
		"anchor":            func(e *ident.Event) { e.Image["employeenumber"] = []string{"crm:3"} },
		"no anchor":         func(e *ident.Event) { delete(e.Image, "employeenumber") },
		"anchor of a title": func(e *ident.Event) { e.Image["title"], e.Image["employeenumber"] = []string{"crm:2"}, nil },
		"title":             func(e *ident.Event) { e.Image["title"] = []string{"Chief"} },
		"place":             func(e *ident.Event) { e.DN = "CN=New,OU=b,DC=c" },
		"name":              func(e *ident.Event) { e.DN = "CN=Other,OU=a,DC=c" },
		"state":             func(e *ident.Event) { e.Image["useraccountcontrol"] = []string{"514"} },
		"restored":          func(e *ident.Event) { e.Parts[0].Kind = ident.EventRestored },
	} {
		for _, settled := range []bool{false, true} {
			w := openWrites(t)
			in, id := w.opens(creation())
			if settled {
				w.commits(in, id, ident.ResultApplied)
			}
			e := created()
			change(&e)
			if own := w.reads(later, dc1, e); len(own) != 0 && !(settled && name == "no anchor") { // its objectGUID says more
				t.Errorf("%s, settled %t: it is taken for the agent's own", name, settled)
			}
		}
	}
}

// TestACreateWithWhatFollows: the account is read for the first time after the run
// has written more to it.
func TestACreateWithWhatFollows(t *testing.T) {
	w := openWrites(t)
	in, id := w.opens(creation())
	w.commits(in, id, ident.ResultApplied, func(c *Commit) { l := link("2", "guid-2"); c.Link = &l })
	more := ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{{Name: "title", Old: []string{"Lead"}, New: []string{"Chief"}}}}
	in = Intent{Run: w.run, Automation: "staff", Application: "crm", Key: "2", GUID: "guid-2", Operation: more, Origin: *w.origin(), Database: dc1}
	id = must1[int64](t)(w.OpenIntent(t.Context(), w.lease, in))
	w.commits(in, id, ident.ResultApplied)
	e := created()
	e.Image["title"] = []string{"Chief"}
	if own := w.reads(later, dc1, e); len(own) != 1 {
		t.Error("it is not known as the agent's own")
	}
	w.expects(0)
}

// TestACreateBeforeWhatFollows: a write is under way when the account is read for
// the first time. What it changes comes later, and is the agent's too.
func TestACreateBeforeWhatFollows(t *testing.T) {
	w := openWrites(t)
	in, id := w.opens(creation())
	w.commits(in, id, ident.ResultApplied, func(c *Commit) { l := link("2", "guid-2"); c.Link = &l })
	more := Intent{
		Run: w.run, Automation: "staff", Application: "crm", Key: "2", GUID: "guid-2", Operation: titled("Chief"), Origin: *w.origin(), Database: dc1,
	}
	must1[int64](t)(w.OpenIntent(t.Context(), w.lease, more))
	if own := w.reads(later, dc1, created()); len(own) != 1 {
		t.Error("it is not known as the agent's own")
	}
	w.expects(1)
	next := modified("Chief")
	next.GUID = "guid-2"
	if own := w.reads(later, dc1, next); len(own) != 1 {
		t.Error("what follows is not known as the agent's own")
	}
}

// TestACreateBeforeItsGroups: the account is read for the first time after it has come
// to a group. The membership is a change of its own, and is the agent's too.
func TestACreateBeforeItsGroups(t *testing.T) {
	w := openWrites(t)
	in, id := w.opens(creation())
	w.commits(in, id, ident.ResultApplied, func(c *Commit) { l := link("2", "guid-2"); c.Link = &l })
	more := Intent{
		Run: w.run, Automation: "staff", Application: "crm", Key: "2", GUID: "guid-2", Origin: *w.origin(), Database: dc1,
		Operation: ident.Operation{Class: ident.ClassGroups, Groups: []ident.DN{"CN=a,DC=c"}},
	}
	id = must1[int64](t)(w.OpenIntent(t.Context(), w.lease, more))
	w.commits(more, id, ident.ResultApplied)
	joined := ident.Event{GUID: "guid-2", Group: &ident.EventGroup{DN: "CN=a,DC=c"}, Parts: []ident.EventPart{{Kind: ident.EventMemberAdded}}}
	own := w.reads(later, dc1, created(), joined)
	if d := cmp.Diff([]ident.EventKind{ident.EventCreated, ident.EventMemberAdded}, own); d != "" {
		t.Error(d)
	}
	w.expects(0)
}

// TestADeletionThatIsShownLater: where deletions are only found by looking for them,
// reads that do not look forget no deletion of the agent; and what the agent has deleted
// is certain to be deleted.
func TestADeletionThatIsShownLater(t *testing.T) {
	w := openWrites(t)
	in, id := w.opens(ident.Operation{Class: ident.ClassDelete})
	w.commits(in, id, ident.ResultApplied)
	looked := func(at time.Time) {
		must(t, w.UpdateMirror(t.Context(), func(tx MirrorTx) error {
			return tx.SetState(MirrorState{Server: dc1, Full: true, Synced: later, Deletions: at, Events: true})
		}))
	}
	looked(earlier)
	w.expects(1)
	deleted := ident.Event{GUID: "guid-1", DN: "CN=x,DC=c", Unsure: "not shown", Parts: []ident.EventPart{{Kind: ident.EventDeleted}}}
	again := errors.New("look again")
	err := w.UpdateMirror(t.Context(), func(tx MirrorTx) error {
		if _, err := tx.b.recognise(&deleted); err != nil || deleted.Parts[0].Origin == nil || deleted.Unsure != "" {
			t.Errorf("%+v, %v", deleted, err)
		}
		return again
	})
	if !errors.Is(err, again) {
		t.Fatal(err)
	}
	looked(later)
	w.expects(0)
}

// TestWritesAreAwaited: whoever reads the directory knows whether a write of the agent is
// still to be shown there.
func TestWritesAreAwaited(t *testing.T) {
	w := openWrites(t)
	awaits := func(when string, want bool) {
		t.Helper()
		state, err := w.MirrorState(t.Context())
		if err != nil || state.Awaits != want {
			t.Errorf("%s: %v, %v", when, state.Awaits, err)
		}
	}
	w.reads(earlier, dc1)
	in, id := w.opens(titled("Lead"))
	awaits("before it is known how the write ended", false)
	w.commits(in, id, ident.ResultApplied)
	awaits("after the write", true)
	w.reads(earlier, "dc2 (database 1)")
	awaits("at another domain controller", false)
	w.reads(later, dc1)
	awaits("after it was shown", false)
}

// TestNobodyAsksForEvents: what the agent writes while a read is under way with which
// changes begin to be events is known as its own, also when the write has ended by then.
func TestNobodyAsksForEvents(t *testing.T) {
	for _, ended := range []bool{false, true} {
		w := openWrites(t)
		update(t, w.Store, eventsCount(false))
		in, id := w.opens(titled("Lead"))
		end := func() { w.commits(in, id, ident.ResultApplied) }
		if ended {
			end()
		}
		update(t, w.Store, func(m MirrorTx) error {
			return m.SetState(MirrorState{Events: true, Full: true, Server: dc1, Synced: earlier}) // it began before the write
		})
		if !ended {
			end()
		}
		w.expects(1)
		if own := w.reads(later, dc1, modified("Lead")); len(own) != 1 {
			t.Errorf("ended before %t: the write is not known as the agent's own", ended)
		}
		w.expects(0)
	}
}

// TestEchoesThatNobodyHears are forgotten with the next complete read, as all others are.
func TestEchoesThatNobodyHears(t *testing.T) {
	w := openWrites(t)
	update(t, w.Store, eventsCount(false))
	in, id := w.opens(titled("Lead"))
	w.commits(in, id, ident.ResultApplied)
	w.expects(1)
	update(t, w.Store, func(m MirrorTx) error { return m.SetState(MirrorState{Full: true, Server: dc1, Synced: later}) })
	w.expects(0)
}

// TestEchoesThatNothingReads are forgotten by retention once no domain controller can be
// late any more; what is compared when automations come back, after a month. A write that
// is open is never forgotten.
func TestEchoesThatNothingReads(t *testing.T) {
	w := openWrites(t)
	settled := func(ago time.Duration) {
		t.Helper()
		_, err := w.writer.ExecContext(t.Context(), `UPDATE echoes SET settled = ? WHERE intent = 0`, stamp(time.Now().Add(-ago)))
		must(t, err)
	}
	retain := func(want int) {
		t.Helper()
		must1[Removed](t)(w.Retain(t.Context(), Retention{}))
		w.expects(want)
	}
	for range 3 {
		in, id := w.opens(titled("Lead"))
		w.commits(in, id, ident.ResultApplied)
	}
	settled(unheardFor - time.Hour)
	retain(3)
	settled(unheardFor + time.Hour)
	retain(0)
	in, id := w.opens(titled("Lead"))
	w.commits(in, id, ident.ResultApplied)
	w.opens(titled("Head"))
	update(t, w.Store, eventsCount(false))
	settled(MostLag - time.Hour)
	retain(2)
	settled(MostLag + time.Hour)
	retain(1)
}

// TestMemberships are events about the member.
func TestMemberships(t *testing.T) {
	w := openWrites(t)
	in, id := w.opens(ident.Operation{Class: ident.ClassGroups, Groups: []ident.DN{"CN=a,DC=c", "CN=b,DC=c"}})
	w.commits(in, id, ident.ResultFailed, func(c *Commit) {
		c.Wrote = ident.Operation{Class: ident.ClassGroups, Groups: []ident.DN{"CN=a,DC=c"}}
	})
	membership := func(kind ident.EventKind, group ident.DN) ident.Event {
		return ident.Event{GUID: "guid-1", Group: &ident.EventGroup{DN: group}, Parts: []ident.EventPart{{Kind: kind}}}
	}
	own := w.reads(later, dc1, membership(ident.EventMemberRemoved, "CN=a,DC=c"), membership(ident.EventMemberAdded, "CN=b,DC=c"),
		membership(ident.EventMemberAdded, "cn=A,dc=c"), membership(ident.EventMemberAdded, "cn=A,dc=c"))
	if d := cmp.Diff([]ident.EventKind{ident.EventMemberAdded}, own); d != "" {
		t.Error(d)
	}
}

// TestFlagsFollowTheState: userAccountControl, for those who ask for it by name,
// is part of the enable or the disable, unless another bit has changed too.
func TestFlagsFollowTheState(t *testing.T) {
	for flags, want := range map[string]int{"514": 2, "66050": 1, "x": 1} {
		w := openWrites(t)
		w.opens(ident.Operation{Class: ident.ClassDisable})
		own := w.reads(later, dc1, ident.Event{GUID: "guid-1", Parts: []ident.EventPart{
			{Kind: ident.EventDisabled}, {Kind: ident.EventModified, Attribute: "useraccountcontrol", Old: []string{"512"}, New: []string{flags}},
		}})
		if len(own) != want {
			t.Errorf("%s: %v", flags, own)
		}
	}
}
