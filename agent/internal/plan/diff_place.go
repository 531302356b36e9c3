package plan

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// home is a container that an account belongs in.
type home struct {
	dn     ident.DN
	reason string // of a move there
	note   string // why it is not the place that ou names; "" when it is
}

// newPlace returns the container to move the account to; none if it stays. An
// account that somebody else moved stays, and so does an adopted account,
// unless ou has named another place since.
func (f *differ) newPlace(c *change, want ident.Desired, link ident.Link) (home, error) {
	here := c.entry.DN.Parent()
	returner := link.Missing()
	switch {
	case link.Placed == "" && link.Origin == ident.OriginRestored && !sameDN(here, want.Parent):
		f.draft.attend(c.key, c.name, ident.PartAccount,
			fmt.Sprintf("is in %s, belongs into %s and is left there: after the loss of the state nobody knows who put it there", here, want.Parent),
			"move it to "+string(want.Parent)+f.set.orAccept(c.key))
		return home{}, nil
	case link.Placed == "" && (!f.set.AdoptMove || sameDN(here, want.Parent)):
		f.stay(c, want)
		return home{}, nil
	case sameDN(here, want.Parent):
		return home{}, nil
	case link.Placed == "":
	case sameDN(here, link.Placed) && sameDN(want.Parent, ops.Chosen(link)):
		f.draft.tally.staying++
		return home{}, nil
	case returner && !sameDN(here, link.Placed), sameDN(want.Parent, ops.Chosen(link)):
		f.draft.note(c.key, c.name, "moved to %s by somebody else, left alone; it belongs into %s", here, want.Parent)
		return home{}, nil
	}
	to, err := f.home(want, link)
	if err != nil {
		return home{}, err
	}
	trouble, err := f.dir.unusable(to.dn)
	if trouble != "" {
		f.draft.attend(c.key, c.name, ident.PartAccount, fmt.Sprintf("cannot be moved to %s: %s", to.dn, trouble), f.dir.makeUsable(to.dn))
		return home{}, err
	}
	return to, err
}

// home returns the container that an account belongs in. A returner goes back
// to where the account was when the person left, unless ou has named another
// place since or that container cannot be used any more.
func (f *differ) home(want ident.Desired, link ident.Link) (home, error) {
	ou := home{dn: want.Parent, reason: fmt.Sprintf("ou: it belongs into %s", want.Parent)}
	unknown := link.LeftOU == "" && link.Origin == ident.OriginRestored
	if link.Left == "" || sameDN(link.Left, want.Parent) || !unknown && !sameDN(link.LeftOU, want.Parent) {
		return ou, nil
	}
	trouble, err := f.dir.unusable(link.Left)
	if err != nil {
		return home{}, err
	}
	if trouble != "" {
		ou.note = fmt.Sprintf("it was in %s when it left, but %s", link.Left, trouble)
		ou.reason += "; " + ou.note
		return ou, nil
	}
	note := fmt.Sprintf("it was in %s when it left", link.Left)
	return home{link.Left, "back: " + note, note}, nil
}

// stay records where an account is and where ou would put it. As long as ou
// names that place, the account stays.
func (f *differ) stay(c *change, want ident.Desired) {
	here := c.entry.DN.Parent()
	if op := c.linking(); op != nil {
		op.OU = want.Parent
	}
	up := LinkUpdate{Key: c.key, GUID: c.entry.GUID, Placed: here}
	if !sameDN(here, want.Parent) {
		f.draft.tally.staying++
		up.OU = want.Parent
	}
	if c.linking() == nil {
		f.draft.links = append(f.draft.links, up)
	}
}

// put adds the operations that give an account its name and its place and, if
// enable says why, enable it.
func (f *differ) put(c *change, name *operation, to home, enable string) error {
	op := &operation{}
	op.Class, op.Reason = ident.ClassMove, to.reason
	if enable != "" {
		op.Class, op.Reason = ident.ClassEnable, enable
		if to.note != "" {
			op.Reason += "; " + to.note
		}
	}
	if to.dn == "" {
		if enable != "" {
			c.add(*op)
		}
		return f.rename(c, name)
	}
	name, err := f.draft.names.under(c, op, name, to.dn)
	if err != nil {
		return err
	}
	if name != nil {
		c.add(*name)
	}
	c.add(*op)
	return nil
}

// rename renames an account within its present container.
func (f *differ) rename(c *change, name *operation) error {
	if name == nil {
		return nil
	}
	here := c.entry.DN.Parent()
	holder, taken, err := f.draft.names.Holder("cn", name.cn, mapping.UniqueContainer, here, c.entry.GUID, c.key)
	if err != nil {
		return err
	}
	if taken {
		f.draft.attend(c.key, c.name, "cn", fmt.Sprintf("cannot be renamed to %s: %s has this name in %s", name.cn, holder, here),
			"rename one of the two, or give cn a further format that tells them apart")
		return nil
	}
	f.draft.names.Reserve("cn", name.cn, mapping.UniqueContainer, here, c.key)
	c.add(*name)
	return nil
}

// expired reports an account that has expired although it is enabled or about
// to be: nobody can log in with it.
func (f *differ) expired(c *change) {
	until := c.entry.Attributes.First("accountexpires")
	if update := c.first(ident.ClassUpdate); update != nil {
		for _, ch := range update.Attributes {
			if text.Same(ch.Name, "accountExpires") {
				until = strings.Join(ch.New, "")
			}
		}
	}
	at, ends := expiry(until)
	if !ends || at.After(f.set.Now) {
		return
	}
	f.draft.attend(c.key, c.name, "accountExpires",
		fmt.Sprintf("the account expired on %s: nobody can log in with it, although it is enabled", at.Format("2006-01-02 15:04 UTC")),
		"set another end date or none, in the directory or in the mapping"+f.set.orAccept(c.key))
}

// expiry reads accountExpires: units of 100 ns since 1601-01-01 UTC. 0 and the
// largest number mean never (MS-ADA1, attribute accountExpires).
func expiry(value string) (at time.Time, ends bool) {
	const toUnix = 116444736000000000
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n <= 0 || n == math.MaxInt64 {
		return time.Time{}, false
	}
	return time.Unix((n-toUnix)/1e7, (n-toUnix)%1e7*100).UTC(), true
}
