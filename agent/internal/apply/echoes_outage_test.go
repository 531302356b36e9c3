package apply

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/memory"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// TestWhatWasWrittenBeforeAnOutage: a write of several requests that the directory
// accepts only in part, because it fails in between, is the agent's own as far as it went;
// whether it is read before or after the next run has found that out.
func TestWhatWasWrittenBeforeAnOutage(t *testing.T) {
	const fails = ldap.LDAPResultBusy
	d := dirtest.InMemory(t)
	crm, more := d.AddGroup(t, d.OU("Groups"), "Outage"), d.AddGroup(t, d.OU("Groups"), "Outage more")
	title := ident.AttributeChange{Name: "title", Old: []string{"new"}, New: []string{"Lead"}}
	mobile := ident.AttributeChange{Name: "otherMobile", Old: []string{"2", "1"}, New: []string{"3"}}
	for name, c := range map[string]struct {
		op      ident.Operation
		moves   bool
		answers []int // of the requests that write; 0 for success
		want    []operation.Echo
	}{
		"disable, move": {
			op: ident.Operation{Class: ident.ClassDisable}, moves: true, answers: []int{0, fails},
			want: operation.Echoes(ident.Operation{Class: ident.ClassDisable}),
		},
		"two groups": {
			op:      ident.Operation{Class: ident.ClassGroups, Groups: []ident.DN{crm, more}},
			answers: []int{0, fails}, want: operation.Echoes(ident.Operation{Class: ident.ClassGroups, Groups: []ident.DN{crm}}),
		},
		"one by one": {
			op:      ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{title, mobile}},
			answers: []int{ldap.LDAPResultConstraintViolation, 0, fails},
			want:    operation.Echoes(ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{title}}),
		},
		"nothing": {
			op:      ident.Operation{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{title}},
			answers: []int{fails},
		},
	} {
		for _, step := range []*store.Orchestrated{nil, {Orchestration: "o", Instance: 1}} {
			for _, first := range []bool{false, true} { // whether it is read first
				t.Run(name+map[bool]string{true: ", a step"}[step != nil]+map[bool]string{true: ", read first"}[first], func(t *testing.T) {
					h := hear(t, d)
					guid := h.linked()
					h.sync()
					op := c.op
					if e := h.entry(guid); c.moves {
						op.From, op.To = e.DN, h.OU("Leavers").Child(e.DN.Name())
					}
					client, writes := h.dir.(*memory.Client), 0
					client.Fault = func(r memory.Request) memory.Fault {
						if !r.Write {
							return memory.Fault{}
						}
						writes++
						return memory.Fault{Refuse: c.answers[min(writes, len(c.answers))-1]}
					}
					origin, err := h.write(h.keyOf[guid], guid, op, step, nil)
					client.Fault = nil
					if err == nil || writes != len(c.answers) {
						t.Fatalf("%d requests, %v", writes, err)
					}
					var events []ident.Event
					if first {
						events = h.sync()
					}
					job, _, end := h.begin(step, nil)
					if step != nil {
						err = job.RecoverObject(t.Context(), guid)
					} else {
						err = job.Recover(t.Context())
					}
					if end(); err != nil {
						t.Fatal(err)
					}
					if left, err := h.store.Intents(t.Context()); err != nil || len(left) > 0 {
						t.Errorf("%+v, %v", left, err)
					}
					got, origins := parts(append(events, h.sync()...))
					if d := cmp.Diff(byPart(c.want), byPart(got)); d != "" {
						t.Errorf("(-want +got)\n%s", d)
					}
					for _, by := range origins {
						if d := cmp.Diff(&origin, by); d != "" {
							t.Errorf("(-want +got)\n%s", d)
						}
					}
					h.Replace(t, h.entry(guid).DN, "department", "by hand")
					if _, origins := parts(h.sync()); len(origins) != 1 || origins[0] != nil {
						t.Errorf("by hand: %v", origins)
					}
				})
			}
		}
	}
}

// TestACreateBeforeAnOutage: the account was made, and the directory fails before it
// has all attributes.
func TestACreateBeforeAnOutage(t *testing.T) {
	h := hear(t, dirtest.InMemory(t))
	key, op := h.creation()
	client, writes := h.dir.(*memory.Client), 0
	answers := []int{ldap.LDAPResultConstraintViolation, 0, 0, ldap.LDAPResultBusy}
	client.Fault = func(r memory.Request) memory.Fault {
		if !r.Write {
			return memory.Fault{}
		}
		writes++
		return memory.Fault{Refuse: answers[min(writes, len(answers))-1]}
	}
	origin, err := h.write(key, "", op, nil, nil)
	client.Fault = nil
	if err == nil || writes != len(answers) {
		t.Fatalf("%d requests, %v", writes, err)
	}
	job, _, end := h.begin(nil, nil)
	err = job.Recover(t.Context())
	if end(); err != nil {
		t.Fatal(err)
	}
	link, linked, err := h.store.LinkByKey(t.Context(), ident.SpaceOf("app", ""), key)
	if err != nil || !linked || link.GUID == "" {
		t.Errorf("%+v, %v, %v", link, linked, err)
	}
	now, lacks := h.Get(t, op.To, "sAMAccountName", "employeeNumber", "title", "otherMobile"), 0
	for _, ch := range op.Attributes {
		has := len(now.Attributes.Values(ch.Name)) > 0
		if _, remembered := link.Applied[strings.ToLower(ch.Name)]; remembered != has {
			t.Errorf("the account has %s: %t, and the link remembers it: %t", ch.Name, has, remembered)
		}
		if !has {
			lacks++
		}
	}
	if lacks == 0 {
		t.Error("the account has everything: the test shows nothing")
	}
	if _, origins := parts(h.sync()); len(origins) != 1 || cmp.Diff(&origin, origins[0]) != "" {
		t.Errorf("%+v", origins)
	}
}
