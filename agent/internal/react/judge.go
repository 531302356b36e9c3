package react

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// judge says what an automation makes of an event; asks is false when it does not
// ask for it. An error means that this cannot be told for the moment.
func judge(ctx context.Context, l *look, e ident.Event, a Automation) (j store.Judgement, asks bool, err error) {
	parts := a.asked(e)
	if len(parts) == 0 {
		return j, false, nil
	}
	change := changeOf(e, parts)
	if ownEcho(a, parts) {
		return verdict(a, store.EventEcho, "an orchestration that this automation began has written it"), true, nil
	}
	holds, unclear, err := l.holds(ctx, e, a, change)
	switch {
	case err != nil:
		return j, true, err
	case unclear != nil:
		if errors.Is(unclear, ErrElsewhere) {
			return aside(a, unclear.Error(), acceptOf(a, e)+"; or leave out of automation "+a.Name+
				" whose manager is elsewhere, then "+retryOf(a, e)), true, nil
		}
		return aside(a, unclear.Error(), fmt.Sprintf("correct where of automation %s: "+
			"default() says what to take for a value that is absent; then %s", a.Name, retryOf(a, e))), true, nil
	case !holds:
		return verdict(a, store.EventFiltered, ""), true, nil
	case e.Unsure != "":
		return aside(a, "it is not certain that "+claim(e, parts)+": "+e.Unsure,
			"look whether it is so; do by hand what must follow, and "+acceptOf(a, e)), true, nil
	case a.Broken != nil:
		return aside(a, a.Broken.Error(), "put that right, then "+retryOf(a, e)), true, nil
	case hopsOf(e) > mostHops:
		return aside(a, fmt.Sprintf("%d changes in a row have each led to the next one, and at most %d may: automations answer each other",
			hopsOf(e), mostHops),
			"see which automations write what the others ask for, and end the circle; "+acceptOf(a, e)), true, nil
	}
	from := comesFrom(parts)
	if a.Compiled.OnlyTo(from) {
		return verdict(a, store.EventEcho, "it came from "+strings.Join(from, ", ")+", and goes nowhere else"), true, nil
	}
	j = verdict(a, store.EventBegun, "")
	if j.Begin, err = instance(e, a, change, from); err != nil {
		return aside(a, err.Error(), "report the fault; then "+retryOf(a, e)), true, nil
	}
	return j, true, nil
}

func verdict(a Automation, v store.EventVerdict, cause string) store.Judgement {
	return store.Judgement{Automation: a.Name, Verdict: v, Cause: cause}
}

// claim says what the parts of an event that is in doubt tell: a deletion, a return, a
// membership, attributes, or a change that takes back an earlier one.
func claim(e ident.Event, parts []ident.EventPart) string {
	var said, names []string
	for _, p := range parts {
		words := "was " + string(p.Kind)
		switch {
		case p.Kind == ident.EventModified:
			names = append(names, ident.Spelled(p.Attribute))
			continue
		case e.Group != nil && p.Kind == ident.EventMemberAdded:
			words = "came to " + string(e.Group.DN)
		case e.Group != nil && p.Kind == ident.EventMemberRemoved:
			words = "has left " + string(e.Group.DN)
		}
		if !slices.Contains(said, words) {
			said = append(said, words)
		}
	}
	if len(names) == 0 {
		return string(e.DN) + " " + strings.Join(said, " and ")
	}
	attributes := strings.Join(names, ", ") + " of " + string(e.DN) + " was changed"
	if len(names) > 1 {
		attributes = strings.Join(names, ", ") + " of " + string(e.DN) + " were changed"
	}
	if len(said) == 0 {
		return attributes
	}
	return string(e.DN) + " " + strings.Join(said, " and ") + ", and that " + attributes
}

// aside leaves an event to a person.
func aside(a Automation, cause, next string) store.Judgement {
	return store.Judgement{Automation: a.Name, Verdict: store.EventAside, Cause: cause, Next: next}
}

func retryOf(a Automation, e ident.Event) string {
	return "`" + ident.Command("quarantine retry", a.Name, strconv.FormatInt(e.ID, 10)) + "`"
}

func acceptOf(a Automation, e ident.Event) string {
	return "`" + ident.Command("quarantine accept", a.Name, strconv.FormatInt(e.ID, 10)) + "` drops it"
}

// asked returns the parts of an event that an automation asks for, those of its
// first kind first.
func (a Automation) asked(e ident.Event) []ident.EventPart {
	under := func(dn ident.DN) bool { return dn != "" && slices.ContainsFunc(a.Bases, dn.Under) }
	if e.Object != a.Object || !under(e.DN) && !under(e.From) {
		return nil
	}
	var parts []ident.EventPart
	for _, on := range a.On {
		for _, p := range e.Parts {
			if on.Takes(p) {
				parts = append(parts, p)
			}
		}
	}
	return parts
}

// ownEcho reports whether all parts were written by orchestrations that the
// automation began itself.
func ownEcho(a Automation, parts []ident.EventPart) bool {
	return !slices.ContainsFunc(parts, func(p ident.EventPart) bool {
		return p.Origin == nil || p.Origin.Orchestration == "" || p.Origin.Automation != a.Name
	})
}

// comesFrom returns the application that all parts came from, if there is one.
func comesFrom(parts []ident.EventPart) []string {
	from := ""
	for _, p := range parts {
		if p.Origin == nil || p.Origin.Application == "" || from != "" && p.Origin.Application != from {
			return nil
		}
		from = p.Origin.Application
	}
	return []string{from}
}

// hopsOf counts the changes that led to this one.
func hopsOf(e ident.Event) int {
	hops := 0
	for _, p := range e.Parts {
		if p.Origin != nil {
			hops = max(hops, p.Origin.Hops+1)
		}
	}
	return hops
}

// changeOf returns the change as expressions see it. parts are those that the
// automation asks for.
func changeOf(e ident.Event, parts []ident.EventPart) *orchestration.Change {
	c := &orchestration.Change{Kind: string(parts[0].Kind)}
	for _, kind := range e.Kinds() {
		c.Kinds = append(c.Kinds, string(kind))
	}
	for _, p := range e.Parts {
		if p.Kind == ident.EventModified {
			c.Attributes = append(c.Attributes, p.Attribute)
		}
	}
	if g := e.Group; g != nil {
		c.Group = &orchestration.ChangeGroup{GUID: g.GUID, DN: g.DN, Name: g.Name}
	}
	return c
}

// instance is the orchestration that begins.
func instance(e ident.Event, a Automation, change *orchestration.Change, from []string) (*store.NewInstance, error) {
	input := orchestration.Input{
		Change: change, Old: a.Compiled.FormerOf(e), Event: e.ID, From: from, Hops: hopsOf(e), Image: a.Compiled.ImageOf(e),
	}
	text, err := json.Marshal(input)
	if err != nil {
		return nil, fmt.Errorf("keep what began the orchestration %s: %w", a.Orchestration, err)
	}
	return &store.NewInstance{
		Orchestration: a.Orchestration, Definition: a.Definition, Automation: a.Name, Trigger: triggerOf(change), By: "directory",
		GUID: e.GUID, DN: e.DN, Name: NameOf(e), Input: text,
		Step: a.Compiled.Steps()[0].Name, Writes: a.Compiled.Writes(),
	}, nil
}

// NameOf is how people know the object of an event.
func NameOf(e ident.Event) string { return cmp.Or(e.Image.First("displayName"), e.Name, e.DN.Name()) }

// Words says in a few words what happened: "disabled; modified title".
func Words(e ident.Event) string {
	if len(e.Parts) == 0 {
		return "a change that cannot be read any more"
	}
	return strings.TrimPrefix(triggerOf(changeOf(e, e.Parts)), "directory: ")
}

// triggerOf says what began an orchestration, in words: "directory: disabled, moved".
func triggerOf(c *orchestration.Change) string {
	kinds := append([]string{c.Kind}, slices.DeleteFunc(slices.Clone(c.Kinds), func(k string) bool { return k == c.Kind })...)
	for i, k := range kinds {
		switch {
		case k == string(ident.EventModified) && len(c.Attributes) > 0:
			kinds[i] = "modified " + strings.Join(spelled(c.Attributes[:min(len(c.Attributes), mostNamed)]), ", ")
			if more := len(c.Attributes) - mostNamed; more > 0 {
				kinds[i] += fmt.Sprintf(" and %d more", more)
			}
		case c.Group != nil && (k == string(ident.EventMemberAdded) || k == string(ident.EventMemberRemoved)):
			kinds[i] += " " + c.Group.Name
		}
	}
	return "directory: " + strings.Join(kinds, "; ")
}

func spelled(attributes []string) []string {
	out := make([]string, len(attributes))
	for i, a := range attributes {
		out[i] = ident.Spelled(a)
	}
	return out
}

// mostNamed is how many attributes a trigger names.
const mostNamed = 5
