package mapping

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestMisfits checks that a constant that no record can change is found without
// a record, and that what depends on the record is left to it.
func TestMisfits(t *testing.T) {
	x := strings.Repeat("x", 9)
	for name, c := range map[string]struct {
		def  AttributeDef
		want string // "" fits
	}{
		"fits":                         {AttributeDef{Name: "title", Value: src("'boss'")}, ""},
		"too long":                     {AttributeDef{Name: "title", Value: src("'" + x + "'")}, `title: "xxxxxxxxx" is longer than 8 characters | shorten the whole value: cut(..., 8)`},
		"computed from constants":      {AttributeDef{Name: "title", Value: src("{{ upper('" + x + "') }}")}, `title: "XXXXXXXXX" is longer than 8`},
		"depends on the record":        {AttributeDef{Name: "title", Value: src("{{ user.x }}" + x)}, ""},
		"depends on another attribute": {AttributeDef{Name: "title", Value: src("{{ attributes.cn }}" + x)}, ""},
		"depends on the time":          {AttributeDef{Name: "title", Value: src("{{ format_date(now, \"yyyy-MM-dd\") }}")}, ""},
		"random":                       {AttributeDef{Name: "title", Value: src("{{ random_digits(9) }}")}, ""},
		"a format":                     {AttributeDef{Name: "title", Formats: sources("{{ user.x }}", x)}, `title: "xxxxxxxxx" is longer than 8`},
		"a default":                    {AttributeDef{Name: "title", Value: src("user.x"), OnMissing: OnMissingDefault, Default: src(x)}, `title: "xxxxxxxxx" is longer than 8`},
		"two of one":                   {AttributeDef{Name: "title", Values: sources("a", "b")}, "title: it takes one value, and there are 2"},
		"one of two may be missing":    {AttributeDef{Name: "title", Values: sources("a", "{{ user.x }}")}, ""},
		"twice the same":               {AttributeDef{Name: "title", Values: sources("a", "A")}, ""},
		"one of several is too long":   {AttributeDef{Name: "description", Values: sources("a", x+x+x)}, "is longer than 20 characters"},
		"no number":                    {AttributeDef{Name: "countryCode", Value: src("Germany {{ 1 }}")}, `countryCode: "Germany 1" is not a whole number`},
		"out of bounds":                {AttributeDef{Name: "countryCode", Value: src("65536")}, "65536 is not from 0 up to 65535"},
		"nobody can have it":           {AttributeDef{Name: "nosuch", Value: src("user.x")}, "nosuch: the attribute does not exist in this directory | correct its name"},
		"no bytes":                     {AttributeDef{Name: "title", Value: src("user.x"), Encoding: EncodingBase64}, "title: it holds no bytes | remove encoding"},
		"no name of an account":        {AttributeDef{Name: "sAMAccountName", Formats: sources("a,b")}, `sAMAccountName: "a,b" `},
		"nothing known":                {AttributeDef{Name: "corpBadge", Value: src("'" + x + "'")}, ""},
		"no value":                     {AttributeDef{Name: "title", Value: src("null")}, ""},
	} {
		c.def.Pos = at(3)
		defs := []AttributeDef{{Name: "cn", Value: src("user.name")}, c.def}
		s := schema()
		s["nosuch"] = ident.AttributeRule{Unusable: "does not exist in this directory", Next: "correct its name"}
		var got []string
		for _, f := range compile(t, Definition{Attributes: defs}).Misfits(s) {
			got = append(got, f.Attribute+": "+f.Cause+" | "+f.Next)
			if f.Pos.Line == 0 || f.Next == "" {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if all := strings.Join(got, "\n"); (all == "") != (c.want == "") || !strings.Contains(all, c.want) {
			t.Errorf("%s: %q, want %q", name, all, c.want)
		}
	}
}
