package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// commonCause is one cause with all items that share it.
type commonCause struct {
	cause  string // without what is specific to one item
	next   string // for all items, with KEY in place of each one's key
	own    bool   // the causes differ in what is specific to one item
	people []ident.QuarantineItem
}

// byCause groups items by their shared cause, the most frequent first.
func byCause(items []ident.QuarantineItem) []commonCause {
	type id struct{ part, cause string }
	at := map[id]int{}
	var all []commonCause
	for _, q := range items {
		cause := cmp.Or(q.Shared, q.Cause)
		i, known := at[id{q.Part, cause}]
		if !known {
			i = len(all)
			at[id{q.Part, cause}] = i
			all = append(all, commonCause{cause: cause})
		}
		all[i].people = append(all[i].people, q)
	}
	for i := range all {
		all[i].sum()
	}
	slices.SortStableFunc(all, func(x, y commonCause) int { return len(y.people) - len(x.people) })
	return all
}

// sum sets the common text of all items; a single item keeps its own.
func (c *commonCause) sum() {
	first := c.people[0]
	c.next = first.Next
	if len(c.people) == 1 {
		c.cause = first.Cause
		return
	}
	same := true
	for _, q := range c.people {
		c.own = c.own || q.Cause != c.cause
		same = same && forAnyKey(q) == forAnyKey(first)
	}
	if same {
		c.next = forAnyKey(first)
	}
}

// forAnyKey returns the next step of an item with KEY in place of its own key.
func forAnyKey(q ident.QuarantineItem) string {
	if q.Key == "" {
		return q.Next
	}
	key := strings.TrimPrefix(ident.Command("x", string(q.Key)), "rollcall x ") // quoted if necessary
	var out strings.Builder
	rest := q.Next
	for {
		i := strings.Index(rest, " "+key)
		if i < 0 {
			return out.String() + rest
		}
		end := i + 1 + len(key)
		whole := end == len(rest) || strings.ContainsRune(" ;,.", rune(rest[end]))
		if whole {
			out.WriteString(rest[:i] + " KEY")
		} else {
			out.WriteString(rest[:end])
		}
		rest = rest[end:]
	}
}

// fewNames is how many names are printed for a shared cause unless all are
// requested.
const fewNames = 5

// print writes a cause with the names concerned. more says where to find all
// names; "" prints all here.
func (c commonCause) print(p *page, more string) {
	line := p.put
	first := c.people[0]
	if len(c.people) == 1 {
		line("  ", who(first.Name, first.Key)+about(first)+c.cause)
		c.printNext(p)
		return
	}
	line("  ", fmt.Sprintf("%d people: %s%s", len(c.people), about(first), c.cause))
	if more == "" {
		for _, q := range c.people {
			text := personName(q)
			if c.own {
				text += ": " + q.Cause
			}
			line("      ", text)
		}
	} else {
		var names []string
		for _, q := range c.people[:min(len(c.people), fewNames)] {
			names = append(names, personName(q))
		}
		text := strings.Join(names, ", ")
		if n := len(c.people) - len(names); n > 0 {
			text += fmt.Sprintf(" and %d more: %s", n, more)
		}
		line("      ", text)
		if c.own {
			line("      such as: ", first.Cause)
		}
	}
	c.printNext(p)
}

func (c commonCause) printNext(p *page) {
	if c.next != "" {
		p.put("      next: ", c.next)
	}
}

// personName returns the name of a person with the key.
func personName(q ident.QuarantineItem) string {
	return cmp.Or(strings.TrimSuffix(who(q.Name, q.Key), ": "), "somebody without a key")
}

// failures counts writes that the directory refused for the same reason.
type failures map[failure]int

// failure is the reason that writes share. It omits the server's texts, which
// differ from object to object.
type failure struct {
	class ident.Class
	code  int
	next  string
}

// fewFailures is how many failures of a kind a short report lists.
const fewFailures = 3

// count adds an outcome and returns how many of its kind there are so far, or
// 0 if it is not such a failure.
func (f failures) count(o ident.Outcome) int {
	if o.Result != ident.ResultFailed || o.Code == 0 {
		return 0
	}
	kind := failure{o.Operation.Class, o.Code, o.Next}
	f[kind]++
	return f[kind]
}

// print writes how many failures were not listed.
func (f failures) print(p *page, run int64) {
	kinds := slices.SortedFunc(maps.Keys(f), func(x, y failure) int {
		return cmp.Or(cmp.Compare(x.class, y.class), x.code-y.code, cmp.Compare(x.next, y.next))
	})
	for _, kind := range kinds {
		if more := f[kind] - fewFailures; more > 0 {
			p.put("  ", fmt.Sprintf("and %d more of %s failed in the same way: `rollcall runs %d` lists them", more, kind.class, run))
		}
	}
}
