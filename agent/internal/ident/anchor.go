package ident

import (
	"regexp"
	"strings"
)

// applicationForm is how the configuration names applications; the colon of an
// anchor is not part of it.
var applicationForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// Anchor is the value of the anchor attribute of the account that belongs to a
// key of an application. Without a key it is what all anchors of the
// application begin with.
func Anchor(application string, key Key) string { return application + ":" + string(key) }

// ParseAnchor reads what Anchor wrote; ok is false for a value that is no
// anchor of any application. Nothing after the colon is the empty key, which
// no record has.
func ParseAnchor(value string) (application string, key Key, ok bool) {
	application, rest, ok := strings.Cut(value, ":")
	if !ok || !applicationForm.MatchString(application) {
		return "", "", false
	}
	return application, Key(rest), true
}
