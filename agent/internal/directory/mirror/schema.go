package mirror

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// AttributeError reports an attribute that cannot be mirrored.
type AttributeError struct {
	Name, Why, Hint string
}

func (e *AttributeError) Error() string {
	return fmt.Sprintf("attribute %q %s; next: %s", e.Name, e.Why, e.Hint)
}

// These are systemFlags of an attribute (MS-ADTS section 2.2.10): its values
// are not replicated, or computed on request. DirSync never reports them.
const (
	flagNotReplicated = 0x1
	flagConstructed   = 0x4
)

// checkAttributes refuses attributes that the directory does not have, and
// those that DirSync does not deliver, because they would look empty.
func (s *synchroniser) checkAttributes(ctx context.Context) error {
	if schemaContext(s.dir.Server().ServiceName) == "" || len(s.spec.Attributes) == 0 {
		return nil
	}
	found, err := readSchema(ctx, s.dir, s.spec.Attributes)
	if err != nil {
		return err
	}
	for _, name := range s.spec.Attributes {
		e, ok := found[text.Lower(name)]
		if err := check(name, e, ok); err != nil {
			return err
		}
	}
	return nil
}

// readSchema returns the schema of attributes, by name in lower case. The
// result is empty if the schema cannot be found.
func readSchema(ctx context.Context, dir Searcher, attributes []string) (map[string]ident.Entry, error) {
	found := map[string]ident.Entry{}
	schema := schemaContext(dir.Server().ServiceName)
	if schema == "" || len(attributes) == 0 {
		return found, nil
	}
	var f strings.Builder
	f.WriteString("(&(objectClass=attributeSchema)(!(isDefunct=TRUE))(|")
	for _, name := range attributes {
		f.WriteString("(lDAPDisplayName=" + conn.EscapeFilter(name) + ")")
	}
	f.WriteString("))")
	err := dir.Search(ctx, conn.Query{Base: schema, Filter: f.String(), Attributes: []string{
		"lDAPDisplayName", "systemFlags", "systemOnly", "attributeSyntax", "oMSyntax", "isSingleValued", "rangeLower", "rangeUpper",
		"linkID", "isMemberOfPartialAttributeSet",
	}}, func(e ident.Entry) error {
		found[text.Lower(e.Attributes.First("lDAPDisplayName"))] = e
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return found, nil
}

// number reads a number; 0 when it is absent.
func number(e ident.Entry, attribute string) int64 {
	n, _ := strconv.ParseInt(e.Attributes.First(attribute), 10, 64)
	return n
}

func check(name string, e ident.Entry, known bool) error {
	switch {
	case slices.ContainsFunc(append([]string{objectGUID}, always...), func(a string) bool { return text.Same(a, name) }):
	case !known:
		why, next := unusable(name, e, known)
		return &AttributeError{name, why, next}
	case unread(e, known):
		return &AttributeError{
			name, "is computed by each domain controller and cannot be kept up to date", "use another one (member instead of memberOf)",
		}
	}
	return nil
}

// unread reports whether DirSync would deliver no values for an attribute.
func unread(e ident.Entry, known bool) bool {
	return !known || number(e, "systemFlags")&(flagNotReplicated|flagConstructed) != 0
}

// schemaContext derives the naming context of the schema, which is the same
// for the whole forest, from the DN of a domain controller's settings; "" if
// it cannot.
func schemaContext(service ident.DN) ident.DN {
	for dn := service; dn != ""; dn = dn.Parent() {
		if text.Same(dn.RDN(), "CN=Configuration") {
			return "CN=Schema," + dn
		}
	}
	return ""
}
