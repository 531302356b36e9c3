package plan

import (
	"math"
	"strconv"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Limit is how many operations of a class are allowed in 24 hours: the larger
// of Count and Percent of the links. The zero Limit allows none.
type Limit struct {
	Count     int
	Percent   float64 // of the highest number of links in seven days, rounded down
	Unlimited bool
}

// String returns the limit as the configuration spells it: "100", "5%",
// "none", or "5% or 5" for the larger of the two.
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

// DefaultLimits returns the limits of classes that the configuration does not
// mention. A percentage comes with a count, so that it also works for five
// people.
func DefaultLimits() map[ident.Class]Limit {
	none := Limit{Unlimited: true}
	return map[ident.Class]Limit{
		ident.ClassLink: none, ident.ClassAdopt: none, ident.ClassCreate: none, ident.ClassEnable: none,
		ident.ClassRename: none, ident.ClassMove: none, ident.ClassGroups: none,
		ident.ClassUpdate:  {Count: 5, Percent: 50},
		ident.ClassDisable: {Count: 5, Percent: 5},
		ident.ClassDelete:  {},
	}
}

// DefaultSourceShrink returns the limit that applies if the configuration sets
// none.
func DefaultSourceShrink() Limit { return Limit{Percent: 20} }

// DefaultStart returns the limit of orchestrations that begin in 24 hours. The
// percentage is of the users that they could begin for.
func DefaultStart() Limit { return Limit{Count: 20, Percent: 20} }

// Of returns how many the limit allows out of a whole; -1 means unlimited.
func (l Limit) Of(whole int) int {
	if l.Unlimited {
		return -1
	}
	const rounding = 1e-9 // 29 % of 100 is computed as 28.999999999999996
	return max(l.Count, int(math.Floor(l.Percent*float64(whole)/100+rounding)))
}
