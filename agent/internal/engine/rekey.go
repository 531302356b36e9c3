package engine

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// RekeyRequest asks to give a link another key.
type RekeyRequest struct {
	Automation  string
	Former, Key ident.Key
	// Force overrules signs that the two are different people.
	Force  bool
	DryRun bool // only report who would be linked to whom
	By     string
}

// Rekey gives a link another key: somebody was hired again or has got another
// id. The anchor of the account is replaced along with it, in one operation
// that a crash cannot split. The next run makes what follows, such as enabling
// an account that rollcall had disabled as missing.
func (e *Engine) Rekey(ctx context.Context, req RekeyRequest) (Linked, error) {
	a, err := e.automation(req.Automation)
	if err != nil {
		return Linked{}, err
	}
	hand, linked, err := e.proposeRekey(ctx, a, req)
	if err != nil || req.DryRun {
		return linked, err
	}
	linked.Link, err = e.linkByHand(ctx, a, hand, req.By)
	return linked, err
}

// proposeRekey fetches the records and checks the change against the rules. It
// writes nothing.
func (e *Engine) proposeRekey(ctx context.Context, a Automation, req RekeyRequest) (hand plan.HandMade, linked Linked, err error) {
	err = e.propose(ctx, a, req.Key, func(p proposal) error {
		still, err := e.Store.StagedHas(ctx, p.staging, req.Former)
		if err != nil {
			return err
		}
		var entry ident.Entry
		if hand, entry, err = p.builder.Rekey(req.Former, req.Key, p.record, p.cause); err != nil {
			return refusal(err)
		}
		linked, err = e.rekeySides(ctx, p.client, a, req, hand, entry, still)
		return err
	})
	if err == nil && len(linked.objections) > 0 && !req.Force {
		err = fmt.Errorf("%w: %s; next: if both are one person all the same, say --force", ErrCannotLink, strings.Join(linked.objections, "; "))
	}
	return hand, linked, err
}

// rekeySides describes the person on both sides and says what suggests that
// they are different people.
func (e *Engine) rekeySides(
	ctx context.Context, client Directory, a Automation, req RekeyRequest, hand plan.HandMade, entry ident.Entry, still bool,
) (Linked, error) {
	account, read, err := readAccount(ctx, client, entry.GUID)
	if err != nil {
		return Linked{}, err
	}
	linked := Linked{
		Link: ident.Link{
			Application: a.Settings.Application, Kind: a.Settings.Space().Kind(), Key: req.Key, GUID: entry.GUID, Automation: req.Automation,
		},
		DryRun: req.DryRun, Former: req.Former, Account: account,
		Record:   RecordSide{Key: req.Key, Name: hand.Name, Mail: hand.Mail},
		Warnings: []string{}, Follows: append([]ident.Operation{}, hand.Change.Operations[1:]...),
	}
	if still {
		linked.objections = append(linked.objections, fmt.Sprintf("%s still delivers the key %s", a.Settings.Application, req.Former))
	}
	switch sameName, sameMail := plan.SameHuman(hand.Name, hand.Mail, read); {
	case !sameName && !sameMail:
		linked.objections = append(linked.objections,
			fmt.Sprintf("neither the name nor the mail address of the record (%s, %s) is that of %s (%s, %s)",
				orNone(hand.Name), orNone(hand.Mail), account.DN, orNone(account.Name), orNone(account.Mail)))
	case !sameName:
		linked.Warnings = append(linked.Warnings, "the names differ: make sure that both are one person")
	case !sameMail && hand.Mail != "":
		linked.Warnings = append(linked.Warnings, "the mail addresses differ: make sure that both are one person")
	}
	linked.Warnings = append(linked.Warnings, linked.objections...)
	return linked, nil
}

func orNone(text string) string { return cmp.Or(text, "none") }
