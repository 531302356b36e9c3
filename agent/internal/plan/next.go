package plan

import (
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// orAccept returns the end of a next step: the command that accepts things as
// they are.
func (set *Settings) orAccept(key ident.Key) string {
	return "; if it is meant to be so: " + ident.Command("quarantine accept", set.Automation, string(key))
}

// removeLink returns the command that removes the link of a key.
func (set *Settings) removeLink(key ident.Key) string {
	return ident.Command("link remove", set.Space().String(), string(key))
}

// linkAdd returns the command that links a record to an account by hand.
func (set *Settings) linkAdd(key ident.Key) string {
	return ident.Command("link add", set.Automation, string(key), "ACCOUNT")
}

// samePerson returns what to do if the records of two keys mean the same
// account, which is linked to the first.
func (set *Settings) samePerson(link ident.Link, key ident.Key) string {
	if link.Automation == set.Automation {
		return "if both are one person, who has another key now: " + ident.Command("link rekey", set.Automation, string(link.Key), string(key))
	}
	return "if both are one person: " + set.removeLink(link.Key)
}
