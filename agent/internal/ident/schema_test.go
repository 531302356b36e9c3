package ident

import (
	"strings"
	"testing"
)

func TestRuleRefuses(t *testing.T) {
	n := func(n int64) *int64 { return &n }
	text := func(upper int64) AttributeRule {
		return AttributeRule{Syntax: SyntaxText, Single: true, Lower: n(1), Upper: n(upper)}
	}
	many := AttributeRule{Syntax: SyntaxText}
	for _, c := range []struct {
		name   string
		rule   AttributeRule
		values []string
		want   string // "" when they are taken
	}{
		{"as long as it may be", text(5), []string{"abcde"}, ""},
		{"too long", text(5), []string{"abcdef"}, `"abcdef" is longer than 5 characters`},
		{"units are UTF-16, not bytes", text(5), []string{"ééééé"}, ""},
		{"an emoji is two units", text(5), []string{"😀😀x"}, ""},
		{"three emoji are six", text(5), []string{"😀😀😀"}, `is longer than 5 characters`},
		{"long values are shown in part", text(60), []string{strings.Repeat("x", 1000)}, `"` + strings.Repeat("x", 60) + `"... is longer than 60 characters`},
		{"too short", AttributeRule{Syntax: SyntaxText, Lower: n(3)}, []string{"ab"}, `"ab" is shorter than 3 characters`},
		{"two for one", text(5), []string{"a", "b"}, "it takes one value, and there are 2"},
		{"two for many", many, []string{"a", "b"}, ""},
		{"the second is looked at", many, []string{"a", "b\x00"}, `"b\x00" contains a NUL character`},
		{"NUL where nothing is known", AttributeRule{}, []string{"\x00"}, `"\x00" contains a NUL character`},
		{"no UTF-8", many, []string{"\xff"}, `"\xff" is not valid UTF-8`},
		{"ASCII", AttributeRule{Syntax: SyntaxIA5}, []string{"a@b\t"}, ""},
		{"not ASCII", AttributeRule{Syntax: SyntaxIA5}, []string{"Müller"}, `contains 'ü'`},
		{"printable", AttributeRule{Syntax: SyntaxPrintable}, []string{"It's (a) +,-./:=? 1"}, ""},
		{"not printable", AttributeRule{Syntax: SyntaxPrintable}, []string{"a@b"}, `contains '@'`},
		{"digits", AttributeRule{Syntax: SyntaxNumeric}, []string{"12 34"}, ""},
		{"no digits", AttributeRule{Syntax: SyntaxNumeric}, []string{"12a"}, `contains 'a'`},
		{"a number", AttributeRule{Syntax: SyntaxInteger, Lower: n(0), Upper: n(65535)}, []string{"65535"}, ""},
		{"too large", AttributeRule{Syntax: SyntaxInteger, Lower: n(0), Upper: n(65535)}, []string{"65536"}, "65536 is not from 0 up to 65535"},
		{"negative", AttributeRule{Syntax: SyntaxInteger, Lower: n(0)}, []string{"-1"}, "-1 is not from 0"},
		{"32 bits", AttributeRule{Syntax: SyntaxInteger}, []string{"-2147483648"}, ""},
		{"33 bits", AttributeRule{Syntax: SyntaxInteger}, []string{"2147483648"}, "whole number of 32 bits"},
		{"octal to Samba", AttributeRule{Syntax: SyntaxInteger}, []string{"012"}, "whole number"},
		{"blanks", AttributeRule{Syntax: SyntaxInteger}, []string{" 12"}, "whole number"},
		{"a fraction", AttributeRule{Syntax: SyntaxInteger}, []string{"12.0"}, "whole number"},
		{"a word", AttributeRule{Syntax: SyntaxLarge}, []string{"never"}, "whole number of 64 bits"},
		{"63 bits", AttributeRule{Syntax: SyntaxLarge}, []string{"9223372036854775807"}, ""},
		{"64 bits", AttributeRule{Syntax: SyntaxLarge}, []string{"9223372036854775808"}, "whole number of 64 bits"},
		{"true", AttributeRule{Syntax: SyntaxBoolean}, []string{"TRUE"}, ""},
		{"true in another case", AttributeRule{Syntax: SyntaxBoolean}, []string{"true"}, "neither TRUE nor FALSE"},
		{"a time", AttributeRule{Syntax: SyntaxTime}, []string{"20240531080000.0Z"}, ""},
		{"a date", AttributeRule{Syntax: SyntaxTime}, []string{"2024-05-31"}, "is not a time"},
		{"a DN", AttributeRule{Syntax: SyntaxDN}, []string{"CN=Ada,DC=x"}, ""},
		{"no DN", AttributeRule{Syntax: SyntaxDN}, []string{"Ada"}, "is not a distinguished name"},
		{"nothing", text(5), nil, ""},
	} {
		cause, next := c.rule.Refuses(c.values, false)
		if (c.want == "") != (cause == "") || !strings.Contains(cause, c.want) || (next == "") != (cause == "") {
			t.Errorf("%s: %q, next %q; want %q", c.name, cause, next, c.want)
		}
	}
	bytes := AttributeRule{Syntax: SyntaxBytes, Upper: n(4)}
	for value, want := range map[string]string{"\x00\xff\x00\xff": "", "12345": "a value of 5 bytes is longer than 4 bytes"} {
		if cause, _ := bytes.Refuses([]string{value}, true); cause != want {
			t.Errorf("%q: %q", value, cause)
		}
	}
	if cause, _ := many.Refuses([]string{"\x01"}, true); cause != "it holds no bytes" {
		t.Errorf("bytes into a text: %q", cause)
	}
}

func TestSameValues(t *testing.T) {
	const never = "9223372036854775807"
	for _, c := range []struct {
		attribute string
		a, b      []string
		want      bool
	}{
		{"title", []string{"a"}, []string{"a"}, true},
		{"title", []string{"a"}, []string{"A"}, false},
		{"url", []string{"a", "b"}, []string{"b", "a", "b"}, true},
		{"title", nil, []string{"0"}, false},
		{"accountExpires", []string{"0"}, []string{never}, true},
		{"ACCOUNTEXPIRES", nil, []string{"0"}, true},
		{"accountExpires", nil, []string{never}, true},
		{"accountExpires", []string{"0"}, []string{"132537600000000000"}, false},
		{"countryCode", nil, []string{"0"}, true},
		{"codePage", nil, []string{"0"}, true},
		{"countryCode", nil, []string{"276"}, false},
	} {
		if SameValues(c.attribute, c.a, c.b) != c.want || SameValues(c.attribute, c.b, c.a) != c.want {
			t.Errorf("%s: %q and %q: want %t", c.attribute, c.a, c.b, c.want)
		}
	}
}

func TestUnmapped(t *testing.T) {
	for name, want := range map[string]bool{
		"userAccountControl": true, "OBJECTCATEGORY": true, "servicePrincipalName": true, "pwdLastSet": true,
		"title": false, "cn": false, "sAMAccountName": false, "accountExpires": false,
	} {
		if why, got := Unmapped(name); got != want || got && why == "" {
			t.Errorf("%s: %t, %q", name, got, why)
		}
	}
}

// What the advice says to do makes the value fit: left(..., 4) would not.
func TestAdviceAboutLongValues(t *testing.T) {
	limit := int64(4)
	_, next := AttributeRule{Syntax: SyntaxText, Upper: &limit}.Refuses([]string{"😀😀😀😀"}, false)
	if next != "shorten the whole value: cut(..., 4)" {
		t.Errorf("a text: %s", next)
	}
	_, next = AttributeRule{Syntax: SyntaxBytes, Upper: &limit}.Refuses([]string{"12345"}, true)
	if next != "supply a smaller one at the source" {
		t.Errorf("a photo: %s", next)
	}
}
