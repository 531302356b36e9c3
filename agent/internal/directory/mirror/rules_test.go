package mirror

import (
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestSchemaAgreesWithTheDirectory: what the rules refuse the directory
// refuses, and what they let through it takes, but for the cases that name why
// it is more lenient.
func TestSchemaAgreesWithTheDirectory(t *testing.T) {
	dirtest.OnBoth(t, testSchemaAgreesWithTheDirectory)
}

func testSchemaAgreesWithTheDirectory(t *testing.T, dc *dirtest.Domain) {
	c := dc.Connect(t, dirtest.AsAdministrator)
	user := conn.ByGUID(dc.AddUser(t, dc.OU("Staff"), "Rules", "rules", nil))
	x := strings.Repeat
	tests := []struct {
		attribute string
		values    []string
		lenient   string // why this directory takes what is refused
	}{
		{"title", []string{x("x", 128)}, ""},
		{"title", []string{x("x", 129)}, ""},
		{"title", []string{x("é", 128)}, ""},
		{"title", []string{x("é", 129)}, ""},
		{"title", []string{x("😀", 64)}, ""},
		{"title", []string{x("😀", 65)}, ""},
		{"title", []string{"a", "b"}, ""},
		{"title", []string{"a\xffb"}, ""},
		{"title", []string{"a\x00b"}, "Windows ends a text at NUL"},
		{"description", []string{"a", "b"}, ""}, // several by the schema, one for accounts
		{"url", []string{"a", "b"}, ""},
		{"employeeID", []string{x("1", 17)}, ""},
		{"employeeNumber", []string{x("1", 512)}, ""},
		{"initials", []string{"abcdefg"}, ""},
		{"countryCode", []string{"276"}, ""},
		{"countryCode", []string{"65536"}, ""},
		{"countryCode", []string{"-1"}, ""},
		{"countryCode", []string{"abc"}, ""},
		{"countryCode", []string{"12.0"}, ""},
		{"countryCode", []string{"012"}, "it makes 10 of it"},
		{"uidNumber", []string{"2147483648"}, "it makes -2147483648 of it"},
		{"accountExpires", []string{"never"}, ""},
		{"accountExpires", []string{"133000000000000000"}, ""},
		{"accountExpires", []string{"9223372036854775808"}, ""},
		{"msNPAllowDialin", []string{"TRUE"}, ""},
		{"msNPAllowDialin", []string{"true"}, ""},
		{"msNPAllowDialin", []string{"yes"}, ""},
		{"manager", []string{"Ada"}, ""},
		{"manager", []string{string(dc.OU("Staff"))}, ""},
		{"msTSExpireDate", []string{"20240531080000.0Z"}, ""},
		{"msTSExpireDate", []string{"2024-05-31"}, ""},
		{"x121Address", []string{"12 34"}, ""},
		{"x121Address", []string{"12a"}, "it does not check the alphabet of digits"},
		{"unixHomeDirectory", []string{"/home/ada"}, ""},
	}
	var names []string
	for _, test := range tests {
		names = append(names, test.attribute)
	}
	schema, err := ReadSchema(t.Context(), c, names)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		rule := schema.Rule(test.attribute)
		if rule.Unusable != "" || rule.Syntax == ident.SyntaxAny {
			t.Errorf("%s: %+v", test.attribute, rule)
		}
		cause, _ := rule.Refuses(test.values, false)
		err := c.Modify(t.Context(), user, []conn.Mod{{Kind: conn.ReplaceValues, Attribute: test.attribute, Values: test.values}}, false)
		switch {
		case (test.lenient != "") != (cause != "" && err == nil):
			t.Errorf("%s %.20q: refused here with %q, there with %v", test.attribute, test.values, cause, err)
		case test.lenient == "" && (cause == "") != (err == nil):
			t.Errorf("%s %.20q: refused here with %q, there with %v", test.attribute, test.values, cause, err)
		}
	}
}

func TestAttributesThatAccountsCannotHave(t *testing.T) {
	dirtest.OnBoth(t, testAttributesThatAccountsCannotHave)
}

func testAttributesThatAccountsCannotHave(t *testing.T, dc *dirtest.Domain) {
	c := dc.Connect(t, dirtest.AsAgent)
	want := map[string]string{
		"title": "", "TELEPHONENUMBER": "", "cn": "", "mail": "", "manager": "", "thumbnailPhoto": "",
		"noSuchThing": "does not exist", "bad)(name": "does not exist", "canonicalName": "computed", "lastLogon": "computed",
		"directReports": "is the backlink of manager and computed", "whenCreated": "by the directory itself", "groupType": "does not belong to user accounts",
	}
	var names []string
	for name := range want {
		names = append(names, name)
	}
	schema, err := ReadSchema(t.Context(), c, names)
	if err != nil {
		t.Fatal(err)
	}
	for name, part := range want {
		rule := schema.Rule(name)
		if (rule.Unusable == "") != (part == "") || !strings.Contains(rule.Unusable, part) || (rule.Next == "") != (part == "") {
			t.Errorf("%s: %+v, want %q", name, rule, part)
		}
	}
}

// TestUsualSchema: what is checked without a connection is what a domain
// controller says, for each attribute that it has.
func TestUsualSchema(t *testing.T) { dirtest.OnBoth(t, testUsualSchema) }

func testUsualSchema(t *testing.T, dc *dirtest.Domain) {
	c := dc.Connect(t, dirtest.AsAgent)
	var names []string
	for name := range ident.UsualSchema() {
		names = append(names, name)
	}
	schema, err := ReadSchema(t.Context(), c, names)
	if err != nil {
		t.Fatal(err)
	}
	there := 0
	show := func(n *int64) string {
		if n == nil {
			return "none"
		}
		return strconv.FormatInt(*n, 10)
	}
	for _, name := range names {
		usual, read := ident.UsualSchema().Rule(name), schema.Rule(name)
		if read.Unusable == "does not exist in this directory" {
			continue
		}
		there++
		same := usual.Syntax == read.Syntax && usual.Single == read.Single && show(usual.Lower) == show(read.Lower) &&
			show(usual.Upper) == show(read.Upper) && usual.Unread == read.Unread && usual.Unusable == read.Unusable && usual.Next == read.Next
		if !same {
			t.Errorf("%s: the table has %+v (%s to %s), the directory %+v (%s to %s)", name,
				usual, show(usual.Lower), show(usual.Upper), read, show(read.Lower), show(read.Upper))
		}
	}
	if there < 380 {
		t.Errorf("the directory has %d of %d attributes", there, len(names))
	}
}
