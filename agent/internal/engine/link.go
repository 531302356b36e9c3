package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// LinkRequest asks to link a record to an account by hand.
type LinkRequest struct {
	Automation string
	Key        ident.Key
	Account    string // objectGUID, DN, sAMAccountName, userPrincipalName or mail
	By         string
}

// ErrCannotLink means that an account cannot be linked; the message says why.
var ErrCannotLink = errors.New("the account cannot be linked")

// Link links a record to an account that a person has chosen. The account must
// be in scope and not protected; its anchor is written by the next run.
func (e *Engine) Link(ctx context.Context, req LinkRequest) (ident.Link, error) {
	a, err := e.automation(req.Automation)
	if err != nil {
		return ident.Link{}, err
	}
	var link ident.Link
	err = e.withDirectory(ctx, func(client *conn.Client) error {
		if err := e.sync(ctx, client, false); err != nil {
			return err
		}
		entry, err := e.account(ctx, req.Account)
		if err != nil {
			return err
		}
		if err := e.mayLink(ctx, client, a, entry, req.Key); err != nil {
			return err
		}
		link = ident.Link{
			Application: a.Settings.Application, Key: req.Key, GUID: entry.GUID, Automation: req.Automation,
			Origin: ident.OriginManual, Created: e.Now().UTC(),
		}
		return e.Store.PutLink(ctx, link, req.By)
	})
	return link, err
}

// account finds the one account that a person means.
func (e *Engine) account(ctx context.Context, name string) (ident.Entry, error) {
	if entry, ok, err := e.Store.EntryByGUID(ctx, ident.GUID(strings.ToLower(name))); err != nil || ok {
		return entry, err
	}
	if strings.Contains(name, "=") {
		if entry, ok, err := e.Store.EntryByDN(ctx, ident.DN(name)); err != nil || ok {
			return entry, err
		}
	}
	for _, attribute := range []string{"sAMAccountName", "userPrincipalName", "mail"} {
		found, err := e.Store.EntriesByValue(ctx, attribute, name)
		if err != nil {
			return ident.Entry{}, err
		}
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return ident.Entry{}, fmt.Errorf("%w: %d accounts have the %s %q: name it by its DN", ErrCannotLink, len(found), attribute, name)
		}
	}
	return ident.Entry{}, fmt.Errorf("%w: there is no account %q: name it by DN, objectGUID, sAMAccountName, userPrincipalName or mail", ErrCannotLink, name)
}

// mayLink holds a link by hand to the same rules as an adoption.
func (e *Engine) mayLink(ctx context.Context, client *conn.Client, a Automation, entry ident.Entry, key ident.Key) error {
	guard, err := write.NewGuard(ctx, client, e.Rules)
	if err != nil {
		return fmt.Errorf("find the protected accounts: %w", err)
	}
	why, err := guard.Protected(ctx, entry)
	if err != nil {
		return err
	}
	if why != "" {
		return fmt.Errorf("%w: %s is protected: %s", ErrCannotLink, entry.DN, why)
	}
	if !inScope(a.Settings, entry.DN) {
		return fmt.Errorf("%w: %s is outside scope of [directory]", ErrCannotLink, entry.DN)
	}
	want := a.Settings.Application + ":" + string(key)
	if have := entry.Attributes.First(a.Settings.Anchor); have != "" && have != want {
		return fmt.Errorf("%w: %s carries the anchor %q of another record: clear %s first if that is wrong", ErrCannotLink, entry.DN, have, a.Settings.Anchor)
	}
	return nil
}

func inScope(s plan.Settings, dn ident.DN) bool {
	for _, base := range s.Scope {
		if dn.Parent().Under(base) {
			return true
		}
	}
	return false
}
