package expr

import "github.com/expr-lang/expr/ast"

// predicate is the expression that is evaluated for each element.
type predicate struct {
	node    node
	written ast.Node
}

// predicate compiles all, any, none, one, filter, map, find and findLast.
func (c *compiler) predicate(n *ast.BuiltinNode) node {
	list, at, name := c.node(n.Arguments[0]), place(n), n.Name
	about := predicate{c.node(n.Arguments[1]), n.Arguments[1]}
	return func(r *run) any {
		v := list(r)
		r.at = at
		if v == nil {
			return nil
		}
		elements, ok := v.([]any)
		if !ok {
			fail("%s needs a list, not %s", name, kindName(v))
		}
		return r.overElements(name, elements, about, at)
	}
}

func (r *run) overElements(name string, elements []any, about predicate, at int) any {
	switch name {
	case "map":
		return r.mapped(elements, about, at)
	case "filter":
		kept := []any{}
		for _, e := range elements {
			if r.holds(e, about, at) {
				kept = append(kept, e)
			}
		}
		return kept
	case "find":
		for _, e := range elements {
			if r.holds(e, about, at) {
				return normal(e)
			}
		}
		return nil
	case "findLast":
		for i := len(elements) - 1; i >= 0; i-- {
			if r.holds(elements[i], about, at) {
				return normal(elements[i])
			}
		}
		return nil
	}
	return r.counted(name, elements, about, at)
}

func (r *run) mapped(elements []any, about predicate, at int) any {
	out := make([]any, len(elements))
	for i, e := range elements {
		out[i] = r.about(e, about)
	}
	r.at = at
	r.spend(16 * len(out))
	return out
}

func (r *run) counted(name string, elements []any, about predicate, at int) any {
	n := 0
	for _, e := range elements {
		if r.holds(e, about, at) {
			n++
			if name == "any" || name == "none" {
				break
			}
		} else if name == "all" {
			return false
		}
	}
	switch name {
	case "any":
		return n > 0
	case "none":
		return n == 0
	case "one":
		return n == 1
	}
	return true
}

// holds evaluates the condition for one element; null counts as false.
func (r *run) holds(element any, condition predicate, at int) bool {
	v := r.about(element, condition)
	r.at = at
	b, _ := truth(condition.written, v)
	return b
}

// about evaluates f with element as #.
func (r *run) about(element any, f predicate) any {
	r.step()
	r.items = append(r.items, normal(element))
	v := f.node(r)
	r.items = r.items[:len(r.items)-1]
	return v
}

func (c *compiler) pointer(n *ast.PointerNode) node {
	if n.Name != "" {
		c.refuse(n, "#"+n.Name+" is not available", "# is the element")
	}
	return func(r *run) any { return r.items[len(r.items)-1] }
}

// slice compiles v[from:to] for the characters of a text or the elements of a
// list. Positions count from 0, and from the end when negative.
func (c *compiler) slice(n *ast.SliceNode) node {
	value, from, to, at := c.node(n.Node), constant(0), constant(beyond), place(n)
	if n.From != nil {
		from = c.node(n.From)
	}
	if n.To != nil {
		to = c.node(n.To)
	}
	return func(r *run) any {
		v, a, b := value(r), from(r), to(r)
		r.at = at
		if v == nil || a == nil || b == nil {
			return nil
		}
		x, ok := asInt(a)
		y, also := asInt(b)
		if !ok || !also {
			fail("[from:to] needs whole numbers")
		}
		switch v := v.(type) {
		case string:
			x, y = bounds(x, y, characters(v))
			from, to := skip(v, x), skip(v, y)
			return v[from:to]
		case []any:
			x, y = bounds(x, y, len(v))
			return v[x:y:y]
		}
		fail("[from:to] needs a text or a list, not %s", kindName(v))
		return nil
	}
}

const beyond = 1 << 53 // past the end of anything

func bounds(from, to, n int) (int, int) {
	if from < 0 {
		from += n
	}
	if to < 0 {
		to += n
	}
	from, to = min(max(from, 0), n), min(max(to, 0), n)
	return from, max(from, to)
}
