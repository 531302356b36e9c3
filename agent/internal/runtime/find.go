package runtime

import (
	"context"
	"errors"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/find"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// FindObject returns the user or group of the directory that a person names by
// sAMAccountName, userPrincipalName, mail, a proxy address, DN or objectGUID, with
// the given attributes ("*": all that are stored). A name that does not stand for one
// object is the caller's mistake: a *find.NameError in an *exit.UsageError.
func (s *Snapshot) FindObject(ctx context.Context, kind find.Kind, name string, attributes ...string) (e ident.Entry, err error) {
	err = s.connected(ctx, func(c *conn.Client) error {
		e, err = find.One(ctx, c, s.config.Directory.BaseDN, kind, name, attributes...)
		return err
	})
	var wrong *find.NameError
	if errors.As(err, &wrong) {
		err = exit.Mistake(err)
	}
	return e, err
}

// ListObjects lists the users or groups of the directory's scope whose name begins
// with a text, to choose from. It returns at most that many; more reports that there
// are others.
func (s *Snapshot) ListObjects(ctx context.Context, kind find.Kind, begin string, most int) (list []ident.Entry, more bool, err error) {
	err = s.connected(ctx, func(c *conn.Client) error {
		list, more, err = find.List(ctx, c, find.Wanted{Bases: s.config.Directory.Scope, Kind: kind, Begin: begin, Most: most})
		return err
	})
	return list, more, err
}

// connected calls do with a connection of its own.
func (s *Snapshot) connected(ctx context.Context, do func(*conn.Client) error) error {
	c, err := s.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return do(c)
}
