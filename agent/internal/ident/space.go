package ident

import (
	"cmp"
	"regexp"
	"strings"
)

// UserKind is the kind of records, and of their links, that nothing says
// otherwise about.
const UserKind = "user"

// Space is where a key means one record: the records of one kind in one
// application. An application may give the id 7 to a user and to a contact; the
// two are in different spaces. Links are unique on both sides within a space.
// Spaces can be compared; the zero Space has no records.
type Space struct{ application, kind string }

// SpaceOf returns the space of a kind in an application; the kind "" is UserKind.
func SpaceOf(application, kind string) Space {
	return Space{application, cmp.Or(kind, UserKind)}
}

// Users returns the space of the users of an application.
func Users(application string) Space { return SpaceOf(application, UserKind) }

// Application returns the name of the application.
func (s Space) Application() string { return s.application }

// Kind returns the kind of the records, never "" but for the zero Space.
func (s Space) Kind() string { return s.kind }

// String names the space as people write it, and as anchors begin: by the
// application alone for users, else as "application/kind".
func (s Space) String() string {
	if s.kind == UserKind || s.kind == "" {
		return s.application
	}
	return s.application + "/" + s.kind
}

// Compare orders spaces by application, then by kind.
func (s Space) Compare(other Space) int {
	return cmp.Or(cmp.Compare(s.application, other.application), cmp.Compare(s.kind, other.kind))
}

// nameForm is the form of the names of applications and kinds. They have no
// slash and no colon, which end them in the text of a space and in an anchor.
var nameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// ParseSpace reads what String wrote. ok is false for any other text, also for
// "application/user": a space has one name.
func ParseSpace(name string) (space Space, ok bool) {
	application, kind, named := strings.Cut(name, "/")
	space = SpaceOf(application, kind)
	ok = nameForm.MatchString(application) && space.String() == name && (!named || nameForm.MatchString(kind))
	if !ok {
		return Space{}, false
	}
	return space, true
}
