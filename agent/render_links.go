package main

import (
	"io"

	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func printLinks(w io.Writer, links []service.ListedLink) {
	table(w, "APPLICATION\tKEY\tNAME\tOBJECTGUID\tAUTOMATION\tORIGIN\tSINCE\tMISSING SINCE", func(row func(...any)) {
		for _, l := range links {
			name, missing := "(not known)", ""
			if l.Account != nil {
				name = l.Account.Name
			}
			if l.MissingSince != nil {
				missing = l.MissingSince.Local().Format(timeFormat)
			}
			row(l.Space(), l.Key, name, l.GUID, l.Automation, l.Origin, l.Created.Local().Format(timeFormat), missing)
		}
	})
}
