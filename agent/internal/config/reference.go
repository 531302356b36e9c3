package config

import (
	"fmt"
	"reflect"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// Setting describes one key of the configuration, for the documentation.
type Setting struct {
	Key         string // dotted; NAME stands for a name that the user chooses
	Type        string // described in words
	Default     string // as it would be written; "" when there is none
	Description string
}

// Reference lists every key that this version knows, in the order of the
// sections.
func Reference() []Setting {
	var c Config
	c.setDefaults()
	r := &reference{descriptions: descriptions()}
	r.table(reflect.ValueOf(&c).Elem(), "")
	return r.settings
}

type reference struct {
	descriptions map[string]string
	settings     []Setting
}

func (r *reference) table(v reflect.Value, prefix string) {
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("toml")
		if key == "-" {
			continue
		}
		r.setting(v.Field(i), prefix+key)
	}
}

// setting adds one key, or everything below it when it is a table.
func (r *reference) setting(v reflect.Value, key string) {
	for v.Kind() == reflect.Pointer {
		v = reflect.New(v.Type().Elem()).Elem()
	}
	if word := typeWord(v); word != "" {
		r.settings = append(r.settings, Setting{Key: key, Type: word, Default: defaultText(v), Description: r.descriptions[key]})
		return
	}
	if v.Kind() == reflect.Map {
		item := reflect.New(v.Type().Elem())
		if d, ok := item.Interface().(defaulter); ok {
			d.setDefaults()
		}
		r.setting(item.Elem(), key+".NAME")
		return
	}
	if v.Kind() == reflect.Slice {
		item := reflect.New(v.Type().Elem())
		if d, ok := item.Interface().(defaulter); ok {
			d.setDefaults()
		}
		r.setting(item.Elem(), key)
		return
	}
	if v.Kind() == reflect.Struct {
		r.table(v, key+".")
		return
	}
	panic("config: no word for " + v.Type().String())
}

// typeWord names the type of a setting; "" for a table that has keys of its own.
func typeWord(v reflect.Value) string {
	switch v.Interface().(type) {
	case Text:
		return "expression or template"
	case []Text:
		return "list of templates"
	case Texts:
		return "template or list of templates"
	case OnError:
		return onErrorForm
	case map[string]Text:
		return "table of templates"
	case SecretRef:
		return "secret reference"
	case time.Duration:
		return "duration"
	case Keep:
		return "duration or \"forever\""
	case ident.DN:
		return "DN"
	case []ident.DN, ident.Scope:
		return "list of DNs"
	case []string:
		return "list of texts"
	case map[string]string:
		return "table of texts"
	case map[string]any:
		return "table"
	case RateLimit:
		return "requests/time"
	case plan.Limit:
		return "number or percentage"
	}
	if w, ok := v.Interface().(word); ok {
		return oneOf(w.Values())
	}
	switch v.Kind() {
	case reflect.String:
		return "text"
	case reflect.Int:
		return "whole number"
	case reflect.Bool:
		return "true or false"
	}
	return ""
}

func defaultText(v reflect.Value) string {
	switch d := v.Interface().(type) {
	case plan.Limit:
		return d.String()
	case Keep:
		return d.String()
	case OnError:
		return string(d.Do)
	case time.Duration:
		if d == 0 {
			return ""
		}
		return orchestration.Spell(d)
	}
	switch {
	case v.Kind() == reflect.Bool:
		return fmt.Sprint(v.Bool())
	case v.IsZero():
		return ""
	}
	return fmt.Sprint(v.Interface())
}
