package mirror

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// failover is a mirror of one domain controller, from which another one takes over.
type failover struct {
	*told
	dc     *dirtest.Domain
	f      *faulty
	former conn.Server
	ou     ident.DN
	groups ident.DN
}

const (
	enabled, disabled = "512", "514"
	accountControl    = "userAccountControl"
)

// newFailover makes changes that the mirror has from the first domain controller:
// Ada was disabled, Bo got a title and joined a group.
func newFailover(t *testing.T) *failover {
	dc := dirtest.InMemory(t)
	o := &failover{dc: dc, f: &faulty{Directory: dc.Connect(t, dirtest.AsAgent)}, ou: dc.OU("Staff")}
	o.former = o.f.Server()
	for _, name := range []string{"Ada", "Bo", "Cy"} {
		dc.AddUser(t, o.ou, name, strings.ToLower(name)+".failover", map[string][]string{"title": {"Clerk"}})
		dc.Replace(t, o.ou.Child(name), accountControl, enabled)
	}
	o.groups = dc.AddGroup(t, dc.OU("Groups"), "Failover", o.ou.Child("Cy"))
	o.told = counting(t, dc, o.f)
	o.set(t, disabled, "Lead")
	dc.AddMember(t, o.groups, o.ou.Child("Bo"))
	o.sync(t)
	o.want(t, "what the first one has", "Ada disabled", "Bo modified title Clerk>Lead", "Bo member_added Failover")
	usn, err := o.f.HighestUSN(t.Context())
	if _, c := o.state(t); err != nil || c.From.USN != usn {
		t.Errorf("the mirror has all up to %d, %v; the cursor says %+v", usn, err, c.From)
	}
	return o
}

func (o *failover) set(t *testing.T, control, title string) {
	t.Helper()
	o.dc.Replace(t, o.ou.Child("Ada"), accountControl, control)
	o.dc.Replace(t, o.ou.Child("Bo"), "title", title)
}

// to leads to another domain controller, which says how far it is with the changes of
// the former one, if head is set.
func (o *failover) to(head map[string]string) {
	o.f.server = func(s conn.Server) conn.Server {
		s.URL, s.DNSHostName, s.InvocationID = "ldaps://dc2.ad.test", "dc2.ad.test", "0"+s.InvocationID[1:]
		return s
	}
	o.f.search = func(q conn.Query, _ int, e ident.Entry) error {
		if q.Scope == conn.Base {
			for name, value := range head {
				e.Attributes.Set(name, value)
			}
		}
		return nil
	}
}

func (o *failover) back() { o.f.server = nil }

// xmlCursor says how far replication is in the words of Windows.
func xmlCursor(database ident.GUID, usn int64, last time.Time) map[string]string {
	return map[string]string{cursorsAttribute: fmt.Sprintf("<DS_REPL_CURSOR>\n\t<uuidSourceDsaInvocationID>%s</uuidSourceDsaInvocationID>\n"+
		"\t<usnAttributeFilter>%d</usnAttributeFilter>\n\t<ftimeLastSyncSuccess>%s</ftimeLastSyncSuccess>\n"+
		"\t<pszSourceDsaDN>CN=NTDS Settings,CN=DC1</pszSourceDsaDN>\n</DS_REPL_CURSOR>\n\x00",
		database, usn, last.UTC().Format(time.RFC3339))}
}

// TestItIsWaitedForReplication: a domain controller that is known to lack what the
// mirror has is not read before it has caught up.
func TestItIsWaitedForReplication(t *testing.T) {
	o := newFailover(t)
	_, c := o.state(t)
	behind := xmlCursor(c.From.Database, c.From.USN-1, time.Now())
	o.set(t, enabled, "Clerk")
	o.dc.Replace(t, o.ou.Child("Cy"), accountControl, disabled)
	o.to(behind)
	var first time.Time
	for range 3 {
		_, err := o.try(t.Context())
		var e *BehindError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "dc2.ad.test") || !strings.Contains(err.Error(), c.From.Server) {
			t.Fatal(err)
		}
		if first.IsZero() {
			first = e.Until
		}
		if !e.Until.Equal(first) || time.Until(first) > patience {
			t.Errorf("it is waited until %s, at first until %s", e.Until, first)
		}
		if state, now := o.state(t); !state.Full || now.From != c.From || now.USN != c.USN {
			t.Errorf("%+v, %+v", state, now)
		}
	}
	o.want(t, "waiting")

	o.set(t, disabled, "Lead")
	o.to(xmlCursor(c.From.Database, c.From.USN, time.Now()))
	o.sync(t)
	o.want(t, "it has caught up", "Cy disabled")
	if _, c := o.state(t); c.From.URL != "ldaps://dc2.ad.test" || c.From.USN == 0 || !c.Behind.IsZero() {
		t.Errorf("%+v", c)
	}
}

// TestTheFormerOneIsBack: the mirror goes on where it was, and a later failover may take
// its time again.
func TestTheFormerOneIsBack(t *testing.T) {
	o := newFailover(t)
	_, c := o.state(t)
	o.to(xmlCursor(c.From.Database, c.From.USN-1, time.Now()))
	if _, err := o.try(t.Context()); err == nil {
		t.Fatal("it is not behind")
	}
	o.back()
	o.set(t, enabled, "Lead")
	if r := o.sync(t); r.Full {
		t.Error("everything was read again")
	}
	o.want(t, "back", "Ada enabled")
	if _, c := o.state(t); !c.Behind.IsZero() {
		t.Errorf("%+v", c)
	}
}

// TestWhatGoesBackIsSetAside: where it is not known how far the other domain controller
// is, or it is behind for longer than can be waited for, it is read. What undoes
// what the mirror has from the former one is in doubt, and nothing else.
func TestWhatGoesBackIsSetAside(t *testing.T) {
	long := func(c *cursor) { c.Behind = time.Now().Add(-patience) }
	doubts := []string{"Ada enabled ?", "Bo modified title Lead>Clerk ?", "Bo member_removed Failover ?", "Cy disabled"}
	certain := []string{"Ada enabled", "Bo modified title Lead>Clerk", "Bo member_removed Failover", "Cy disabled"}
	for name, c := range map[string]struct {
		change func(*cursor)
		head   func(cursor) map[string]string
		want   []string
	}{
		"it does not say": {nil, func(cursor) map[string]string { return nil }, doubts},
		"damaged":         {nil, func(cursor) map[string]string { return map[string]string{vectorAttribute: "damaged"} }, doubts},
		"behind for long": {long, func(c cursor) map[string]string {
			return xmlCursor(c.From.Database, c.From.USN-1, time.Now())
		}, doubts},
		"behind for ever": {long, func(c cursor) map[string]string {
			return xmlCursor(c.From.Database, 0, time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC))
		}, doubts},
		"behind, but not since then": {long, func(c cursor) map[string]string {
			return xmlCursor(c.From.Database, c.From.USN-1, time.Now().Add(time.Hour))
		}, certain},
		"not behind": {nil, func(c cursor) map[string]string { return vector(2, c.From.Database, c.From.USN, 0) }, certain},
	} {
		t.Run(name, func(t *testing.T) {
			o := newFailover(t)
			_, before := o.state(t)
			if c.change != nil {
				o.setCursor(t, c.change)
			}
			o.set(t, enabled, "Clerk")
			o.dc.Replace(t, o.ou.Child("Cy"), accountControl, disabled)
			o.dc.Replace(t, o.groups, "member", string(o.ou.Child("Cy")))
			o.to(c.head(before))
			o.sync(t)
			o.want(t, "the failover", c.want...)
			o.set(t, disabled, "Chief")
			o.sync(t)
			o.want(t, "as usual afterwards", "Ada disabled", "Bo modified title Clerk>Chief")
		})
	}
}

// TestAFailoverWithNewValues: a value that the mirror never had is somebody's change.
func TestAFailoverWithNewValues(t *testing.T) {
	o := newFailover(t)
	o.set(t, disabled, "Chief")
	o.to(nil)
	o.sync(t)
	o.want(t, "the failover", "Bo modified title Lead>Chief")
}

// TestADoubtOutlivesAnInterruption: the read that was cut off is from the domain
// controller that may be behind.
func TestADoubtOutlivesAnInterruption(t *testing.T) {
	o := newFailover(t)
	o.set(t, enabled, "Lead")
	o.to(nil)
	whole := o.store
	o.store = &rolledBack{Store: whole, at: 2}
	if _, err := o.try(t.Context()); !errors.Is(err, errRolledBack) {
		t.Fatal(err)
	}
	o.store = whole
	o.sync(t)
	o.want(t, "the failover", "Ada enabled ?")
}

// TestLogonsDoNotPutTheMirrorAhead: a domain controller that has all that the mirror has
// is not behind because the former one's USN has moved on.
func TestLogonsDoNotPutTheMirrorAhead(t *testing.T) {
	o := newFailover(t)
	_, c := o.state(t)
	whole := o.store
	o.store = &counted{Store: whole, awaits: true} // so that a look without a difference is stored
	o.f.usn = func(usn int64) int64 { return usn + 1000 }
	o.sync(t)
	o.store = whole
	if _, now := o.state(t); now.From.USN != c.From.USN || now.USN != c.USN+1000 {
		t.Errorf("%+v, before %+v", now, c)
	}
	o.to(xmlCursor(c.From.Database, c.From.USN, time.Now()))
	o.sync(t)
	o.want(t, "the failover")
}

// TestAQuietFullRead: the daily read of everything that finds nothing new does not put the
// mirror ahead of a domain controller that has all that it has, and one that does find
// something puts it ahead.
func TestAQuietFullRead(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*testing.T, *failover)
		ahead  bool
	}{
		"nothing":    {func(*testing.T, *failover) {}, false},
		"a title":    {func(t *testing.T, o *failover) { o.set(t, disabled, "Chief") }, true},
		"a member":   {func(t *testing.T, o *failover) { o.dc.AddMember(t, o.groups, o.ou.Child("Ada")) }, true},
		"a newcomer": {func(t *testing.T, o *failover) { o.dc.AddUser(t, o.ou, "Di", "di.failover", nil) }, true},
		"a deletion": {func(t *testing.T, o *failover) { o.dc.Delete(t, o.ou.Child("Ada")) }, true}, // in no group
		"a unit": {func(t *testing.T, o *failover) {
			o.dc.Add(t, o.dc.OU("Quiet"), map[string][]string{"objectClass": {"organizationalUnit"}})
		}, true},
		"new attribute": {func(_ *testing.T, o *failover) { o.spec.Attributes = append(o.spec.Attributes, "company") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := newFailover(t)
			_, before := o.state(t)
			o.setCursor(t, func(c *cursor) { c.Whole = time.Time{} })
			c.change(t, o)
			o.f.usn = func(usn int64) int64 { return usn + 1000 } // logons
			if r := o.sync(t); !r.Full {
				t.Fatal("not everything was read")
			}
			_, now := o.state(t)
			if ahead := now.From.USN > before.From.USN; ahead != c.ahead || now.USN < before.USN+1000 {
				t.Errorf("%+v, before %+v", now, before)
			}
			o.since(t)
			o.to(xmlCursor(before.From.Database, before.From.USN, time.Now()))
			var behind *BehindError
			if _, err := o.try(t.Context()); errors.As(err, &behind) != c.ahead || err != nil && !c.ahead {
				t.Errorf("the failover: %v", err)
			}
		})
	}
}

// TestADatabaseThatWasSetBack: an old image of the domain controller runs again, and has
// the same invocation id. What undoes what the mirror had is in doubt, and nothing else.
func TestADatabaseThatWasSetBack(t *testing.T) {
	for name, usn := range map[string]func(cursor) int64{
		"below the last read":       func(c cursor) int64 { return c.USN - 1 },
		"below what the mirror has": func(c cursor) int64 { return c.From.USN - 1 },
	} {
		t.Run(name, func(t *testing.T) {
			o := newFailover(t)
			_, c := o.state(t)
			if name == "below what the mirror has" { // it changed while the last read was under way
				o.setCursor(t, func(c *cursor) { c.USN -= 5 })
			}
			o.set(t, enabled, "Clerk")
			o.dc.Replace(t, o.groups, "member", string(o.ou.Child("Cy")))
			o.dc.Replace(t, o.ou.Child("Cy"), accountControl, disabled)
			is := usn(c)
			o.f.usn = func(int64) int64 { return is }
			if r := o.sync(t); !r.Full {
				t.Error("only changes were read")
			}
			o.want(t, "set back", "Ada enabled ?", "Bo modified title Lead>Clerk ?", "Bo member_removed Failover ?", "Cy disabled")
			if _, now := o.state(t); now.From.USN != is || now.Older {
				t.Errorf("%+v", now)
			}
			o.set(t, disabled, "Chief")
			is++
			o.sync(t)
			o.want(t, "as usual afterwards", "Ada disabled", "Bo modified title Clerk>Chief")
		})
	}
}

// TestAReadOfADatabaseThatWasSetBackIsCutOff: when everything is read again, the numbers
// of the domain controller may have passed those of before.
func TestAReadOfADatabaseThatWasSetBackIsCutOff(t *testing.T) {
	o := newFailover(t)
	o.set(t, enabled, "Lead")
	o.f.usn = func(usn int64) int64 { return usn - 1000 }
	whole := o.store
	o.store = &rolledBack{Store: whole, at: 2}
	if _, err := o.try(t.Context()); !errors.Is(err, errRolledBack) {
		t.Fatal(err)
	}
	o.store, o.f.usn = whole, nil
	o.sync(t)
	o.want(t, "set back", "Ada enabled ?")
	o.set(t, disabled, "Lead")
	o.sync(t)
	o.want(t, "as usual afterwards", "Ada disabled")
}

// TestWhatWasSetBackComesFromOthers: own writes that are lost with it are expected from
// others, which are late.
func TestWhatWasSetBackComesFromOthers(t *testing.T) {
	y := &synchroniser{
		spec: Spec{Events: true}, comparable: []string{}, log: slog.New(slog.DiscardHandler), began: time.Now(), usn: 1,
		before: store.MirrorState{Events: true}, last: cursor{USN: 2, From: source{Server: "dc1", USN: 2}}, report: Report{Server: "dc1"},
	}
	if err := y.awaitReplication(t.Context()); err != nil || y.undone.Server != "" || !y.undone.Since.Equal(y.began.Add(-store.MostLag)) {
		t.Errorf("%v, %+v", err, y.undone)
	}
}

// TestWaitingForgetsNoDeletion: where deletions are only found by looking for them, the
// agent's own one is expected until somebody has looked, also while it is waited for
// replication.
func TestWaitingForgetsNoDeletion(t *testing.T) {
	o := newFailover(t)
	st := o.store.(*store.Store)
	state, c := o.state(t)
	deletes(t, st, state.Server)
	c.Blind, c.Swept = true, time.Now().Add(-time.Hour)
	var err error
	if state.Cookie, err = c.encode(); err != nil {
		t.Fatal(err)
	}
	state.Synced, state.Deletions = time.Now().Add(time.Second), c.Swept
	o.setState(t, state)
	o.to(xmlCursor(c.From.Database, c.From.USN-1, time.Now()))
	for _, when := range []string{"before", "while it is waited"} {
		if state, _ := o.state(t); !state.Awaits {
			t.Errorf("%s: the deletion is not expected any more", when)
		}
		var behind *BehindError
		if _, err := o.try(t.Context()); !errors.As(err, &behind) {
			t.Fatal(err)
		}
	}
}

// deletes keeps that the agent has deleted an account on a domain controller.
func deletes(t *testing.T, st *store.Store, server string) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	lease, err := st.AcquireLease(ctx, "automation/a", "test", time.Hour)
	must(err)
	run, err := st.StartRun(ctx, lease, store.Run{Automation: "a", Application: "app", By: "test"})
	must(err)
	const guid = "0d4a1c54-7b5e-4a7e-9c11-1f2e3d4c5b6a"
	must(st.PutLink(ctx, ident.Link{Application: "app", Kind: ident.UserKind, Key: "1", GUID: guid, Automation: "a"}, "test"))
	op := ident.Operation{Class: ident.ClassDelete}
	id, err := st.OpenIntent(ctx, lease, store.Intent{
		Run: run, Automation: "a", Application: "app", Key: "1", GUID: guid, Operation: op, Link: &ident.Link{}, Database: server,
	})
	must(err)
	must(st.Commit(ctx, lease, store.Commit{
		Automation: "a", Application: "app", Intent: id,
		Outcome: ident.Outcome{Run: run, Key: "1", GUID: guid, DN: "CN=x,DC=c", Operation: op, Result: ident.ResultApplied},
	}))
}

// vector says how far replication is in binary.
func vector(version uint32, database ident.GUID, usn, last int64) map[string]string {
	id, err := database.Bytes()
	if err != nil {
		panic(err)
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(version))
	b = binary.LittleEndian.AppendUint64(b, 2) // cursors
	for i := range int64(2) {
		b = append(b, id...)
		b[len(b)-1] += byte(1 - i) // the first one is another database
		b = binary.LittleEndian.AppendUint64(b, uint64(usn+1-i))
		if version == 2 {
			b = binary.LittleEndian.AppendUint64(b, uint64(last))
		}
	}
	return map[string]string{vectorAttribute: string(b)}
}

// sambaVector is what Samba's own library (drsblobs) makes of one cursor.
const sambaVector = "AgAAAAAAAAABAAAAAAAAAFQcSg1ee35KnBEfLj1MW2pnEgAAAAAAAAAAaTFlgN0B"

// TestReplicationOfADomainController: the agent's account may read it.
func TestReplicationOfADomainController(t *testing.T) {
	server := dctest.Start(t)
	dc := dirtest.OnDC(server)
	s := newSubject(t, dc, dc.Connect(t, dirtest.AsAgent))
	ask := func(database ident.GUID) (replicated, bool) {
		t.Helper()
		y := &synchroniser{dir: s.dir, base: dc.BaseDN, log: slog.New(slog.DiscardHandler)}
		r, known, err := y.replicatedFrom(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		return r, known
	}
	if r, known := ask("0d4a1c54-7b5e-4a7e-9c11-1f2e3d4c5b6a"); known {
		t.Errorf("a domain controller that is alone has replicated %+v", r)
	}
	server.Replicated(t, sambaVector)
	if r, known := ask("0D4A1C54-7b5e-4a7e-9c11-1f2e3d4c5b6a"); !known || r.usn != 4711 || r.last.Unix() != 1_796_000_000 {
		t.Errorf("%+v, %v", r, known)
	}
	if r, known := ask("1d4a1c54-7b5e-4a7e-9c11-1f2e3d4c5b6a"); !known || r.usn != 0 {
		t.Errorf("of another one: %+v, %v", r, known)
	}
}

func TestCursorsOf(t *testing.T) {
	const database = ident.GUID("0d4a1c54-7b5e-4a7e-9c11-1f2e3d4c5b6a")
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	seconds := at.Unix() + 11_644_473_600
	packed, err := base64.StdEncoding.DecodeString(sambaVector)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		head map[string]string
		want replicated
	}{
		"XML":              {xmlCursor(database, 4711, at), replicated{4711, at}},
		"XML, upper case":  {xmlCursor(ident.GUID(strings.ToUpper(string(database))), 4711, at), replicated{4711, at}},
		"version 1":        {vector(1, database, 4711, 0), replicated{usn: 4711}},
		"version 2":        {vector(2, database, 4711, seconds), replicated{4711, at}},
		"version 2, Samba": {vector(2, database, 4711, seconds*10_000_000), replicated{4711, at}},
		"Samba's own":      {map[string]string{vectorAttribute: string(packed)}, replicated{4711, time.Unix(1_796_000_000, 0)}},
		"never":            {vector(2, database, 4711, 0), replicated{usn: 4711}},
	} {
		head := ident.Attributes{}
		for attribute, value := range c.head {
			head.Set(attribute, value)
		}
		all, err := cursorsOf(head)
		got := all[database]
		got.last = got.last.UTC()
		c.want.last = c.want.last.UTC()
		if d := cmp.Diff(c.want, got, cmp.AllowUnexported(replicated{})); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, d)
		}
	}
	whole := vector(2, database, 1, 1)[vectorAttribute]
	for n := 1; n < len(whole); n++ {
		if all, err := vectorOf([]byte(whole[:n])); err == nil {
			t.Errorf("%d of %d bytes: %v", n, len(whole), all)
		}
	}
	if _, err := cursorsOf(ident.Attributes{"msds-ncreplcursors": {"<DS_REPL_CURSOR><usnAttributeFilter>x" + strconv.Itoa(1)}}); err == nil {
		t.Error("damaged XML is read")
	}
}
