package plan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// home is a container in which an account belongs.
type home struct {
	dn     ident.DN
	reason string // of a move into it
	note   string // what there is to say about it besides; "" for a place that ou names
}

// home finds the container in which an account belongs. A returner goes back
// to where they were when they left, unless ou names another place since, or
// that container cannot be used any more.
func (b *Builder) home(want ident.Desired, link ident.Link) (home, error) {
	ou := home{dn: want.Parent, reason: fmt.Sprintf("ou: it belongs into %s", want.Parent)}
	unknown := link.LeftOU == "" && link.Origin == ident.OriginRestored
	if link.Left == "" || sameDN(link.Left, want.Parent) || !unknown && !sameDN(link.LeftOU, want.Parent) {
		return ou, nil
	}
	trouble, err := b.unusable(link.Left)
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

// unusable says why no account can be put into a container; "" when one can.
func (b *Builder) unusable(to ident.DN) (string, error) {
	if !b.inScope(to) {
		return "it is outside the scope of [directory]", nil
	}
	there, err := b.containerExists(to)
	if err == nil && !there {
		return "it does not exist", nil
	}
	return "", err
}

// makeUsable is the next step about a container that cannot be used.
func (b *Builder) makeUsable(to ident.DN) string {
	if !b.inScope(to) {
		return "add that OU to scope of [directory], or choose another"
	}
	return "create that OU, or choose another"
}

// put adds what brings an account to its name, its place and, when it is
// disabled, back to life.
func (b *Builder) put(c *change, name *operation, to home, disabled bool) error {
	op := &operation{}
	op.Class, op.Reason = ident.ClassMove, to.reason
	if disabled {
		op.Class = ident.ClassEnable
		op.Reason = fmt.Sprintf("back: %s delivers the key %s again; rollcall had disabled the account", b.set.Application, c.key)
		if to.note != "" {
			op.Reason += "; " + to.note
		}
	}
	if to.dn == "" {
		if disabled {
			c.add(*op)
		}
		return b.rename(c, name)
	}
	name, err := b.under(c, op, name, to.dn)
	if err != nil {
		return err
	}
	if name != nil {
		c.add(*name)
	}
	c.add(*op)
	return nil
}

// under lets an operation put an account into a container, and chooses its name
// there. It returns the rename that is made by itself, if any.
//
// A rename and a move are two operations, each with its limit, as long as
// either can come without the other. Where a name is in the way, the account
// gets its place and its name at once, as AD can do: under the name that it is
// to have, or one made from it that nobody has there.
func (b *Builder) under(c *change, op *operation, name *operation, to ident.DN) (*operation, error) {
	op.parent = to
	have := commonName(c.entry)
	holder, taken, err := b.inTheWay(c, have, to)
	if err != nil {
		return nil, err
	}
	wanted, attributes := have, []ident.AttributeChange(nil)
	if name != nil {
		wanted, attributes = name.cn, name.Attributes
		apart := !taken
		for _, container := range []ident.DN{c.entry.DN.Parent(), to} {
			other, wantedTaken, err := b.inTheWay(c, wanted, container)
			if err != nil {
				return nil, err
			}
			apart = apart && !wantedTaken
			holder, taken = other, wantedTaken // of the last: the target
		}
		if apart {
			b.names.Reserve("cn", have, mapping.UniqueContainer, to, c.key)
			b.names.Reserve("cn", wanted, mapping.UniqueContainer, c.entry.DN.Parent(), c.key)
			b.names.Reserve("cn", wanted, mapping.UniqueContainer, to, c.key)
			return name, nil
		}
		op.Reason += "; " + name.Reason
	}
	cn := wanted
	if taken {
		if cn, err = b.freeName(c, wanted, to); err != nil {
			return nil, err
		}
		op.Reason += fmt.Sprintf("; %s has the name %s there, so it becomes %s", holder, wanted, cn)
	}
	b.names.Reserve("cn", cn, mapping.UniqueContainer, to, c.key)
	if cn == have {
		return nil, nil
	}
	op.cn = cn
	if len(attributes) == 0 {
		attributes = []ident.AttributeChange{{Name: "cn", Old: []string{have}}}
	}
	attributes[0].New = []string{cn}
	op.Attributes = attributes
	return nil, nil
}

func (b *Builder) inTheWay(c *change, cn string, container ident.DN) (holder string, taken bool, err error) {
	return b.names.Holder("cn", cn, mapping.UniqueContainer, container, c.entry.GUID, c.key)
}

// freeName makes a name from one that is taken: with the account's
// sAMAccountName, which nobody else has, or with a number.
func (b *Builder) freeName(c *change, base string, container ident.DN) (string, error) {
	var suffixes []string
	if sam := c.entry.Attributes.First("samaccountname"); sam != "" && text.Units(sam) <= ident.MaxAccountName { // Samba takes longer ones
		suffixes = append(suffixes, " ("+sam+")")
	}
	for n := 2; ; n++ {
		suffixes = append(suffixes, " "+strconv.Itoa(n))
		for _, suffix := range suffixes {
			cn := mapping.WithSuffix(strings.TrimSuffix(base, suffix), suffix)
			_, taken, err := b.inTheWay(c, cn, container)
			if err != nil || !taken {
				return cn, err
			}
		}
		suffixes = nil
	}
}
