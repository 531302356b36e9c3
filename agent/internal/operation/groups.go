package operation

import (
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// groups adds an account to groups, or removes it from groups. It has no inverse:
// which of them an account was in before is not recorded.
var groups = kind{
	undone: ident.PartGroups,
	remember: func(link *ident.Link, op ident.Operation, _ time.Time) {
		for i, id := range op.GroupIDs {
			others := slices.DeleteFunc(slices.Clone(link.Stripped), func(g ident.GUID) bool { return g == id })
			switch {
			case id == "":
			case i < len(op.Left):
				link.Stripped = append(others, id)
			default:
				link.Stripped = others
			}
		}
	},
	holds: func(now ident.Entry, op ident.Operation) bool {
		return !slices.ContainsFunc(op.Groups, func(g ident.DN) bool { return !memberOf(now, g) }) &&
			!slices.ContainsFunc(op.Left, func(g ident.DN) bool { return memberOf(now, g) })
	},
	fate: func(s *since, i int) (Fate, error) {
		for _, g := range s.change.Operations[i].Groups {
			if in, err := s.MemberOf(g, s.entry.GUID); err != nil || !in {
				return Fate{}, err
			}
		}
		for _, g := range s.change.Operations[i].Left {
			if in, err := s.MemberOf(g, s.entry.GUID); err != nil || in {
				return Fate{}, err
			}
		}
		return AsPlanned, nil
	},
}

func memberOf(e ident.Entry, group ident.DN) bool {
	return slices.ContainsFunc(e.Attributes.Values("memberOf"), func(dn string) bool { return group.EqualFold(ident.DN(dn)) })
}

// OnlyGroups returns an operation on groups with those that keep accepts.
func OnlyGroups(op ident.Operation, keep func(ident.DN) bool) ident.Operation {
	only := func(from []ident.DN) (kept []ident.DN, ids []ident.GUID) {
		for i, g := range from {
			if !keep(g) {
				continue
			}
			kept = append(kept, g)
			if i < len(op.GroupIDs) {
				ids = append(ids, op.GroupIDs[i])
			} else if len(op.GroupIDs) > 0 {
				ids = append(ids, "")
			}
		}
		return kept, ids
	}
	if len(op.Left) > 0 {
		op.Left, op.GroupIDs = only(op.Left)
		return op
	}
	op.Groups, op.GroupIDs = only(op.Groups)
	return op
}
