package plan

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Digest identifies a set of values of an attribute, whatever their order: 32
// hexadecimal digits. It is what Link.Applied holds.
func Digest(values []string) string {
	h := sha256.New()
	addStrings(h, sorted(values))
	return short(h)
}

// AppliedDigest is the digest of all values that the attribute has once the
// change is applied.
func AppliedDigest(ch ident.AttributeChange) string {
	if ch.Add {
		return Digest(append(slices.Clone(ch.Old), ch.New...))
	}
	return Digest(ch.New)
}

// Remember returns what a link holds once the operation is applied. For
// create, adopt and link, start from a link with its Application, Key, GUID,
// Automation, Created and Unseen, and for one by hand with its Origin. Of an
// account that was created the key was delivered for sure, and it is
// rollcall's own: nobody else's account is at stake.
func Remember(link ident.Link, op ident.Operation, at time.Time) ident.Link {
	leaves := op.Class == ident.ClassDisable || op.Class == ident.ClassMove && link.MissingSince != nil
	applied := make(map[string]string, len(link.Applied)+len(op.Attributes))
	for name, digest := range link.Applied {
		applied[name] = digest
	}
	for _, ch := range op.Attributes {
		applied[text.Lower(ch.Name)] = AppliedDigest(ch)
	}
	switch op.Class {
	case ident.ClassCreate:
		link.Origin = ident.OriginCreated
		link.Unseen = false
		link.Placed = op.To.Parent()
		applied["cn"] = Digest([]string{op.To.Name()})
	case ident.ClassAdopt:
		if link.Origin == "" {
			link.Origin = ident.OriginAdopted
		}
		left(&link, op)
	case ident.ClassLink:
		if op.FormerKey == "" {
			link.Origin = ident.OriginRestored
		} else {
			link.Unseen = false
		}
		left(&link, op)
	case ident.ClassEnable:
		link.MissingSince = nil
	case ident.ClassDisable:
		if link.MissingSince == nil {
			link.MissingSince = &at
		}
	}
	if makesLink(op.Class) {
		link.Delivered = !link.Unseen
	}
	switch op.Class {
	case ident.ClassMove, ident.ClassEnable, ident.ClassDisable:
		if op.To != "" {
			moved(&link, op, leaves)
		}
	}
	if len(applied) > 0 {
		link.Applied = applied
	}
	return link
}

// moved remembers where an account is put. Of a leaver it keeps where the
// account was, and what rollcall had chosen for it: a returner who goes back
// there is where somebody wanted the account to be.
func moved(link *ident.Link, op ident.Operation, leaves bool) {
	to := op.To.Parent()
	switch {
	case leaves && op.From != "":
		if link.Left == "" {
			link.LeftOU = chosen(*link)
		}
		link.Left, link.Placed = op.From.Parent(), to
		return
	case link.OU != "" && sameDN(link.Left, to): // adopted, and back where it was
	case link.LeftOU != "" && sameDN(link.Left, to):
		to = link.LeftOU
	default:
		link.OU = ""
	}
	link.Placed, link.Left, link.LeftOU = to, "", ""
}

// left remembers where an account was when it was linked, when it stays there.
func left(link *ident.Link, op ident.Operation) {
	if op.OU == "" {
		return
	}
	if link.Placed = op.To.Parent(); !sameDN(link.Placed, op.OU) {
		link.OU = op.OU
	}
}

// digestOf identifies what an operation would do, and for one that renames or
// moves, in which container. It does not depend on what is held. Groups leave
// out the GUID, so that those of a held create are known again once the account
// exists. The digest of an adoption covers the operations that follow from it:
// with others it is another adoption.
func digestOf(c *change, op *operation, container ident.DN, followers ...string) string {
	h := sha256.New()
	guid := c.entry.GUID
	if op.Class == ident.ClassGroups {
		guid = ""
	}
	if op.parent == "" && op.cn == "" {
		container = ""
	}
	addStrings(h, []string{string(op.Class), string(c.key), string(guid), container.Fold(), op.parent.Fold(), op.cn})
	for _, a := range op.Attributes {
		kind := "replace"
		if a.Add {
			kind = "add"
		}
		addStrings(h, []string{text.Lower(a.Name), kind})
		addStrings(h, sorted(a.Old))
		addStrings(h, sorted(a.New))
	}
	groups := make([]string, len(op.Groups))
	for i, g := range op.Groups {
		groups[i] = g.Fold()
	}
	addStrings(h, sorted(groups))
	if op.Class == ident.ClassAdopt {
		addStrings(h, append([]string{op.OU.Fold()}, followers...))
	}
	return short(h)
}

// addStrings hashes a list so that no two lists look alike.
func addStrings(h hash.Hash, list []string) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(list)))
	h.Write(n[:])
	for _, s := range list {
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
}

func short(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:16]) }
