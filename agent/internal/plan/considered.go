package plan

import (
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// Considered is one record that a plan was given, with the way to what the plan
// says about it.
type Considered struct {
	mapping.Considered
	Link    *ident.Link  // that the key had before
	Account *ident.Entry // that the record is compared with; nil: none was found
	// By says what found an account without a link: the anchor or a match rule.
	By string
	// Names lists the accounts that references stand for, by attribute.
	Names map[string][]NamedBy
}

// NamedBy is the account that a primary key in a reference stands for.
type NamedBy struct {
	Key ident.Key
	DN  ident.DN
	Why string // why there is none
}

// Considerer is a Mapper that can say how it comes to what it says.
type Considerer interface {
	Consider(rec ident.Record, current *ident.Entry, link *ident.Link, names mapping.Names) (mapping.Considered, error)
}

var _ Considerer = (*mapping.Mapper)(nil)

// Watch calls each after every Add with the way to what was decided. That takes
// many times as long, so it is for a few records. The plan stays the same.
func (b *Builder) Watch(each func(Considered)) { b.watch = each }

// consider maps a record once more and passes on how. The names that others have
// reserved count; none is reserved.
func (b *Builder) consider(rec ident.Record) error {
	teller, tells := b.mapper.(Considerer)
	if !tells || rec.Problem != "" {
		return nil
	}
	var out Considered
	link, linked, err := b.view.LinkByKey(rec.Key)
	if err != nil {
		return err
	}
	mapped := &link
	switch {
	case linked:
		out.Link = &link
		e, there, err := b.view.EntryByGUID(link.GUID)
		if err != nil {
			return err
		}
		if there {
			out.Account = &e
		}
	case b.found.link != nil:
		out.Account, out.By = &b.found.entry, b.found.link.Reason
		mapped = prospect(b.set, rec.Key, b.found.entry)
	default:
		mapped = nil
	}
	out.Considered, err = teller.Consider(rec, out.Account, mapped, readNames{b.draft.names})
	if b.draft.names.err != nil {
		err = b.draft.names.err
	}
	if err == nil {
		err = b.nameReferences(&out)
	}
	if err == nil {
		b.watch(out)
	}
	return err
}

// nameReferences finds the accounts that references stand for now. Those that the
// same plan makes are not among them yet.
func (b *Builder) nameReferences(c *Considered) error {
	for _, a := range c.Shown.Attributes {
		if !a.Reference {
			continue
		}
		for _, v := range a.Values {
			to, why, err := b.diff.accountOf(ident.Key(v), false)
			if err != nil {
				return err
			}
			if c.Names == nil {
				c.Names = map[string][]NamedBy{}
			}
			c.Names[a.Name] = append(c.Names[a.Name], NamedBy{Key: ident.Key(v), DN: to.dn, Why: why})
		}
	}
	return nil
}

// readNames tells which names are in use, and reserves none.
type readNames struct{ *names }

// Reserve implements mapping.Names.
func (readNames) Reserve(string, string, mapping.Unique, ident.DN, ident.Key) {}
