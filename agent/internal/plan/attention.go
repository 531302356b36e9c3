package plan

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// attend reports something about a user that needs a person, while everything
// else about that user goes on: part is ident.PartAccount, ident.PartGroups or
// the name of an attribute. It is reported by each run until it is settled.
func (b *Builder) attend(key ident.Key, name, part, cause, next string) {
	b.attendShared(key, name, part, cause, shared(cause, key), next)
}

// attendShared is attend for a cause that others may have too: common is it
// without what is this user's own.
func (b *Builder) attendShared(key ident.Key, name, part, cause, common, next string) {
	b.attention = append(b.attention, item(key, name, part, cause, common, next))
}

// Attend reports something about the delivery as a whole that needs a person.
func (b *Builder) Attend(cause, next string) { b.attend("", "", ident.PartAccount, cause, next) }

// accept turns what a person said is meant to be so into notes. The cause is
// part of what was accepted: another cause needs a person again.
func (b *Builder) accept() {
	if b.hist.Accepted == nil {
		return
	}
	var open []ident.QuarantineItem
	for _, q := range b.attention {
		by, ok := b.hist.Accepted(q)
		if !ok {
			open = append(open, q)
			continue
		}
		b.accepted = append(b.accepted, q)
		b.note(q.Key, q.Name, "%s (accepted by %s)", q.Cause, by)
	}
	b.attention = open
}

// Accepted returns what would need a person, had nobody accepted it: what is
// accepted besides is gone and need not be remembered. Call it after Finish.
func (b *Builder) Accepted() []ident.QuarantineItem { return b.accepted }

// orAccept ends the next step of something that can be meant to be so.
func (b *Builder) orAccept(key ident.Key) string {
	return "; if it is meant to be so: " + ident.Command("quarantine accept", b.set.Automation, string(key))
}

// disabledByOthers reports an account that is disabled although its record is
// delivered: somebody who is active in the application cannot log in.
func (b *Builder) disabledByOthers(key ident.Key, e ident.Entry, origin ident.LinkOrigin) {
	cause := "disabled by somebody else"
	next := "enable the account, or leave the person out with where"
	if origin == ident.OriginRestored {
		cause = "disabled, and after the loss of the state nobody knows by whom"
		next = "if rollcall had disabled it as missing and the person is back, enable the account and put it where it belongs"
	}
	b.attend(key, entryName(e), ident.PartAccount,
		fmt.Sprintf("%s, left alone although %s delivers the key: neither enabled nor moved nor added to groups", cause, b.set.Application),
		next+b.orAccept(key))
}

// removeLink is the command that takes the link of a key back.
func (b *Builder) removeLink(key ident.Key) string {
	return ident.Command("link remove", b.set.Application, string(key))
}

// accountGone reports a link of a missing key whose account cannot be seen.
// Once rollcall has disabled an account, its deletion is what one expects.
func (b *Builder) accountGone(link ident.Link, reason string) {
	remove := b.removeLink(link.Key)
	if link.MissingSince != nil || b.set.Missing.Action == MissingKeep {
		b.note(link.Key, "", "%s, and its account is not in the directory: %s", reason, remove)
		return
	}
	cause := fmt.Sprintf("%s, and its account %s is not in the directory: deleted by hand, or not readable", reason, link.GUID)
	b.attendShared(link.Key, "", ident.PartAccount, cause, shared(strings.Replace(cause, " "+string(link.GUID), "", 1), link.Key),
		"if it was deleted: "+remove+"; if not, let the bind account read it")
}

// leftAlone reports an account of a missing key that is not disabled. One that
// is disabled already needs nobody.
func (b *Builder) leftAlone(c *change, reason, why, next string) {
	disabled, known := c.entry.Disabled()
	state := "stays enabled"
	switch {
	case disabled && known:
		b.note(c.key, c.name, "%s; it is disabled already and left alone: %s", reason, why)
		return
	case !known:
		state = "may be enabled"
	}
	cause := fmt.Sprintf("%s, but the account is left alone and %s: %s", reason, state, why)
	b.attendShared(c.key, c.name, ident.PartAccount, cause, shared(cause, c.key, string(c.entry.DN)), next)
}

// disableByHand is the next step about a leaver that rollcall must not touch.
func (b *Builder) disableByHand(c *change) string {
	next := "disable the account by hand; or if only adminCount is left over from former rights, clear that; or name it in allow_protected of [directory]"
	if !b.inScope(c.entry.DN.Parent()) {
		next = "disable the account by hand, or move it back into scope"
	}
	return next + b.orAccept(c.key)
}

// emptyDelivery reports a source that has nobody although it had: as nobody is
// missing then, it would pass for a quiet day.
func (b *Builder) emptyDelivery(d Delivery) {
	if d.Complete && !d.ChangesOnly && b.counts.Delivered == 0 && b.hist.CurrentLinks > 0 {
		b.Attend(fmt.Sprintf("%s delivered no record at all; nothing is done about the %s of this automation", b.set.Application, count(b.hist.CurrentLinks, "link", "links")),
			"look whether the people are there, and what the credentials may see: rollcall validate --online")
	}
}

// expired reports an account that is enabled, or about to be, and expired all
// the same: enabling it lets nobody log in.
func (b *Builder) expired(c *change) {
	until := c.entry.Attributes.First("accountexpires")
	if update := c.first(ident.ClassUpdate); update != nil {
		for _, ch := range update.Attributes {
			if text.Same(ch.Name, "accountExpires") {
				until = strings.Join(ch.New, "")
			}
		}
	}
	at, ends := expiry(until)
	if !ends || at.After(b.set.Now) {
		return
	}
	b.attend(c.key, c.name, "accountExpires", fmt.Sprintf("the account expired on %s: nobody can log in with it, although it is enabled", at.Format("2006-01-02 15:04 UTC")),
		"set another end date or none, in the directory or in the mapping"+b.orAccept(c.key))
}

// expiry reads accountExpires: 100 ns since 1601-01-01 UTC, with 0 and the
// largest number for never (MS-ADA1, attribute accountExpires).
func expiry(value string) (at time.Time, ends bool) {
	const toUnix = 116444736000000000
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n <= 0 || n == math.MaxInt64 {
		return time.Time{}, false
	}
	return time.Unix((n-toUnix)/1e7, (n-toUnix)%1e7*100).UTC(), true
}
