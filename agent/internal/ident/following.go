package ident

import (
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// following lists the attributes whose values are DNs of other objects and
// follow them when they move. The directory itself does the same (MS-ADTS
// section 3.1.1.1.6, "referential integrity"), also in others. distinguishedname
// names the object itself.
var following = []string{
	"directreports", "distinguishedname", "managedby", "managedobjects", "manager", "member", "memberof",
	"owner", "secretary", "assistant", "seealso",
}

// Following returns the attributes in which the mirror follows objects that are
// renamed or moved, in lower case. In any other it learns of that when it is read
// whole.
func Following() []string { return slices.Clone(following) }

// Follows reports whether the mirror follows renames and moves in an attribute.
func Follows(attribute string) bool { return slices.Contains(following, text.Lower(attribute)) }
