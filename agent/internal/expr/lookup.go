package expr

import (
	"maps"
	"slices"
	"strconv"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// lookupTable is a table of [lookups]. Its keys are texts. The numbers, true and
// false find the key with the same text; numbers find it in any spelling.
type lookupTable struct {
	entries map[string]string
	numbers map[string]string // by the one spelling that equal numbers share
	kinds   kinds             // the types that its keys can be read as
}

func newLookupTable(entries map[string]string) lookupTable {
	t := lookupTable{entries: entries, numbers: map[string]string{}, kinds: text}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		if normal, ok := abi.NumberKey(key); ok {
			t.kinds |= number
			if _, taken := t.numbers[normal]; !taken || normal == key {
				t.numbers[normal] = entries[key]
			}
		}
		if key == "true" || key == "false" {
			t.kinds |= boolean
		}
	}
	return t
}

// find looks a key up. It fails when no key of the table can have the type of
// the given one, because then the answer is undecided: department number 5 may
// well be in a table that lists departments by name.
func (t lookupTable) find(name string, key any) (string, bool) {
	k := kindOf(key)
	if k == number {
		s, _ := asText(key)
		if v, ok := t.numbers[s]; ok {
			return v, true
		}
	} else if s, ok := asText(key); ok && k&(list|object) == 0 {
		if v, ok := t.entries[s]; ok {
			return v, true
		}
	}
	if len(t.entries) > 0 && k&t.kinds == 0 {
		failWith(adviceForKey(k), "the key is %s, and no key of the table %s can be one", described(key), name)
	}
	return "", false
}

func adviceForKey(k kinds) string {
	switch k {
	case number:
		return "use keys that are numbers, or look up what the table has"
	case boolean:
		return `use the keys "true" and "false", or look up what the table has`
	}
	return "look up a text or a number"
}

func lookupFunction() *function {
	f := define("lookup(table, key, default)",
		"The entry of a [lookups] table; default when there is none or the key is null, null without a default. "+
			"A number finds its key however it is spelled: 2, 2.0.",
		`lookup("departments", 2, "other") -> "Support"`, lookup, new(func(string, any, any) any), new(func(string, any) any))
	f.literal = func(lib *library, i int, s string) (string, string) {
		if _, ok := lib.lookups[s]; i != 0 || ok {
			return "", ""
		}
		return "there is no table " + strconv.Quote(s) + " in [lookups]", didYouMean(s, slices.Sorted(maps.Keys(lib.lookups)))
	}
	return f
}

func lookup(r *run, args []any) any {
	if args[0] == nil {
		return nil
	}
	name := textArg(args, 0)
	table, ok := r.lib.lookups[name]
	if !ok {
		fail("there is no table %q in [lookups]", name)
	}
	if args[1] != nil {
		if v, ok := table.find(name, args[1]); ok {
			return v
		}
	}
	if len(args) == 3 {
		return args[2]
	}
	return nil
}
