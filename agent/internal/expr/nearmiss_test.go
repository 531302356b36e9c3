package expr

import (
	"strings"
	"testing"
)

// TestNearMisses checks the explanations for people with the habits of another
// language, or with texts without quotes.
func TestNearMisses(t *testing.T) {
	s := NewScope("user", "attributes", "now", "settings")
	for text, want := range map[string]string{
		"user.a = 7":               `x:1:8: there is no operator "=" (did you mean ==?)`,
		"user.a === 7":             `x:1:8: there is no operator "===" (did you mean ==?)`,
		"user.a <> 7":              `x:1:8: there is no operator "<>" (did you mean !=?)`,
		"user.a !== 7":             `x:1:8: there is no operator "!==" (did you mean !=?)`,
		"user.a =! 7":              `x:1:8: there is no operator "=!" (did you mean !=?)`,
		"user.a => 7":              `x:1:8: there is no operator "=>" (did you mean >=?)`,
		"user.a =< 7":              `x:1:8: there is no operator "=<" (did you mean <=?)`,
		"user.a & user.b":          `x:1:8: there is no operator "&" (did you mean &&?)`,
		"user.a | user.b":          `x:1:8: there is no operator "|" (did you mean ||?)`,
		"user->name":               `x:1:5: there is no operator "->" (did you mean .?)`,
		"user.a AND user.b":        `x:1:8: unexpected "AND" (did you mean and?)`,
		"user.a Or user.b":         `x:1:8: unexpected "Or" (did you mean or?)`,
		"NOT user.a":               `x:1:1: unexpected "NOT" (did you mean not?)`,
		"user.a is null":           `x:1:8: unexpected "is" (did you mean ==?)`,
		"user.a like 'x'":          `x:1:8: unexpected "like" (did you mean contains, startsWith or matches?)`,
		"if user.a then 1":         `unexpected "then" (did you mean CONDITION ? A : B?)`,
		"user.a == True":           `unknown name True (did you mean true?)`,
		"user.a == NULL":           `unknown name NULL (did you mean null?)`,
		"user.a == None":           `unknown name None (did you mean null?)`,
		"active && !user.b":        `x:1:1: unknown name active (a field of the record is user.active, and a text needs quotes: 'active')`,
		"name":                     `unknown name name (a field of the record is user.name, and a text needs quotes: 'name')`,
		"trim(name)":               `a field of the record is user.name`,
		"usr.name":                 `unknown name usr (did you mean "user"?)`,
		"lowr(user.a)":             `unknown name lowr (did you mean "lower"?)`,
		"lower user.a":             `x:1:1: lower is a function (call it: lower(...))`,
		"{{ user.a }}":             `this is an expression, and {{ }} is for texts (write user.a)`,
		"{ user.a }":               `x:1:1: one brace alone begins an object (did you mean {{ ... }}?)`,
		"${user.a}":                `x:1:1: variables are not written like this (a field is written user.NAME here, and {{ user.NAME }} within a text)`,
		"%user.a%":                 `x:1:1: variables are not written like this`,
		"Ada Novak":                `x:1:5: unexpected "Novak" (a text needs quotes: 'Ada Novak')`,
		"user.a == “x”":            `x:1:11: “ is not a quote of expressions (write ' or ")`,
		"user.a == 'a|b' && 1 = 1": `x:1:22: there is no operator "=" (did you mean ==?)`,
		"user.a )":                 `x:1:8: unexpected ")"`,
		"user.a in (1,2)":          `unexpected ","`,
	} {
		_, err := s.Compile(Source{Text: text, Pos: Pos{File: "x", Line: 1, Column: 1}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
	_, err := NewScope("ad").Compile(Source{Text: "displayName"})
	if err == nil || !strings.Contains(err.Error(), "an attribute of the object is ad.displayName") {
		t.Errorf("of an object: %v", err)
	}
}
