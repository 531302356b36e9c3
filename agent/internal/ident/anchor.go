package ident

import "strings"

// Anchor returns the value of the anchor attribute for the account that belongs
// to a key of a space: "application:key" for users, "application/kind:key" for
// others. With the empty key it returns the prefix of all anchors of the space,
// and of no other space.
func Anchor(space Space, key Key) string { return space.String() + ":" + string(key) }

// ParseAnchor splits a value that Anchor returned. ok is false for a value that
// is not an anchor. Nothing after the colon means the empty key, which no record
// has. The first colon ends the space, because names have no colon.
func ParseAnchor(value string) (space Space, key Key, ok bool) {
	name, rest, found := strings.Cut(value, ":")
	if space, ok = ParseSpace(name); !found || !ok {
		return Space{}, "", false
	}
	return space, Key(rest), true
}
