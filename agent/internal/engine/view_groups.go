package engine

import (
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

var _ plan.GroupLister = (*view)(nil)

// accountsASearch is how many accounts one search asks for.
const accountsASearch = 50

// GroupsOf implements plan.GroupLister. It asks the DC, because the mirror does not hold
// members.
func (v *view) GroupsOf(accounts []ident.GUID) (map[ident.GUID][]ident.DN, error) {
	out := map[ident.GUID][]ident.DN{}
	for part := range slices.Chunk(accounts, accountsASearch) {
		filter, err := conn.FilterOfGUIDs(part)
		if err != nil {
			return nil, err
		}
		err = v.client.Search(v.ctx, conn.Query{
			Base: v.client.Server().NamingContext, Attributes: []string{"memberOf"}, Filter: filter,
		}, func(e ident.Entry) error {
			for _, dn := range slices.Sorted(slices.Values(e.Attributes.Values("memberOf"))) {
				out[e.GUID] = append(out[e.GUID], ident.DN(dn))
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the groups of disabled accounts: %w", err)
		}
	}
	return out, nil
}
