package ident

import "slices"

// overtakenBy says after which kinds of a later event of the same object nobody means any
// more what an event of a kind would begin. A modification is overtaken by that of the
// same attribute, and a membership by that of the same group.
var overtakenBy = map[EventKind][]EventKind{
	EventCreated:       {EventDeleted, EventDisabled},
	EventRestored:      {EventDeleted, EventDisabled},
	EventEnabled:       {EventDeleted, EventDisabled},
	EventDeleted:       {EventCreated, EventRestored},
	EventDisabled:      {EventEnabled, EventRestored},
	EventMoved:         {EventMoved, EventDeleted},
	EventRenamed:       {EventRenamed, EventDeleted},
	EventModified:      {EventModified, EventDeleted},
	EventMemberAdded:   {EventMemberRemoved, EventDeleted},
	EventMemberRemoved: {EventMemberAdded},
}

// Overtakes reports whether e undoes or replaces one of some parts of an earlier event of
// the same object.
func (e Event) Overtakes(earlier Event, parts []EventPart) bool {
	for _, was := range parts {
		for _, is := range e.Parts {
			switch {
			case !slices.Contains(overtakenBy[was.Kind], is.Kind):
			case is.Kind == EventModified && is.Attribute != was.Attribute:
			case is.Kind == EventMemberAdded || is.Kind == EventMemberRemoved:
				if e.Group != nil && earlier.Group != nil && e.Group.GUID == earlier.Group.GUID {
					return true
				}
			default:
				return true
			}
		}
	}
	return false
}
