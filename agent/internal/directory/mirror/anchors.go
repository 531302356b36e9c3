package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// anchorCandidates lists attributes of accounts that AD itself does not use.
// Those that Microsoft keeps free for customers come first.
func anchorCandidates() []string {
	var names []string
	for i := range 15 {
		names = append(names, fmt.Sprintf("extensionAttribute%d", i+1))
	}
	for i := range 20 {
		names = append(names, fmt.Sprintf("msDS-cloudExtensionAttribute%d", i+1))
	}
	return append(names, "employeeNumber", "employeeType", "division", "personalTitle", "carLicense", "roomNumber")
}

const (
	anchorLength = 64 // characters that an anchor attribute should have room for
	fewAnchors   = 5
)

// FreeAnchors lists up to five attributes that could hold anchors. User
// accounts may have them by the schema, they hold one text that is long
// enough, and no account below base has a value. Attributes in taken are left
// out.
func FreeAnchors(ctx context.Context, dir Searcher, base ident.DN, taken []string) ([]string, error) {
	candidates := slices.DeleteFunc(anchorCandidates(), func(name string) bool {
		return slices.ContainsFunc(taken, func(t string) bool { return text.Same(t, name) })
	})
	schema, err := ReadSchema(ctx, dir, candidates)
	if err != nil {
		return nil, fmt.Errorf("look for attributes that could carry anchors: %w", err)
	}
	var free []string
	for _, name := range candidates {
		rule, known := schema[text.Lower(name)]
		if !known || rule.Unusable != "" || rule.Unread || !rule.Single || rule.Syntax != ident.SyntaxText ||
			rule.Upper != nil && *rule.Upper < anchorLength {
			continue
		}
		used, err := inUse(ctx, dir, base, name)
		if err != nil {
			return nil, fmt.Errorf("look whether %s is in use: %w", name, err)
		}
		if !used {
			free = append(free, name)
		}
		if len(free) == fewAnchors {
			break
		}
	}
	return free, nil
}

var errUsed = errors.New("it is in use")

func inUse(ctx context.Context, dir Searcher, base ident.DN, name string) (bool, error) {
	err := dir.Search(ctx, conn.Query{
		Base: base, Filter: "(&(sAMAccountType=" + ident.NormalUser + ")(" + name + "=*))", Attributes: []string{name}, PageSize: 1,
	}, func(ident.Entry) error { return errUsed })
	if errors.Is(err, errUsed) {
		return true, nil
	}
	return false, err
}
