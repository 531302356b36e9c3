package tryout

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// The bounds on what is remembered of an answer, however large it is.
const (
	MaxAttributes = 400
	maxSamples    = 3
	maxDepth      = 6   // members of members
	maxElements   = 100 // of a list in one record
	maxName       = 200 // bytes of a dotted path
	maxSample     = 40  // bytes of a sample value
)

// Attribute is what the records hold at one place. Its name is the dotted path
// within a record; [] stands for each element of a list. Each record counts once:
// Present, Null, Empty and Absent together are the records.
type Attribute struct {
	Name    string   `json:"name"`
	Types   []string `json:"types"` // as a manifest has them, most frequent first
	Present int64    `json:"present"`
	Null    int64    `json:"null"`
	Empty   int64    `json:"empty"`
	Absent  int64    `json:"absent"`
	Samples []string `json:"samples,omitempty"` // some values, shortened
	// Template gives the value in a mapping; "" where only its members have one.
	Template string `json:"template,omitempty"`
}

// Summary is what the records of an answer hold.
type Summary struct {
	Records    int64       `json:"records"` // without deletions and attachments
	Deleted    int64       `json:"deleted,omitempty"`
	Partial    int64       `json:"attachments,omitempty"`
	Problems   int64       `json:"problems,omitempty"` // records that would be set aside
	Problem    string      `json:"problem,omitempty"`  // of the first
	Attributes []Attribute `json:"attributes"`
	// More says that there are attributes that are not listed: too many, too
	// deep, or with too long a name.
	More bool `json:"more,omitempty"`
}

// Collector counts what records hold, in memory that does not grow with them.
type Collector struct {
	samples bool
	out     Summary
	known   map[string]*counts
	order   []string
}

type counts struct {
	Attribute
	path  []string
	types map[string]int64
}

// state of an attribute in one record, weakest first.
type state int

const (
	absent state = iota
	null
	empty
	present
)

// NewCollector returns a collector that keeps sample values, or none.
func NewCollector(samples bool) *Collector {
	return &Collector{samples: samples, known: map[string]*counts{}}
}

// Add counts a record.
func (c *Collector) Add(r ident.Record) {
	switch {
	case r.Deleted:
		c.out.Deleted++
		return
	case r.Partial:
		c.out.Partial++
		return
	}
	c.out.Records++
	if r.Problem != "" {
		if c.out.Problems++; c.out.Problem == "" {
			c.out.Problem = r.Problem
		}
	}
	found := map[string]state{}
	for _, name := range slices.Sorted(maps.Keys(r.Fields)) { // the same records give the same summary
		c.walk(found, []string{name}, r.Fields[name])
	}
	for name, s := range found {
		switch a := c.known[name]; s {
		case null:
			a.Null++
		case empty:
			a.Empty++
		case present:
			a.Present++
		case absent:
		}
	}
}

// walk counts a value and its members.
func (c *Collector) walk(found map[string]state, path []string, v any) {
	a := c.at(path)
	if a == nil {
		c.out.More = true
		return
	}
	s, kind := stateOf(v)
	found[a.Name] = max(found[a.Name], s)
	if kind != "" {
		a.types[kind]++
	}
	c.sample(a, s, v)
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			c.walk(found, append(slices.Clone(path), name), v[name])
		}
	case []any:
		if kind == "objects" {
			for _, one := range v[:min(len(v), maxElements)] {
				members, _ := one.(map[string]any)
				for _, name := range slices.Sorted(maps.Keys(members)) {
					c.walk(found, append(slices.Clone(path), "[]", name), members[name])
				}
			}
		}
	}
}

// at returns the attribute of a path; nil when there is no room for it.
func (c *Collector) at(path []string) *counts {
	name := nameOf(path)
	if a, ok := c.known[name]; ok {
		return a
	}
	if len(c.known) >= MaxAttributes || len(path) > maxDepth || len(name) > maxName {
		return nil
	}
	a := &counts{Attribute: Attribute{Name: name}, path: path, types: map[string]int64{}}
	c.known[name] = a
	c.order = append(c.order, name)
	return a
}

func nameOf(path []string) string {
	return strings.ReplaceAll(strings.Join(path, "."), ".[]", "[]")
}

// stateOf returns which of the four values v is, and its type in the words of a
// manifest; "" for null.
func stateOf(v any) (state, string) {
	switch v := v.(type) {
	case nil:
		return null, ""
	case string:
		if text.Trim(v) == "" {
			return empty, "string"
		}
		return present, "string"
	case bool:
		return present, "bool"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return present, "number"
		}
		return present, "int"
	case []any:
		return listState(v)
	case map[string]any:
		if len(v) == 0 {
			return empty, "object"
		}
		return present, "object"
	}
	return present, "any"
}

func listState(list []any) (state, string) {
	if len(list) == 0 {
		return empty, "list"
	}
	kind := "list"
	for i, one := range list {
		this := "list"
		switch one.(type) {
		case string:
			this = "strings"
		case map[string]any:
			this = "objects"
		}
		if i > 0 && this != kind {
			return present, "list"
		}
		kind = this
	}
	return present, kind
}

// sample keeps a value that is shown to people, as long as there are few.
func (c *Collector) sample(a *counts, s state, v any) {
	if !c.samples || s != present || len(a.Samples) >= maxSamples || secretName(a.Name) {
		return
	}
	var shown string
	switch v := v.(type) {
	case string:
		shown = v
	case bool, json.Number:
		raw, _ := json.Marshal(v) // can always be encoded
		shown = string(raw)
	case []any:
		raw, _ := json.Marshal(v[:min(len(v), maxSamples)])
		shown = string(raw)
	default:
		return // its members have samples of their own
	}
	shown = strings.Join(strings.FieldsFunc(shown, unicode.IsControl), " ")
	if cut := text.Cut(shown, maxSample); cut != shown {
		shown = cut + "..."
	}
	if !slices.Contains(a.Samples, shown) {
		a.Samples = append(a.Samples, shown)
	}
}

// secretName reports whether an attribute may hold what nobody should see.
func secretName(name string) bool {
	lower := text.Lower(name)
	return slices.ContainsFunc([]string{"password", "passwd", "secret", "token", "api_key", "apikey"}, func(part string) bool {
		return strings.Contains(lower, part)
	})
}

// Summary returns what was counted, in the order of names.
func (c *Collector) Summary() Summary {
	out := c.out
	out.Attributes = make([]Attribute, 0, len(c.order))
	slices.Sort(c.order)
	for _, name := range c.order {
		a := c.known[name]
		one := a.Attribute
		one.Absent = out.Records - one.Present - one.Null - one.Empty
		one.Types = a.kinds()
		one.Template = templateOf(a.path, one.Types)
		out.Attributes = append(out.Attributes, one)
	}
	return out
}

// kinds lists the types of the values, the most frequent first.
func (a *counts) kinds() []string {
	out := make([]string, 0, len(a.types))
	for kind := range a.types {
		out = append(out, kind)
	}
	slices.SortFunc(out, func(x, y string) int {
		if n := a.types[y] - a.types[x]; n != 0 {
			return int(max(-1, min(1, n)))
		}
		return strings.Compare(x, y)
	})
	return out
}
