package expr

import (
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// NameMacros is the name in a scope whose members are expressions of their own.
const NameMacros = "macros"

// NameParent is the name of the record for which a dependent endpoint is called.
const NameParent = "parent"

// NameKey is the name of a record's key in the request for that record alone.
const NameKey = "key"

// WithMacros returns a scope in which macros.NAME stands for an expression of
// that name, which is evaluated over the same values. The expressions come from
// this scope, or from one with fewer names, and use no macros themselves. absent
// says of other names why they do not exist in this scope.
func (s Scope) WithMacros(macros map[string]*Expression, absent map[string]string) Scope {
	lib := *s.lib
	lib.macros, lib.absent = maps.Clone(macros), maps.Clone(absent)
	s.lib = &lib
	return s.WithMembers(NameMacros, slices.Sorted(maps.Keys(macros))...)
}

// notHere is the hint for macros where there are none.
const notHere = "macros.NAME may stand in the endpoints and webhooks of an application, and not in another macro"

// absentMacro says why a macro does not exist in the scope, if that is what the text
// before an unknown member is about.
func (s Scope) absentMacro(before, name string) (message string, ok bool) {
	why, known := s.lib.absent[name]
	if !known || !strings.HasSuffix(strings.TrimRight(before, " ?."), NameMacros) {
		return "", false
	}
	return NameMacros + "." + name + " does not exist here: " + why, true
}

// macro compiles macros.NAME.
func (c *compiler) macro(n *ast.MemberNode, name string) node {
	m, at := c.scope.lib.macros[name], place(n.Node)
	pos := c.src.posAt(at)
	c.refs = append(c.refs, reference{name: NameMacros, path: []string{name}, pos: pos})
	if m == nil { // of a scope that is only checked, before the macros are known
		return rootMember(NameMacros, name, at)
	}
	for _, r := range m.refs {
		c.refs = append(c.refs, reference{name: r.name, path: r.path, pos: pos, macro: true})
	}
	c.volatile = c.volatile || m.volatile
	return func(r *run) any {
		defer func() {
			switch p := recover().(type) {
			case nil:
			case *failure:
				r.at = at
				panic(&failure{NameMacros + "." + name + ": " + p.message, p.hint})
			default:
				panic(p)
			}
		}()
		vars, items := r.vars, r.items
		r.vars, r.items = make([]any, m.variables), nil
		v := m.root.any(r)
		r.vars, r.items = vars, items
		return v
	}
}

// Names returns the names that the text of the template itself uses, each with
// its first place. What its macros use is not among them.
func (t *Template) Names() map[string]Pos {
	names := map[string]Pos{}
	for _, r := range t.refs {
		if _, known := names[r.name]; !known && !r.macro {
			names[r.name] = r.pos
		}
	}
	return names
}
