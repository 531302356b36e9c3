package orchestration

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Values is what the steps of an instance may know of its object. A nil object
// is null.
type Values struct {
	Object *ident.Entry // as it is now; nil when it no longer exists
	Gone   bool         // Object was deleted, and this is what it was like before
	// Presence says whether an object is there whose deletion began the instance.
	Presence Presence
	Manager  *ident.Entry // the object that its attribute manager names
	Old      *ident.Entry // the object before the change
	Change   *Change
	Links    []Link
	From     []string // see Input
	// Linking names the spaces in which an earlier orchestration for the object may yet
	// make a link, or is about to end the one that there is.
	Linking []ident.Space
	// Settings holds those of applications, by application and name.
	Settings map[string]map[string]any
	Schema   ident.Schema
	Password string // "" is null
	Now      time.Time
}

// Change is what happened to the object.
type Change struct {
	Kind string `json:"kind"` // "created", "updated", "disabled", ...
	// Kinds are all kinds of a change in the directory, of which Kind is the first that
	// the automation asks for; none: there is only Kind.
	Kinds      []string     `json:"kinds,omitempty"`
	Attributes []string     `json:"attributes,omitempty"`
	Group      *ChangeGroup `json:"group,omitempty"` // of a membership
}

// ChangeGroup is the group that the object became a member of, or was one.
type ChangeGroup struct {
	GUID ident.GUID `json:"guid"`
	DN   ident.DN   `json:"dn"`
	Name string     `json:"name"`
}

// The members that expressions see of a change and of its group.
var (
	ChangeMembers = []string{"kind", "kinds", "attributes", "group"}
	GroupMembers  = []string{"dn", "name", "objectGUID"}
)

func (c *Change) value() map[string]any {
	if c == nil {
		return nil
	}
	kinds := c.Kinds
	if len(kinds) == 0 {
		kinds = []string{c.Kind}
	}
	out := map[string]any{"kind": c.Kind, "kinds": listOf(kinds), "attributes": listOf(c.Attributes), "group": nil}
	if g := c.Group; g != nil {
		out["group"] = map[string]any{"dn": string(g.DN), "name": g.Name, "objectGUID": string(g.GUID)}
	}
	return out
}

// Link is a link of the object.
type Link struct {
	Application string
	Kind        string // "" means ident.UserKind
	Key         ident.Key
	GUID        ident.GUID
	Automation  string // the automation or orchestration that made it
	Origin      ident.LinkOrigin
}

// LinkOf returns a link as steps know it.
func LinkOf(l ident.Link) Link {
	by := l.Automation
	if by == "" {
		by = l.Orchestration
	}
	return Link{Application: l.Application, Kind: l.Kind, Key: l.Key, GUID: l.GUID, Automation: by, Origin: l.Origin}
}

// LinkIn returns the link of the object in a space; the zero Link when it has none.
func (v Values) LinkIn(space ident.Space) Link {
	if i := slices.IndexFunc(v.Links, func(l Link) bool { return l.space() == space }); i >= 0 {
		return v.Links[i]
	}
	return Link{}
}

// space returns the space of the link's key.
func (l Link) space() ident.Space { return ident.SpaceOf(l.Application, l.Kind) }

func (l Link) value() map[string]any {
	return map[string]any{
		"application": l.Application, "kind": l.space().Kind(), "key": string(l.Key), "guid": string(l.GUID),
		"automation": l.Automation, "origin": string(l.Origin),
	}
}

// Env returns the values of the names that a step may use. The step is counted
// from 0.
func (o *Orchestration) Env(step int, s State, v Values) expr.Env { return o.env(step, s, v) }

// env is Env, also for the members of the Whole.
func (o *Orchestration) env(step int, s State, v Values) expr.Env {
	env := expr.Env{
		"ad": o.object("ad", v.Object, v.Schema), "manager": o.object("manager", v.Manager, v.Schema),
		"old": o.object("old", v.Old, v.Schema), "change": v.Change.value(), "link": nil, "links": linksOf(v.Links),
		"steps": o.answers(s), "settings": nil, "now": v.Now, "password": nil,
	}
	if v.Gone && v.Object != nil {
		env["ad"].(map[string]any)["disabled"] = true // nobody can log on with it
	}
	if o.definition.Password && v.Password != "" {
		env["password"] = v.Password
	}
	if step == Whole || o.steps[step].Webhook == nil {
		return env
	}
	w := o.steps[step].Webhook
	for _, l := range v.Links {
		if l.space() == ident.SpaceOf(w.Application, w.LinkKind) {
			env["link"] = l.value()
		}
	}
	env["settings"] = maps.Clone(v.Settings[w.Application])
	if v.Settings[w.Application] == nil {
		env["settings"] = map[string]any{}
	}
	return env
}

// linksOf returns the value of links: links.APPLICATION is the link of a user,
// links["APPLICATION/KIND"] that of another kind.
func linksOf(links []Link) map[string]any {
	out := map[string]any{}
	for _, l := range links {
		out[l.space().String()] = l.value()
	}
	return out
}

func listOf(texts []string) []any {
	out := make([]any, len(texts))
	for i, s := range texts {
		out[i] = s
	}
	return out
}

// answers returns the value of steps. What there is no answer for is absent
// rather than null, so that a condition that needs it fails unless it asks
// whether it is there.
func (o *Orchestration) answers(s State) map[string]any {
	out := map[string]any{}
	for _, step := range o.steps {
		a, ran := s.Answers[step.Name]
		if !ran || a.Outcome == OutcomeSkipped {
			continue
		}
		answer := map[string]any{"error": nil}
		if a.Error != "" {
			answer["error"] = a.Error
		}
		if a.Answered {
			answer["status"] = a.Status
		}
		if len(a.Response) > 0 {
			answer["response"] = decoded(a.Response)
		}
		out[step.Name] = answer
	}
	return out
}

// decoded returns a response as expressions see it; nil when it is no JSON.
func decoded(response []byte) any {
	var v any
	d := json.NewDecoder(bytes.NewReader(response))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

// compact removes white space from JSON.
func compact(response []byte) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, response) != nil {
		return slices.Clone(response)
	}
	return b.Bytes()
}

// Attributes returns the attributes of an object that must be read for "ad",
// "manager" or "old", sorted. all says that every attribute may be needed. There
// are none when the orchestration does not use the object.
func (o *Orchestration) Attributes(object string) (names []string, all bool) {
	for _, n := range o.spelled[object] {
		switch from, isDerived := derived[n]; {
		case n == expr.Every:
			all = true
		case isDerived:
			names = append(names, from...)
		default:
			names = append(names, n)
		}
	}
	if _, used := o.spelled["manager"]; used && object == "ad" {
		names = append(names, "manager")
	}
	slices.Sort(names)
	return slices.Compact(names), all
}

// Knowing returns an orchestration that also reads these members of ad, manager and
// old, and whose Env has them as they are spelled here. It is o itself when it knows
// them all.
func (o *Orchestration) Knowing(uses map[string][]string) *Orchestration {
	out := o
	for _, name := range []string{"ad", "manager", "old"} {
		for _, member := range uses[name] {
			if slices.Contains(out.spelled[name], member) {
				continue
			}
			if out == o {
				copied := *o
				out = &copied
			}
			out.spelled = maps.Clone(out.spelled)
			if out.spelled == nil {
				out.spelled = spellings{}
			}
			out.spelled[name] = append(slices.Clone(out.spelled[name]), member)
		}
	}
	return out
}

// Input is what started an instance. It is kept with the instance as JSON.
type Input struct {
	Change *Change      `json:"change,omitempty"`
	Old    *ident.Entry `json:"old,omitempty"` // what the change replaced: see Former

	// Event is the change in the directory that began the instance; 0: none did.
	Event int64 `json:"event,omitempty"`
	// From are the applications that the change came from: nothing is sent back to
	// them.
	From []string `json:"from,omitempty"`
	// Hops counts the events that led to this one: see ident.Origin.
	Hops int `json:"hops,omitempty"`
	// Image is the object as it was last seen. Only one that was deleted has it.
	Image *ident.Entry `json:"image,omitempty"`
}
