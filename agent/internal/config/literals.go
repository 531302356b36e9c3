package config

import (
	"fmt"
	"regexp"
	"strings"
)

// expressionForm matches texts that look like an expression without braces, or
// with the braces of another language.
var expressionForm = regexp.MustCompile(
	`(^|[^A-Za-z0-9_.@-])(user|attributes|endpoints)\.[A-Za-z_]|^\s*[a-z][a-z0-9_]*\(.*\)\s*$|%[A-Za-z][A-Za-z.]*%|\$\{`)

// warnLiterals warns of templates that look like an expression but contain none:
// the text itself would be written for every user.
func (l *loader) warnLiterals() {
	look := func(at path, texts ...Text) {
		for _, t := range texts {
			if !isConstant(t.Text) || !expressionForm.MatchString(t.Text) {
				continue
			}
			l.warnings = append(l.warnings, Warning{
				Pos: t.Pos, Key: at.String(), Message: fmt.Sprintf("%q looks like an expression, and is written as it stands", t.Text),
				Hint: "write {{ " + strings.Trim(strings.TrimSpace(t.Text), "${}%") + " }}",
			})
		}
	}
	for _, name := range sortedKeys(l.config.DataSources) {
		for attribute, a := range l.config.DataSources[name].Attributes {
			at := path{"data_sources", name, "attributes", attribute}
			look(at, a.Formats...)
			look(at, a.Values...)
			look(at, a.References...)
			if a.Default != nil {
				look(at, *a.Default)
			}
		}
	}
	for _, name := range sortedKeys(l.config.Automations) {
		look(path{"automations", name, "groups"}, l.config.Automations[name].Groups...)
	}
	for _, name := range sortedKeys(l.config.Applications) {
		for endpoint, e := range l.config.Applications[name].Endpoints {
			at := path{"applications", name, "endpoints", endpoint}
			for _, values := range []map[string]Text{e.Params, e.Headers} {
				for _, key := range sortedKeys(values) {
					look(at, values[key])
				}
			}
		}
	}
}
