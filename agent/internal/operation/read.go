package operation

import (
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Line is one line of the description of an operation.
type Line struct {
	Sign string // "+" something comes, "-" it goes, "~" it changes; "" says where the account is
	Text string
}

// Sign returns what an operation of the class does to an account: "+" adds it,
// "-" removes it, "~" changes it.
func Sign(class ident.Class) string {
	if sign := of(class).sign; sign != "" {
		return sign
	}
	return "~"
}

// Read describes what an operation does to the object at dn: places, old and
// new values, groups.
func Read(op ident.Operation, dn ident.DN) []Line {
	lines := readPlace(op, dn)
	if op.OU != "" && !op.OU.EqualFold(op.To.Parent()) {
		lines = append(lines, Line{"", "stays there; ou would put it into " + string(op.OU)})
	}
	for _, ch := range op.Attributes {
		lines = append(lines, readChange(ch, MakesAccount(op.Class)))
	}
	for _, g := range op.Groups {
		lines = append(lines, Line{"+", "add to " + string(g)})
	}
	for _, g := range op.Left {
		lines = append(lines, Line{"-", "remove from " + string(g)})
	}
	return lines
}

func readPlace(op ident.Operation, dn ident.DN) []Line {
	switch {
	case MakesAccount(op.Class), op.To != "" && op.From == "":
		return []Line{{"", string(op.To)}}
	case op.To != "":
		return []Line{{"~", string(op.From) + " -> " + string(op.To)}}
	case dn != "":
		return []Line{{"", string(dn)}}
	}
	return nil
}

// readChange describes old and new values. For a new account (fresh) it gives
// only the new ones.
func readChange(ch ident.AttributeChange, fresh bool) Line {
	sign := "~"
	switch {
	case len(ch.New) == 0:
		sign = "-"
	case len(ch.Old) == 0:
		sign = "+"
	}
	told := readValues(readNamed(ch))
	if ch.Add {
		told = "add " + told
	}
	if !fresh {
		told = readValues(ch.Shown(ch.Old)) + " -> " + told
	}
	switch {
	case ch.Drift:
		told += " (changed by hand)"
	case ch.Conflict:
		told += " (both changed)"
	}
	return Line{sign, ch.Name + ": " + told}
}

// readNamed shows the new values; for references it says whose accounts they are.
func readNamed(ch ident.AttributeChange) []string {
	out := slices.Clone(ch.Shown(ch.New))
	for i, n := range ch.Named {
		if n.Key != "" && i < len(out) {
			out[i] += " (key " + string(n.Key) + ")"
		}
	}
	return out
}

func readValues(list []string) string {
	if len(list) == 0 {
		return "(none)"
	}
	return strings.Join(list, ", ")
}
