// Package suggest proposes a data source for an endpoint, as TOML with the reason of
// each line, from what the connector says about the fields of its records and, if
// there is a saved answer, from what really came. What cannot be told from a name and
// a type is left as a comment.
//
// It is pure, and a proposal is for a person to read: it decides nothing about who
// gets an account. Package fit says whether a data source fits its connector.
package suggest

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Input is what a proposal is made from.
type Input struct {
	Application string
	Endpoint    abi.Endpoint
	Domain      string // DNS name of the directory's domain, for userPrincipalName
	Seen        []Seen // of a saved answer; nil: there is none
	Incomplete  bool   // the answer ended before the last page
}

// Seen is a field of the records of an answer.
type Seen struct {
	Name string            `json:"name"`
	Type abi.AttributeType `json:"type"`
	// Records have the field with a value that is not null and not empty, of All.
	Records int `json:"records"`
	All     int `json:"all"`
}

// field is a field of the endpoint's records.
type field struct {
	abi.Attribute
	seen   *Seen
	mapped bool
}

// proposal is a data source in the making.
type proposal struct {
	in     Input
	fields []*field
	lines  []string
	sets   int               // lines that are set
	people bool              // who logs in: they may get accounts
	names  map[string]string // attribute => template, without braces, of what is mapped
}

// DataSource returns the name of the data source and its TOML.
func DataSource(in Input) (name, toml string) {
	audience := in.Endpoint.Audience
	p := &proposal{in: in, fields: fieldsOf(in), people: audience == abi.AudienceWorkforce || audience == "", names: map[string]string{}}
	name = plainKey(in.Application + "_" + in.Endpoint.Name)
	p.head(name)
	p.line("")
	p.line("[data_sources." + name + ".attributes]")
	before := p.sets
	p.identity()
	p.others()
	if p.sets == before { // a data source needs one
		p.object(nil)
	}
	p.rest()
	p.automation(name)
	return name, strings.Join(p.lines, "\n") + "\n"
}

// fieldsOf joins what the manifest says with what was seen, the former first.
func fieldsOf(in Input) []*field {
	var out []*field
	for _, a := range in.Endpoint.Attributes {
		out = append(out, &field{Attribute: a})
	}
	for _, s := range in.Seen {
		i := slices.IndexFunc(out, func(f *field) bool { return f.Name == s.Name })
		if i < 0 {
			out = append(out, &field{Attribute: abi.Attribute{Name: s.Name, Type: s.Type, Description: "not in the connector's manifest"}})
			i = len(out) - 1
		}
		out[i].seen = &s
	}
	return out
}

func (p *proposal) line(s string) { p.lines = append(p.lines, s) }

// comment writes a paragraph of comment.
func (p *proposal) comment(format string, args ...any) {
	p.line("# " + oneLine(fmt.Sprintf(format, args...)))
}

// set writes a line with its reason.
func (p *proposal) set(key, value, reason string) {
	p.sets++
	p.line(fmt.Sprintf("%s = %s # %s", key, value, oneLine(reason)))
}

// propose writes a line that is left to a person.
func (p *proposal) propose(key, value, reason string) {
	p.line(fmt.Sprintf("# %s = %s # %s", key, value, oneLine(reason)))
}

// oneLine makes foreign text fit for a comment.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}

// plainKey makes a name a bare key of TOML.
func plainKey(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, s)
}

// quoted writes a text of TOML that needs no escape.
func quoted(s string) string { return `"` + s + `"` }

func (p *proposal) head(name string) {
	e := p.in.Endpoint
	p.comment("Proposed from %s/%s%s. Read each line: a name says what a field is called, not what it means.",
		p.in.Application, e.Name, map[bool]string{true: " and a saved answer", false: ""}[len(p.in.Seen) > 0])
	if p.in.Incomplete {
		p.comment("The saved answer ended before the last page: what no record has there may be in others.")
	}
	if e.Description != "" {
		p.comment("%s", e.Description)
	}
	p.line("[data_sources." + name + "]")
	switch e.Audience {
	case abi.AudienceWorkforce:
		p.set("category", `"lifecycle"`, "these are people who log in: they may get accounts")
	case abi.AudienceCustomers:
		p.set("category", `"update"`, "these are customers: accounts that exist are kept up to date, and none is made")
	case abi.AudienceObjects:
		p.set("category", `"audit"`, "these are no people: nothing is written")
	default:
		p.set("category", `"update"`, `accounts that exist are kept up to date; "lifecycle" if these are people who log in, who may get accounts`)
	}
	p.line("application = " + tomlText(p.in.Application))
	p.line("endpoints = [" + tomlText(e.Name) + "]")
	p.primaryKey()
	p.where()
}

// tomlText writes any text.
func tomlText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(oneLine(s)) + `"`
}

func (p *proposal) primaryKey() {
	name := strings.TrimPrefix(p.in.Endpoint.Key, "/")
	if name == "" || strings.ContainsAny(name, "/~") {
		p.propose("primary_key", `"id"`, "the endpoint's key "+p.in.Endpoint.Key+" is not a field of the record itself: the endpoint decides")
		return
	}
	p.set("primary_key", tomlText(name), "the key of the endpoint: it must never be given to somebody else")
	if f := p.named(name); f != nil {
		f.mapped = true
	}
}

// named returns the field with a name.
func (p *proposal) named(name string) *field {
	for _, f := range p.fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// find returns the first field that one of the words names, compared without case,
// underscores and hyphens, and that can be used as one of the types.
func (p *proposal) find(types []abi.AttributeType, words ...string) *field {
	for _, w := range words {
		for _, f := range p.fields {
			if folded(f.Name) == w && slices.Contains(types, f.Type) && f.usable() {
				return f
			}
		}
	}
	return nil
}

// usable reports whether the field had a value, as far as that is known, and has a name
// that can stand in an expression without an escape.
func (f *field) usable() bool {
	strange := func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune("\\'\"{}", r) }
	return (f.seen == nil || f.seen.Records > 0) && f.Name != "" && !strings.ContainsFunc(f.Name, strange)
}

func folded(s string) string { return text.Lower(strings.NewReplacer("_", "", "-", "").Replace(s)) }

// ref returns the field as an expression.
func (f *field) ref() string {
	plain := f.Name != "" && !strings.ContainsFunc(f.Name, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) && (f.Name[0] < '0' || f.Name[0] > '9')
	if plain {
		return "user." + f.Name
	}
	return "user['" + f.Name + "']"
}

// about says what is known of a field.
func (f *field) about() string {
	var parts []string
	if f.Description != "" {
		parts = append(parts, f.Description)
	}
	if f.seen != nil {
		parts = append(parts, fmt.Sprintf("%d of %d records have a value", f.seen.Records, f.seen.All))
	}
	if len(parts) == 0 {
		return "by its name"
	}
	return strings.Join(parts, "; ")
}
