package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// late is a read of a domain controller that may be behind the one before.
func late(since time.Time) func(MirrorTx) error {
	return func(m MirrorTx) error {
		m.Record(EventRules{Undone: Undone{Since: since, Why: "behind", Server: dc1}})
		return nil
	}
}

func TestWhatUndoesIsInDoubt(t *testing.T) {
	at := func(guid ident.GUID, dn ident.DN, control, title string) func(MirrorTx) error {
		return put(entry(guid, dn, "objectclass", "user", "useraccountcontrol", control, "title", title))
	}
	is := func(dn ident.DN, control, title string) func(MirrorTx) error { return at("b", dn, control, title) }
	for name, c := range map[string]struct {
		first, then func(MirrorTx) error // from the one domain controller, and from the next one
		doubt       bool
	}{
		"disabled, enabled":    {is("CN=b,DC=c", "514", "Clerk"), is("CN=b,DC=c", "512", "Clerk"), true},
		"disabled, moved":      {is("CN=b,DC=c", "514", "Clerk"), is("CN=b,OU=o,DC=c", "514", "Clerk"), false},
		"moved, back":          {is("CN=b,OU=o,DC=c", "512", "Clerk"), is("CN=b,DC=c", "512", "Clerk"), true},
		"renamed, back":        {is("CN=b2,DC=c", "512", "Clerk"), is("CN=b,DC=c", "512", "Clerk"), true},
		"renamed, again":       {is("CN=b2,DC=c", "512", "Clerk"), is("CN=b3,DC=c", "512", "Clerk"), false},
		"moved, elsewhere":     {is("CN=b,OU=o,DC=c", "512", "Clerk"), is("CN=b,OU=p,DC=c", "512", "Clerk"), true}, // the OU may have another name
		"retitled, back":       {is("CN=b,DC=c", "512", "Lead"), is("CN=b,DC=c", "512", "Clerk"), true},
		"retitled, again":      {is("CN=b,DC=c", "512", "Lead"), is("CN=b,DC=c", "512", "Chief"), false},
		"retitled, disabled":   {is("CN=b,DC=c", "512", "Lead"), is("CN=b,DC=c", "514", "Lead"), false},
		"left, joined":         {membersAre(), membersAre("CN=a,OU=o,DC=c"), true},
		"deleted, there again": {remove("b"), is("CN=b,DC=c", "512", "Clerk"), true},
		"created, changed":     {at("n", "CN=n,DC=c", "512", "Clerk"), at("n", "CN=n,DC=c", "514", "Clerk"), true},
		"created, gone":        {at("n", "CN=n,DC=c", "512", "Clerk"), remove("n"), true},
		"somebody else":        {is("CN=b,DC=c", "514", "Clerk"), remove("m"), false},
	} {
		t.Run(name, func(t *testing.T) {
			s := counting(t)
			update(t, s, is("CN=b,DC=c", "512", "Clerk"))
			began := time.Now()
			update(t, s, record, c.first)
			n := len(events(t, s))
			update(t, s, late(began.Add(-time.Minute)), c.then)
			all := events(t, s)
			if len(all) != n+1 || n == 0 {
				t.Fatalf("%d events, and %d in the end", n, len(all))
			}
			if e := all[n]; (e.Unsure == "behind") != c.doubt {
				t.Errorf("%s: in doubt %q", inWords(e), e.Unsure)
			}
		})
	}
}

// TestWhatWasBeforeIsNotUndone: an event from before the two agreed the last time is
// known to the other domain controller.
func TestWhatWasBeforeIsNotUndone(t *testing.T) {
	s := counting(t)
	update(t, s, record, put(user("b", "CN=b,DC=c", "title", "Lead")))
	update(t, s, late(time.Now().Add(time.Minute)), put(user("b", "CN=b,DC=c")))
	if all := events(t, s); len(all) != 2 || all[1].Unsure != "" {
		t.Error(all)
	}
}

// TestADamagedRowMayBeUndone: what it told is not known, and the mirror must go on.
func TestADamagedRowMayBeUndone(t *testing.T) {
	s := counting(t)
	update(t, s, record, put(user("b", "CN=b,DC=c", "title", "Lead")))
	must(t, s.exec(t.Context(), "damage", `UPDATE events SET parts_json = '{' WHERE id = 1`))
	update(t, s, late(earlier), put(user("b", "CN=b,DC=c", "title", "Chief")))
	var unsure string
	must(t, s.reader.QueryRowContext(t.Context(), `SELECT unsure FROM events WHERE id = 2`).Scan(&unsure))
	if unsure == "" {
		t.Error("the change is certain")
	}
}

// TestAnOwnWriteComesTwice: what the agent wrote on the one domain controller is its
// own also when it comes to the next one, which was behind.
func TestAnOwnWriteComesTwice(t *testing.T) {
	w := openWrites(t)
	titled1 := func(title string) func(MirrorTx) error { return put(user("guid-1", "CN=x,DC=c", "title", title)) }
	update(t, w.Store, titled1("before"), func(m MirrorTx) error {
		return m.SetState(MirrorState{Events: true, Full: true, Server: dc1, Synced: earlier})
	})
	in, id := w.opens(titled("Lead"))
	w.commits(in, id, ident.ResultApplied)
	read := func(server string, began time.Time, how func(MirrorTx) error, title string) {
		t.Helper()
		update(t, w.Store, how, titled1(title), func(m MirrorTx) error {
			return m.SetState(MirrorState{Events: true, Full: true, Server: server, Synced: began})
		})
	}
	read(dc1, later, record, "Lead")
	w.expects(0)
	read("dc2 (database 2)", later, late(earlier), "before")
	w.expects(1)
	read("dc2 (database 2)", later, record, "Lead")
	w.expects(0)
	all := events(t, w.Store)
	if len(all) != 3 {
		t.Fatal(all)
	}
	for i, want := range []*ident.Origin{w.origin(), nil, w.origin()} {
		if d := cmp.Diff(want, all[i].Parts[0].Origin); d != "" {
			t.Errorf("event %d (-want +got)\n%s", i+1, d)
		}
	}
	if all[1].Unsure == "" || all[2].Unsure != "" {
		t.Errorf("%+v", all)
	}
}

// TestWhatIsNotUndoneDoesNotComeTwice: on the next domain controller, which may be behind,
// somebody has written another value over the agent's. The agent's value is not to come
// again from there, so whoever sets it by hand later has changed something.
func TestWhatIsNotUndoneDoesNotComeTwice(t *testing.T) {
	w := openWrites(t)
	read := func(server string, how func(MirrorTx) error, title string) {
		t.Helper()
		update(t, w.Store, how, put(user("guid-1", "CN=x,DC=c", "title", title)), func(m MirrorTx) error {
			return m.SetState(MirrorState{Events: true, Full: true, Server: server, Synced: later})
		})
	}
	read(dc1, func(MirrorTx) error { return nil }, "before")
	in, id := w.opens(titled("Lead"))
	w.commits(in, id, ident.ResultApplied)
	read(dc1, record, "Lead")
	read("dc2 (database 2)", late(earlier), "Chief")
	w.expects(0)
	read("dc2 (database 2)", record, "Lead")
	all := events(t, w.Store)
	if len(all) != 3 {
		t.Fatal(all)
	}
	if own := all[0].Parts[0]; own.Origin == nil {
		t.Errorf("%+v is not known as the agent's own", own)
	}
	for _, e := range all[1:] {
		if e.Parts[0].Origin != nil || e.Unsure != "" {
			t.Errorf("%s: taken for the agent's own, or in doubt: %+v", inWords(e), e)
		}
	}
}

// TestTheLastWriteComesTwice: the next domain controller lacks the agent's write over a
// change by hand, or both of them.
func TestTheLastWriteComesTwice(t *testing.T) {
	for _, shown := range []string{"before", "Clerk"} {
		w := openWrites(t)
		read := func(server string, how func(MirrorTx) error, title string) {
			t.Helper()
			update(t, w.Store, how, put(user("guid-1", "CN=x,DC=c", "title", title)), func(m MirrorTx) error {
				return m.SetState(MirrorState{Events: true, Full: true, Server: server, Synced: later})
			})
		}
		read(dc1, func(MirrorTx) error { return nil }, "Clerk")
		read(dc1, record, "before")
		in, id := w.opens(titled("Lead"))
		w.commits(in, id, ident.ResultApplied)
		read(dc1, record, "Lead")
		read("dc2 (database 2)", late(earlier), shown)
		w.expects(1)
		read("dc2 (database 2)", record, "Lead")
		if all := events(t, w.Store); len(all) != 4 || all[2].Unsure == "" || all[3].Parts[0].Origin == nil {
			t.Errorf("%s: %+v", shown, all)
		}
	}
}

// TestAnOwnWriteIsLost: what a domain controller has lost that was set back comes to it
// from others, when they are heard.
func TestAnOwnWriteIsLost(t *testing.T) {
	w := openWrites(t)
	read := func(began time.Time, how func(MirrorTx) error, title string) {
		t.Helper()
		update(t, w.Store, how, put(user("guid-1", "CN=x,DC=c", "title", title)), func(m MirrorTx) error {
			return m.SetState(MirrorState{Events: true, Full: true, Server: dc1, Synced: began})
		})
	}
	lost := func(m MirrorTx) error {
		m.Record(EventRules{Undone: Undone{Since: earlier, Why: "set back"}})
		return nil
	}
	read(later, func(MirrorTx) error { return nil }, "before")
	in, id := w.opens(titled("Lead"))
	w.commits(in, id, ident.ResultApplied)
	read(later, record, "Lead")
	read(later, lost, "before")
	w.expects(1)
	read(later, record, "before")
	read(later.Add(MostLag-2*time.Hour), record, "Lead")
	if all := events(t, w.Store); len(all) != 3 || all[1].Unsure == "" || all[2].Parts[0].Origin == nil {
		t.Errorf("%+v", all)
	}
}
