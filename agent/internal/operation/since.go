package operation

import (
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Fate says what has become of an operation since it was planned. The zero
// Fate means that it is still to be made.
type Fate struct {
	Done bool   // the directory is already as the operation would make it
	Why  string // why it is done, or why it can no longer be made as planned
}

const doneAlready = "done already: "

// AsPlanned is the fate of an operation that need not be made any more.
var AsPlanned = Fate{Done: true, Why: doneAlready + "the account is as this would make it"}

// View shows the directory and the links as they are now. Finding nothing is
// not an error.
type View interface {
	EntryByGUID(ident.GUID) (ident.Entry, bool, error)
	// EntriesByValue finds every object with this value in the attribute. It
	// compares like text.Alike and may therefore find more.
	EntriesByValue(attribute, value string) ([]ident.Entry, error)
	MemberOf(group ident.DN, guid ident.GUID) (bool, error)
	LinkByKey(ident.Key) (ident.Link, bool, error)
}

// World is the present state that a change of a saved plan is compared with.
type World struct {
	View
	Space  ident.Space // of the change's key
	Anchor string      // the attribute that carries ident.Anchor
	// Known reports whether the view can show an attribute. Attributes that it
	// cannot show are left to the write to check.
	Known func(attribute string) bool
}

// Since says for each operation of a change whether it is already done and
// whether its old values still hold. Operations that a person may still
// approve are treated like those that would be applied.
func (w World) Since(c ident.Change) ([]Fate, error) {
	s := &since{World: w, change: c, fates: make([]Fate, len(c.Operations))}
	var err error
	if s.link, s.linked, err = w.LinkByKey(c.Key); err != nil {
		return nil, err
	}
	linking := slices.IndexFunc(c.Operations, func(op ident.Operation) bool { return MakesLink(op.Class) })
	if linking >= 0 {
		if s.fates[linking], err = s.ofLinking(c.Operations[linking]); err != nil {
			return nil, err
		}
	}
	making := linking >= 0 && s.fates[linking] == Fate{}
	if making && MakesAccount(c.Operations[linking].Class) {
		return s.fates, nil // there is no account yet, so nothing about it has changed
	}
	why, err := s.find(making)
	if err != nil {
		return nil, err
	}
	for i, op := range c.Operations {
		switch fate := of(op.Class).fate; {
		case MakesLink(op.Class):
		case why != "":
			s.fates[i] = Fate{Why: why}
		case fate != nil:
			if s.fates[i], err = fate(s, i); err != nil {
				return nil, err
			}
		}
	}
	s.stepsAside()
	return s.fates, nil
}

// since compares one change with the present state.
type since struct {
	World
	change ident.Change
	link   ident.Link
	linked bool
	fates  []Fate

	entry ident.Entry
	will  map[string][]string // values after the preceding operations, by attribute in lower case
	at    ident.DN            // where the account is after the preceding operations
}

// ofLinking says what has become of the operation that makes the link.
func (s *since) ofLinking(op ident.Operation) (Fate, error) {
	same := s.link.GUID == s.change.GUID
	makes := MakesAccount(op.Class)
	switch {
	case s.linked && (makes || same):
		e, _, err := s.EntryByGUID(s.link.GUID)
		return Fate{Done: true, Why: doneAlready + "the record is linked to " + placeOf(e, s.link.GUID)}, err
	case s.linked:
		e, _, err := s.EntryByGUID(s.link.GUID)
		return Fate{Why: "the record has been linked since to another account, " + placeOf(e, s.link.GUID)}, err
	case !makes:
		return Fate{}, nil
	}
	anchor := ident.Anchor(s.Space, s.change.Key)
	found, err := s.EntriesByValue(s.Anchor, anchor)
	for _, e := range found {
		if slices.Contains(e.Attributes.Values(s.Anchor), anchor) { // the view ignores case
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

// find looks for the account; why says why nothing can be done about it.
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
	if s.entry, there, err = s.EntryByGUID(guid); err != nil || there {
		s.at, s.will = s.entry.DN, map[string][]string{}
		return "", err
	}
	return "the account is not there any more", nil
}

// stepsAside marks the operation that moves an account aside as done if the
// operation it made room for is done.
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
