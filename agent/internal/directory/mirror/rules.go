package mirror

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Searcher is the part of a Directory that reads the schema.
type Searcher interface {
	Server() conn.Server
	Search(context.Context, conn.Query, func(ident.Entry) error) error
}

// ReadSchema returns which values the directory accepts for the attributes,
// and which of the attributes user accounts cannot have. If the directory does
// not show its schema, the result refuses nothing.
func ReadSchema(ctx context.Context, dir Searcher, attributes []string) (ident.Schema, error) {
	found, err := readSchema(ctx, dir, attributes)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	allowed, err := allowedOfUsers(ctx, dir)
	if err != nil {
		return nil, err
	}
	schema := ident.Schema{}
	for _, name := range attributes {
		e, ok := found[text.Lower(name)]
		rule := ident.AttributeRule{
			Syntax: ident.SyntaxOf(e.Attributes.First("attributeSyntax"), e.Attributes.First("oMSyntax")),
			Single: text.Same(e.Attributes.First("isSingleValued"), "TRUE") || ident.SingleOfAccounts(name),
			Local:  ok && !text.Same(e.Attributes.First("isMemberOfPartialAttributeSet"), "TRUE"),
			Lower:  bound(e, "rangeLower"), Upper: bound(e, "rangeUpper"),
		}
		rule.Unusable, rule.Next = unusable(name, e, ok)
		rule.Unread = unread(e, ok)
		if rule.Unusable == "" && len(allowed) > 0 && !allowed[text.Lower(name)] {
			rule.Unusable, rule.Next = "does not belong to user accounts", "map another attribute, or extend the class user in the schema"
		}
		schema[text.Lower(name)] = rule
	}
	return schema, nil
}

func unusable(name string, e ident.Entry, known bool) (why, next string) {
	switch {
	case !known:
		return "does not exist in this directory", "correct its name, or extend the schema"
	case number(e, "linkID")%2 == 1:
		return ident.Backlink(ident.BacklinkOf(name))
	case unread(e, known):
		return ident.Computed()
	case text.Same(e.Attributes.First("systemOnly"), "TRUE"):
		return ident.SystemOnly()
	}
	return "", ""
}

// bound reads one end of a range. The directory shows ranges above 2^31 as
// negative numbers; no value is ever that long.
func bound(e ident.Entry, attribute string) *int64 {
	n, err := strconv.ParseInt(e.Attributes.First(attribute), 10, 64)
	if err != nil || attribute == "rangeUpper" && n < 0 {
		return nil
	}
	return &n
}

var errEnough = errors.New("enough")

// allowedOfUsers reads from some account which attributes accounts may have,
// in lower case. The result is empty if no account shows it.
func allowedOfUsers(ctx context.Context, dir Searcher) (map[string]bool, error) {
	allowed := map[string]bool{}
	err := dir.Search(ctx, conn.Query{
		Base: dir.Server().NamingContext, PageSize: 1, Attributes: []string{"allowedAttributes"},
		Filter: "(&(objectCategory=person)(sAMAccountType=" + ident.NormalUser + "))",
	}, func(e ident.Entry) error {
		for _, name := range e.Attributes.Values("allowedAttributes") {
			allowed[text.Lower(name)] = true
		}
		return errEnough
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("read which attributes accounts may have: %w", err)
	}
	return allowed, nil
}
