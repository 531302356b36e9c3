package operation

import (
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// groups adds an account to groups, or removes it from groups. It has no inverse:
// which of them an account was in before is not recorded.
var groups = kind{
	undone: ident.PartGroups,
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
		return AsPlanned, nil
	},
}

func memberOf(e ident.Entry, group ident.DN) bool {
	return slices.ContainsFunc(e.Attributes.Values("memberOf"), func(dn string) bool { return group.EqualFold(ident.DN(dn)) })
}
