package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// scene is one run to plan.
type scene struct {
	*world
	set      Settings
	hist     History
	mapper   *fakeMapper
	records  []ident.Record
	delivery Delivery
	before   func(*Builder) // calls before the records are added
	updates  []LinkUpdate   // after the plan
}

func newScene() *scene {
	return &scene{
		world: newWorld(),
		set: Settings{
			Automation: "staff", Application: "pipedrive", DataSource: "pipedrive_staff", Config: "c0ffee",
			Action: ActionLifecycle, Anchor: "employeeNumber", Match: []string{"mail"},
			Missing: Missing{Action: MissingDisable, MoveTo: leavers},
			Scope:   []ident.DN{staff, leavers, groups}, Now: noon,
			SourceShrink: Limit{Unlimited: true},
		},
		mapper: &fakeMapper{rules: map[string]attributeRule{}}, delivery: Delivery{Complete: true},
	}
}

// greedyView lists the links of every automation.
type greedyView struct{ *world }

func (v greedyView) EachLink(fn func(ident.Link) error) error {
	for _, l := range v.links {
		if err := fn(*l); err != nil {
			return err
		}
	}
	return nil
}

// record adds a record in scope; fields replace those that everybody has.
func (s *scene) record(key ident.Key, fields map[string]any) {
	f := map[string]any{"active": true, "cn": "Ada " + string(key), "mail": "ada" + string(key) + "@x"}
	maps.Copy(f, fields)
	s.records = append(s.records, ident.Record{Key: key, Fields: f})
}

// known adds a record, its account and its link, all in step.
func (s *scene) known(key ident.Key, fields map[string]any) (*ident.Entry, *ident.Link) {
	s.record(key, fields)
	return s.linked(key)
}

// linked adds an account and its link, made by rollcall.
func (s *scene) linked(key ident.Key) (*ident.Entry, *ident.Link) {
	name, mail, anchor := "Ada "+string(key), "ada"+string(key)+"@x", "pipedrive:"+string(key)
	e := s.account(ident.GUID("g"+key), staff.Child(name), "mail", mail, "employeeNumber", anchor)
	l := &ident.Link{
		Application: "pipedrive", Key: key, GUID: e.GUID, Automation: "staff", Origin: ident.OriginCreated, Created: noon, Placed: staff,
		Applied: map[string]string{
			"cn": ops.Digest([]string{name}), "mail": ops.Digest([]string{mail}),
			"employeenumber": ops.Digest([]string{anchor}),
		},
	}
	s.links[key] = l
	return e, l
}

func (s *scene) plan(t fataler) ident.Plan {
	t.Helper()
	p, err := s.try()
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	return p
}

func (s *scene) try() (ident.Plan, error) {
	b := NewBuilder(s.set, s.world, s.mapper, s.hist)
	if s.before != nil {
		s.before(b)
	}
	records := slices.Clone(s.records)
	slices.SortStableFunc(records, func(a, b ident.Record) int { return cmp.Compare(a.Key, b.Key) })
	for _, rec := range records {
		if err := b.Add(rec); err != nil {
			return ident.Plan{}, err
		}
	}
	p, err := b.Finish(s.delivery)
	s.updates = b.LinkUpdates()
	return p, err
}

// trace is everything about a plan that somebody can see, a line each.
func trace(p ident.Plan) []string {
	var out []string
	for _, c := range p.Changes {
		for _, op := range c.Operations {
			line := fmt.Sprintf("%s %s %s", c.Key, op.Verdict, op.Class)
			if op.From != "" {
				line += " " + string(op.From) + " ->"
			}
			if op.To != "" {
				line += " " + string(op.To)
			}
			if op.OU != "" && op.OU != op.To.Parent() {
				line += " not in " + string(op.OU)
			}
			for _, ch := range op.Attributes {
				line += fmt.Sprintf(" %s:%s->%s", ch.Name, strings.Join(ch.Old, ","), strings.Join(ch.New, ","))
				if ch.Add {
					line += "(add)"
				}
				if ch.Drift {
					line += "(drift)"
				}
				if ch.Conflict {
					line += "(both)"
				}
			}
			for _, g := range op.Groups {
				line += " " + string(g)
			}
			for _, g := range op.Left {
				line += " -" + string(g)
			}
			out = append(out, line+" | "+op.Reason)
		}
	}
	for _, q := range p.Quarantined {
		out = append(out, fmt.Sprintf("%s %s | %s | %s", q.Key, cmp.Or(q.Part, "quarantine"), q.Cause, q.Next))
	}
	for _, n := range p.Notes {
		out = append(out, fmt.Sprintf("%s note | %s", n.Key, n.Text))
	}
	if p.NobodyMissing != "" {
		out = append(out, "nobody missing | "+p.NobodyMissing)
	}
	return out
}

func wantTrace(t *testing.T, p ident.Plan, want ...string) {
	t.Helper()
	got := trace(p)
	if !slices.Equal(got, want) {
		t.Errorf("plan is\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
