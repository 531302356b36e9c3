package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// Digest identifies everything in the configuration that decides what the
// automation would do: its settings, its data source, the application and the
// endpoint, the lookups, and where the directory may be written. The
// orchestrations that after and password.deliver name belong to it, because
// what follows a change was part of what somebody agreed to; their steps do not.
// Schedules, secrets, descriptions and the places in the files are left out. A
// saved plan is valid only while this digest stays the same.
func (c *Config) Digest(automation string) (string, error) {
	a, ok := c.Automations[automation]
	if !ok {
		return "", fmt.Errorf("digest of automation %q: there is no such automation", automation)
	}
	d := c.DataSources[a.DataSource]
	app := c.Applications[d.Application]
	app.Endpoints = maps.Clone(app.Endpoints)
	maps.DeleteFunc(app.Endpoints, func(name string, _ Endpoint) bool { return !slices.Contains(d.Endpoints, name) })
	data, err := json.Marshal(map[string]any{
		"name":        automation,
		"automation":  settingsOf(reflect.ValueOf(withoutStart(a)), "schedule"),
		"data_source": settingsOf(reflect.ValueOf(d), "description"),
		"application": settingsOf(reflect.ValueOf(app), "enabled", "rate_limit", "daily_budget", "proxy", "secrets", "receiver"),
		"lookups":     c.Lookups,
		"directory": settingsOf(reflect.ValueOf(c.Directory),
			"urls", "global_catalog", "auth", "bind_dn", "ca_file", "connections", "timeout"),
	})
	if err != nil {
		return "", fmt.Errorf("digest of automation %q: %w", automation, err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// Fingerprint returns a text that differs when anything differs that the file says
// of the application, references of secrets included, apart from the place.
func (a Application) Fingerprint() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", tableOf(reflect.ValueOf(a)))) // fmt sorts maps
	return hex.EncodeToString(sum[:])
}

// withoutStart leaves out how many orchestrations may begin: that does not change
// what a plan does.
func withoutStart(a Automation) Automation {
	a.Limits.Start = plan.Limit{}
	return a
}

// settingsOf turns a table into plain values, without places and secrets. Unset
// keys are left out.
func settingsOf(v reflect.Value, without ...string) any {
	return valuesOf(v, func(SecretRef) any { return nil }, without...)
}

// valuesOf is like settingsOf, but replaces each secret by what secret returns.
func valuesOf(v reflect.Value, secret func(SecretRef) any, without ...string) any {
	switch t := v.Interface().(type) {
	case Text:
		return t.Text
	case SecretRef:
		return secret(t)
	case plan.Limit:
		return t.String()
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return valuesOf(v.Elem(), secret)
	case reflect.Struct:
		table := map[string]any{}
		for key, i := range fieldsOf(v.Type()) {
			if value := valuesOf(v.Field(i), secret); value != nil && !slices.Contains(without, key) {
				table[key] = value
			}
		}
		return table
	case reflect.Map:
		table := map[string]any{}
		for it := v.MapRange(); it.Next(); {
			table[it.Key().String()] = valuesOf(it.Value(), secret)
		}
		return table
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = valuesOf(v.Index(i), secret)
		}
		return list
	}
	return v.Interface()
}
