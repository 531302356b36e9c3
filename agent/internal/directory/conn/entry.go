package conn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// errUndecodable marks an answer that arrived completely but makes no sense.
var errUndecodable = errors.New("the server's answer cannot be understood")

// sids lists the attributes whose binary values are returned as text.
var sids = []string{"objectsid", "sidhistory", "tokengroups"}

// entry translates what the server sent: names in lower case, objectGUID and
// SIDs as text, other values unchanged.
func entry(e *ldap.Entry) (ident.Entry, error) {
	out := ident.Entry{DN: ident.DN(e.DN), Attributes: make(ident.Attributes, len(e.Attributes))}
	for _, a := range e.Attributes {
		name := text.Lower(a.Name)
		values := a.Values
		switch {
		case name == "objectguid" && len(a.ByteValues) == 1:
			guid, err := ident.GUIDFromBytes(a.ByteValues[0])
			if err != nil {
				return ident.Entry{}, fmt.Errorf("%w: objectGUID of %q: %w", errUndecodable, e.DN, err)
			}
			out.GUID, values = guid, []string{string(guid)}
		case slices.Contains(sids, name):
			values = make([]string, len(a.ByteValues))
			for i, b := range a.ByteValues {
				text, err := sidText(b)
				if err != nil {
					return ident.Entry{}, fmt.Errorf("%w: %s of %q: %w", errUndecodable, a.Name, e.DN, err)
				}
				values[i] = text
			}
		}
		out.Attributes[name] = values
	}
	return out, nil
}

// sidText formats a SID as AD tools do: S-1-5-21-... (MS-DTYP section 2.4.2).
func sidText(b []byte) (string, error) {
	if len(b) < 8 || len(b) != 8+4*int(b[1]) {
		return "", fmt.Errorf("read SID: %d bytes do not make one", len(b))
	}
	var authority uint64
	for _, v := range b[2:8] {
		authority = authority<<8 | uint64(v)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "S-%d-%d", b[0], authority)
	for part := b[8:]; len(part) > 0; part = part[4:] {
		fmt.Fprintf(&text, "-%d", binary.LittleEndian.Uint32(part))
	}
	return text.String(), nil
}
