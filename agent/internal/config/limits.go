package config

import (
	"strconv"
)

// Limits is automations.NAME.limits: how many operations of a class an
// automation may do in 24 hours.
type Limits struct {
	Create       Limit `toml:"create"`
	Adopt        Limit `toml:"adopt"`
	Update       Limit `toml:"update"`
	Rename       Limit `toml:"rename"`
	Move         Limit `toml:"move"`
	Enable       Limit `toml:"enable"`
	Disable      Limit `toml:"disable"`
	Delete       Limit `toml:"delete"`
	Groups       Limit `toml:"groups"`
	SourceShrink Limit `toml:"source_shrink"` // by how much a source may shrink before nobody is missing
}

// Limit is a number, a share of the highest number of linked users in seven
// days, the larger of both, or none.
type Limit struct {
	Count     int
	Percent   int
	Unlimited bool
}

// Of returns how many of n are allowed, rounded down; -1 is unlimited.
func (l Limit) Of(n int) int {
	if l.Unlimited {
		return -1
	}
	return max(l.Count, n*l.Percent/100)
}

// String gives the limit as it is written: "100", "5%", "5% or 5" (the
// larger), "none".
func (l Limit) String() string {
	switch {
	case l.Unlimited:
		return "none"
	case l.Percent > 0 && l.Count > 0:
		return strconv.Itoa(l.Percent) + "% or " + strconv.Itoa(l.Count)
	case l.Percent > 0:
		return strconv.Itoa(l.Percent) + "%"
	}
	return strconv.Itoa(l.Count)
}
