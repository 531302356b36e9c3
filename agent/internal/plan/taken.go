package plan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Earlier is an operation that was planned some time ago: it is in a saved
// plan or was held.
type Earlier struct {
	Key  ident.Key
	GUID ident.GUID // empty for a create
	ident.Operation
}

// Taken says, for each operation, which of its unique values another object
// has taken since; "" if none. A value counts as free if its holder gives it
// up by another operation of the list.
func Taken(view View, uniques map[string]mapping.Unique, list []Earlier) ([]string, error) {
	n := newNames(givers{view, list})
	if err := n.elsewhere.find(n.ofEarlier(uniques, list)); err != nil {
		return nil, err
	}
	out := make([]string, len(list))
	for i, op := range list {
		parent := op.To.Parent()
		if e, there, err := view.EntryByGUID(op.GUID); err != nil {
			return nil, err
		} else if there && op.To == "" {
			parent = e.DN.Parent()
		}
		for _, ch := range op.Attributes {
			unique := uniqueOf(uniques, ch)
			if unique == "" {
				continue
			}
			for _, v := range ch.New {
				holder, taken, err := n.Holder(ch.Name, v, unique, parent, op.GUID, op.Key)
				var unknown *mapping.UnknownHolder
				switch {
				case errors.As(err, &unknown):
					if !slices.Contains(ch.Old, v) && out[i] == "" {
						out[i] = fmt.Sprintf("it is not known whether anybody has %s %q: %s; next: %s", ch.Name, v, unknown.Cause, unknown.Next)
					}
				case err != nil:
					return nil, err
				}
				if taken && !slices.Contains(ch.Old, v) && out[i] == "" {
					out[i] = fmt.Sprintf("%s %q has been taken since by %s", ch.Name, v, holder)
				}
				n.Reserve(ch.Name, v, unique, parent, op.Key)
			}
		}
	}
	return out, nil
}

// uniqueOf says where the values of a change must be unique; "" if nowhere.
func uniqueOf(uniques map[string]mapping.Unique, ch ident.AttributeChange) mapping.Unique {
	if text.Same(ch.Name, "cn") {
		return "" // the server checks names within a container
	}
	return uniques[text.Lower(ch.Name)]
}

// ofEarlier lists the names that operations would write.
func (n *names) ofEarlier(uniques map[string]mapping.Unique, list []Earlier) []Name {
	var out []Name
	for _, op := range list {
		for _, ch := range op.Attributes {
			unique := uniqueOf(uniques, ch)
			for _, v := range ch.New {
				if unique != "" && !slices.Contains(ch.Old, v) {
					out = append(out, n.asked(ch.Name, v, unique)...)
				}
			}
		}
	}
	return out
}

// givers is a View without the objects that give up the value that is looked
// for.
type givers struct {
	View
	list []Earlier
}

func (g givers) EntriesByName(attribute, value string) ([]ident.Entry, error) {
	found, err := g.View.EntriesByName(attribute, value)
	name := text.Name(value)
	return slices.DeleteFunc(slices.Clone(found), func(e ident.Entry) bool {
		return slices.ContainsFunc(g.list, func(op Earlier) bool {
			return op.GUID == e.GUID && slices.ContainsFunc(op.Attributes, func(ch ident.AttributeChange) bool {
				return text.Same(ch.Name, attribute) && !ch.Add && holds(ch.Old, name) && !holds(ch.New, name)
			})
		})
	}), err
}

// HoldersElsewhere implements NameFinder.
func (g givers) HoldersElsewhere(names []Name) ([]Elsewhere, error) {
	if finder, finds := g.View.(NameFinder); finds {
		return finder.HoldersElsewhere(names)
	}
	return make([]Elsewhere, len(names)), nil
}
