package apply

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
)

func TestMain(m *testing.M) { os.Exit(dctest.Main(m)) }

// mirrored are the attributes that the operations of these tests write.
var mirrored = []string{
	"employeeNumber", "title", "department", "description", "otherMobile", "manager", "accountExpires", "countryCode", "thumbnailPhoto", "company",
}

// heard is a domain with an agent that writes to it and reads what happens there.
type heard struct {
	*testing.T
	*dirtest.Domain
	store   *store.Store
	dir     dirtest.Directory
	tag     string
	keys    int
	guids   []ident.GUID // of accounts that are linked
	keyOf   map[ident.GUID]ident.Key
	results []ident.Outcome
	last    int64 // event that was read
}

var worlds atomic.Int64

func hear(t *testing.T, d *dirtest.Domain) *heard {
	t.Helper()
	st, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	h := &heard{
		T: t, Domain: d, store: st, dir: d.Connect(t, dirtest.AsAgent), tag: fmt.Sprintf("e%d", worlds.Add(1)),
		keyOf: map[ident.GUID]ident.Key{},
	}
	h.sync() // from now on there are events
	return h
}

// Recorded and Tell make heard the Listener of its jobs.
func (h *heard) Recorded(o ident.Outcome) { h.results = append(h.results, o) }

// Tell is called about what needs a person: nothing here does.
func (h *heard) Tell(item ident.QuarantineItem, _ bool) { h.Logf("told: %+v", item) }

// sync brings the mirror up to date and returns the events that are new.
func (h *heard) sync() []ident.Event {
	h.Helper()
	spec := mirror.Spec{Base: h.BaseDN, Attributes: mirrored, Events: true}
	if _, err := mirror.Sync(h.Context(), h.dir, h.store, spec, slog.New(slog.DiscardHandler)); err != nil {
		h.Fatal(err)
	}
	var list []ident.Event
	all, _, err := h.store.SeenEvents(h.Context(), store.EventFilter{Most: 1_000_000}) // also those that are not judged before the outcome of the write
	if err != nil {
		h.Fatal(err)
	}
	for _, e := range all {
		if e.ID > h.last {
			list, h.last = append(list, ident.Event{ID: e.ID, At: e.At, Object: e.Object, GUID: e.GUID, DN: e.DN, Parts: e.Parts, Group: e.Group}), e.ID
		}
	}
	return list
}

// write carries an operation out, as a run or as a directory step. writer stands
// between the job and the directory if it is not nil.
func (h *heard) write(key ident.Key, guid ident.GUID, op ident.Operation, step *store.Orchestrated, between func(Writer) Writer) (ident.Origin, error) {
	h.Helper()
	job, origin, end := h.begin(step, between)
	dn := op.To
	if guid != "" {
		dn = h.entry(guid).DN
	}
	op.Verdict, op.Digest = ident.VerdictApply, fmt.Sprint(job.Run)
	h.results = nil
	err := job.Apply(h.Context(), []Task{{Change: &ident.Change{Key: key, GUID: guid, DN: dn, Name: dn.Name()}, Op: op}})
	end()
	return origin, err
}

// begin begins a run or a directory step, which end ends.
func (h *heard) begin(step *store.Orchestrated, between func(Writer) Writer) (job *Job, origin ident.Origin, end func()) {
	h.Helper()
	ctx := h.Context()
	w, err := write.New(ctx, h.dir, write.Rules{
		Scope: []ident.DN{h.OU("Staff"), h.OU("Leavers"), h.OU("Groups")}, Anchor: "employeeNumber", BindDN: h.BindDN,
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		h.Fatal(err)
	}
	var writer Writer = w
	if between != nil {
		writer = between(w)
	}
	lease, err := h.store.AcquireLease(ctx, "automation/a", "test", time.Hour)
	if err != nil {
		h.Fatal(err)
	}
	run, err := h.store.StartRun(ctx, lease, store.Run{Automation: "a", Application: "app", By: "test"})
	if err != nil {
		h.Fatal(err)
	}
	order := Order{
		Run: run, Automation: "a", Application: "app", By: "test", Lease: lease, Seen: true, Password: Password{Length: 24},
		Directory: h.dir, Writer: writer, Listener: h,
	}
	origin = ident.Origin{Application: "app", Automation: "a", Run: run}
	if step != nil {
		order.Automation, order.Application, order.Step, order.Begun = "", "", step, Begun{Automation: "began", Hops: 3}
		origin = ident.Origin{Automation: "began", Orchestration: step.Orchestration, Instance: step.Instance, Run: run, Hops: 3}
	}
	job = Begin(Settings{
		Store: h.store, Objects: &Objects{}, Writers: 1, Anchor: "employeeNumber", Servers: []string{h.dir.Server().URL},
		Configured: func(string) bool { return true }, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}, order)
	return job, origin, func() {
		h.Helper()
		if ended := h.store.FinishRun(ctx, lease, store.Run{ID: run, Result: store.RunOK}); ended != nil {
			h.Fatal(ended)
		}
		if ended := h.store.ReleaseLease(ctx, lease); ended != nil {
			h.Fatal(ended)
		}
	}
}

func (h *heard) entry(guid ident.GUID) ident.Entry {
	h.Helper()
	return h.Get(h.T, ident.DN("<GUID="+string(guid)+">"), append([]string{"cn", "userAccountControl", "memberOf"}, mirrored...)...)
}

func (h *heard) creation() (ident.Key, ident.Operation) {
	h.keys++
	key := ident.Key(fmt.Sprintf("%s-%d", h.tag, h.keys))
	to := h.OU("Staff").Child("Made " + string(key))
	return key, ident.Operation{Class: ident.ClassCreate, To: to, Attributes: []ident.AttributeChange{
		{Name: "sAMAccountName", New: []string{string(key)}},
		{Name: "employeeNumber", New: []string{"app:" + string(key)}},
		{Name: "title", New: []string{"new"}},
		{Name: "otherMobile", New: []string{"2", "1"}},
	}}
}

// linked makes an account through the agent.
func (h *heard) linked() ident.GUID {
	h.Helper()
	key, op := h.creation()
	if _, err := h.write(key, "", op, nil, nil); err != nil {
		h.Fatal(err)
	}
	guid := h.results[0].GUID
	h.guids, h.keyOf[guid] = append(h.guids, guid), key
	return guid
}

// parts lists what events say about an object, in the form of echoes.
func parts(events []ident.Event) (list []operation.Echo, origins []*ident.Origin) {
	for i := range events {
		for _, p := range events[i].Parts {
			list, origins = append(list, operation.EchoOf(&events[i], p)), append(origins, p.Origin)
		}
	}
	return list, origins
}

func byPart(list []operation.Echo) []operation.Echo {
	return slices.SortedFunc(slices.Values(list), func(a, b operation.Echo) int { return strings.Compare(a.Part+a.Digest, b.Part+b.Digest) })
}

// draw makes an operation that changes something about a linked account, and says
// whether it is to be a directory step.
func (h *heard) draw(t *rapid.T, guid ident.GUID) (ident.Operation, bool) {
	e := h.entry(guid)
	off, _ := e.Disabled()
	state := ident.ClassDisable
	if off {
		state = ident.ClassEnable
	}
	classes := []ident.Class{ident.ClassUpdate, ident.ClassUpdate, ident.ClassRename, ident.ClassMove, state, ident.ClassGroups}
	op := ident.Operation{Class: rapid.SampledFrom(classes).Draw(t, "class")}
	h.keys++
	name, elsewhere := fmt.Sprintf("Named, %s-%d", h.tag, h.keys), h.OU("Leavers")
	if e.DN.Under(elsewhere) {
		elsewhere = h.OU("Staff")
	}
	to := e.DN
	switch op.Class {
	case ident.ClassUpdate:
		op.Attributes = drawChanges(t, e, h.OU("Staff"))
	case ident.ClassGroups:
		group := "CN=CRM," + h.OU("Groups")
		if slices.ContainsFunc(e.Attributes.Values("memberOf"), func(dn string) bool { return group.EqualFold(ident.DN(dn)) }) {
			op.Left = []ident.DN{group}
		} else {
			op.Groups = []ident.DN{ident.DN(strings.ToLower(string(group)))}
		}
	case ident.ClassRename:
		to = e.DN.Parent().Child(name)
	case ident.ClassMove:
		to = elsewhere.Child(rapid.SampledFrom([]string{e.DN.Name(), name}).Draw(t, "name"))
	default:
		if rapid.Bool().Draw(t, "moves") {
			to = elsewhere.Child(e.DN.Name())
		}
	}
	if to != e.DN {
		op.From, op.To = e.DN, to
	}
	if to.Name() != e.DN.Name() {
		op.Attributes = []ident.AttributeChange{{Name: "cn", Old: []string{e.DN.Name()}, New: []string{to.Name()}}}
	}
	return op, rapid.Bool().Draw(t, "as a step")
}

// choices are values of attributes, the first one none.
func choices(staff ident.DN) map[string][][]string {
	return map[string][][]string{
		"title": {nil, {"a"}, {"A"}, {"b"}}, "description": {nil, {"x=y"}, {"CN=a, DC=b"}},
		"otherMobile": {nil, {"1"}, {"2", "1"}, {"1", "2", "3"}}, "manager": {nil, {string(staff.Child("Hana Made"))}, {strings.ToLower(string(staff.Child("Dora Disabled")))}},
		"accountExpires": {{"9223372036854775807"}, {"133900000000000000"}}, "countryCode": {{"0"}, {"276"}},
		"thumbnailPhoto": {nil, {"\x00\xff=,"}, {"GIF89a"}},
	}
}

// drawChanges draws new values for some attributes that an account does not have.
func drawChanges(t *rapid.T, e ident.Entry, staff ident.DN) []ident.AttributeChange {
	var list []ident.AttributeChange
	all := choices(staff)
	names := []string{"title", "description", "otherMobile", "manager", "accountExpires", "countryCode", "thumbnailPhoto"}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 4, rapid.ID).Draw(t, "attributes") {
		ch := ident.AttributeChange{Name: name, Old: e.Attributes.Values(name), Binary: name == "thumbnailPhoto"}
		fresh := slices.DeleteFunc(slices.Clone(all[name]), func(values []string) bool {
			return operation.EchoOfValues(name, values) == operation.EchoOfValues(name, ch.Old)
		})
		ch.New = rapid.SampledFrom(fresh).Draw(t, name)
		if name == "otherMobile" && rapid.Bool().Draw(t, "add") {
			ch.Add, ch.New = true, []string{"7" + rapid.StringMatching("[0-9]{6}").Draw(t, "number")}
		}
		list = append(list, ch)
	}
	return list
}

// TestWhatIsPredictedComes: for any operation, the parts that are predicted are
// exactly those of the event that the mirror shows afterwards, whatever the directory changes
// besides, and each is known as the agent's own.
func TestWhatIsPredictedComes(t *testing.T) {
	t.Run("memory", func(t *testing.T) { testWhatIsPredictedComes(t, dirtest.InMemory(t), 60, 1500) })
	t.Run("dc", func(t *testing.T) { testWhatIsPredictedComes(t, dirtest.OnDC(dctest.Start(t)), 30, 300) })
}

func testWhatIsPredictedComes(t *testing.T, d *dirtest.Domain, small, full int) {
	h := hear(t, d)
	h.linked()
	h.sync()
	steps := int64(0)
	soak.Check(t, small, full, func(r *rapid.T) {
		guid := rapid.SampledFrom(h.guids).Draw(r, "account")
		op, asStep := h.draw(r, guid)
		var step *store.Orchestrated
		if steps++; asStep {
			step = &store.Orchestrated{Orchestration: "o", Instance: steps, GUID: guid}
		}
		origin, err := h.write(h.keyOf[guid], guid, op, step, nil)
		if err != nil || len(h.results) != 1 || h.results[0].Result != ident.ResultApplied {
			r.Fatalf("%+v: %v, %+v", op, err, h.results)
		}
		got, origins := parts(h.sync())
		if d := cmp.Diff(byPart(operation.Echoes(op)), byPart(got)); d != "" {
			r.Fatalf("%+v (-predicted +came)\n%s", op, d)
		}
		for _, o := range origins {
			if d := cmp.Diff(&origin, o); d != "" {
				r.Fatalf("%+v: origin (-want +got)\n%s", op, d)
			}
		}
	})
}

// TestAccountsThatAreNew: a create, an adoption and the handover of an anchor.
func TestAccountsThatAreNew(t *testing.T) { dirtest.OnBoth(t, testAccountsThatAreNew) }

func testAccountsThatAreNew(t *testing.T, d *dirtest.Domain) {
	h := hear(t, d)
	own := func(what string, want ident.EventKind, origin ident.Origin) {
		t.Helper()
		events := h.sync()
		if len(events) != 1 || len(events[0].Parts) != 1 || events[0].Parts[0].Kind != want || events[0].Parts[0].Origin == nil {
			t.Fatalf("%s: %+v", what, events)
		}
		if d := cmp.Diff(&origin, events[0].Parts[0].Origin); d != "" {
			t.Errorf("%s: origin (-want +got)\n%s", what, d)
		}
	}
	key, op := h.creation()
	origin, err := h.write(key, "", op, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	own("create", ident.EventCreated, origin)

	guid := h.AddUser(t, h.OU("Staff"), "Adopted "+h.tag, h.tag+"-x", nil)
	if got, origins := parts(h.sync()); len(got) != 1 || origins[0] != nil {
		t.Fatalf("an account that somebody else made: %v, %v", got, origins)
	}
	anchor := func(class ident.Class, old, now []string, former ident.Key) ident.Operation {
		return ident.Operation{
			Class: class, To: h.entry(guid).DN, FormerKey: former,
			Attributes: []ident.AttributeChange{{Name: "employeeNumber", Old: old, New: now}},
		}
	}
	origin, err = h.write("x1", guid, anchor(ident.ClassAdopt, nil, []string{"app:x1"}, ""), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	own("adopt", ident.EventModified, origin)
	origin, err = h.write("x2", guid, anchor(ident.ClassLink, []string{"app:x1"}, []string{"app:x2"}, "x1"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	own("handover", ident.EventModified, origin)
	origin, err = h.write("", guid, ident.Operation{Class: ident.ClassDelete}, &store.Orchestrated{Orchestration: "o", Instance: 1, GUID: guid}, nil)
	if err != nil {
		t.Fatal(err)
	}
	own("delete", ident.EventDeleted, origin)
}

// watching reads the mirror at the worst moment: the change is in the directory,
// and the answer of the write has not arrived.
type watching struct {
	Writer
	h    *heard
	seen []ident.Event
	err  error // what the write answers instead
}

func (w *watching) Apply(ctx context.Context, guid ident.GUID, op ident.Operation, initial write.Initial) (ident.GUID, error) {
	guid, err := w.Writer.Apply(ctx, guid, op, initial)
	w.seen = w.h.sync()
	if w.err != nil {
		err = w.err
	}
	return guid, err
}

// TestAChangeIsKnownBeforeItsAnswer: however fast a change is read, it is known as
// the agent's own. It is also known when the answer never comes: the agent is
// killed, or the connection breaks.
func TestAChangeIsKnownBeforeItsAnswer(t *testing.T) {
	dirtest.OnBoth(t, testAChangeIsKnownBeforeItsAnswer)
}

func testAChangeIsKnownBeforeItsAnswer(t *testing.T, d *dirtest.Domain) {
	h := hear(t, d)
	var w *watching
	watch := func(inner Writer) Writer { w = &watching{Writer: inner, h: h}; return w }
	check := func(what string, origin ident.Origin, events []ident.Event) {
		t.Helper()
		got, origins := parts(events)
		if len(got) != 1 || origins[0] == nil || *origins[0] != origin {
			t.Errorf("%s: %v, %v", what, got, origins)
		}
	}
	key, op := h.creation()
	origin, err := h.write(key, "", op, nil, watch)
	if err != nil {
		t.Fatal(err)
	}
	check("create", origin, w.seen)
	guid := h.results[0].GUID
	title := func(old, now string) ident.Operation {
		return ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{{Name: "title", Old: []string{old}, New: []string{now}}}}
	}
	origin, err = h.write(key, guid, title("new", "first"), nil, watch)
	if err != nil {
		t.Fatal(err)
	}
	check("update", origin, w.seen)

	lost := func(inner Writer) Writer {
		return answering{inner, &write.Error{Kind: write.Unknown, Cause: "no answer"}}
	}
	origin, err = h.write(key, guid, title("first", "second"), nil, lost)
	if err == nil {
		t.Fatal("the answer is not lost")
	}
	check("no answer", origin, h.sync())
	if more := h.sync(); len(more) != 0 {
		t.Errorf("more comes: %+v", more)
	}
}

// answering makes a write and answers something else.
type answering struct {
	Writer
	err error
}

func (w answering) Apply(ctx context.Context, guid ident.GUID, op ident.Operation, initial write.Initial) (ident.GUID, error) {
	guid, _ = w.Writer.Apply(ctx, guid, op, initial)
	return guid, w.err
}

// refusing answers without a write.
type refusing struct{ Writer }

func (refusing) Apply(context.Context, ident.GUID, ident.Operation, write.Initial) (ident.GUID, error) {
	return "", &write.Error{Kind: write.Denied, Op: ident.ClassUpdate, Cause: "no right", Next: "give it"}
}

// TestTheSameChangeByHand is not the agent's: after a write that failed, and after
// one that was overwritten.
func TestTheSameChangeByHand(t *testing.T) { dirtest.OnBoth(t, testTheSameChangeByHand) }

func testTheSameChangeByHand(t *testing.T, d *dirtest.Domain) {
	h := hear(t, d)
	guid := h.linked()
	dn := h.entry(guid).DN
	h.sync()
	title := ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{{Name: "title", Old: []string{"new"}, New: []string{"same"}}}}
	byHand := func(what, value string) {
		t.Helper()
		h.Replace(t, dn, "title", value)
		if got, origins := parts(h.sync()); len(got) != 1 || origins[0] != nil {
			t.Errorf("%s: %v, %v", what, got, origins)
		}
	}
	if _, err := h.write(h.keyOf[guid], guid, title, nil, func(w Writer) Writer { return refusing{w} }); err != nil {
		t.Fatal(err)
	}
	byHand("after a write that failed", "same")
	byHand("to begin again", "new")
	if _, err := h.write(h.keyOf[guid], guid, title, nil, nil); err != nil {
		t.Fatal(err)
	}
	byHand("over what the agent wrote", "other")
	byHand("back to what the agent wrote", "same")
}

// TestWhoWroteLast: the agent and people write the same attributes of the same
// accounts, and between any two of these writes the mirror may be read. What it
// shows belongs to who wrote it last.
func TestWhoWroteLast(t *testing.T) {
	h := hear(t, dirtest.InMemory(t))
	h.linked()
	h.linked()
	h.sync()
	attributes := []string{"title", "department", "company"}
	soak.Check(t, 25, 600, func(r *rapid.T) {
		type slot struct {
			guid      ident.GUID
			attribute string
		}
		last := map[slot]*ident.Origin{}    // nil: a person
		agent := map[slot]map[string]bool{} // values of the agent since the last read
		look := func() {
			for _, e := range h.sync() {
				for _, p := range e.Parts {
					at := slot{e.GUID, p.Attribute}
					by := last[at]
					if by == nil && p.Origin != nil && !agent[at][strings.Join(p.New, "|")] || by != nil && (p.Origin == nil || *p.Origin != *by) {
						r.Fatalf("%s of %s became %q by %+v, and is taken for a change by %+v", p.Attribute, e.DN, p.New, by, p.Origin)
					}
				}
			}
			clear(last)
			clear(agent)
		}
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			guid := rapid.SampledFrom(h.guids).Draw(r, "account")
			name := rapid.SampledFrom(attributes).Draw(r, "attribute")
			e := h.entry(guid)
			at, old := slot{guid, name}, e.Attributes.Values(name)
			value := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "value")
			switch rapid.SampledFrom([]string{"agent", "hand", "read"}).Draw(r, "who") {
			case "agent":
				if slices.Equal(old, []string{value}) {
					continue
				}
				origin, err := h.write(h.keyOf[guid], guid, ident.Operation{
					Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{{Name: name, Old: old, New: []string{value}}},
				}, nil, nil)
				if err != nil {
					r.Fatal(err)
				}
				if last[at] = &origin; agent[at] == nil {
					agent[at] = map[string]bool{}
				}
				agent[at][value] = true
			case "hand":
				if slices.Equal(old, []string{value}) {
					continue
				}
				h.Replace(h.T, e.DN, name, value)
				last[at] = nil
			case "read":
				look()
			}
		}
		look()
	})
}
