package mapping

import (
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

type freeNames struct{}

func (freeNames) Holder(string, string, Unique, ident.DN, ident.GUID, ident.Key) (string, bool, error) {
	return "", false, nil
}
func (freeNames) Reserve(string, string, Unique, ident.DN, ident.Key) {}

// Ten attributes with five functions each.
func BenchmarkMap(b *testing.B) {
	def := Definition{OU: src("OU=Staff,DC=x")}
	for _, name := range []string{"cn", "sAMAccountName", "displayName", "givenName", "sn", "mail", "title", "department", "company", "info"} {
		def.Attributes = append(def.Attributes, AttributeDef{
			Name:  name,
			Value: src(`{{ sam_safe(lower(ascii(left(first_word(user.name), 3) + last_word(user.name)))) }}`),
		})
	}
	m := compile(b, def)
	r := ident.Record{Endpoint: "users", Key: "7", Fields: map[string]any{"name": "Łukasz Ångström"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Map(r, nil, nil, freeNames{}); err != nil {
			b.Fatal(err)
		}
	}
}
