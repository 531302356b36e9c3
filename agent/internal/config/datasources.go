package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// DataSource is one table [data_sources.NAME]: records and their mapping.
type DataSource struct {
	Name string `toml:"-"`
	Pos  Pos    `toml:"-"`

	Description string               `toml:"description"`
	Category    Category             `toml:"category"`
	Application string               `toml:"application"`
	Endpoints   []string             `toml:"endpoints"`   // the first leads
	Join        JoinKind             `toml:"join"`        // only with several endpoints
	PrimaryKey  string               `toml:"primary_key"` // the name of a field, or a JSON pointer to a value within one
	Where       *Text                `toml:"where"`
	Attributes  map[string]Attribute `toml:"attributes"`
}

// Category says which actions may use a data source.
type Category string

// The categories of data sources.
const (
	CategoryCreate    Category = "create"
	CategoryUpdate    Category = "update"
	CategoryLifecycle Category = "lifecycle"
	CategoryDisable   Category = "disable"
	CategoryDelete    Category = "delete"
	CategoryAudit     Category = "audit"
)

// Attribute is one mapped attribute. In the file it is a table, or a text that
// sets Value.
type Attribute struct {
	Name string `toml:"-"` // spelled as in the file
	Pos  Pos    `toml:"-"` // of the name

	Value         *Text             `toml:"value"` // exactly one of Value, Formats, Values, Reference, References and Attach
	Formats       []Text            `toml:"formats"`
	Values        []Text            `toml:"values"`
	Reference     *Text             `toml:"reference"`  // a primary key of the application: the attribute names its account
	References    []Text            `toml:"references"` // several
	Attach        *Text             `toml:"attach"`     // the address of what is written
	Unique        mapping.Unique    `toml:"unique"`
	Suffix        mapping.Suffix    `toml:"suffix"`
	Apply         ident.Apply       `toml:"apply"`
	OnMissing     mapping.OnMissing `toml:"on_missing"`
	Default       *Text             `toml:"default"`
	Absent        mapping.Absent    `toml:"absent"`
	Merge         Merge             `toml:"merge"`
	Authoritative Authority         `toml:"authoritative"`
	Encoding      mapping.Encoding  `toml:"encoding"`
	Raw           bool              `toml:"raw"` // keep outer white space and invisible characters
}

// JoinKind says what happens to a record for which a further endpoint has none.
type JoinKind string

// The kinds of joins.
const (
	JoinLeft  JoinKind = "left"  // its fields are absent
	JoinInner JoinKind = "inner" // the record counts as present, and nothing is done about it
)

// Merge says what happens to the values that the directory already has.
type Merge string

// Authority says which side wins when the directory was changed by hand.
type Authority string

// The values of merge and authoritative.
const (
	MergeReplace Merge = "replace"
	MergeAdd     Merge = "add"

	AuthorityApplication Authority = "application"
	AuthorityDirectory   Authority = "directory"
)

func (l *loader) checkDataSource(in path, d DataSource) {
	l.checkName(in)
	l.require(in, "category", "application", "endpoints", "primary_key", "attributes")
	if l.has(in.with("application")) {
		l.exists(in.with("application"), "application", d.Application, sortedKeys(l.config.Applications))
	}
	if at := in.with("endpoints"); l.has(at) {
		switch {
		case len(d.Endpoints) == 0:
			l.fail(at, "endpoints is empty", `name one endpoint of the application, like ["users"]`)
		case len(d.Endpoints) == 1 && l.has(in.with("join")):
			l.failKey(in.with("join"), "join has no effect with one endpoint", "name the further endpoints behind the one that leads")
		}
		l.checkEndpoints(at, d)
	}
	if at := in.with("primary_key"); l.has(at) && !l.failed[at.index()] {
		switch field, _ := d.KeyField(); {
		case d.PrimaryKey == "":
			l.fail(at, "primary_key is empty", "name the field that identifies a user")
		case field == "" || strings.HasSuffix(d.PrimaryKey, "/"):
			l.fail(at, fmt.Sprintf("primary_key is %q, which names no field", d.PrimaryKey), `like "id", or "/person/id" for one within another`)
		case strings.HasPrefix(d.PrimaryKey, "user.") || strings.Contains(d.PrimaryKey, "{{"):
			l.fail(at, fmt.Sprintf("primary_key is %q; it must be the name of a field, not an expression", d.PrimaryKey), `like "id"`)
		}
	}
	l.checkAttributes(in.with("attributes"), d.Attributes)
}

// checkEndpoints refuses an endpoint that is named twice, or without the one that it
// depends on.
func (l *loader) checkEndpoints(at path, d DataSource) {
	for i, name := range d.Endpoints {
		if slices.Index(d.Endpoints, name) < i {
			l.fail(at.item(i), fmt.Sprintf("endpoint %q is named twice", name), "")
		}
	}
	l.checkDependents(at, d)
}

// KeyField returns the field of a record that holds the primary key. deeper
// reports that the key is a value within that field.
func (d DataSource) KeyField() (field string, deeper bool) {
	pointer, is := strings.CutPrefix(d.PrimaryKey, "/")
	if !is {
		return d.PrimaryKey, false
	}
	field, _, deeper = strings.Cut(pointer, "/")
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(field), deeper
}

func (l *loader) checkAttributes(in path, attributes map[string]Attribute) {
	if l.has(in) && len(attributes) == 0 {
		l.failKey(in, "attributes is empty: nothing would be written", "")
	}
	for _, name := range sortedKeys(attributes) {
		at := in.with(name)
		lower := text.Lower(name)
		reason, reserved := reservedAttributes()[lower]
		switch {
		case !attributeForm.MatchString(name):
			l.failKey(at, fmt.Sprintf("%q is not the name of an attribute", name), "")
		case reserved:
			l.failKey(at, name+" cannot be mapped", reason)
		case lower == text.Lower(l.config.Directory.Anchor):
			l.failKey(at, name+" cannot be mapped: it is the anchor, which ties an account to its record",
				"choose another attribute as anchor in [directory]")
		default:
			l.warnStrangeAttribute(at, name, l.key(at))
		}
		l.checkAttribute(at, attributes[name])
	}
}

func (l *loader) checkAttribute(at path, a Attribute) {
	var forms []string
	for _, key := range []string{"value", "formats", "values", "reference", "references", "attach"} {
		if l.has(at.with(key)) {
			forms = append(forms, key)
		}
	}
	switch {
	case len(forms) > 1:
		l.failKey(at.with(forms[1]), forms[0]+" and "+forms[1]+" exclude each other", "")
	case len(forms) == 0 && a.Value == nil && !l.failed[at.index()]:
		l.failKey(at, at.last()+" has no value",
			"set value, formats or values, reference for one that names another account, or attach for a picture")
	}
	for key, list := range map[string][]Text{"formats": a.Formats, "values": a.Values, "references": a.References} {
		if l.has(at.with(key)) && list != nil && len(list) == 0 {
			l.fail(at.with(key), key+" is empty", "")
		}
	}
	if a.Default != nil && a.OnMissing != mapping.OnMissingDefault {
		l.failKey(at.with("default"), "default has no effect", `set on_missing = "default"`)
	}
	if a.OnMissing == mapping.OnMissingDefault && !l.has(at.with("default")) {
		l.failKey(at.with("on_missing"), `on_missing = "default" needs default`, "")
	}
	if a.Encoding != "" && (l.has(at.with("formats")) || a.Unique != "") {
		l.failKey(at.with("encoding"), "encoding excludes formats and unique", "use value or values")
	}
	l.checkAttach(at, a)
	if a.Suffix != "" && a.Unique == "" {
		l.failKey(at.with("suffix"), "suffix has no effect without unique", `add unique = "domain"`)
	}
}

// checkAttach refuses what makes no sense for a picture from an address.
func (l *loader) checkAttach(at path, a Attribute) {
	if !l.has(at.with("attach")) {
		return
	}
	for _, key := range []string{"encoding", "unique", "suffix", "merge", "raw"} {
		if l.has(at.with(key)) {
			l.failKey(at.with(key), "attach excludes "+key, "the attribute gets the bytes of the picture, in place of what it has")
		}
	}
	if a.Apply == ident.ApplyCreate {
		l.fail(at.with("apply"), "a picture is fetched after the account is made", `use apply = "if_empty"`)
	}
}

// texts returns everything that is evaluated for the attribute.
func (a Attribute) texts() []Text {
	all := slices.Concat(a.Formats, a.Values, a.References)
	for _, t := range []*Text{a.Value, a.Reference, a.Attach, a.Default} {
		if t != nil {
			all = append(all, *t)
		}
	}
	return all
}

// reservedAttributes returns the attributes that the directory maintains and
// rollcall must not write, in addition to those that the mapping itself refuses.
// The text says what to use instead.
func reservedAttributes() map[string]string {
	const kept = "the directory keeps it"
	return map[string]string{
		"objectcategory": kept, "sidhistory": kept, "whencreated": kept, "whenchanged": kept,
		"usncreated": kept, "usnchanged": kept, "admincount": kept,
	}
}
