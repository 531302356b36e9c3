package write

import (
	"context"
	"errors"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Lookup says what a Guard says, for a plan that is about a few objects: it reads
// each of them, with the groups that it is in, in place of the members of all
// privileged groups.
type Lookup struct{ protection *protection }

// Lookup returns the Lookup that goes by what the Writer knows.
func (w *Writer) Lookup() *Lookup { return &Lookup{w.protection} }

// Protected says why an account or group must not be touched; "" if protection
// does not forbid it, or there is no such object.
func (l *Lookup) Protected(ctx context.Context, e ident.Entry) (string, error) {
	if l.protection.allowed(e.DN) {
		return "", nil
	}
	now, err := l.protection.dir.Get(ctx, conn.ByGUID(e.GUID), protectionAttributes)
	if errors.Is(err, conn.ErrNotFound) {
		return l.protection.byItself(e), nil
	}
	if err != nil {
		return "", err
	}
	if l.protection.allowed(now.DN) {
		return "", nil
	}
	if why := l.protection.byItself(now); why != "" {
		return why, nil
	}
	if slices.ContainsFunc(now.Attributes.Values("objectClass"), func(c string) bool { return text.Same(c, "group") }) {
		return l.protection.upwards(ctx, now)
	}
	return l.protection.byMembership(ctx, now)
}
