package main

import (
	"cmp"
	"io"

	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func printLinks(w io.Writer, links []service.ListedLink) {
	table(w, "APPLICATION\tKEY\tNAME\tOBJECTGUID\tAUTOMATION\tORIGIN\tSINCE\tDISABLED", func(row func(...any)) {
		for _, l := range links {
			name, disabled := "(not known)", ""
			if l.Account != nil {
				name = l.Account.Name
			}
			if l.MissingSince != nil {
				disabled = cmp.Or(string(l.Off), "missing") + " " + l.MissingSince.Local().Format(timeFormat)
			}
			row(l.Space(), l.Key, name, l.GUID, l.Automation, l.Origin, l.Created.Local().Format(timeFormat), disabled)
		}
	})
}
