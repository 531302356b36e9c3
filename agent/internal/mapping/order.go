package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
)

// ouNode is the name of the OU among the attributes while they are ordered. No
// attribute can have it.
const ouNode = "ou"

// sorter orders attributes so that each follows those it refers to. The OU is
// one of them: attributes that must be unique in their container follow it.
type sorter struct {
	needs   map[string][]string
	state   map[string]int // 1: being visited, 2: done
	path    []string
	ordered []string
	cycle   []string
}

func (b *builder) order() {
	byName := map[string]*attribute{}
	s := &sorter{needs: map[string][]string{}, state: map[string]int{}}
	var names []string
	for _, a := range b.m.attributes {
		byName[a.Name] = a
		names = append(names, a.Name)
		for _, t := range a.templates() {
			s.needs[a.Name] = append(s.needs[a.Name], t.UsesAttributes()...)
		}
		if a.Unique == UniqueContainer {
			s.needs[a.Name] = append(s.needs[a.Name], ouNode)
		}
	}
	if b.m.ou != nil {
		s.needs[ouNode] = b.m.ou.UsesAttributes()
	}
	slices.Sort(names)
	for _, n := range append(names, ouNode) {
		if !s.visit(n) {
			b.fail(b.posOf(s.cycle[0], byName), "", "attributes refer to each other in a circle: %s", strings.Join(s.cycle, " -> "))
			return
		}
	}
	b.m.attributes = b.m.attributes[:0]
	for _, n := range s.ordered {
		if n == ouNode {
			b.m.ouAfter = len(b.m.attributes)
			continue
		}
		b.m.attributes = append(b.m.attributes, byName[n])
	}
}

func (b *builder) posOf(name string, byName map[string]*attribute) expr.Pos {
	if a := byName[name]; a != nil {
		return a.Pos
	}
	return b.m.ou.Source().Pos
}

// visit appends name after everything it needs. It returns false on a cycle.
func (s *sorter) visit(name string) bool {
	switch s.state[name] {
	case 1:
		s.cycle = append(slices.Clone(s.path[slices.Index(s.path, name):]), name)
		return false
	case 2:
		return true
	}
	s.state[name] = 1
	s.path = append(s.path, name)
	for _, n := range s.needs[name] {
		if n != expr.Every && !s.visit(n) {
			return false
		}
	}
	s.path = s.path[:len(s.path)-1]
	s.state[name] = 2
	s.ordered = append(s.ordered, name)
	return true
}

// usage finds out which fields of a record matter, and refuses expressions that
// would make all of them matter.
func (b *builder) usage() {
	b.m.fields, b.m.places = map[string][]string{"": {b.m.primary}}, map[string]expr.Pos{}
	note := func(u user, src expr.Source) {
		b.m.place(u.Places("user", 0))
		for field, at := range u.Places("endpoints", 1) {
			endpoint, name, _ := strings.Cut(field, ".")
			if b.joined(endpoint) != "" {
				name = field
			}
			b.m.place(map[string]expr.Pos{name: at})
		}
		for _, path := range u.Paths("user") {
			if len(path) == 0 {
				b.fail(src.Pos, "", "user is used as a whole; name a field: user.NAME")
				return
			}
			b.m.fields[""] = append(b.m.fields[""], path[0])
		}
		for _, path := range u.Paths("endpoints") {
			if len(path) < 2 {
				b.fail(src.Pos, "", "endpoints is used as a whole; name a field: endpoints.NAME.FIELD")
				return
			}
			of := b.joined(path[0])
			b.m.fields[of] = append(b.m.fields[of], path[1])
		}
		for _, name := range u.Fields("attributes") {
			if name == expr.Every {
				b.fail(src.Pos, "", "attributes is used as a whole; name one: attributes.NAME")
			}
			b.refer(name)
		}
		b.m.usesNow = b.m.usesNow || u.Uses("now")
	}
	if b.m.where != nil {
		note(b.m.where, b.m.where.Source())
	}
	for _, c := range b.m.off {
		note(c.expression, c.expression.Source())
	}
	for _, t := range b.allTemplates() {
		note(t, t.Source())
	}
	for endpoint, fields := range b.m.fields {
		slices.Sort(fields)
		b.m.fields[endpoint] = slices.Compact(slices.DeleteFunc(fields, func(s string) bool { return s == "" }))
	}
}

// joined returns the name of an endpoint whose records are joined to those of the one
// that leads; "" for that one.
func (b *builder) joined(endpoint string) string {
	if i := slices.Index(b.def.Endpoints, endpoint); i > 0 {
		return endpoint
	}
	return ""
}

// refer notes that an expression uses an attribute.
func (b *builder) refer(name string) {
	for _, a := range b.m.attributes {
		a.referenced = a.referenced || a.Name == name
	}
}

// place records where fields are used, when that is before the place known so
// far.
func (m *Mapper) place(fields map[string]expr.Pos) {
	for name, at := range fields {
		if known, ok := m.places[name]; !ok || at.Before(known) {
			m.places[name] = at
		}
	}
}

// user is what expressions and templates have in common.
type user interface {
	Paths(name string) [][]string
	Places(name string, depth int) map[string]expr.Pos
	Fields(name string) []string
	Uses(name string) bool
}

func (b *builder) allTemplates() []*expr.Template {
	all := slices.Clone(b.m.groups)
	if b.m.ou != nil {
		all = append(all, b.m.ou)
	}
	for _, a := range b.m.attributes {
		all = append(all, a.templates()...)
	}
	return all
}

// semantics must change when this package maps the same definition differently
// than before.
const semantics = 5

// version returns a digest of a definition without its positions: a comment that
// moves lines must not make every record count as changed.
func version(def Definition) string {
	type plain struct {
		Name    string
		Texts   []string
		Options []any
	}
	text := func(s *expr.Source) string {
		if s == nil {
			return ""
		}
		return s.Text
	}
	texts := func(kind string, list []expr.Source) []string {
		out := []string{kind}
		for _, s := range list {
			out = append(out, s.Text)
		}
		return out
	}
	var attributes []plain
	for _, a := range def.Attributes {
		attributes = append(attributes, plain{
			Name:    a.Name,
			Texts:   slices.Concat([]string{text(a.Value), text(a.Default)}, texts("formats", a.Formats), texts("values", a.Values)),
			Options: []any{a.Unique, a.Suffix, a.Apply, a.OnMissing, a.Absent, a.Add, a.Directory, a.Encoding, a.Raw, a.Reference},
		})
	}
	slices.SortFunc(attributes, func(a, b plain) int { return strings.Compare(a.Name, b.Name) })
	parts := []any{
		semantics, def.Primary, text(def.Where), attributes, text(def.OU),
		texts("groups", def.Groups), def.Lookups, def.Settings,
	}
	if def.EnableWhen != nil || def.DisableWhen != nil {
		parts = append(parts, text(def.EnableWhen), text(def.DisableWhen))
	}
	b, err := json.Marshal(parts)
	if err != nil {
		b = []byte(err.Error()) // only for settings that JSON cannot encode, which come from no file
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
