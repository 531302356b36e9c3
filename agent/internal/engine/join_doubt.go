package engine

import (
	"context"
	"fmt"
)

// joined returns how each further endpoint fitted, for the next run to compare. What a
// part of the people, or of the records, shows cannot be compared.
func (d delivery) joined(a Automation) map[string]string {
	if d.chosen != nil || a.changesOnly() || d.records == 0 {
		return nil
	}
	counts := map[string]string{}
	for _, p := range d.partners {
		met, missing, _ := p.fitted()
		counts[p.endpoint] = fmt.Sprintf("%d %d", met, missing)
	}
	return counts
}

// fitted returns for how many people there is a record and is none, and how many records
// may be somebody else's. Who has one that cannot be used is set aside, so nothing follows
// for them: they are not lost. What a dependent endpoint answers is about one person for
// certain.
func (d *delivery) fitted() (met, missing, strange int) {
	met, missing, strange = d.fits.met+d.fits.bad, d.fits.missing, d.keyless+d.fits.bad
	if d.each {
		strange = 0
	}
	return met, missing, strange
}

// doubtOf says why nothing may follow from what a further endpoint delivered; "" if
// nothing speaks against it. It compares with the last run that was believed: leavers
// who are gone from both endpoints, and joiners who are not in this one yet, are no
// reason for doubt.
func (e *Engine) doubtOf(ctx context.Context, a Automation, d delivery) (string, error) {
	if d.joined(a) == nil {
		return "", nil
	}
	links, err := e.Store.CountLinks(ctx, a.Settings.Automation)
	if err != nil {
		return "", err
	}
	for _, p := range d.partners {
		text, known, err := e.Store.Meta(ctx, joinedMeta(a.Settings.Automation, p.endpoint))
		if err != nil {
			return "", err
		}
		var met, missing int
		gotMet, gotMissing, strange := p.fitted()
		if known {
			if _, err := fmt.Sscan(text, &met, &missing); err != nil {
				return "", fmt.Errorf("read how endpoint %s was joined before: %w", p.endpoint, err)
			}
		}
		more := gotMissing - missing
		lost, allowed := min(met-gotMet, more), a.Settings.SourceShrink.Of(met)
		short := gotMet == 0 && more > 0 && (met > 0 || !known && links > 0)
		short = short || allowed >= 0 && lost > allowed
		unusable := strange > 0 && lost > 0
		if !short && !unusable {
			continue
		}
		before := fmt.Sprintf("instead of %d before", met)
		if !known {
			before = "and nothing is known of earlier runs"
		}
		return fmt.Sprintf("endpoint %s has a record for %d of the people delivered, %s; see what it delivers, and approve what is right",
			p.endpoint, gotMet, before), nil
	}
	return "", nil
}
