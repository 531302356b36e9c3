package service

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

type (
	// LinksRequest asks for the links of an application and a kind of records;
	// "" means all of them.
	LinksRequest struct{ Application, Kind string }
	// ListedLink is a link with its account, which is nil if nothing is known
	// about it.
	ListedLink struct {
		ident.Link
		Account *Account `json:"account,omitempty"`
	}
	// UnlinkRequest names a link.
	UnlinkRequest struct {
		Application string
		Kind        string // of the record; "" is ident.UserKind
		Key         ident.Key
	}
	// LinkRequest says which account a record belongs to.
	LinkRequest struct {
		OnDisk
		Automation string
		Key        ident.Key
		Account    string
		// WithoutRecord and DryRun are those of engine.LinkRequest.
		WithoutRecord, DryRun bool
	}
	// RekeyRequest gives the account of one key to another.
	RekeyRequest struct {
		OnDisk
		Automation    string
		Former, Key   ident.Key
		Force, DryRun bool
	}
	// LinkAnswer is a link that was made or tried.
	LinkAnswer struct {
		Linked
		RunningAgent *Divergence `json:"running_agent,omitempty"`
	}
)

// Links lists the links, in the order of their application, kind and key.
func (s *Service) Links(ctx context.Context, _ Caller, in LinksRequest) iter.Seq2[ListedLink, error] {
	return listed(func(each func(ListedLink) error) error {
		if err := s.knownApplication(ctx, in.Application); err != nil {
			return err
		}
		if err := s.knownKind(ctx, in.Application, in.Kind); err != nil {
			return err
		}
		return s.agent.Store().LinkedAccounts(ctx, in.Application, in.Kind, func(l ident.Link, a *Account) error {
			return each(ListedLink{l, a})
		})
	})
}

// Link says which account a record belongs to, or tries it.
func (s *Service) Link(ctx context.Context, caller Caller, in LinkRequest) (LinkAnswer, error) {
	e, differs, err := s.linking(ctx, in.OnDisk, in.Automation, in.DryRun)
	if err != nil {
		return LinkAnswer{}, err
	}
	l, err := e.Link(ctx, engine.LinkRequest{
		Automation: in.Automation, Key: in.Key, Account: in.Account,
		WithoutRecord: in.WithoutRecord, DryRun: in.DryRun, By: string(caller),
	})
	return LinkAnswer{l, differs}, mistaken(err)
}

// Rekey gives the account of one key to another, or tries it.
func (s *Service) Rekey(ctx context.Context, caller Caller, in RekeyRequest) (LinkAnswer, error) {
	e, differs, err := s.linking(ctx, in.OnDisk, in.Automation, in.DryRun)
	if err != nil {
		return LinkAnswer{}, err
	}
	l, err := e.Rekey(ctx, engine.RekeyRequest{
		Automation: in.Automation, Former: in.Former, Key: in.Key, Force: in.Force, DryRun: in.DryRun, By: string(caller),
	})
	return LinkAnswer{l, differs}, mistaken(err)
}

// Unlink forgets which account a record belongs to; the account stays as it is.
func (s *Service) Unlink(ctx context.Context, caller Caller, in UnlinkRequest) (Unlinked, error) {
	e, err := s.agent.Engine(ctx)
	if err != nil {
		return Unlinked{}, err
	}
	if err := s.knownApplication(ctx, in.Application); err != nil {
		return Unlinked{}, err
	}
	space := ident.SpaceOf(in.Application, in.Kind)
	gone, err := e.Unlink(ctx, space, in.Key, string(caller))
	var none *store.NotLinkedError
	if errors.As(err, &none) {
		err = s.unknownLink(ctx, space, in.Key)
	}
	return gone, mistaken(err)
}

// linking returns the engine for a link by hand: a dry run uses the
// configuration on disk.
func (s *Service) linking(ctx context.Context, in OnDisk, automation string, dry bool) (*engine.Engine, *Divergence, error) {
	if dry {
		return s.agent.Tried(ctx, in)
	}
	return s.agent.Agreed(ctx, in, automation, "")
}

// knownApplication refuses a name that appears neither in the configuration
// nor in a link. Links remain when an application is removed from the
// configuration.
func (s *Service) knownApplication(ctx context.Context, name string) error {
	if _, configured := s.agent.Config().Applications[name]; configured || name == "" {
		return nil
	}
	links, err := s.linked(ctx, name)
	if err == nil && len(links) == 0 {
		err = exit.Mistake(s.unknownApplication(name))
	}
	return err
}

// linked lists where links of an application lead from.
func (s *Service) linked(ctx context.Context, application string) ([]ident.Link, error) {
	var links []ident.Link
	err := s.agent.Store().Links(ctx, application, func(l ident.Link) error {
		links = append(links, ident.Link{Application: l.Application, Kind: l.Kind, Key: l.Key})
		return nil
	})
	return links, err
}

// unknownLink returns the error for a link that does not exist, with those
// that do. It says so when records of another kind have the key.
func (s *Service) unknownLink(ctx context.Context, space ident.Space, key ident.Key) error {
	links, err := s.linked(ctx, space.Application())
	if err != nil {
		return err
	}
	var keys []string
	for _, l := range links {
		switch {
		case l.Space() == space:
			keys = append(keys, string(l.Key))
		case l.Key == key:
			err = errors.Join(err, fmt.Errorf("application %s has no link for the key %s of the kind %s, "+
				"but one of the kind %s: %s removes that one",
				space.Application(), key, space.Kind(), l.Kind, ident.Command("link remove", l.Space().String(), string(key))))
		}
	}
	if err != nil {
		return exit.Mistake(err)
	}
	return &ident.UnknownNameError{
		What: "link of application " + space.String() + " for the key", Name: string(key), Known: keys,
		List: ident.Command("link list", space.String()),
	}
}
