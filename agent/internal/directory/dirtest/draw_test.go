package dirtest_test

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
)

var operations = []string{
	"add", "modify", "modify", "anchor", "refer", "member", "account", "rename", "move", "move", "unit", "delete", "primary",
}

// Names and places are few, so that objects take each other's.
var (
	names  = []string{"a", "b", "c", "A", "x  y", "x y", "é", "e", `q\, r`}
	places = []string{"", "OU=a", "OU=b", "OU=c", "OU=a,OU=b"}
)

func pick[T any](r *rapid.T, of []T, label string) T { return rapid.SampledFrom(of).Draw(r, label) }

// draw makes one request about the objects that are there, or not.
func draw(r *rapid.T, step int, people, users []string) request {
	people, users = append(slices.Clone(people), "CN=no"), append(slices.Clone(users), "CN=no")
	q := request{As: pick(r, []dirtest.Account{dirtest.AsAdministrator, dirtest.AsAdministrator, dirtest.AsAgent}, "as")}
	q.DN = pick(r, people, "object")
	switch pick(r, operations, "op") {
	case "add":
		drawAdd(r, step, &q)
	case "modify":
		q.Op = "modify"
		// Several for one attribute are what an anchor takes: see below.
		q.Mods = rapid.SliceOfNDistinct(rapid.Custom(drawMod), 1, 2, func(m conn.Mod) string { return m.Attribute }).Draw(r, "mods")
	case "anchor":
		q.Op = "modify"
		q.Mods = []conn.Mod{
			{Kind: conn.DeleteValues, Attribute: "employeeNumber", Values: []string{pick(r, []string{"a", "A", "b"}, "old")}},
			{Kind: conn.AddValues, Attribute: "employeeNumber", Values: []string{pick(r, []string{"a", "A", "b"}, "new")}},
		}
	case "refer":
		q.Op = "modify"
		q.Mods = []conn.Mod{drawReference(r, people, pick(r, []string{"manager", "secretary"}, "attribute"))}
	case "member":
		q.Op, q.DN = "modify", pick(r, []string{"CN=g", "CN=h"}, "group")
		q.Mods = []conn.Mod{drawReference(r, people, "member")}
	case "account":
		q.DN, q.Op, q.Mods = pick(r, users, "user"), "modify", []conn.Mod{drawAccount(r)}
	case "rename":
		q.Op, q.RDN = "rename", "CN="+pick(r, names, "name")
	case "move":
		q.Op, q.RDN, q.To = "move", "CN="+pick(r, names, "name"), pick(r, places, "to")
	case "unit":
		drawUnit(r, &q)
	case "delete":
		q.Op, q.DN = "delete", pick(r, append(people, places[1:]...), "deleted")
	case "primary":
		q.DN, q.Op, q.To = pick(r, users, "user"), "primary", pick(r, []string{"g", "h"}, "group")
	}
	return q
}

func drawAdd(r *rapid.T, step int, q *request) {
	class := pick(r, []string{"user", "user", "group", "contact"}, "class")
	q.Op, q.DN = "add", "CN="+pick(r, names, "name")
	if place := pick(r, places, "place"); place != "" {
		q.DN += "," + place
	}
	q.Attributes = map[string][]string{"objectClass": {class}}
	if class != "contact" {
		own := fmt.Sprintf("walk%d", step)
		q.Attributes["sAMAccountName"] = []string{pick(r, []string{"walkaa", "WALKG", own, own}, "sam")}
	}
	if class == "user" && rapid.Bool().Draw(r, "full") {
		q.Attributes["title"] = []string{"t"}
		q.Attributes["userAccountControl"] = []string{pick(r, []string{"512", "514", "66048", "528"}, "flags")}
		q.Attributes["userPrincipalName"] = []string{pick(r, []string{"walk@ad.test", "walk1@ad.test", "Walkaa@ad.test"}, "upn")}
		q.Attributes["unicodePwd"] = []string{dctest.Password(pick(r, []string{"Good-Pass-77", "Good-Pass-77", "weak"}, "password"))}
	}
}

func drawMod(r *rapid.T) conn.Mod {
	m := conn.Mod{Kind: pick(r, []conn.ModKind{conn.AddValues, conn.DeleteValues, conn.ReplaceValues, conn.ReplaceValues}, "kind")}
	m.Attribute = pick(r, []string{
		"title", "description", "url", "url", "mail", "employeeNumber", "initials", "shoeSize", "cn", "countryCode",
	}, "attribute")
	least := 0
	if m.Kind == conn.AddValues {
		least = 1
	}
	values := []string{"a", "b", "A", "longer than six", "1", ""}
	m.Values = rapid.SliceOfNDistinct(rapid.SampledFrom(values), least, 2, rapid.ID[string]).Draw(r, "values")
	return m
}

func drawReference(r *rapid.T, people []string, attribute string) conn.Mod {
	m := conn.Mod{Attribute: attribute}
	m.Kind = pick(r, []conn.ModKind{conn.AddValues, conn.AddValues, conn.DeleteValues, conn.ReplaceValues}, "kind")
	least, most := 1, 1
	if m.Kind == conn.ReplaceValues {
		least = 0
	}
	if attribute == "member" {
		most = 2
	}
	m.Values = rapid.SliceOfNDistinct(rapid.SampledFrom(people), least, most, rapid.ID[string]).Draw(r, "to")
	return m
}

func drawAccount(r *rapid.T) conn.Mod {
	m := conn.Mod{Kind: conn.ReplaceValues}
	m.Attribute = pick(r, []string{"userAccountControl", "sAMAccountName", "userPrincipalName", "accountExpires", "pwdLastSet"}, "attribute")
	values := map[string][]string{
		"userAccountControl": {"512", "514", "2", "66048", "4608", "x"},
		"sAMAccountName":     {"walkaa", "walkz", "Walkz", "hmade"},
		"userPrincipalName":  {"walk@ad.test", "WALK@ad.test", "hmade@ad.test", "walkz@ad.test"},
		"accountExpires":     {"0", "133000000000000000", "x"},
		"pwdLastSet":         {"0", "-1", "7"},
	}
	if m.Values = []string{pick(r, values[m.Attribute], "value")}; rapid.IntRange(0, 5).Draw(r, "clear") == 0 {
		m.Values = nil
	}
	return m
}

func drawUnit(r *rapid.T, q *request) {
	q.DN = pick(r, places[1:], "unit")
	switch pick(r, []string{"add", "rename", "move"}, "unit op") {
	case "add":
		q.Op, q.Attributes = "add", map[string][]string{"objectClass": {"organizationalUnit"}}
	case "rename":
		q.Op, q.RDN = "rename", "OU="+pick(r, []string{"a", "b", "c"}, "name")
	case "move":
		q.Op, q.RDN, q.To = "move", "OU="+pick(r, []string{"a", "b", "c"}, "name"), pick(r, places, "to")
	}
}
