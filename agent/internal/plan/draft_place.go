package plan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// under completes an operation that puts an account into a container, and
// chooses its name there. It returns the rename that remains as an operation
// of its own, if any.
//
// A rename and a move are two operations, each with its own limit, as long as
// either works without the other. If a name is taken, the account gets its
// place and its name in one operation, which AD supports. It gets the name
// that it is to have, or one derived from that and free there.
func (n *names) under(c *change, op *operation, name *operation, to ident.DN) (*operation, error) {
	op.parent = to
	have := commonName(c.entry)
	holder, taken, err := n.inTheWay(c, have, to)
	if err != nil {
		return nil, err
	}
	wanted, attributes := have, []ident.AttributeChange(nil)
	if name != nil {
		wanted, attributes = name.cn, name.Attributes
		apart := !taken
		for _, container := range []ident.DN{c.entry.DN.Parent(), to} {
			other, wantedTaken, err := n.inTheWay(c, wanted, container)
			if err != nil {
				return nil, err
			}
			apart = apart && !wantedTaken
			holder, taken = other, wantedTaken // of the last name tried: the target
		}
		if apart {
			n.Reserve("cn", have, mapping.UniqueContainer, to, c.key)
			n.Reserve("cn", wanted, mapping.UniqueContainer, c.entry.DN.Parent(), c.key)
			n.Reserve("cn", wanted, mapping.UniqueContainer, to, c.key)
			return name, nil
		}
		op.Reason += "; " + name.Reason
	}
	cn := wanted
	if taken {
		if cn, err = n.freeName(c, wanted, to); err != nil {
			return nil, err
		}
		op.Reason += fmt.Sprintf("; %s has the name %s there, so it becomes %s", holder, wanted, cn)
	}
	n.Reserve("cn", cn, mapping.UniqueContainer, to, c.key)
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

func (n *names) inTheWay(c *change, cn string, container ident.DN) (holder string, taken bool, err error) {
	return n.Holder("cn", cn, mapping.UniqueContainer, container, c.entry.GUID, c.key)
}

// freeName derives a free name from one that is taken, with the account's
// sAMAccountName, which is unique, or with a number.
func (n *names) freeName(c *change, base string, container ident.DN) (string, error) {
	var suffixes []string
	if sam := c.entry.Attributes.First("samaccountname"); sam != "" && text.Units(sam) <= ident.MaxAccountName { // Samba accepts longer ones
		suffixes = append(suffixes, " ("+sam+")")
	}
	for number := 2; ; number++ {
		suffixes = append(suffixes, " "+strconv.Itoa(number))
		for _, suffix := range suffixes {
			cn := mapping.WithSuffix(strings.TrimSuffix(base, suffix), suffix)
			_, taken, err := n.inTheWay(c, cn, container)
			if err != nil || !taken {
				return cn, err
			}
		}
		suffixes = nil
	}
}
