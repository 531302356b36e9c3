package operation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Digest returns 32 hexadecimal digits that identify a set of attribute
// values, whatever their order. Link.Applied holds such digests.
func Digest(values []string) string {
	h := sha256.New()
	addStrings(h, sorted(values))
	return short(h)
}

// AppliedDigest returns the digest of all values that the attribute has after
// the change; of references, that of the objects which these name.
func AppliedDigest(ch ident.AttributeChange) string {
	if ch.Reference {
		return DigestOfObjects(allValues(ch), objects(ch))
	}
	return Digest(allValues(ch))
}

// allValues lists all values that the attribute has after the change.
func allValues(ch ident.AttributeChange) []string {
	if ch.Add {
		return append(slices.Clone(ch.Old), ch.New...)
	}
	return ch.New
}

// Account is the account that an operation changes.
type Account struct {
	Key  ident.Key
	GUID ident.GUID // "" for an account that is yet to be made
	DN   ident.DN   // where it is right before the operation
}

// Identify returns the digest of what an operation would do. For a rename or a
// move it also covers the container of the account. It does not depend on what
// is held.
//
// The digests of groups and references leave out the GUID, so that they stay the
// same when a held create has made the account. The digest of an adoption
// covers the digests of the operations that follow from it: an adoption with
// other followers is a different adoption.
func Identify(op ident.Operation, on Account, to Target, followers ...string) string {
	container := on.DN.Parent()
	if op.Class == ident.ClassGroups || op.Class == ident.ClassReferences {
		on.GUID = ""
	}
	if to == (Target{}) {
		container = ""
	}
	h := sha256.New()
	addStrings(h, []string{string(op.Class), string(on.Key), string(on.GUID), container.Fold(), to.Container.Fold(), to.Name})
	for _, a := range op.Attributes {
		way := "replace"
		if a.Add {
			way = "add"
		}
		addStrings(h, []string{text.Lower(a.Name), way})
		before, after := identity(a)
		addStrings(h, sorted(before))
		addStrings(h, sorted(after))
	}
	addStrings(h, folded(op.Groups))
	if len(op.Left) > 0 {
		addStrings(h, folded(op.Left))
	}
	if op.Off != "" {
		addStrings(h, []string{"off", string(op.Off)})
	}
	if op.Class == ident.ClassAdopt {
		addStrings(h, append([]string{op.OU.Fold()}, followers...))
	}
	return short(h)
}

// folded returns the distinct DNs in order.
func folded(dns []ident.DN) []string {
	out := make([]string, len(dns))
	for i, dn := range dns {
		out[i] = dn.Fold()
	}
	return sorted(out)
}

// sorted returns the distinct values in order.
func sorted(values []string) []string {
	out := slices.Clone(values)
	slices.Sort(out)
	return slices.Compact(out)
}

// addStrings hashes a list so that two different lists never produce the same
// input.
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
