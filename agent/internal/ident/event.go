package ident

import (
	"slices"
	"time"
)

// ObjectKind says what an object of the directory is.
type ObjectKind string

// The kinds of objects that events are about.
const (
	ObjectUser  ObjectKind = "user"
	ObjectGroup ObjectKind = "group"
)

// EventKind says what happened to an object of the directory.
type EventKind string

// The kinds of events. A change of an object can be of several kinds at once.
const (
	EventCreated       EventKind = "created"
	EventRestored      EventKind = "restored" // from the Recycle Bin, or a tombstone reanimated
	EventDeleted       EventKind = "deleted"
	EventEnabled       EventKind = "enabled"
	EventDisabled      EventKind = "disabled"
	EventMoved         EventKind = "moved"   // to another container
	EventRenamed       EventKind = "renamed" // within its container or on the way to another
	EventModified      EventKind = "modified"
	EventMemberAdded   EventKind = "member_added"   // directly, to a group
	EventMemberRemoved EventKind = "member_removed" // directly, from a group
)

// EventKinds lists the kinds of events, the weightiest first.
var EventKinds = []EventKind{
	EventCreated, EventRestored, EventDeleted, EventEnabled, EventDisabled, EventMoved, EventRenamed, EventModified,
	EventMemberAdded, EventMemberRemoved,
}

// Event is what happened to one user or group between two reads of the
// directory. Memberships come as events of their own, about the member: one for
// each member and group.
type Event struct {
	ID     int64
	At     time.Time // when the mirror saw it
	Object ObjectKind
	GUID   GUID
	DN     DN // afterwards; the last one of a deleted object
	From   DN // before; "" for an object that was not there
	Name   string
	Group  *EventGroup // of a membership
	Parts  []EventPart // at least one, in the order of EventKinds
	// Image holds the mirrored attributes afterwards, or the last ones of a deleted
	// object. It has no member.
	Image Attributes
	// Unsure says why it is not certain that the event is true, for example because
	// the bind account is shown neither an object nor its deletion: a deletion, a
	// return after that, what follows from them, and attributes that are no longer
	// shown of most objects; "" when it is certain.
	Unsure string
}

// EventGroup is the group of a membership.
type EventGroup struct {
	GUID GUID   `json:"guid"`
	DN   DN     `json:"dn"`
	Name string `json:"name"` // sAMAccountName, or the RDN's value
}

// EventPart is one thing that happened to an object.
type EventPart struct {
	Kind      EventKind `json:"kind"`
	Attribute string    `json:"attribute,omitempty"` // of EventModified, in lower case
	// Old and New are the values of the attribute, the DNs of a move or a rename, or
	// userAccountControl of what was enabled or disabled.
	Old []string `json:"old,omitempty"`
	New []string `json:"new,omitempty"`
	// Cut means that Old has only the sizes and digests of the values, which were too
	// long to be kept.
	Cut bool `json:"cut,omitempty"`
	// Origin says which of the agent's own writes this is; nil: somebody else's.
	Origin *Origin `json:"origin,omitempty"`
}

// Origin says where a write of the agent came from.
type Origin struct {
	Application   string `json:"application,omitempty"`   // whose record the run brought; "" for orchestrations
	Automation    string `json:"automation,omitempty"`    // that ran, or that began the orchestration
	Orchestration string `json:"orchestration,omitempty"` // whose step it was
	Instance      int64  `json:"instance,omitempty"`
	Run           int64  `json:"run,omitempty"`
	// Hops is that of the event that began the orchestration, which is one more than
	// the greatest Hops of the writes that it shows; 0 when no event did, and for a
	// run of an automation.
	Hops int `json:"hops,omitempty"`
}

// Kinds lists the kinds of what happened, each once.
func (e Event) Kinds() []EventKind {
	var kinds []EventKind
	for _, p := range e.Parts {
		if !slices.Contains(kinds, p.Kind) {
			kinds = append(kinds, p.Kind)
		}
	}
	return kinds
}

// Before returns the attributes as they were before the event. They are empty
// for an object that was not there. Changes that are no part of the event, such as
// those of attributes that nobody asks for, are not undone. Values that were too long to
// be kept are left out, as they are in the image.
func (e Event) Before() Attributes {
	before := Attributes{}
	if e.isNew() {
		return before
	}
	for name, values := range e.Image {
		before[name] = values
	}
	for _, p := range e.Parts {
		switch p.Kind {
		case EventModified:
			delete(before, p.Attribute)
			if len(p.Old) > 0 && !p.Cut {
				before[p.Attribute] = p.Old
			}
		case EventEnabled, EventDisabled:
			before.Set("userAccountControl", p.Old...)
		case EventRenamed:
			e.nameBefore(before)
		}
	}
	return before
}

func (e Event) isNew() bool {
	return slices.ContainsFunc(e.Parts, func(p EventPart) bool { return p.Kind == EventCreated || p.Kind == EventRestored })
}

// nameBefore sets the attributes that follow the DN as they were before a rename.
func (e Event) nameBefore(before Attributes) {
	for _, name := range []string{"name", e.From.NamingAttribute()} {
		if _, ok := before[name]; ok {
			before[name] = []string{e.From.Name()}
		}
	}
}
