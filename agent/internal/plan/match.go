package plan

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// finding is what the match came to about a record in scope without a link. The
// zero finding asks for nothing: the record was set aside, or the automation
// makes no accounts.
type finding struct {
	link   *operation  // ties the record to the account; nil when none belongs to it
	entry  ident.Entry // the account
	create bool        // no account belongs to the record, and it is to get one
}

// unlinked finds the account of a record in scope that has no link: by the
// anchor, then by the match rules. Only when both find nothing is an account to
// be created.
func (b *Builder) unlinked(rec ident.Record) (finding, error) {
	if cause, next := b.badAnchor(rec.Key); cause != "" {
		b.setAsideShared(rec.Key, recordName(rec), cause, strings.ReplaceAll(cause, strconv.Quote(b.anchorOf(rec.Key)), "it"), next)
		return finding{}, nil
	}
	found, done, err := b.matchAnchor(rec)
	if done || err != nil {
		return found, err
	}
	values, err := b.mapper.MatchValues(rec, b.set.Match)
	var fault *mapping.Error
	if errors.As(err, &fault) {
		byHand := *fault
		byHand.Next += "; or link its account: " + b.linkAdd(rec.Key)
		err = &byHand
	}
	if err != nil {
		b.quarantineError(rec, err)
		return finding{}, nil
	}
	found, done, err = b.matchRules(rec, values)
	if done || err != nil {
		return found, err
	}
	if b.set.Action == ActionUpdate {
		b.tally.unmatched++
		return finding{}, nil
	}
	return finding{create: b.claimValues(rec, values)}, nil
}

// anchorOf is the value of the anchor attribute of the record's account.
func (b *Builder) anchorOf(key ident.Key) string { return ident.Anchor(b.set.Application, key) }

// matchAnchor looks for the account that carries the record's anchor. Keys may
// differ in nothing but case, so only the exact value counts.
func (b *Builder) matchAnchor(rec ident.Record) (result finding, done bool, err error) {
	if b.set.Anchor == "" {
		return finding{}, false, nil
	}
	anchor := b.anchorOf(rec.Key)
	found, err := b.anchoredBy(anchor)
	if rec.Number != "" && len(found) == 0 && err == nil {
		found, err = b.anchoredByFormer(rec)
	}
	if err != nil {
		return finding{}, false, err
	}
	switch len(found) {
	case 0:
		return finding{}, false, nil
	case 1:
		result, err = b.anchored(rec, found[0])
		return result, true, err
	}
	b.setAside(rec.Key, recordName(rec),
		fmt.Sprintf("%d objects carry the anchor %s: %s", len(found), anchor, dnList(found)),
		fmt.Sprintf("clear %s on those that do not belong to this person", b.set.Anchor))
	return finding{}, true, nil
}

// anchoredBy lists the objects that carry an anchor.
func (b *Builder) anchoredBy(anchor string) ([]ident.Entry, error) {
	found, err := b.view.EntriesByValue(b.set.Anchor, anchor)
	return slices.DeleteFunc(slices.Clone(found), func(e ident.Entry) bool {
		return !slices.Contains(e.Attributes.Values(b.set.Anchor), anchor)
	}), err
}

// anchoredByFormer lists the objects whose anchor spells the number that is the
// record's key as earlier versions did: as it was sent, or with a fraction.
func (b *Builder) anchoredByFormer(rec ident.Record) ([]ident.Entry, error) {
	var all []ident.Entry
	for _, key := range slices.Compact([]string{rec.Number, string(rec.Key) + ".0"}) {
		found, err := b.anchoredBy(b.anchorOf(ident.Key(key)))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// asDelivered is the spelling under which this delivery has the key of an
// anchor: of a number there are others.
func (b *Builder) asDelivered(key ident.Key) ident.Key {
	if s, ok := abi.NumberKey(string(key)); ok {
		if _, isNumber := b.numbers[ident.Key(s)]; isNumber {
			return ident.Key(s)
		}
	}
	return key
}

// formerAnchor reports whether an anchor carries the same number as key in
// another spelling. A key that is a text has no other.
func (b *Builder) formerAnchor(key ident.Key, anchor string) bool {
	application, former, ok := ident.ParseAnchor(anchor)
	return ok && application == b.set.Application && former != key && b.asDelivered(former) == key
}

// anchored links a record to the one object that carries its anchor.
func (b *Builder) anchored(rec ident.Record, e ident.Entry) (finding, error) {
	anchor := b.anchorOf(rec.Key)
	where := fmt.Sprintf("%s of %s is %s", b.set.Anchor, e.DN, anchor)
	trusted := b.hist.AnchorsTrusted
	against, err := b.unfit(rec.Key, e, trusted)
	if err != nil {
		return finding{}, err
	}
	if against.inTheWay() {
		b.setAsideShared(rec.Key, recordName(rec), where+", but "+against.cause,
			fmt.Sprintf("the anchor in %s leads to an account, but %s", b.set.Anchor, shared(against.cause, rec.Key, string(e.DN))), against.next)
		return finding{}, nil
	}
	if !b.claim(rec, e) {
		return finding{}, nil
	}
	op := operation{Operation: ident.Operation{
		Class:  ident.ClassLink,
		Reason: where + ": the link is restored after a loss of the state",
	}}
	if !trusted {
		op = b.adoption(rec.Key, e, where+" although there is no link")
		op.hold = "held for review: somebody may have edited " + b.set.Anchor
	}
	return finding{link: &op, entry: e}, nil
}

// matchRules looks for an existing account by the first match attribute that
// finds any object.
func (b *Builder) matchRules(rec ident.Record, values map[string][]string) (result finding, done bool, err error) {
	if len(b.set.Match) == 0 {
		return finding{}, false, nil
	}
	for _, attribute := range b.set.Match {
		var found []ident.Entry
		for _, v := range values[attribute] {
			entries, err := b.view.EntriesByValue(attribute, v)
			if err != nil {
				return finding{}, false, err
			}
			found = append(found, entries...)
		}
		if found = oneEach(found); len(found) > 0 {
			rule := attribute + " = " + strings.Join(values[attribute], ", ")
			result, err = b.matchFound(rec, attribute, rule, found)
			return result, true, err
		}
	}
	done, err = b.lookalike(rec, values)
	return finding{}, done, err
}

// lookalike sets a record aside for an account whose value is not the record's,
// and the same name to the directory: Müller is not adopted as Muller, and does
// not get a second account either, for it may be the same person. An account
// that is linked is known to be somebody else's.
func (b *Builder) lookalike(rec ident.Record, values map[string][]string) (done bool, err error) {
	for _, attribute := range b.set.Match {
		for _, v := range values[attribute] {
			found, err := b.view.EntriesByName(attribute, v)
			if err != nil {
				return false, err
			}
			var unknown []ident.Entry
			for _, e := range found {
				_, linked, err := b.view.LinkByGUID(e.GUID)
				if err != nil {
					return false, err
				}
				if !linked {
					unknown = append(unknown, e)
				}
			}
			if len(unknown) == 0 {
				continue
			}
			b.setAside(rec.Key, recordName(rec),
				fmt.Sprintf("%s = %s: %s has a value that differs in accents or the like only; the directory may take the two for one, and nobody knows whether they are one person", attribute, v, dnList(unknown)),
				"if they are: "+b.linkAdd(rec.Key)+"; if not, correct one of the two values")
			return true, nil
		}
	}
	return false, nil
}

// matchFound adopts the only account that a match rule found. Whatever stands
// against that quarantines the record; an account is never created beside one
// that matches.
func (b *Builder) matchFound(rec ident.Record, attribute, rule string, found []ident.Entry) (finding, error) {
	for _, e := range found {
		b.matched[e.GUID] = rec.Key
	}
	aside := func(cause, next string) {
		own := make([]string, len(found))
		for i, e := range found {
			own[i] = string(e.DN)
		}
		b.setAsideShared(rec.Key, recordName(rec), rule+": "+cause, attribute+": "+shared(cause, rec.Key, own...), next)
	}
	users := slices.DeleteFunc(slices.Clone(found), func(e ident.Entry) bool { return !isUser(e) })
	switch {
	case len(users) == 0:
		aside(dnList(found)+" has this value and is no user account", "remove the value there, or correct it at the source")
		return finding{}, nil
	case len(users) > 1:
		aside(fmt.Sprintf("%d accounts match: %s", len(users), dnList(users)),
			"make the value unique, or choose the account: "+b.linkAdd(rec.Key))
		return finding{}, nil
	}
	e := users[0]
	against, err := b.unfit(rec.Key, e, false)
	if err != nil {
		return finding{}, err
	}
	if !against.inTheWay() {
		against = b.foreignAnchor(rec.Key, e)
	}
	if !against.inTheWay() && b.set.Adopt == AdoptNever {
		against = obstacle{cause: fmt.Sprintf("%s matches, and adopt is never", e.DN), next: "link it: " + b.linkAdd(rec.Key) + `, or set adopt = "review"`}
	}
	if against.inTheWay() {
		aside(against.cause, against.next)
		return finding{}, nil
	}
	if !b.claim(rec, e) {
		return finding{}, nil
	}
	op := b.adoption(rec.Key, e, rule+" matches the account "+string(e.DN))
	if b.set.Adopt == AdoptReview {
		op.hold = "held for review: rollcall did not create this account"
	}
	return finding{link: &op, entry: e}, nil
}

// claim reserves an object for a record. Two records that match one object are
// both set aside: which one is right is not for the order of keys to say.
func (b *Builder) claim(rec ident.Record, e ident.Entry) bool {
	other, taken := b.claims[e.GUID]
	if !taken {
		b.claims[e.GUID] = rec.Key
		return true
	}
	cause := fmt.Sprintf("the keys %s and %s both match the account %s", other, rec.Key, e.DN)
	const next = "correct one of them at the source, or choose: "
	b.setAside(other, "", cause, next+b.linkAdd(other))
	b.setAside(rec.Key, recordName(rec), cause, next+b.linkAdd(rec.Key))
	return false
}

// linkAdd is the command that links a record to an account by hand.
func (b *Builder) linkAdd(key ident.Key) string {
	return ident.Command("link add", b.set.Automation, string(key), "ACCOUNT")
}

// claimValues reserves the match values of a record that is to get an account.
// Two such records with one value would be two accounts for what a later run
// takes for one person: both are set aside.
func (b *Builder) claimValues(rec ident.Record, values map[string][]string) bool {
	free := true
	for _, attribute := range b.set.Match {
		for _, v := range values[attribute] {
			id := text.Lower(attribute) + "\x00" + text.Name(v)
			other, taken := b.wanted[id]
			if !taken {
				b.wanted[id] = rec.Key
			}
			if !taken || other == rec.Key {
				continue
			}
			free = false
			cause := fmt.Sprintf("the keys %s and %s both have %s = %s: one person would get two accounts", other, rec.Key, attribute, v)
			next := "remove or correct one of them at the source"
			b.setAside(other, "", cause, next)
			b.setAside(rec.Key, recordName(rec), cause, next)
		}
	}
	return free
}

// isUser tells user accounts from contacts, groups and computers. An object of
// unknown kind passes for a user: what it lacks shows in its state.
func isUser(e ident.Entry) bool {
	has := func(class string) bool {
		return slices.ContainsFunc(e.Attributes.Values("objectclass"), func(v string) bool { return text.Same(v, class) })
	}
	if len(e.Attributes.Values("objectclass")) > 0 {
		return has("user") && !has("computer")
	}
	kind := e.Attributes.First("samaccounttype")
	return kind == "" || kind == ident.NormalUser
}

func oneEach(entries []ident.Entry) []ident.Entry {
	var out []ident.Entry
	for _, e := range entries {
		if !slices.ContainsFunc(out, func(o ident.Entry) bool { return o.GUID == e.GUID }) {
			out = append(out, e)
		}
	}
	return out
}

// dnList names up to five objects, sorted.
func dnList(entries []ident.Entry) string {
	var dns []string
	for _, e := range entries {
		dns = append(dns, string(e.DN))
	}
	slices.Sort(dns)
	if len(dns) > 5 {
		dns = append(dns[:5], fmt.Sprintf("and %d more", len(dns)-5))
	}
	return strings.Join(dns, "; ")
}
