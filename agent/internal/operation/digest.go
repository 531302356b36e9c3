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

// Digest identifies a set of values of an attribute, whatever their order: 32
// hexadecimal digits. It is what Link.Applied holds.
func Digest(values []string) string {
	h := sha256.New()
	addStrings(h, sorted(values))
	return short(h)
}

// AppliedDigest is the digest of all values that the attribute has once the
// change is applied.
func AppliedDigest(ch ident.AttributeChange) string { return Digest(allValues(ch)) }

// allValues lists all that an attribute has once the change is applied.
func allValues(ch ident.AttributeChange) []string {
	if ch.Add {
		return append(slices.Clone(ch.Old), ch.New...)
	}
	return ch.New
}

// Account is what an operation is carried out on.
type Account struct {
	Key  ident.Key
	GUID ident.GUID // "" for an account that is yet to be made
	DN   ident.DN   // where it is right before the operation
}

// Identify returns the digest of what an operation would do, and for one that
// renames or moves, in which container. It does not depend on what is held.
//
// Groups leave out the GUID, so that those of a held create are known again once
// the account exists. The digest of an adoption covers the digests of the
// operations that follow from it: with others it is another adoption.
func Identify(op ident.Operation, on Account, to Target, followers ...string) string {
	container := on.DN.Parent()
	if op.Class == ident.ClassGroups {
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

// sorted returns the distinct values in order.
func sorted(values []string) []string {
	out := slices.Clone(values)
	slices.Sort(out)
	return slices.Compact(out)
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
