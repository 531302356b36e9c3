package config

import "strconv"

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
	Percent   float64
	Unlimited bool
}

// String gives the limit as it is written: "100", "5%", "5% or 5" (the
// larger), "none".
func (l Limit) String() string {
	percent := strconv.FormatFloat(l.Percent, 'f', -1, 64) + "%"
	switch {
	case l.Unlimited:
		return "none"
	case l.Percent > 0 && l.Count > 0:
		return percent + " or " + strconv.Itoa(l.Count)
	case l.Percent > 0:
		return percent
	}
	return strconv.Itoa(l.Count)
}
