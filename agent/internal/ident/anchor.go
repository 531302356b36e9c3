package ident

import (
	"regexp"
	"strings"
)

// applicationForm is the form of an application's name in the configuration. It
// has no colon, so the first colon of an anchor ends the name.
var applicationForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// Anchor returns the value of the anchor attribute for the account that belongs
// to a key of an application. With the empty key it returns the prefix of all
// the application's anchors.
func Anchor(application string, key Key) string { return application + ":" + string(key) }

// ParseAnchor splits a value that Anchor returned. ok is false for a value that
// is not an anchor. Nothing after the colon means the empty key, which no record
// has.
func ParseAnchor(value string) (application string, key Key, ok bool) {
	application, rest, ok := strings.Cut(value, ":")
	if !ok || !applicationForm.MatchString(application) {
		return "", "", false
	}
	return application, Key(rest), true
}
