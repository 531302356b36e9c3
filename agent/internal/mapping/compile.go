package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// builder collects the parts of a Mapper and all errors found on the way.
type builder struct {
	def   Definition
	base  expr.Scope // of what is known of a record before it is mapped
	scope expr.Scope
	m     *Mapper
	errs  []error
}

// Compile checks a definition and compiles it. It returns every mistake that
// it finds, each an *expr.Error with its place.
func Compile(def Definition) (*Mapper, []error) {
	def.Attributes = withDefaultCN(def.Attributes)
	b := &builder{def: def, m: &Mapper{primary: def.Primary, settings: def.Settings}}
	base := expr.NewScope("user", "endpoints", "now", "settings").WithLookups(def.Lookups)
	if len(def.Endpoints) > 0 {
		base = base.WithMembers("endpoints", def.Endpoints...)
	}
	var names []string
	for _, a := range def.Attributes {
		if !a.Reference {
			names = append(names, a.Name)
		}
	}
	b.base, b.scope = base, base.WithMembers("attributes", names...).WithMembers("link", linkMembers...)
	if def.Where != nil {
		b.m.where = keep(b, base.Compile, *def.Where)
		b.m.conditions = conditionsOf(b.m.where)
	}
	b.offConditions(base)
	b.attributes()
	if def.OU != nil {
		b.m.ou = b.template(*def.OU, expr.EscapeDN)
		b.m.fixedOU = b.literalDN(b.m.ou)
	}
	for _, g := range def.Groups {
		t := b.template(g, expr.EscapeDN)
		b.literalDN(t)
		b.m.groups = append(b.m.groups, t)
	}
	if len(b.errs) == 0 {
		b.order()
		b.usage()
	}
	if len(b.errs) == 0 {
		b.errs = b.m.Check(nil)
	}
	if len(b.errs) > 0 {
		return nil, b.errs
	}
	b.m.version = version(def)
	return b.m, nil
}

// withDefaultCN adds the default mapping of cn, when the attributes that it is
// made of are mapped. Without displayName there is no default: an existing
// account keeps its name, and a create fails.
func withDefaultCN(defs []AttributeDef) []AttributeDef {
	index := func(name string) int {
		return slices.IndexFunc(defs, func(a AttributeDef) bool { return text.Same(a.Name, name) })
	}
	display, sam := index("displayName"), index("sAMAccountName")
	if index("cn") >= 0 || display < 0 {
		return defs
	}
	pos := defs[display].Pos
	name := "attributes." + defs[display].Name
	formats := []expr.Source{{Text: fmt.Sprintf("{{ cut(%s, %d) }}", name, ident.MaxCommonName), Pos: pos}}
	if sam >= 0 {
		login := "attributes." + defs[sam].Name
		text := fmt.Sprintf("{{ cut(%s, %d - len(%s)) }} ({{ %s }})", name, ident.MaxCommonName-len(" ()"), login, login)
		formats = append(formats, expr.Source{Text: text, Pos: pos})
	}
	return append(slices.Clone(defs), AttributeDef{Name: "cn", Pos: pos, Formats: formats, Unique: UniqueContainer})
}

func (b *builder) fail(pos expr.Pos, hint, format string, args ...any) {
	b.errs = append(b.errs, &expr.Error{Pos: pos, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// keep compiles src and keeps the error.
func keep[T any](b *builder, compile func(expr.Source) (*T, error), src expr.Source) *T {
	t, err := compile(src)
	if err != nil {
		b.errs = append(b.errs, err)
		return nil
	}
	return t
}

func (b *builder) template(src expr.Source, escape expr.Escape) *expr.Template {
	return keep(b, func(s expr.Source) (*expr.Template, error) { return b.scope.Template(s, escape) }, src)
}

// literalDN checks an OU or a group that contains no expression, and returns its
// DN. It returns "" when there is an expression.
func (b *builder) literalDN(t *expr.Template) ident.DN {
	if t == nil {
		return ""
	}
	text, ok := t.Literal()
	if !ok {
		return ""
	}
	dn, err := ident.ParseDN(text)
	if err != nil || text == "" {
		b.fail(t.Source().Pos, "", "%q is not a DN", text)
	}
	return dn
}

func (b *builder) attributes() {
	seen := map[string]bool{}
	for _, def := range b.def.Attributes {
		folded := text.Lower(def.Name)
		if seen[folded] {
			b.fail(def.Pos, "", "%s is mapped twice", def.Name)
			continue
		}
		seen[folded] = true
		if reason, unmapped := ident.Unmapped(def.Name); unmapped {
			b.fail(def.Pos, reason, "%s cannot be mapped", def.Name)
			continue
		}
		b.check(&def)
		b.m.attributes = append(b.m.attributes, b.attribute(def))
	}
}

func (b *builder) attribute(def AttributeDef) *attribute {
	a := &attribute{AttributeDef: def, form: formIn(nil, def), folded: text.Lower(def.Name), picks: def.single()}
	scope := b.scope
	if def.Attach {
		scope = b.base
	}
	if def.Value != nil {
		a.candidates = append(a.candidates, keep(b, scope.Value, *def.Value))
	}
	for _, f := range def.Formats {
		a.candidates = append(a.candidates, b.template(f, expr.EscapeNone))
	}
	for _, v := range def.Values {
		a.values = append(a.values, b.template(v, expr.EscapeNone))
	}
	if def.Default != nil {
		a.fallback = keep(b, func(s expr.Source) (*expr.Template, error) { return scope.Template(s, expr.EscapeNone) }, *def.Default)
	}
	return a
}

// templates returns all templates of the attribute.
func (a *attribute) templates() []*expr.Template {
	all := slices.Concat(a.candidates, a.values)
	if a.fallback != nil {
		all = append(all, a.fallback)
	}
	return all
}

// check sets defaults and refuses contradictory settings.
func (b *builder) check(def *AttributeDef) {
	if def.Apply == "" {
		def.Apply = ident.ApplyAlways
	}
	if def.OnMissing == "" {
		def.OnMissing = OnMissingKeep
	}
	known(b, def, "apply", def.Apply)
	known(b, def, "on_missing", def.OnMissing)
	known(b, def, "unique", def.Unique)
	known(b, def, "suffix", def.Suffix)
	known(b, def, "absent", def.Absent)
	known(b, def, "encoding", def.Encoding)
	refuse := func(bad bool, message string) {
		if bad {
			b.fail(def.Pos, "", "%s: %s", def.Name, message)
		}
	}
	ways := 0
	for _, set := range []bool{def.Value != nil, len(def.Formats) > 0, len(def.Values) > 0} {
		if set {
			ways++
		}
	}
	def.Unique = def.uniqueness()
	required := Required(def.Name)
	refuse(ways != 1, "exactly one of value, formats and values is needed")
	refuse((def.OnMissing == OnMissingDefault) != (def.Default != nil), `on_missing = "default" and default need each other`)
	refuse(def.Suffix != "" && def.Unique == "", "suffix needs unique")
	refuse(len(def.Formats) > 0 && def.Add, `merge = "add" needs value or values, not formats`)
	refuse(def.Suffix != "" && def.severalValues(), "a number behind a name needs a single value")
	refuse(required && def.OnMissing == OnMissingClear, `every account needs one: it cannot be cleared; leave on_missing out, or use "fail"`)
	binary := def.Encoding != ""
	refuse(binary && (len(def.Formats) > 0 || def.Unique != ""), "encoding needs value or values, and no unique")
	refuse(binary && (required || text.Same(def.Name, "proxyAddresses")), "it is text: it has no encoding")
	refuse(def.Raw && (required || binary), "raw needs a text that may begin and end with anything")
	refuse(required && (def.Add || len(def.Values) > 0), "it has a single value")
	if def.Reference {
		b.checkReference(*def)
	}
	refuse(def.Attach && (def.Value == nil || !binary || def.Add), "attach gives one address, of bytes that take the place of others")
	refuse(def.Attach && def.Apply == ident.ApplyCreate, `a picture is fetched after the account is made: use apply = "if_empty"`)
	if def.Unique == "" && text.Same(def.Name, "sAMAccountName") {
		def.Unique = UniqueDomain // the domain controller enforces that
	}
}

// checkReference refuses what makes no sense for an attribute that names accounts.
func (b *builder) checkReference(def AttributeDef) {
	refuse := func(bad bool, message string) {
		if bad {
			b.fail(def.Pos, "", "%s: %s", def.Name, message)
		}
	}
	refuse(len(def.Formats) > 0, "a reference has no formats")
	refuse(def.Unique != "", "a reference is not unique: several people may name the same one")
	refuse(def.Encoding != "" || def.Raw, "a reference is a key: it has neither encoding nor raw")
	refuse(def.Apply == ident.ApplyCreate, `a reference is written after the account is made: use apply = "if_empty"`)
	refuse(Required(def.Name) || holdsAddresses(def.Name), "it names no account")
}

// uniqueness returns where the value must be unique. For mail addresses that is
// the forest, unless the configuration says otherwise: one address must not lead
// to two people.
func (def *AttributeDef) uniqueness() Unique {
	switch {
	case def.Unique == uniqueNone:
		return UniqueNowhere
	case def.Unique == UniqueNowhere && def.Encoding == "" && holdsAddresses(def.Name):
		return UniqueForest
	}
	return def.Unique
}

// holdsAddresses reports whether an attribute's values are mail addresses, or
// can be taken for them.
func holdsAddresses(name string) bool {
	return text.Same(name, "mail") || text.Same(name, "proxyAddresses") || text.Same(name, "userPrincipalName")
}

// severalValues reports whether all results of the expressions are written, not
// just one.
func (def *AttributeDef) severalValues() bool {
	return len(def.Formats) == 0 && (len(def.Values) > 0 || def.Add || text.Same(def.Name, "proxyAddresses"))
}

// single reports whether one result of the expressions is chosen.
func (def *AttributeDef) single() bool {
	return !def.severalValues() && (len(def.Formats) > 0 || def.Unique != "" || Required(def.Name))
}

// Required reports whether there is no account without the attribute.
func Required(name string) bool {
	return text.Same(name, "cn") || text.Same(name, "sAMAccountName")
}

// word is an enumeration of the configuration; "" means that it is not set.
type word interface {
	~string
	Values() []string
}

func known[W word](b *builder, def *AttributeDef, key string, value W) {
	if value != "" && !slices.Contains(value.Values(), string(value)) {
		b.fail(def.Pos, "one of "+strings.Join(value.Values(), ", "), "%s: unknown %s %q", def.Name, key, value)
	}
}
