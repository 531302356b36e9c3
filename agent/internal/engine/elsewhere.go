package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// namesASearch is how many names one search asks for.
const namesASearch = 100

// HoldersElsewhere implements plan.NameFinder: deleted accounts are not mirrored,
// and what they still hold comes back with them when they are restored; nor are the
// other domains of the forest.
func (v *view) HoldersElsewhere(names []plan.Name) ([]plan.Elsewhere, error) {
	out := make([]plan.Elsewhere, 0, len(names))
	for part := range slices.Chunk(names, namesASearch) {
		deleted, err := v.deletedWith(part)
		if err != nil {
			return nil, fmt.Errorf("look for deleted accounts that have the names of new ones: %w", err)
		}
		abroad, err := v.abroad(part)
		if err != nil {
			return nil, err
		}
		for i, name := range part {
			found := abroad[i]
			if deleted := first(deleted, name); found.Holder == "" && deleted != nil {
				found = plan.Elsewhere{Holder: deletedHolder(*deleted)}
			}
			out = append(out, found)
		}
	}
	return out, nil
}

// first returns the first of some objects that has a name; nil if none has.
func first(list []ident.Entry, name plan.Name) *ident.Entry {
	for i := range list {
		if has(list[i], name) {
			return &list[i]
		}
	}
	return nil
}

// deletedWith finds the deleted objects that have one of the names and that can be
// restored. A bind account that is not shown deleted objects finds none.
func (v *view) deletedWith(names []plan.Name) ([]ident.Entry, error) {
	terms, attributes := v.terms(names)
	if terms == "" || v.hidesDeleted {
		return nil, nil
	}
	var found []ident.Entry
	err := v.client.Search(v.ctx, conn.Query{
		Base: "CN=Deleted Objects," + v.client.Server().NamingContext, Scope: conn.Children, Deleted: true,
		Filter:     "(&(isDeleted=TRUE)(|" + terms + "))",
		Attributes: append(attributes, "objectClass", "lastKnownParent", "isRecycled"),
	}, func(e ident.Entry) error {
		found = append(found, e)
		return nil
	})
	if hidden(err) {
		v.hidesDeleted = true
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	byDN(found)
	return v.restorable(found)
}

// byDN sorts objects, so that the plan is always the same.
func byDN(list []ident.Entry) {
	slices.SortFunc(list, func(x, y ident.Entry) int { return strings.Compare(string(x.DN), string(y.DN)) })
}

// terms returns the terms of a filter for names, and their attributes. An
// attribute that the directory does not have is nobody's.
func (v *view) terms(names []plan.Name) (terms string, attributes []string) {
	var b strings.Builder
	for _, name := range names {
		if _, known := v.schema[text.Lower(name.Attribute)]; !known && text.Same(name.Attribute, targetAddress) {
			continue
		}
		b.WriteString("(" + name.Attribute + "=" + conn.EscapeFilter(name.Value) + ")")
		if !slices.Contains(attributes, name.Attribute) {
			attributes = append(attributes, name.Attribute)
		}
	}
	return b.String(), attributes
}

// hidden reports whether a search failed because the account is not shown the
// deleted objects.
func hidden(err error) bool {
	return errors.Is(err, conn.ErrNotFound) || errors.Is(err, conn.ErrDenied)
}

// restorable leaves out what cannot be restored any more. Where the Recycle Bin is
// on, that is what was recycled. Where it is off, everything deleted is marked as
// recycled, and comes back with the few attributes that it has kept.
func (v *view) restorable(found []ident.Entry) ([]ident.Entry, error) {
	recycled := func(e ident.Entry) bool { return text.Same(e.Attributes.First("isRecycled"), "TRUE") }
	if !slices.ContainsFunc(found, recycled) {
		return found, nil
	}
	if v.recycles == nil {
		on, err := v.recycleBin()
		if err != nil {
			return nil, fmt.Errorf("find out whether the Recycle Bin is on: %w", err)
		}
		v.recycles = &on
	}
	if *v.recycles {
		found = slices.DeleteFunc(found, recycled)
	}
	return found, nil
}

// recycleBin reports whether the Recycle Bin is on (MS-ADTS section 3.1.1.9.1).
// If that is hidden, it counts as off: more names are taken then.
func (v *view) recycleBin() (bool, error) {
	partitions := v.client.Server().ServiceName
	for partitions != "" && !text.Same(partitions.RDN(), "CN=Configuration") {
		partitions = partitions.Parent()
	}
	if partitions == "" {
		return false, nil
	}
	e, err := v.client.Get(v.ctx, conn.ByDN("CN=Partitions,"+partitions), []string{"msDS-EnabledFeature"})
	if hidden(err) {
		return false, nil
	}
	return slices.ContainsFunc(e.Attributes.Values("msDS-EnabledFeature"), func(dn string) bool {
		return text.Same(ident.DN(dn).RDN(), "CN=Recycle Bin Feature")
	}), err
}

func has(e ident.Entry, name plan.Name) bool {
	return slices.ContainsFunc(e.Attributes.Values(name.Attribute), func(v string) bool { return text.SameName(v, name.Value) })
}

// deletedHolder says who a deleted object was. Its name ends with a line break and
// its GUID since it was deleted.
func deletedHolder(e ident.Entry) string {
	kind := "object"
	if slices.ContainsFunc(e.Attributes.Values("objectClass"), func(c string) bool { return text.Same(c, "user") }) {
		kind = "account"
	}
	name, _, _ := strings.Cut(e.DN.Name(), "\n")
	holder := fmt.Sprintf("a deleted %s, which can be restored: %s", kind, name)
	if parent := e.Attributes.First("lastKnownParent"); parent != "" {
		holder += " of " + parent
	}
	return holder
}
