package operation

import (
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// references writes attributes whose values name other accounts.
var references = kind{inverse: ident.ClassReferences, holds: valuesHold, fate: (*since).ofValues}

// DigestOfObjects returns the digest that a link remembers of the objects that the
// values of an attribute name. It is not that of their DNs, which the directory
// changes by itself when an object is renamed or moved, unless an object is unknown.
func DigestOfObjects(values []string, objects []ident.GUID) string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = ident.DN(v).Fold()
		if guid := at(objects, i); guid != "" {
			list[i] = string(guid)
		}
	}
	return Digest(list)
}

// objects returns the objects that a reference names after the change, in the order of
// allValues.
func objects(ch ident.AttributeChange) []ident.GUID {
	var out []ident.GUID
	if ch.Add {
		out = make([]ident.GUID, len(ch.Old))
		copy(out, ch.Were)
	}
	for _, n := range ch.Named {
		out = append(out, n.GUID)
	}
	return out
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

// present returns changes with the DNs that the objects of references have now.
func (s *since) present(changes []ident.AttributeChange) ([]ident.AttributeChange, error) {
	changes = slices.Clone(changes)
	for i := range changes {
		ch := &changes[i]
		if !ch.Reference {
			continue
		}
		old := ch.Old
		ch.Old, ch.New = nil, slices.Clone(ch.New)
		for k, v := range old {
			dn, gone, err := s.placeNow(ident.DN(v), at(ch.Were, k))
			if err != nil {
				return nil, err
			}
			if !gone { // else the directory has removed the value
				ch.Old = append(ch.Old, string(dn))
			}
		}
		for k, n := range ch.Named[:min(len(ch.Named), len(ch.New))] {
			if n.GUID == "" && n.Key != "" {
				link, _, err := s.LinkByKey(n.Key)
				if err != nil {
					return nil, err
				}
				n.GUID = link.GUID
			}
			dn, _, err := s.placeNow(ident.DN(ch.New[k]), n.GUID)
			if err != nil {
				return nil, err
			}
			ch.New[k] = string(dn)
		}
	}
	return changes, nil
}

// placeNow returns where an object is that was at a DN, which is what is known of an
// object without a GUID, and whether it is gone.
func (s *since) placeNow(was ident.DN, guid ident.GUID) (dn ident.DN, gone bool, err error) {
	if guid == "" {
		return was, false, nil
	}
	e, there, err := s.EntryByGUID(guid)
	if err != nil || !there {
		return was, true, err
	}
	return e.DN, false, nil
}

// at returns the object of a value, "" if it is unknown.
func at(objects []ident.GUID, i int) ident.GUID {
	if i < len(objects) {
		return objects[i]
	}
	return ""
}
