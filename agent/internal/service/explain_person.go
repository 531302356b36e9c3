package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/find"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// whoIs finds the person that a name stands for, in the store, and asks the
// directory only about somebody whom the store does not know.
func (s *Service) whoIs(ctx context.Context, name string) (Person, error) {
	name = text.Trim(name)
	guid := ident.GUID(text.Lower(strings.Trim(name, "{}")))
	_, noGUID := guid.Bytes()
	space, key, isKey := ident.ParseAnchor(name)
	var found []Person
	var err error
	switch {
	case name == "":
		return Person{}, exit.Mistake(fmt.Errorf("no user is named: %s", howToName))
	case noGUID == nil:
		found, err = s.byGUID(ctx, guid)
	case isKey && key != "":
		return s.byKey(ctx, store.RecordKey{Space: space, Key: key})
	default:
		found, err = s.byName(ctx, name)
	}
	if err != nil {
		return Person{}, err
	}
	switch len(found) {
	case 0:
		return s.askDirectory(ctx, name)
	case 1:
		return found[0], nil
	}
	return Person{}, exit.Mistake(fmt.Errorf("%d are or were known as %q; name one of them by its objectGUID: %s",
		len(found), name, strings.Join(listedPeople(found), "; ")))
}

const howToName = "name it by sAMAccountName, userPrincipalName, mail, DN, objectGUID, or by an application's key as APPLICATION:KEY"

// mostPeople is how many people an error lists.
const mostPeople = 10

func listedPeople(list []Person) []string {
	var out []string
	for _, p := range list[:min(len(list), mostPeople)] {
		state := ""
		if p.State == PersonDeleted || p.State == PersonUnseen {
			state = ", no longer there"
		}
		out = append(out, fmt.Sprintf("%s (%s%s)", p.GUID, cmp.Or(string(p.DN), p.Name), state))
	}
	if more := len(list) - len(out); more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return out
}

// byGUID returns nobody when the store never had such an object.
func (s *Service) byGUID(ctx context.Context, guid ident.GUID) ([]Person, error) {
	e, found, err := s.agent.Store().EntryByGUID(ctx, guid)
	if err != nil {
		return nil, err
	}
	if found {
		return []Person{present(e)}, nil
	}
	deleted, unsure, err := s.agent.Store().DeletedAt(ctx, guid)
	if err != nil {
		return nil, err
	}
	last, known, err := s.agent.Store().LastKnown(ctx, guid)
	if err != nil {
		return nil, err
	}
	links, err := s.agent.Store().LinksOf(ctx, guid)
	if err != nil || !known && deleted.IsZero() && len(links) == 0 {
		return nil, err
	}
	who := Person{GUID: guid, DN: last.DN, Name: cmp.Or(last.Name, last.DN.Name()), State: PersonUnseen}
	if !deleted.IsZero() && unsure == "" {
		who.State, who.Deleted = PersonDeleted, deleted
	}
	return []Person{who.complete()}, nil
}

// byName finds who has a name now, or else who had it when something happened to
// them.
func (s *Service) byName(ctx context.Context, name string) ([]Person, error) {
	if _, err := ident.ParseDN(name); err == nil && strings.Contains(name, "=") {
		e, found, err := s.agent.Store().EntryByDN(ctx, ident.DN(name))
		if found || err != nil {
			return []Person{present(e)}, err
		}
	}
	entries, err := s.agent.Store().EntriesNamed(ctx, name)
	if err != nil {
		return nil, err
	}
	var found []Person
	for _, e := range entries {
		found = append(found, present(e))
	}
	if len(found) > 0 {
		return found, nil
	}
	former, err := s.agent.Store().FormerObjects(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, o := range former {
		some, err := s.byGUID(ctx, o.GUID)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

// byKey finds whose record a key is, or was last; a record that never had an
// account is a person, too.
func (s *Service) byKey(ctx context.Context, k store.RecordKey) (Person, error) {
	owners, err := s.agent.Store().ObjectsOfKey(ctx, k)
	if err != nil {
		return Person{}, err
	}
	if len(owners) > 0 {
		found, err := s.byGUID(ctx, owners[0])
		if err != nil {
			return Person{}, err
		}
		if len(found) > 0 {
			return found[0], nil
		}
		return Person{GUID: owners[0], Name: ident.Anchor(k.Space, k.Key), State: PersonUnseen}.complete(), nil
	}
	known, err := s.agent.Store().KnowsKey(ctx, k)
	if err != nil {
		return Person{}, err
	}
	who := Person{Name: ident.Anchor(k.Space, k.Key), State: PersonNone}.complete()
	if !known {
		if err := s.needing(ctx, &who, []store.RecordKey{k}); err != nil {
			return Person{}, err
		}
		known, who.Attend = len(who.Attend) > 0, []Attention{}
	}
	if known {
		return who, nil
	}
	if err := s.knownApplication(ctx, k.Space.Application()); err != nil {
		return Person{}, err
	}
	return Person{}, exit.Mistake(fmt.Errorf("nothing is known about the key %s of application %s: %s lists the links",
		k.Key, k.Space, ident.Command("link list", k.Space.String())))
}

// record returns the key of a person who is only a record.
func (p Person) record() []store.RecordKey {
	space, key, _ := ident.ParseAnchor(p.Name)
	return []store.RecordKey{{Space: space, Key: key}}
}

// askDirectory finds somebody of whom the store knows nothing.
func (s *Service) askDirectory(ctx context.Context, name string) (Person, error) {
	now, err := s.agent.Snapshot(ctx)
	if err != nil {
		return Person{}, fmt.Errorf("nothing is kept about %q, and the directory cannot be asked: %w", name, err)
	}
	e, err := now.FindObject(ctx, find.User, name, "userAccountControl")
	var wrong *find.NameError
	switch {
	case errors.As(err, &wrong):
		return Person{}, exit.Mistake(fmt.Errorf("nothing is kept about %q, and %w", name, wrong))
	case err != nil:
		return Person{}, fmt.Errorf("nothing is kept about %q, and the directory cannot be asked: %w", name, err)
	}
	return present(e), nil
}

// present returns the person that an object is.
func present(e ident.Entry) Person {
	who := Person{
		GUID: e.GUID, DN: e.DN, Name: cmp.Or(e.Attributes.First("displayName"), e.DN.Name()), State: PersonPresent,
		Account: e.Attributes.First("sAMAccountName"), UPN: e.Attributes.First("userPrincipalName"), Mail: e.Attributes.First("mail"),
	}
	switch disabled, known := e.Disabled(); {
	case disabled:
		who.State = PersonDisabled
	case known:
		who.State = PersonEnabled
	}
	return who.complete()
}

// complete returns a person whose lists are empty instead of nil, as JSON needs
// them.
func (p Person) complete() Person {
	p.Links, p.Records, p.Held, p.Open, p.Attend = []ident.Link{}, []string{}, []store.Held{}, []Instance{}, []Attention{}
	return p
}
