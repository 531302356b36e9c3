package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Join says which further endpoints a data source has. Each record of its Source, the
// endpoint that leads, gets the record with the same key of each of them. Which people
// there are only the leading endpoint says.
type Join struct {
	Inner    bool // nothing is done about a record that an endpoint has no record for
	Partners []Fetcher
}

// partners returns the further endpoints of an automation's data source.
func (a Automation) partners() []Fetcher {
	if a.Join == nil {
		return nil
	}
	return a.Join.Partners
}

// changesOnly reports whether an endpoint of the data source delivers only changes:
// then nobody is missing.
func (a Automation) changesOnly() bool {
	return a.Source.ChangesOnly() || slices.ContainsFunc(a.partners(), Fetcher.ChangesOnly)
}

// fetchPartners stages the records of the further endpoints, each in an area of its
// own. keep says which of them; nil means all.
func (e *Engine) fetchPartners(ctx context.Context, a Automation, d *delivery) error {
	for _, partner := range a.partners() {
		p := d.partner(e, partner)
		if _, of := dependent(partner); of != "" {
			continue
		}
		progress.Tell(ctx, progress.Step{Phase: "fetching records of endpoint " + p.endpoint})
		_, err := partner.Fetch(ctx, ident.Position{}, func(batch []ident.Record) error {
			defer func() {
				progress.Tell(ctx, progress.Step{Phase: "fetching records of endpoint " + p.endpoint, Done: p.records})
			}()
			return e.Store.Stage(ctx, p.staging, p.keyed(batch))
		})
		if err == nil {
			err = e.respellStaged(ctx, *p)
		}
		if err != nil {
			return &partnerError{p.endpoint, err}
		}
	}
	return e.fetchDependents(ctx, a, d)
}

// partner adds what a further endpoint delivers to a delivery.
func (d *delivery) partner(e *Engine, of Fetcher) *delivery {
	_, parent := dependent(of)
	p := &delivery{staging: e.draft(), endpoint: of.Endpoint(), each: parent != ""}
	d.partners = append(d.partners, p)
	return p
}

// stagings lists the areas that a delivery is staged in.
func (d delivery) stagings() []int64 { return append([]int64{d.staging}, d.partnerStagings()...) }

func (d delivery) partnerStagings() []int64 {
	var all []int64
	for _, p := range d.partners {
		all = append(all, p.staging)
	}
	return all
}

// partnerError is an error about one of the further endpoints.
type partnerError struct {
	endpoint string
	error
}

func (e *partnerError) Error() string { return fmt.Sprintf("endpoint %s: %v", e.endpoint, e.error) }

func (e *partnerError) Unwrap() error { return e.error }

// arrival is everything that was delivered for one key, joined.
type arrival struct {
	store.Staged
	without string // the endpoint without a record for it, because of which an inner join leaves it out
}

// eachArrival calls each once for every key of a delivery, in their order, and counts
// in d what it finds out about the join.
func (e *Engine) eachArrival(ctx context.Context, a Automation, d *delivery, each func(arrival) error) error {
	if len(d.partners) == 0 {
		return e.Store.EachStaged(ctx, d.staging, func(s store.Staged) error { return each(arrival{Staged: s}) })
	}
	for _, p := range d.partners {
		p.fits = joinCounts{}
	}
	alone, err := e.Store.EachJoined(ctx, d.staging, d.partnerStagings(), func(s store.Joined) error {
		one := arrival{Staged: s.Staged}
		if s.Records == 1 && s.Record.Problem == "" && (d.chosen == nil || !d.chosen.part(s.Record)) {
			one.without = d.join(&one.Record, s.Partners)
			if a.Join == nil || !a.Join.Inner || one.Record.Problem != "" {
				one.without = ""
			}
		}
		return each(one)
	})
	for i, n := range alone {
		d.partners[i].fits.alone = n
	}
	return err
}

// joinCounts says how the records of a further endpoint fit to those that lead.
type joinCounts struct {
	met     int       // records of both endpoints with one key
	missing int       // records of the leading endpoint without one here
	first   ident.Key // of those
	bad     int       // keys of the leading endpoint for which what came here cannot be joined
	alone   int       // keys here that the leading endpoint does not have
	differ  map[string]difference
}

// difference counts the keys for which a field has another value than in the leading
// endpoint's record.
type difference struct {
	keys  int
	first ident.Key
}

// join adds to a record what the further endpoints delivered with its key. What does
// not lead to one record for certain becomes its problem. It returns the first
// endpoint that has no record for it.
func (d *delivery) join(r *ident.Record, partners []store.Staged) (without string) {
	r.Joined = make(map[string]map[string]any, len(partners))
	for i, s := range partners {
		p := d.partners[i]
		problem := p.problem(s)
		switch {
		case problem != "":
			p.fits.bad++
			r.Problem = cmp.Or(r.Problem, problem)
		case s.Records == 1:
			fields := s.Record.Fields
			if fields == nil {
				fields = map[string]any{}
			}
			r.Joined[p.endpoint] = fields
			p.fits.compare(r, fields)
		default:
			without = cmp.Or(without, p.endpoint)
			if p.fits.missing++; p.fits.missing == 1 {
				p.fits.first = r.Key
			}
		}
	}
	return without
}

// problem says why what a further endpoint delivered for a key cannot be joined.
func (d *delivery) problem(s store.Staged) string {
	switch {
	case s.Deleted && s.Records+s.Parts > 0:
		return fmt.Sprintf("endpoint %s delivered the key %s and reported it as deleted at once", d.endpoint, s.Record.Key)
	case s.Records > 1:
		return fmt.Sprintf("endpoint %s delivered the key %s more than once", d.endpoint, s.Record.Key)
	case s.Records == 1:
		return s.Record.Problem
	}
	return ""
}

// compare counts the fields that have another value in the leading record.
func (c *joinCounts) compare(lead *ident.Record, fields map[string]any) {
	c.met++
	for name, value := range fields {
		other, both := lead.Fields[name]
		if !both || sameValue(value, other) {
			continue
		}
		if c.differ == nil {
			c.differ = map[string]difference{}
		}
		found := c.differ[name]
		if found.keys++; found.keys == 1 {
			found.first = lead.Key
		}
		c.differ[name] = found
	}
}

// sameValue reports whether two values need not be told apart. Only texts, numbers
// and booleans are: nobody maps an object or a list as it is, and null says nothing.
func sameValue(a, b any) bool {
	plain := func(v any) (string, bool) {
		switch v := v.(type) {
		case string:
			return v, true
		case json.Number:
			return string(oneSpelling(ident.Key(v))), true
		case bool:
			return fmt.Sprint(v), true
		}
		return "", false
	}
	x, comparable := plain(a)
	y, both := plain(b)
	return !comparable || !both || x == y
}

// reportJoin says in the plan how the records of the further endpoints fitted.
func (d delivery) reportJoin(a Automation, b *plan.Builder) {
	lead := a.Source.Endpoint()
	for _, p := range d.partners {
		p.reportUnusable(b)
		if p.fits.met == 0 && p.fits.missing > 1 && p.fits.alone > 1 {
			b.Attend(fmt.Sprintf("no record of endpoint %s has the key of a record of endpoint %s", p.endpoint, lead),
				fmt.Sprintf("see which field of %s holds the key of %s, and name it: key = \"/FIELD\" in [applications.%s.endpoints.%s]",
					p.endpoint, lead, a.Settings.Application, p.endpoint))
			continue
		}
		if n := p.fits.missing; n > 0 {
			effect := fmt.Sprintf("; endpoints.%s is absent there", p.endpoint)
			if a.Join.Inner {
				effect = `; join = "inner" leaves them out: they count as present, and nothing is done about them`
			}
			b.Remark(ofMany(n, "of the records has", "of the records have") +
				fmt.Sprintf(" no record in endpoint %s (the first: key %s)%s", p.endpoint, p.fits.first, effect))
		}
		if n := p.fits.alone; n > 0 && d.chosen == nil && !a.changesOnly() {
			b.Remark(ofMany(n, "key", "keys") + fmt.Sprintf(" of endpoint %s: endpoint %s has no record with such a key", p.endpoint, lead))
		}
		for _, name := range slices.Sorted(maps.Keys(p.fits.differ)) {
			n := p.fits.differ[name]
			b.Remark(fmt.Sprintf("%s differs between endpoints %s and %s for %s (the first: key %s); "+
				"user.%s and endpoints.%s.%s are what each of them says",
				name, lead, p.endpoint, ofMany(n.keys, "record", "records"), n.first, name, p.endpoint, name))
		}
	}
}

// reportUnusable says what a further endpoint delivered that belongs to nobody.
func (d *delivery) reportUnusable(b *plan.Builder) {
	if d.keyless > 0 {
		b.Attend(ofMany(d.keyless, "of the records of endpoint", "of the records of endpoint")+
			fmt.Sprintf(" %s has no usable key, so that it is joined to nobody; the first: %s", d.endpoint, d.first),
			"look at these records at the source, and at key of the endpoint")
	}
	if d.keylessDeletions > 0 {
		b.Attend(fmt.Sprintf("deletions that endpoint %s reports and that do not say which key: %d; nothing is made of them",
			d.endpoint, d.keylessDeletions), "look at the endpoint's deletions at the source")
	}
}
