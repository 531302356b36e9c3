package expr

// listFunctions returns the functions on lists; a scalar counts as a list of
// one.
func listFunctions() []*function {
	return []*function{
		define("count(list)", "The number of elements that are not null and not empty.", `count(["a", null, "b"]) -> 2`,
			count, new(func(any) int)),
		define("item(list, n)", "Element number n, from 1; from the end when n is negative. Null when there is none.",
			`item(["a", "b", "c"], -1) -> "c"`, item, new(func(any, int) any)),
		define("unique_list(list)", "Each element once, in order; texts that differ only in case are two.",
			`unique_list(["a", "b", "a"]) -> ["a","b"]`,
			uniqueList, new(func(any) []any)),
	}
}

func count(r *run, args []any) any {
	n := 0
	for _, e := range asList(r, args[0]) {
		if e = normal(e); e != nil && stateOf(e) != Empty {
			n++
		}
	}
	return n
}

func item(r *run, args []any) any {
	list := asList(r, args[0])
	if i, ok := nth(intArg(args, 1), len(list)); ok {
		return normal(list[i])
	}
	return nil
}

func uniqueList(r *run, args []any) any {
	list := asList(r, args[0])
	out, seen := []any{}, map[string]bool{}
	for _, e := range list {
		e = normal(e)
		key := kindName(e)
		if s, ok := asText(e); ok {
			key += " " + s
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		out = append(out, e)
	}
	r.spend(16 * len(out))
	return out
}
