package mapping

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestAValueThatCannotBeMadeIsToldAsSuch checks that each form is named with its
// reason, its place, and the field or attribute that is the cause.
func TestAValueThatCannotBeMadeIsToldAsSuch(t *testing.T) {
	const login = "sam_safe(lower(ascii(user.name)))"
	long := strings.Repeat("x", 63)
	for _, c := range []struct {
		name   string
		def    Definition
		fields string
		taken  []string // sAMAccountName or cn
		want   string
		shared string
		next   string
	}{
		{
			name: "letters that have no form in ASCII", fields: `{"name": "李明"}`,
			def:    Definition{Attributes: []AttributeDef{{Name: "cn", Value: src("user.name")}, {Name: "sAMAccountName", Value: src(login)}}},
			want:   `agent.toml:5:10: sAMAccountName: no value: nothing is left of user.name "李明": ascii() drops "李明"`,
			shared: `agent.toml:5:10: sAMAccountName: no value: nothing is left of user.name: ascii() drops letters that have no form in ASCII`,
			next:   "add a form that is made of another field, such as the mail address, or have the name in Latin letters at the source",
		},
		{
			name: "letters that a language knows", fields: `{"name": "Жук"}`,
			def:  Definition{Attributes: []AttributeDef{{Name: "cn", Value: src("user.name")}, {Name: "sAMAccountName", Value: src(login)}}},
			want: `agent.toml:5:10: sAMAccountName: no value: nothing is left of user.name "Жук": ascii() drops "Жук"`,
			next: `write translit(user.name, "ru") in place of ascii(...), or with uk`,
		},
		{
			name: "each of several forms", fields: `{"name": "李明", "nick": null}`,
			def:    Definition{Attributes: []AttributeDef{{Name: "cn", Value: src("user.name")}, {Name: "sAMAccountName", Formats: sources("{{ "+login+" }}", "{{ user.nick }}", "{{ user.id }}")}}},
			want:   `agent.toml:5:10: sAMAccountName: none of its 3 forms can be used: {{ ` + login + ` }}: nothing is left of user.name "李明": ascii() drops "李明"; {{ user.nick }}: user.nick is null; {{ user.id }}: user.id is absent`,
			shared: `agent.toml:5:10: sAMAccountName: none of its 3 forms can be used: {{ ` + login + ` }}: nothing is left of user.name: ascii() drops letters that have no form in ASCII; {{ user.nick }}: user.nick is null; {{ user.id }}: user.id is absent`,
		},
		{
			name: "a typo", fields: `{"name": "Ada", "first_name": "Ada"}`,
			def:  Definition{Attributes: []AttributeDef{{Name: "cn", Value: src("user.name")}, {Name: "sAMAccountName", Value: src("{{ user.fist_name }}")}}},
			want: `agent.toml:5:10: sAMAccountName: no value: user.fist_name is absent`,
			next: "did you mean user.first_name? If not, supply user.fist_name at the source",
		},
		{
			name: "a typo in what another attribute is made of", fields: `{"name": "Ada", "sam": "ada"}`,
			def:  Definition{Attributes: []AttributeDef{{Name: "displayName", Pos: src("").Pos, Value: src("user.nmae")}, {Name: "sAMAccountName", Value: src("user.sam")}}},
			want: `agent.toml:5:10: cn: none of its 2 forms can be used: attributes.displayName is absent (agent.toml:5:10: displayName: no value: user.nmae is absent)`,
			next: "did you mean user.name? If not, supply user.nmae at the source",
		},
		{
			name: "a form that is too long, and one that is taken", fields: `{"name": "` + long + `", "sam": "ada"}`, taken: []string{long},
			def: Definition{Attributes: []AttributeDef{
				{Name: "cn", Formats: sources("{{ user.name }}", "{{ user.name }} ({{ user.sam }})"), Unique: UniqueContainer}, {Name: "sAMAccountName", Value: src("user.sam")},
			}},
			want: `agent.toml:5:10: cn: none of its 2 forms can be used: {{ user.name }}: "` + long + `" is in use by somebody; ` +
				`{{ user.name }} ({{ user.sam }}): "` + long + ` (ada)" is longer than 64 characters`,
			shared: `agent.toml:5:10: cn: none of its 2 forms can be used: {{ user.name }}: the value is in use; {{ user.name }} ({{ user.sam }}): the value is longer than 64 characters`,
			next:   `correct the source or the other account, add a format, or set suffix = "number"; or shorten it: use cut(..., 64)`,
		},
		{
			name: "what is taken because letters were dropped", fields: `{"name": "Ada 李"}`, taken: []string{"Ada"},
			def:  Definition{Attributes: []AttributeDef{{Name: "cn", Value: src("user.name")}, {Name: "sAMAccountName", Value: src("trim(ascii(user.name))")}}},
			want: `agent.toml:5:10: sAMAccountName: "Ada" is in use by somebody (ascii() dropped "李")`,
		},
		{
			name: "an OU of an attribute that has no value", fields: `{"name": "Ada"}`,
			def: Definition{OU: src("OU={{ attributes.department }},DC=x"), Attributes: []AttributeDef{
				{Name: "cn", Value: src("user.name")}, {Name: "sAMAccountName", Value: src("user.name")}, {Name: "department", Value: src("user.dep")},
			}},
			want: "agent.toml:5:10: ou: attributes.department is absent (agent.toml:5:10: department: no value: user.dep is absent)",
		},
		{
			name: "an expression that fails", fields: `{"name": "Ada", "no": "x"}`,
			def:  Definition{Attributes: []AttributeDef{{Name: "cn", Value: src("user.name")}, {Name: "sAMAccountName", Value: src("user.name + user.no.deep")}}},
			want: "agent.toml:5:30: sAMAccountName: a text has no members",
		},
		{
			name: "not mapped at all", fields: `{"name": "Ada"}`,
			def:  Definition{Attributes: []AttributeDef{{Name: "cn", Value: src("user.name")}}},
			want: "sAMAccountName: it is not mapped, and an account cannot be created without it",
			next: "map it",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			names := &fakeNames{}
			for _, v := range c.taken {
				names.take("sAMAccountName", v, UniqueDomain, "", "somebody")
				names.take("cn", v, UniqueContainer, "", "somebody")
			}
			_, err := compile(t, c.def).Map(rec(t, c.fields), nil, nil, names)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%v", err)
			}
			if got := e.Error(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if got := e.Shared(); c.shared != "" && got != c.shared {
				t.Errorf("shared\ngot  %s\nwant %s", got, c.shared)
			}
			if e.Next == "" || c.next != "" && e.Next != c.next {
				t.Errorf("next: %s", e.Next)
			}
		})
	}
}

// TestEveryNumberIsTaken names the last resort too.
func TestEveryNumberIsTaken(t *testing.T) {
	m := compile(t, account(UniqueDomain, SuffixNumber, "{{ user.a }}"))
	_, err := m.Map(rec(t, `{"a": "ada", "cn": "Ada"}`), nil, nil, everythingTaken{})
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Cause, `"ada" is in use by somebody`) || !strings.Contains(e.Cause, `"ada" with every number from 2 to 9999 behind it is in use`) {
		t.Errorf("%v", err)
	}
	if strings.Contains(e.Shared(), "ada") {
		t.Errorf("shared: %s", e.Shared())
	}
}

// everythingTaken is a directory in which every sAMAccountName is in use.
type everythingTaken struct{}

func (everythingTaken) Holder(attr, _ string, _ Unique, _ ident.DN, _ ident.GUID, _ ident.Key) (string, bool, error) {
	return "somebody", attr == "sAMAccountName", nil
}

func (everythingTaken) Reserve(string, string, Unique, ident.DN, ident.Key) {}
