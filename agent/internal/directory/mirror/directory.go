package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Directory is one domain controller, the same one for a whole synchronisation.
type Directory interface {
	Server() conn.Server
	HighestUSN(context.Context) (int64, error)
	// DirSync returns a page with a cookie, or an error. If the server
	// refused, it is a *conn.Error with its code.
	DirSync(context.Context, conn.SyncQuery) (conn.SyncPage, error)
	// Search calls the function for each object, with all the values of each
	// attribute. The function must not use the Directory.
	Search(context.Context, conn.Query, func(ident.Entry) error) error
}

var _ Directory = (*conn.Client)(nil)

// dirSync reads one page of DirSync.
func (s *synchroniser) dirSync(ctx context.Context, w way, cookie []byte) (conn.SyncPage, error) {
	return s.dir.DirSync(ctx, conn.SyncQuery{
		Base: s.base, Filter: filter, Attributes: s.names, Cookie: cookie, ObjectSecurity: w.Security,
	})
}

// outages are the result codes of a server that would answer at another time
// or with another password.
var outages = []int{
	conn.CodeNetwork, ldap.LDAPResultTimeLimitExceeded, ldap.LDAPResultSizeLimitExceeded,
	ldap.LDAPResultAdminLimitExceeded, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultBusy, ldap.LDAPResultUnavailable,
}

// refused reports whether the server's answer means that it does not do
// DirSync for this account or from this cookie. The code differs: Samba
// answers 50 without the right, and 12 to a cookie that it cannot read.
func refused(err error) bool {
	var e *conn.Error
	return errors.As(err, &e) && !slices.Contains(outages, e.Code)
}

// lookUpSize is how many objects one search requests.
const lookUpSize = 50

// lookUp reads objects by their GUIDs. An object missing from the answer does
// not exist, or the bind account may not see it.
func (s *synchroniser) lookUp(ctx context.Context, guids []ident.GUID) (map[ident.GUID]ident.Entry, error) {
	found := make(map[ident.GUID]ident.Entry, len(guids))
	for part := range slices.Chunk(guids, lookUpSize) {
		filter, err := conn.FilterOfGUIDs(part)
		if err != nil {
			return nil, fmt.Errorf("look up objects: %w", err)
		}
		err = s.search(ctx, filter, s.names, func(e ident.Entry) error {
			found[e.GUID] = e
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (s *synchroniser) search(ctx context.Context, filter string, attributes []string, each func(ident.Entry) error) error {
	return s.dir.Search(ctx, conn.Query{Base: s.base, Filter: filter, Attributes: attributes}, each)
}
