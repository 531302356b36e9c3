package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// LinkRequest asks to link a record to an account by hand.
type LinkRequest struct {
	Automation string
	Key        ident.Key
	Account    string // objectGUID, DN, sAMAccountName, userPrincipalName or mail
	// WithoutRecord links even if the record is not delivered, not in scope or
	// in quarantine. The link cannot count as missing before its record
	// has been delivered in scope once.
	WithoutRecord bool
	DryRun        bool // only report who would be linked to whom
	By            string
}

// Linked is a link made by hand, with both sides of the person.
type Linked struct {
	ident.Link
	DryRun   bool        `json:"dry_run,omitempty"`
	Former   ident.Key   `json:"former_key,omitempty"` // of a link that gets another key
	Record   RecordSide  `json:"record"`
	Account  AccountSide `json:"account"`
	Warnings []string    `json:"warnings"`
	// Follows lists what the next run does because of the link.
	Follows []ident.Operation `json:"follows"`

	objections []string // objections that a person must overrule
}

// RecordSide is the person as the application delivers them.
type RecordSide struct {
	Key  ident.Key `json:"key"`
	Name string    `json:"name"`
	Mail string    `json:"mail"`
}

// AccountSide is the person as the directory shows them.
type AccountSide struct {
	DN             ident.DN `json:"dn"`
	SAMAccountName string   `json:"sam_account_name"`
	Name           string   `json:"name"`
	Mail           string   `json:"mail"`
	Enabled        bool     `json:"enabled"`
}

// ErrCannotLink means that an account cannot be linked; the message says why.
var ErrCannotLink = errors.New("the account cannot be linked")

// Link links a record to an account that a person has chosen, under the rules
// of an adoption. It fetches the record first, then writes the link and its
// anchor as a run of its own.
func (e *Engine) Link(ctx context.Context, req LinkRequest) (Linked, error) {
	a, err := e.automation(req.Automation)
	if err != nil {
		return Linked{}, err
	}
	hand, linked, err := e.proposeLink(ctx, a, req)
	if err != nil || req.DryRun {
		return linked, err
	}
	linked.Link, err = e.linkByHand(ctx, a, hand, req.By)
	return linked, err
}

// proposeLink fetches the record, finds the account and checks both against
// the rules. It writes nothing.
func (e *Engine) proposeLink(ctx context.Context, a Automation, req LinkRequest) (hand plan.HandMade, linked Linked, err error) {
	err = e.propose(ctx, a, req.Key, func(p proposal) error {
		entry, err := e.account(ctx, req.Account)
		if err != nil {
			return err
		}
		if hand, err = p.builder.ByHand(req.Key, p.record, p.cause, entry); err != nil {
			return refusal(err)
		}
		linked, err = e.bothSides(ctx, p.client, a, req, hand, entry)
		return err
	})
	if err == nil && !req.WithoutRecord && len(hand.Objections) > 0 {
		err = fmt.Errorf("%w: %s; next: correct the key, or say --without-record to link it all the same",
			ErrCannotLink, strings.Join(hand.Objections, "; "))
	}
	return hand, linked, err
}

// bothSides describes the person on both sides of a link. It reads the account
// from the domain controller, because the mirror may not hold its name.
func (e *Engine) bothSides(
	ctx context.Context, client Directory, a Automation, req LinkRequest, hand plan.HandMade, entry ident.Entry,
) (Linked, error) {
	account, read, err := readAccount(ctx, client, entry.GUID)
	if err != nil {
		return Linked{}, err
	}
	linked := Linked{
		Link: ident.Link{
			Application: a.Settings.Application, Kind: a.Settings.Space().Kind(), Key: req.Key, GUID: entry.GUID, Automation: req.Automation,
			Origin: ident.OriginManual, Created: e.Now().UTC(), Unseen: !hand.Seen,
		},
		DryRun: req.DryRun, Account: account,
		Record:   RecordSide{Key: req.Key, Name: hand.Name, Mail: hand.Mail},
		Warnings: append([]string{}, hand.Objections...), Follows: append([]ident.Operation{}, hand.Change.Operations[1:]...),
	}
	if sameName, sameMail := plan.SameHuman(hand.Name, hand.Mail, read); hand.Name+hand.Mail != "" && !sameName && !sameMail {
		linked.Warnings = append(linked.Warnings,
			"neither the name nor the mail address of the record is the account's: make sure that both are one person")
	}
	return linked, nil
}

// account finds the one account that a person has named.
func (e *Engine) account(ctx context.Context, name string) (ident.Entry, error) {
	if entry, ok, err := e.Store.EntryByGUID(ctx, ident.GUID(text.Lower(name))); err != nil || ok {
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
	return ident.Entry{}, fmt.Errorf("%w: there is no account %q: name it by DN, objectGUID, sAMAccountName, userPrincipalName or mail",
		ErrCannotLink, name)
}
