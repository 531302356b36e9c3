package mapping

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestFormsOfValues: dates, booleans and numbers are written as their attribute
// holds them, or set aside with the reason.
func TestFormsOfValues(t *testing.T) {
	const never = "9223372036854775807"
	for _, c := range []struct {
		attribute, value, field string // the value of user.x in JSON
		want                    string // or the beginning of the cause, after "aside "
	}{
		{"accountExpires", `user.x`, `"2024-05-31"`, "133615872000000000"},
		{"accountExpires", `{{ user.x }}`, `"2024-05-31T02:00:00+02:00"`, "133615872000000000"},
		{"accountExpires", `date(user.x, "dd.MM.yyyy")`, `"31.05.2024"`, "133615872000000000"},
		{"accountExpires", `date_add(user.x, 1, "days")`, `"2024-05-30"`, "133615872000000000"},
		{"accountExpires", `user.x`, `"20240531"`, "133615872000000000"},
		{"accountExpires", `user.x`, `"20240531000000.0Z"`, "133615872000000000"},
		{"accountExpires", `user.x`, `133615872000000000`, "133615872000000000"},
		{"accountExpires", `user.x`, `"133615872000000000"`, "133615872000000000"},
		{"accountExpires", `filetime(user.x)`, `"2024-05-31"`, "133615872000000000"},
		{"accountExpires", `user.x`, `"never"`, never},
		{"accountExpires", `user.x`, `" Never "`, never},
		{"accountExpires", `user.x`, `0`, "0"},
		{"accountExpires", `user.x`, `1717113600`, "aside 1717113600 counts 100 ns since 1601, and by that it would be before 1970"},
		{"accountExpires", `user.x`, `"1717113600000"`, "aside 1717113600000 counts 100 ns since 1601"},
		{"accountExpires", `user.x`, `20240531`, "aside 20240531 counts 100 ns since 1601"},
		{"accountExpires", `date(user.x)`, `"1500-01-01"`, "aside 1500-01-01 cannot be counted from 1601"},
		{"accountExpires", `user.x`, `"1500-01-01"`, "aside 1500-01-01 cannot be counted from 1601"},
		{"accountExpires", `user.x`, `"31.05.2024"`, `aside "31.05.2024" is not a whole number of 64 bits`},
		{"accountExpires", `user.x`, `"2024-02-30"`, `aside "2024-02-30" is not a whole number of 64 bits`},
		{"accountExpires", `user.x`, `true`, `aside "TRUE" is not a whole number`},
		{"maxStorage", `user.x`, `"20240531"`, "20240531"}, // a number that is no time
		{"maxStorage", `user.x`, `12.0`, "12"},
		{"maxStorage", `date(user.x)`, `"2024-05-31"`, "133615872000000000"},
		{"maxStorage", `user.x`, `9223372036854775807`, never},
		{"maxStorage", `user.x`, `9223372036854775808`, `aside "9223372036854775808" is not a whole number of 64 bits`},

		{"msTSExpireDate", `user.x`, `"2024-05-31"`, "20240531000000.0Z"},
		{"msTSExpireDate", `date(user.x)`, `"2024-05-31T10:00:00.5+02:00"`, "20240531080000.0Z"},
		{"msTSExpireDate", `user.x`, `"2024-05-31 10:00:00+02"`, "20240531080000.0Z"},
		{"msTSExpireDate", `user.x`, `"20240531080000.0Z"`, "20240531080000.0Z"},
		{"msTSExpireDate", `user.x`, `"20240531080000Z"`, "20240531080000.0Z"},
		{"msTSExpireDate", `user.x`, `"tomorrow"`, `aside "tomorrow" is not a time`},
		{"msTSExpireDate", `user.x`, `1717113600`, `aside "1717113600" is not a time`},

		{"msNPAllowDialin", `user.x`, `true`, "TRUE"},
		{"msNPAllowDialin", `user.x`, `false`, "FALSE"},
		{"msNPAllowDialin", `user.x == "yes"`, `"yes"`, "TRUE"},
		{"msNPAllowDialin", `user.x`, `"true"`, "TRUE"},
		{"msNPAllowDialin", `{{ user.x }}`, `" False"`, "FALSE"},
		{"msNPAllowDialin", `user.x`, `"yes"`, `aside "yes" is neither TRUE nor FALSE`},
		{"msNPAllowDialin", `user.x`, `1`, `aside "1" is neither TRUE nor FALSE`},
		{"title", `user.x`, `"true"`, "true"},
		{"title", `user.x`, `"2024-05-31"`, "2024-05-31"},

		{"uidNumber", `user.x`, `2147483647`, "2147483647"},
		{"uidNumber", `user.x`, `-2147483648`, "-2147483648"},
		{"uidNumber", `user.x`, `2147483648`, `aside "2147483648" is not a whole number of 32 bits`},
		{"uidNumber", `user.x`, `"1000"`, "1000"},
		{"uidNumber", `user.x`, `"0100"`, `aside "0100" is not a whole number`},
		{"uidNumber", `int(user.x)`, `"0100"`, "100"},
		{"uidNumber", `user.x`, `1e3`, "1000"},
		{"uidNumber", `user.x`, `1.5`, `aside "1.5" is not a whole number`},
		{"countryCode", `user.x`, `65536`, "aside 65536 is not from 0 up to 65535"},
	} {
		m := compile(t, Definition{Attributes: []AttributeDef{{Name: c.attribute, Value: src(c.value)}, {Name: "department", Value: src("'Sales'")}}})
		for where, m := range map[string]*Mapper{"by AD's own schema": m.Under(ident.UsualSchema()), "without a schema": m} {
			d, err := m.Map(rec(t, `{"x": `+c.field+`}`), entry("CN=Ada,DC=x"), nil, nil)
			if err != nil {
				t.Errorf("%s: %s of %s: %v", c.attribute, c.value, c.field, err)
				continue
			}
			got := ""
			if a, ok := d.Attribute(c.attribute); ok {
				got = strings.Join(a.Values, "|")
			}
			for _, f := range d.Aside {
				_, cause, _ := strings.Cut(f.Cause, c.attribute+": ")
				if got = "aside " + cause; f.Next == "" || f.Shared == f.Cause {
					t.Errorf("%+v", f)
				}
			}
			if where == "without a schema" && (strings.HasPrefix(c.want, `aside "`) || strings.HasPrefix(c.want, "aside 65536")) {
				continue // nothing is refused there that a directory may take
			}
			if got != c.want && !(strings.HasPrefix(c.want, "aside") && strings.HasPrefix(got, c.want)) {
				t.Errorf("%s, %s: %s of %s: %q, want %q", where, c.attribute, c.value, c.field, got, c.want)
			}
			if a, _ := d.Attribute("department"); len(a.Values) != 1 {
				t.Errorf("%s: department did not go on", c.attribute)
			}
		}
	}
}

// TestFormsOfSeveralValues: each value of a list is written in the form of the
// attribute, whether the list replaces or is added.
func TestFormsOfSeveralValues(t *testing.T) {
	for _, c := range []struct {
		name, attribute string
		def             AttributeDef
		fields, have    string
		want            string
	}{
		{"replace", "otherTelephone", AttributeDef{Value: src("user.x")}, `["1", 2, null, "", "1"]`, "3", "1|2"},
		{"add", "otherTelephone", AttributeDef{Value: src("user.x"), Add: true}, `["1", 2]`, "3", "add 1|2"},
		{"replace by one", "otherTelephone", AttributeDef{Values: sources("{{ user.x }}")}, `"1"`, "3", "1"},
		{"add one of several templates", "otherTelephone", AttributeDef{Values: sources("{{ user.x }}", "{{ user.y }}"), Add: true}, `"1"`, "3", "add 1"},
		{"numbers", "localeID", AttributeDef{Value: src("user.x")}, `[1031, "1033"]`, "", "1031|1033"},
		{"one of them does not fit", "localeID", AttributeDef{Value: src("user.x")}, `[1031, "German"]`, "", "aside"},
		{"not of one value", "title", AttributeDef{Value: src("user.x"), Add: true}, `"b"`, "a", "aside"},
	} {
		c.def.Name = c.attribute
		m := compile(t, Definition{Attributes: []AttributeDef{c.def}}).Under(ident.UsualSchema())
		current := entry("CN=Ada,DC=x")
		if c.have != "" {
			current = entry("CN=Ada,DC=x", c.attribute, c.have)
		}
		d, err := m.Map(rec(t, `{"x": `+c.fields+`, "y": null}`), current, nil, nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := ""
		if a, ok := d.Attribute(c.attribute); ok {
			if got = strings.Join(a.Values, "|"); a.Add {
				got = "add " + got
			}
		}
		if len(d.Aside) > 0 {
			got = "aside"
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q (%+v)", c.name, got, c.want, d.Aside)
		}
	}
}
