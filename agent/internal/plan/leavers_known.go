package plan

import (
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// known is what a delivery says about the keys of the automation's links. If
// all keys are new, after another import or because ids have another form, it
// looks as if everybody had left and as many had joined; the number of records
// does not show it.
type known struct {
	delivered int          // links whose key was delivered, in scope or not
	absent    []ident.Link // links whose key was not
	fresh     []ident.Key  // delivered, but not by the last delivery
}

// lookAtLinks goes through the links once and returns those that are missing.
func (l *leaverPlanner) lookAtLinks(d Delivery) ([]ident.Link, error) {
	var missing []ident.Link
	err := l.view.EachLink(func(link ident.Link) error {
		delivered, err := l.delivered(link.Key, d)
		if err != nil {
			return err
		}
		switch {
		case !delivered:
			l.draft.known.absent = append(l.draft.known.absent, link)
		case link.Delivered:
			l.draft.known.delivered++
		default:
			l.draft.known.delivered++
			l.draft.known.fresh = append(l.draft.known.fresh, link.Key)
		}
		if !delivered || l.draft.hasLeft(link.Key) {
			missing = append(missing, link)
		}
		return nil
	})
	return missing, err
}

// delivered reports whether a record with the key was delivered, whatever
// became of it.
func (l *leaverPlanner) delivered(key ident.Key, d Delivery) (bool, error) {
	if _, seen := l.draft.keys.seen[key]; seen || d.Present == nil {
		return seen, nil
	}
	return d.Present(key)
}
