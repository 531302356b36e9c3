package sim

import (
	"bufio"
	"encoding/json"
	"iter"
	"net/http"
	"slices"
	"sort"
)

// listPersons handles GET /api/v2/persons, page by page.
func (s *Server) listPersons(w http.ResponseWriter, c *call) {
	q, err := s.readPersonQuery(c.URL.Query())
	if err != nil {
		invalid(w, err.Error())
		return
	}
	q.last = s.persons.store.Highest()
	if c.faults.Has(Half) {
		q.last /= 2
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	out := bufio.NewWriterSize(w, 32<<10)
	defer func() { _ = out.Flush() }() // the client is gone, and nobody is left to tell
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	_, _ = out.WriteString(`{"success":true,"data":[`)
	written, more := 0, false
	var last Person
	for one := range s.persons.each(q) {
		if more = written == q.limit; more {
			break
		}
		if written > 0 {
			_ = out.WriteByte(',')
		}
		_ = enc.Encode(c.faults.Spoil(written, last.ID, s.shown(one, q.view)))
		written++
		last = one
	}
	_, _ = out.WriteString(`],"additional_data":`)
	next := ""
	if more {
		next = q.cursor(q.position(last))
	}
	_ = enc.Encode(s.nextCursor(next))
	_ = out.WriteByte('}')
}

// nextCursor returns additional_data of a list of persons; "" is its end.
func (s *Server) nextCursor(cursor string) any {
	switch {
	case cursor != "":
		return map[string]any{"next_cursor": cursor}
	case s.reads("persons_last_cursor", "absent"):
		return map[string]any{}
	}
	return map[string]any{"next_cursor": nil}
}

// each visits the persons of a query in its order. Only changed persons are
// held in memory, and merged with the generated ones.
func (p *persons) each(q personQuery) iter.Seq[Person] {
	return func(yield func(Person) bool) {
		changed, known := p.changed(q)
		for id := range p.generated(q) {
			if known[id] {
				continue
			}
			one := p.generate(id)
			if !q.wants(one) {
				continue
			}
			for len(changed) > 0 && q.before(q.position(changed[0]), q.position(one)) {
				if !yield(changed[0]) {
					return
				}
				changed = changed[1:]
			}
			if !yield(one) {
				return
			}
		}
		for _, one := range changed {
			if !yield(one) {
				return
			}
		}
	}
}

// changed returns the stored persons of a query in its order, and the ids of
// all stored persons.
func (p *persons) changed(q personQuery) (wanted []Person, known map[int64]bool) {
	known = map[int64]bool{}
	for _, one := range p.store.Changed() {
		known[one.ID] = true
		if one.ID <= q.last && q.wants(one) {
			wanted = append(wanted, one)
		}
	}
	slices.SortFunc(wanted, func(a, b Person) int {
		if q.before(q.position(a), q.position(b)) {
			return -1
		}
		return 1 // no two are equal
	})
	return wanted, known
}

// generated returns the ids of the generated persons that may match a query, in
// the query's order, which is that of the ids or its reverse.
func (p *persons) generated(q personQuery) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		from, to := p.bounds(q)
		ids := slices.Sorted(slices.Values(q.ids))
		if q.ids == nil {
			p.count(from, to, q.down, yield)
			return
		}
		if q.down {
			slices.Reverse(ids)
		}
		for _, id := range slices.Compact(ids) {
			if id >= from && id <= to && !yield(id) {
				return
			}
		}
	}
}

func (p *persons) count(from, to int64, down bool, yield func(int64) bool) {
	for i := range max(to-from+1, 0) {
		id := from + i
		if down {
			id = to - i
		}
		if !yield(id) {
			return
		}
	}
}

// bounds returns the first and the last generated id that may match a query.
func (p *persons) bounds(q personQuery) (from, to int64) {
	last := min(p.store.Generated(), q.last)
	firstWith := func(is func(Person) bool) int64 {
		return 1 + int64(sort.Search(int(last), func(i int) bool { return is(p.generate(int64(i) + 1)) }))
	}
	from, to = 1, last
	if !q.since.IsZero() {
		from = firstWith(func(one Person) bool { return !one.UpdateTime.Before(q.since) })
	}
	if !q.until.IsZero() {
		to = firstWith(func(one Person) bool { return !one.UpdateTime.Before(q.until) }) - 1
	}
	switch {
	case q.after == nil:
	case q.down:
		to = min(to, firstWith(func(one Person) bool { return !q.position(one).less(*q.after) })-1)
	default:
		from = max(from, firstWith(func(one Person) bool { return q.after.less(q.position(one)) }))
	}
	return from, to
}
