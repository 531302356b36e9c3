package find

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Wanted says which objects List returns.
type Wanted struct {
	Bases []ident.DN // containers; those that do not exist have nothing
	Kind  Kind
	Begin string // what a part of the name begins with; "": any
	Most  int    // how many at most
}

// sought are the attributes whose beginnings List looks at. All are indexed.
var sought = []string{"sAMAccountName", "displayName", "givenName", "sn", "cn", "mail"}

var errEnough = errors.New("there are more than are wanted")

// List returns objects by their names, sorted by Label. more reports that there are
// others.
func List(ctx context.Context, dir Directory, w Wanted) (list []ident.Entry, more bool, err error) {
	filter := classes[w.Kind]
	if begin := strings.TrimSpace(w.Begin); begin != "" {
		var b strings.Builder
		for _, attribute := range sought {
			b.WriteString("(" + attribute + "=" + conn.EscapeFilter(begin) + "*)")
		}
		filter = "(&" + filter + "(|" + b.String() + "))"
	}
	seen := map[ident.GUID]bool{} // bases may lie in one another
	for _, base := range w.Bases {
		err := dir.Search(ctx, conn.Query{Base: base, Filter: filter, Attributes: described}, func(e ident.Entry) error {
			if kindOf(e) != w.Kind || seen[e.GUID] {
				return nil
			}
			if len(list) == w.Most {
				return errEnough
			}
			seen[e.GUID] = true
			list = append(list, e)
			return nil
		})
		if more = errors.Is(err, errEnough); more {
			break
		}
		if err != nil && !errors.Is(err, conn.ErrNotFound) {
			return nil, false, err
		}
	}
	slices.SortFunc(list, func(a, b ident.Entry) int {
		if n := strings.Compare(text.Lower(Label(a)), text.Lower(Label(b))); n != 0 {
			return n
		}
		return strings.Compare(string(a.DN), string(b.DN))
	})
	return list, more, nil
}

// Label tells people which object is meant: the logon name and, where it differs,
// the name as it is shown.
func Label(e ident.Entry) string {
	shown := e.Attributes.First("displayName")
	if shown == "" {
		shown = e.DN.Name()
	}
	logon := e.Attributes.First("sAMAccountName")
	if logon == "" || text.Same(logon, shown) {
		return shown
	}
	return logon + " (" + shown + ")"
}

// The bounds of a search for names that are near.
const (
	nearRead  = 1000 // objects that are looked at
	nearNames = 3    // names that are told
)

// nearest returns the logon names that were most likely meant, among those of objects
// whose name begins as the given one does.
func nearest(ctx context.Context, dir Directory, base ident.DN, kind Kind, name string) ([]string, error) {
	const begin = 2 // characters; a slip in the first ones is rare
	if len(targets(name)) > 0 {
		return nil, nil
	}
	short := []rune(name)
	list, _, err := List(ctx, dir, Wanted{
		Bases: []ident.DN{base}, Kind: kind, Begin: string(short[:min(len(short), begin)]), Most: nearRead,
	})
	if err != nil {
		return nil, err
	}
	by := map[string]string{} // spellings to logon names
	for _, e := range list {
		for _, attribute := range append([]string{"displayName", "cn"}, identifying[:3]...) {
			if spelled := e.Attributes.First(attribute); spelled != "" {
				by[spelled] = e.Attributes.First("sAMAccountName")
			}
		}
	}
	var near []string
	for len(near) < nearNames {
		known := make([]string, 0, len(by))
		for spelled := range by {
			known = append(known, spelled)
		}
		slices.Sort(known)
		best := text.Nearest(name, known)
		if best == "" {
			break
		}
		if logon := by[best]; !slices.Contains(near, logon) {
			near = append(near, logon)
		}
		delete(by, best)
	}
	return near, nil
}
