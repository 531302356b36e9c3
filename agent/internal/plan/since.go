package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Fate is what has become of an operation since it was planned. The zero Fate
// is still to be made.
type Fate struct {
	Done bool   // the directory is as the operation would make it
	Why  string // it is done, or cannot be made as it was planned
}

// Since tells of each operation of a change in a saved plan whether it is done
// already and whether its old values still hold, by the directory and the links
// as they are now. Those that a person may still approve count like those that
// would be applied. known tells which attributes the view can show; what it
// cannot show is left to the write.
func Since(v View, set Settings, known func(attribute string) bool, c ident.Change) ([]Fate, error) {
	s := &since{view: v, set: set, known: known, change: c, fates: make([]Fate, len(c.Operations))}
	var err error
	if s.link, s.linked, err = v.LinkByKey(c.Key); err != nil {
		return nil, err
	}
	linking := slices.IndexFunc(c.Operations, func(op ident.Operation) bool { return makesLink(op.Class) })
	if linking >= 0 {
		if s.fates[linking], err = s.ofLinking(c.Operations[linking]); err != nil {
			return nil, err
		}
	}
	making := linking >= 0 && s.fates[linking] == Fate{}
	if making && c.Operations[linking].Class == ident.ClassCreate {
		return s.fates, nil // there is no account yet, so nothing about it has changed
	}
	why, err := s.find(making)
	if err != nil {
		return nil, err
	}
	for i, op := range c.Operations {
		switch {
		case makesLink(op.Class):
		case why != "":
			s.fates[i] = Fate{Why: why}
		default:
			if s.fates[i], err = s.of(i); err != nil {
				return nil, err
			}
		}
	}
	s.stepsAside()
	return s.fates, nil
}

// since is the state of one change.
type since struct {
	view   View
	set    Settings
	known  func(string) bool
	change ident.Change
	link   ident.Link
	linked bool
	fates  []Fate

	entry ident.Entry
	will  map[string][]string // values after the operations before, by attribute in lower case
	at    ident.DN            // where the account is after the operations before
}

const doneAlready = "done already: "

// ofLinking tells what has become of the operation that makes the link.
func (s *since) ofLinking(op ident.Operation) (Fate, error) {
	same := s.link.GUID == s.change.GUID
	switch {
	case s.linked && (op.Class == ident.ClassCreate || same):
		e, _, err := s.view.EntryByGUID(s.link.GUID)
		return Fate{Done: true, Why: doneAlready + "the record is linked to " + placeOf(e, s.link.GUID)}, err
	case s.linked:
		e, _, err := s.view.EntryByGUID(s.link.GUID)
		return Fate{Why: "the record has been linked since to another account, " + placeOf(e, s.link.GUID)}, err
	case op.Class != ident.ClassCreate:
		return Fate{}, nil
	}
	anchor := ident.Anchor(s.set.Application, s.change.Key)
	found, err := s.view.EntriesByValue(s.set.Anchor, anchor)
	for _, e := range found {
		if slices.Contains(e.Attributes.Values(s.set.Anchor), anchor) { // the view sees through case
			return Fate{Why: fmt.Sprintf("%s carries the anchor %s by now: the next run links it", placeOf(e, e.GUID), anchor)}, err
		}
	}
	return Fate{}, err
}

func placeOf(e ident.Entry, guid ident.GUID) string {
	if e.DN != "" {
		return string(e.DN)
	}
	return string(guid)
}

// find looks for the account; why says that nothing can be done about it.
func (s *since) find(making bool) (why string, err error) {
	guid := s.change.GUID
	switch {
	case !s.linked && !making:
		return "the record is not linked", nil
	case s.linked && guid != "" && s.link.GUID != guid:
		return "the record has been linked since to another account, " + string(s.link.GUID), nil
	case s.linked:
		guid = s.link.GUID
	}
	var there bool
	if s.entry, there, err = s.view.EntryByGUID(guid); err != nil || there {
		s.at, s.will = s.entry.DN, map[string][]string{}
		return "", err
	}
	return "the account is not there any more", nil
}

// of tells what has become of an operation on an account that is there.
func (s *since) of(i int) (Fate, error) {
	op := s.change.Operations[i]
	done := Fate{Done: true, Why: doneAlready + "the account is as this would make it"}
	switch op.Class {
	case ident.ClassUpdate:
		return s.ofValues(op, done), nil
	case ident.ClassGroups:
		for _, g := range op.Groups {
			if in, err := s.view.MemberOf(g, s.entry.GUID); err != nil || !in {
				return Fate{}, err
			}
		}
		return done, nil
	case ident.ClassEnable, ident.ClassDisable:
		disabled, known := s.entry.Disabled()
		is := known && disabled == (op.Class == ident.ClassDisable)
		switch {
		case is && s.placed(i):
			return done, nil
		case is:
			return Fate{Why: fmt.Sprintf("the account is %sd already, and not where this would move it: it is %s", op.Class, s.entry.DN)}, nil
		}
		return s.ofPlace(op), nil
	case ident.ClassRename, ident.ClassMove:
		if s.placed(i) {
			return done, nil
		}
		return s.ofPlace(op), nil
	case ident.ClassLink, ident.ClassAdopt, ident.ClassCreate, ident.ClassDelete:
	}
	return Fate{}, nil
}

// placed reports whether the account is where the operation would put it, or
// has gone on from there by the later ones of the change.
func (s *since) placed(i int) bool {
	op, now := s.change.Operations[i], s.entry.DN
	if op.To == "" {
		return true
	}
	later := slices.ContainsFunc(s.change.Operations[i+1:], func(next ident.Operation) bool {
		return next.To != "" && next.To.EqualFold(now) && next.To.Name() == now.Name()
	})
	if op.Class == ident.ClassRename { // a move that was not held takes the old name along
		return now.Name() == op.To.Name() && (later || now.Parent().EqualFold(op.To.Parent()))
	}
	return later || now.EqualFold(op.To)
}

// ofPlace tells whether the account is still where the operation takes it from.
// One that is held starts where those before it leave the account that are
// held, too: approving it finds out.
func (s *since) ofPlace(op ident.Operation) Fate {
	if op.To == "" || op.Verdict != ident.VerdictApply {
		return Fate{}
	}
	if !s.at.EqualFold(op.From) {
		return Fate{Why: fmt.Sprintf("the account has been moved or renamed since the plan was made: expected %s, found %s", op.From, s.at)}
	}
	s.at = op.To
	return Fate{}
}

// ofValues tells whether each value is the old one, or the new one already.
func (s *since) ofValues(op ident.Operation, done Fate) Fate {
	all := true
	for _, ch := range op.Attributes {
		if !s.known(ch.Name) {
			all = false
			continue
		}
		have := s.values(ch.Name)
		switch {
		case reached(ch, have):
		case ident.SameValues(text.Lower(ch.Name), have, ch.Old):
			all = false
		default:
			return Fate{Why: fmt.Sprintf("%s has changed since the plan was made: expected %s, found %s", ch.Name, said(ch, ch.Old), said(ch, have))}
		}
	}
	if all {
		return done
	}
	for _, ch := range op.Attributes {
		s.will[text.Lower(ch.Name)] = ch.New
		if ch.Add {
			s.will[text.Lower(ch.Name)] = append(slices.Clone(ch.Old), ch.New...)
		}
	}
	return Fate{}
}

func (s *since) values(attribute string) []string {
	if values, ok := s.will[text.Lower(attribute)]; ok {
		return values
	}
	return s.entry.Attributes.Values(attribute)
}

func reached(ch ident.AttributeChange, have []string) bool {
	if !ch.Add {
		return sameSet(have, ch.New)
	}
	return !slices.ContainsFunc(ch.New, func(v string) bool { return !slices.Contains(have, v) })
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func said(ch ident.AttributeChange, values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	return strings.Join(ch.Shown(values), ", ")
}

// stepsAside counts a step aside as done when what it made room for is.
func (s *since) stepsAside() {
	for i, op := range s.change.Operations {
		if !op.Aside {
			continue
		}
		for k, last := range s.change.Operations {
			if last.Class == op.Class && !last.Aside && s.fates[k].Done {
				s.fates[i] = s.fates[k]
			}
		}
	}
}
