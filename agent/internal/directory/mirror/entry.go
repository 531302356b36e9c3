package mirror

import (
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// clean converts what a server sent to the stored form: only the mirrored
// attributes, plus the naming attribute taken from the DN, because DirSync
// does not deliver it. An attribute that DirSync reports as emptied stays,
// without values.
func (s *synchroniser) clean(e ident.Entry) ident.Entry {
	kept := make(ident.Attributes, len(e.Attributes)+1)
	for name, values := range e.Attributes {
		if name = text.Lower(name); s.stored[name] {
			kept[name] = values
		}
	}
	rdn, _, _ := strings.Cut(e.DN.RDN(), "=")
	if naming := text.Lower(strings.TrimSpace(rdn)); s.stored[naming] {
		kept[naming] = []string{e.DN.Name()}
	}
	e.Attributes = kept
	return e
}

// isWhole reports whether DirSync reported all attributes of an object that the
// mirror does not know, because the object is new. A user or group gets its SID when
// it is created and keeps it, so it comes with all the others that have values then.
// An object that was restored or has come into sight comes without it.
func isWhole(e ident.Entry) bool { return e.Attributes.First("objectsid") != "" }

// withValues leaves out the attributes that DirSync reports as empty.
func withValues(e ident.Entry) ident.Entry {
	kept := make(ident.Attributes, len(e.Attributes))
	for name, values := range e.Attributes {
		if len(values) > 0 {
			kept[name] = values
		}
	}
	e.Attributes = kept
	return e
}

// unfinished lists the objects with values that DirSync did not deliver in the
// usable form of a search.
func unfinished(entries []ident.Entry) []ident.GUID {
	var list []ident.GUID
	for _, e := range entries {
		for name, values := range e.Attributes {
			if isRange(name) || isExtendedDN(values) {
				list = append(list, e.GUID)
				break
			}
		}
	}
	return list
}

// isRange reports whether only some values of an attribute came, like
// "member;range=0-1499" (MS-ADTS section 3.1.1.3.1.3.3).
func isRange(name string) bool { return strings.Contains(text.Lower(name), ";range=") }

// isExtendedDN reports whether values have the form <GUID=...>;<SID=...>;DN
// (MS-ADTS section 3.1.1.3.4.1.5). Samba's DirSync sends it for attributes
// without a back link, with the DN that the object had when the value was
// written.
func isExtendedDN(values []string) bool {
	return len(values) > 0 && strings.HasPrefix(values[0], "<GUID=")
}
