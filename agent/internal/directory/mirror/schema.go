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

// AttributeError is an attribute that cannot be mirrored.
type AttributeError struct {
	Name, Why, Hint string
}

func (e *AttributeError) Error() string {
	return fmt.Sprintf("attribute %q %s; next: %s", e.Name, e.Why, e.Hint)
}

// systemFlags of an attribute (MS-ADTS section 2.2.10): its values are not
// replicated, or computed when they are asked for. DirSync never tells them.
const (
	flagNotReplicated = 0x1
	flagConstructed   = 0x4
)

// checkAttributes refuses attributes that the directory does not have, and
// those whose values DirSync does not deliver: they would look empty.
func (s *synchroniser) checkAttributes(ctx context.Context) error {
	schema := schemaContext(s.dir.Server().ServiceName)
	if schema == "" || len(s.spec.Attributes) == 0 {
		return nil
	}
	var f strings.Builder
	f.WriteString("(&(objectClass=attributeSchema)(|")
	for _, name := range s.spec.Attributes {
		f.WriteString("(lDAPDisplayName=" + conn.EscapeFilter(name) + ")")
	}
	f.WriteString("))")
	flags := map[string]int64{}
	err := s.dir.Search(ctx, conn.Query{Base: schema, Filter: f.String(), Attributes: []string{"lDAPDisplayName", "systemFlags"}},
		func(e ident.Entry) error {
			bits, _ := strconv.ParseInt(e.Attributes.First("systemFlags"), 10, 64) // absent: none
			flags[text.Lower(e.Attributes.First("lDAPDisplayName"))] = bits
			return nil
		})
	if err != nil {
		return fmt.Errorf("read the schema: %w", err)
	}
	for _, name := range s.spec.Attributes {
		if err := check(name, flags); err != nil {
			return err
		}
	}
	return nil
}

func check(name string, flags map[string]int64) error {
	bits, ok := flags[text.Lower(name)]
	switch {
	case slices.ContainsFunc(append([]string{objectGUID}, always...), func(a string) bool { return text.Same(a, name) }):
	case !ok:
		return &AttributeError{name, "does not exist in this directory", "correct its name, or extend the schema"}
	case bits&(flagNotReplicated|flagConstructed) != 0:
		return &AttributeError{name, "is computed by each domain controller and cannot be kept up to date", "use another one (member instead of memberOf)"}
	}
	return nil
}

// schemaContext finds the naming context of the schema, the same for the whole
// forest, from the DN of a domain controller's settings; "" when it cannot.
func schemaContext(service ident.DN) ident.DN {
	for dn := service; dn != ""; dn = dn.Parent() {
		if text.Same(dn.RDN(), "CN=Configuration") {
			return "CN=Schema," + dn
		}
	}
	return ""
}
