package conn

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// defaultPage is the number of entries requested at once; AD returns at most
// 1000.
const defaultPage = 500

// Target names one object, by GUID (which renames and moves do not change) or
// by DN.
type Target struct {
	GUID    ident.GUID
	DN      ident.DN // used when GUID is empty
	Deleted bool     // search among the deleted objects too, as far as the account may see them
}

// ByGUID names an object by its GUID.
func ByGUID(guid ident.GUID) Target { return Target{GUID: guid} }

// ByDN names an object by its DN.
func ByDN(dn ident.DN) Target { return Target{DN: dn} }

func (t Target) base() (ident.DN, error) {
	if t.GUID == "" {
		return t.DN, nil
	}
	if _, err := t.GUID.Bytes(); err != nil {
		return "", err
	}
	return ident.DN("<GUID=" + string(t.GUID) + ">"), nil
}

// Get reads one object. Without attributes, it reads all but the constructed
// ones. If the object does not exist, or the account may not see it, the error
// matches ErrNotFound.
func (c *Client) Get(ctx context.Context, t Target, attributes []string) (ident.Entry, error) {
	base, err := t.base()
	if err != nil {
		return ident.Entry{}, fmt.Errorf("get: %w", err)
	}
	r := ldap.NewSearchRequest(string(base), ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", withGUID(attributes), nil)
	if t.Deleted {
		r.Controls = append(r.Controls, ldap.NewControlMicrosoftShowDeleted())
	}
	var found ident.Entry
	err = c.do(ctx, request{op: "search", dn: base}, func(ctx context.Context, l *connection) error {
		result, err := l.search(ctx, r)
		if err != nil {
			return err
		}
		if len(result.Entries) != 1 {
			return ldap.NewError(ldap.LDAPResultNoSuchObject, fmt.Errorf("%d objects", len(result.Entries)))
		}
		found, err = l.complete(ctx, result.Entries[0])
		return err
	})
	return found, err
}

// Scope says how far below the base a search goes.
type Scope int

// The scopes of a search (RFC 4511 section 4.5.1.2).
const (
	Subtree  Scope = iota // the base and everything below
	Base                  // the base alone
	Children              // the objects directly below the base
)

// Query is a search. The filter must have been built with EscapeFilter.
type Query struct {
	Base       ident.DN
	Scope      Scope
	Filter     string
	Attributes []string // none: all but the constructed ones
	PageSize   int      // 0 is 500
	Deleted    bool     // include tombstones
}

// EscapeFilter makes a value safe for use in a filter (RFC 4515 section 3).
func EscapeFilter(value string) string { return ldap.EscapeFilter(value) }

// FilterOfGUIDs returns a filter that finds objects by their GUIDs.
func FilterOfGUIDs(guids []ident.GUID) (string, error) {
	var f strings.Builder
	f.WriteString("(|")
	for _, guid := range guids {
		b, err := guid.Bytes()
		if err != nil {
			return "", err
		}
		f.WriteString("(objectGUID=" + EscapeFilter(string(b)) + ")")
	}
	f.WriteString(")")
	return f.String(), nil
}

// Search reads page by page and calls each for every entry. An error of each
// ends the search and is returned unchanged. References to other servers are
// left out. The connection is held until Search returns: with a single
// connection, each must not use the client.
func (c *Client) Search(ctx context.Context, q Query, each func(ident.Entry) error) error {
	scope := map[Scope]int{Subtree: ldap.ScopeWholeSubtree, Base: ldap.ScopeBaseObject, Children: ldap.ScopeSingleLevel}[q.Scope]
	if q.PageSize <= 0 {
		q.PageSize = defaultPage
	}
	paging := ldap.NewControlPaging(uint32(q.PageSize))
	r := ldap.NewSearchRequest(string(q.Base), scope, ldap.NeverDerefAliases, 0, 0, false,
		q.Filter, withGUID(q.Attributes), []ldap.Control{paging})
	if q.Deleted {
		r.Controls = append(r.Controls, ldap.NewControlMicrosoftShowDeleted())
	}
	delivered := false
	var stopped, lost error
	err := c.do(ctx, request{op: "search", dn: q.Base}, func(ctx context.Context, l *connection) error {
		if delivered { // no entry may be delivered twice
			return fmt.Errorf("connection lost in the middle of a search: %w", lost)
		}
		paging.SetCookie(nil)
		lost = l.pages(ctx, r, paging, func(e ident.Entry) error {
			delivered = true
			stopped = each(e)
			return stopped
		})
		if stopped != nil {
			return l.abandon(ctx, r, paging)
		}
		return lost
	})
	if stopped != nil {
		return stopped
	}
	return err
}

func (l *connection) pages(ctx context.Context, r *ldap.SearchRequest, paging *ldap.ControlPaging, each func(ident.Entry) error) error {
	for {
		result, err := l.search(ctx, r)
		if err != nil {
			return err
		}
		more := nextPage(paging, result)
		for _, e := range result.Entries {
			found, err := l.complete(ctx, e)
			if err != nil {
				return err
			}
			if err := each(found); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

// nextPage takes the cookie from result, and reports whether there is another
// page.
func nextPage(paging *ldap.ControlPaging, result *ldap.SearchResult) bool {
	control, ok := ldap.FindControl(result.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
	if !ok {
		paging.SetCookie(nil)
		return false
	}
	paging.SetCookie(control.Cookie)
	return len(control.Cookie) > 0
}

// abandon tells the server that no further page is wanted (RFC 2696 section
// 3).
func (l *connection) abandon(ctx context.Context, r *ldap.SearchRequest, paging *ldap.ControlPaging) error {
	if len(paging.Cookie) == 0 {
		return nil
	}
	paging.PagingSize = 0
	_, err := l.search(ctx, r)
	return err
}

func (l *connection) search(ctx context.Context, r *ldap.SearchRequest) (*ldap.SearchResult, error) {
	var result *ldap.SearchResult
	err := l.run(ctx, "search", func(conn *ldap.Conn) error {
		var err error
		result, err = conn.Search(r)
		return err
	})
	return result, err
}

// complete translates e and fetches the remaining values of attributes for
// which the server returned only a range, as AD does above 1500 values
// (MS-ADTS section 3.1.1.3.1.3.3).
func (l *connection) complete(ctx context.Context, e *ldap.Entry) (ident.Entry, error) {
	found, err := entry(e)
	if err != nil {
		return ident.Entry{}, err
	}
	for _, a := range e.Attributes {
		name, last, ranged := rangeOf(a.Name)
		if !ranged {
			continue
		}
		key := text.Lower(name)
		delete(found.Attributes, text.Lower(a.Name))
		found.Attributes[key] = append(found.Attributes[key], a.Values...)
		for last >= 0 {
			r := ldap.NewSearchRequest(e.DN, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false,
				"(objectClass=*)", []string{fmt.Sprintf("%s;range=%d-*", name, last+1)}, nil)
			result, err := l.search(ctx, r)
			if err != nil {
				return ident.Entry{}, err
			}
			var more []string
			if more, last = nextRange(result, name); len(more) > 0 {
				found.Attributes[key] = append(found.Attributes[key], more...)
			}
		}
	}
	return found, nil
}

func nextRange(result *ldap.SearchResult, name string) (values []string, last int) {
	for _, e := range result.Entries {
		for _, a := range e.Attributes {
			if base, last, ranged := rangeOf(a.Name); ranged && text.Same(base, name) && len(a.Values) > 0 {
				return a.Values, last
			}
		}
	}
	return nil, -1
}

// rangeOf splits "member;range=0-1499" into "member" and 1499; last is -1 when
// the range reaches the end.
func rangeOf(attribute string) (name string, last int, ranged bool) {
	name, option, found := strings.Cut(attribute, ";")
	_, bounds, isRange := strings.Cut(text.Lower(option), "range=")
	if !found || !isRange {
		return attribute, -1, false
	}
	_, end, _ := strings.Cut(bounds, "-")
	if last, err := strconv.Atoi(end); err == nil {
		return name, last, true
	}
	return name, -1, true
}

func withGUID(attributes []string) []string {
	if len(attributes) == 0 {
		attributes = []string{"*"}
	}
	return with(attributes, "objectGUID")
}

// with adds names to attributes, each once.
func with(attributes []string, names ...string) []string {
	all := slices.Clone(attributes)
	for _, n := range names {
		if !slices.ContainsFunc(all, func(a string) bool { return text.Same(a, n) }) {
			all = append(all, n)
		}
	}
	return all
}
