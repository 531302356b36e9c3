package plan

import "github.com/rollcall-agent/rollcall/agent/internal/ident"

// Unique is the extent in which a value has to be unique: "", "container",
// "domain" or "forest".
type Unique string

// Names tells the mapping which names are in use.
type Names interface {
	// Holder says who has the value (attribute "cn": within the container
	// parent), other than the account self and the record key.
	Holder(attribute, value string, unique Unique, parent ident.DN, self ident.GUID, key ident.Key) (holder string, taken bool, err error)
	Reserve(attribute, value string, unique Unique, parent ident.DN, key ident.Key)
}
