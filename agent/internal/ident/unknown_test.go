package ident

import (
	"fmt"
	"testing"
)

func TestUnknownName(t *testing.T) {
	var many []string
	for i := range 40 {
		many = append(many, fmt.Sprint(100+i))
	}
	for want, e := range map[string]UnknownNameError{
		`there is no automation "stuff" (did you mean "staff"?); there are: sales, staff`: {What: "automation", Name: "stuff", Known: []string{"staff", "sales"}},
		`there is no automation "people"; there are: sales`:                               {What: "automation", Name: "people", Known: []string{"sales"}},
		`there is no secret "x": there is none at all`:                                    {What: "secret", Name: "x", List: "rollcall secret list"},
		"there is no key \"7\"; there are: 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111 and 28 more: `rollcall link list`": {
			What: "key", Name: "7", Known: many, List: "rollcall link list",
		},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
