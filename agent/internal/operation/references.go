package operation

import "github.com/rollcall-agent/rollcall/agent/internal/ident"

// references writes attributes whose values name other accounts.
var references = kind{inverse: ident.ClassReferences, holds: valuesHold, fate: (*since).ofValues}

// DigestOfNamed returns the digest that a link remembers of the accounts that an
// attribute names. It is not that of their DNs: the directory changes those by
// itself when an account is renamed or moved.
func DigestOfNamed(named []ident.Named) string {
	list := make([]string, len(named))
	for i, n := range named {
		list[i] = string(n.Key) + "=" + string(n.GUID)
	}
	return Digest(list)
}

// comparable returns values in the form in which two of them are compared: DNs may
// be spelled in any way.
func comparable(ch ident.AttributeChange, values []string) []string {
	if !ch.Reference {
		return values
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = ident.DN(v).Fold()
	}
	return out
}

// identity returns the values before and after a change as a digest takes them. For
// references these are the objects, and after it the keys, so that an operation
// stays the same when one of the others is created, renamed or moved.
func identity(ch ident.AttributeChange) (before, after []string) {
	if !ch.Reference {
		return ch.Old, ch.New
	}
	before, after = comparable(ch, ch.Old), comparable(ch, ch.New)
	for i, guid := range ch.Were {
		if guid != "" && i < len(before) {
			before[i] = string(guid)
		}
	}
	for i, n := range ch.Named {
		if n.Key != "" && i < len(after) {
			after[i] = string(n.Key)
		}
	}
	return before, after
}

// backwards returns what the values of a reference name once it is undone.
func backwards(ch ident.AttributeChange) ident.AttributeChange {
	had := make([]ident.GUID, 0, len(ch.Were)+len(ch.Named))
	if ch.Add {
		had = append(had, ch.Were...)
	}
	for _, n := range ch.Named {
		had = append(had, n.GUID)
	}
	back := make([]ident.Named, len(ch.Were))
	for i, guid := range ch.Were {
		back[i] = ident.Named{GUID: guid}
	}
	ch.Were, ch.Named = had, back
	return ch
}
