package config

import "github.com/rollcall-agent/rollcall/agent/internal/ident"

// DataSource is one [data_sources.NAME]: records and their mapping.
type DataSource struct {
	Name string `toml:"-"`
	Pos  Pos    `toml:"-"`

	Description string               `toml:"description"`
	Category    Category             `toml:"category"`
	Application string               `toml:"application"`
	Endpoints   []string             `toml:"endpoints"` // exactly one in this version
	PrimaryKey  string               `toml:"primary_key"`
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

// Attribute is one mapped attribute. In the file it is a text or a table; a
// text is Value.
type Attribute struct {
	Name string `toml:"-"` // spelled as in the file
	Pos  Pos    `toml:"-"` // of the name

	Value         *Text       `toml:"value"` // exactly one of Value, Formats and Values
	Formats       []Text      `toml:"formats"`
	Values        []Text      `toml:"values"`
	Unique        Unique      `toml:"unique"`
	Suffix        Suffix      `toml:"suffix"`
	Apply         ident.Apply `toml:"apply"`
	OnMissing     OnMissing   `toml:"on_missing"`
	Default       *Text       `toml:"default"`
	Absent        Absent      `toml:"absent"`
	Merge         Merge       `toml:"merge"`
	Authoritative Authority   `toml:"authoritative"`
}

// Unique says where no other object may have the value.
type Unique string

// Suffix says what is added to a value that is in use.
type Suffix string

// OnMissing says what becomes of an attribute whose value is missing.
type OnMissing string

// Absent says what becomes of an attribute whose field was not delivered.
type Absent string

// Merge says what becomes of the values that the directory has already.
type Merge string

// Authority says who is right when the directory was changed by hand.
type Authority string

// The values of the rules of an attribute.
const (
	UniqueContainer Unique = "container"
	UniqueDomain    Unique = "domain"
	UniqueForest    Unique = "forest"

	SuffixNumber Suffix = "number"

	OnMissingKeep    OnMissing = "keep"
	OnMissingClear   OnMissing = "clear"
	OnMissingDefault OnMissing = "default"
	OnMissingFail    OnMissing = "fail"

	AbsentClear Absent = "clear"

	MergeReplace Merge = "replace"
	MergeAdd     Merge = "add"

	AuthorityApplication Authority = "application"
	AuthorityDirectory   Authority = "directory"
)
