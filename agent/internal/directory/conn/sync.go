package conn

import (
	"context"
	"errors"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// SyncQuery asks for what changed since a cookie (MS-ADTS section 3.1.1.3.4.1.3).
type SyncQuery struct {
	Base   ident.DN // a whole naming context, nothing smaller
	Filter string   // deleted objects keep few attributes; objectClass is one of them
	// Attributes are the attributes to report. An object is reported only if
	// one of them has changed. objectGUID, isDeleted and name are always
	// added; a change of name shows renames and moves.
	Attributes []string
	Cookie     []byte // of the page before; empty means everything
	// ObjectSecurity asks as a plain user, who only gets what he may read.
	// Without it, the account needs Replicating Directory Changes.
	ObjectSecurity bool
}

// SyncEntry is one object that changed.
type SyncEntry struct {
	GUID    ident.GUID
	DN      ident.DN // the present DN; below CN=Deleted Objects after a deletion
	Deleted bool
	// Changed holds the attributes that changed, with all their present
	// values: none if the attribute was cleared.
	Changed ident.Attributes
}

// SyncPage is one answer. While More is set, another page must be fetched with
// Cookie, even if this one has no entries.
type SyncPage struct {
	Entries []SyncEntry
	Cookie  []byte
	More    bool
}

// DirSync reads the next page of changes. An account without the right gets an
// error with the code 50.
func (c *Client) DirSync(ctx context.Context, q SyncQuery) (SyncPage, error) {
	var flags int64
	if q.ObjectSecurity {
		flags |= ldap.DirSyncObjectSecurity
	}
	attributes := with(q.Attributes, "objectGUID", "isDeleted", "name")
	var result *ldap.SearchResult
	err := c.do(ctx, request{op: "dirsync", dn: q.Base}, func(ctx context.Context, l *connection) error {
		return l.run(ctx, "dirsync", func(conn *ldap.Conn) error {
			r := ldap.NewSearchRequest(string(q.Base), ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
				q.Filter, attributes, nil)
			var err error
			result, err = conn.DirSync(r, flags, 0, q.Cookie)
			return err
		})
	})
	if err != nil {
		return SyncPage{}, err
	}
	return c.syncPage(q, result)
}

func (c *Client) syncPage(q SyncQuery, result *ldap.SearchResult) (SyncPage, error) {
	control, ok := ldap.FindControl(result.Controls, ldap.ControlTypeDirSync).(*ldap.ControlDirSync)
	if !ok || len(control.Cookie) == 0 {
		return SyncPage{}, &Error{
			Op: "dirsync", Server: c.server.URL, DN: string(q.Base),
			Err: errors.New("the answer carries no cookie"), Hint: "the domain controller does not support DirSync",
		}
	}
	page := SyncPage{Cookie: control.Cookie, More: control.Flags != 0, Entries: make([]SyncEntry, 0, len(result.Entries))}
	for _, e := range result.Entries {
		found, err := entry(e)
		if err != nil {
			return SyncPage{}, err
		}
		page.Entries = append(page.Entries, SyncEntry{
			GUID: found.GUID, DN: found.DN, Changed: found.Attributes,
			Deleted: text.Same(found.Attributes.First("isDeleted"), "TRUE"),
		})
	}
	return page, nil
}
