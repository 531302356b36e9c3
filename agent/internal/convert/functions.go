package convert

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// function turns a function of ADManager into one of rollcall.
func (c *converter) function(m *macro) (result, *Without) {
	if !m.called {
		return without(m, "a function needs its arguments", "%fx."+m.name+"(...)%")
	}
	switch m.name {
	case "findAndReplace":
		return c.replacement(m)
	case "encodeURI":
		return without(m, "encodeURI leaves : / ? & and # as they are, and rollcall has no function that does",
			"leave it out where the text is a whole address; url_escape is what encodeURIComponent does, for one value in it")
	case "encodeURIComponent":
		args := m.arguments("input")
		in, fault := c.argument(nested(args["input"]))
		if fault != nil {
			return result{}, fault
		}
		c.note("A path and a parameter of a URL are escaped anyway: leave url_escape out there, or the value is escaped twice.")
		return result{text: "url_escape(" + in + ")"}, nil
	case "decodeURIComponent", "decodeURI":
		return without(m, "rollcall has no function that undoes the escaping of a URL",
			"values of AD and of applications are not escaped: leave the function out")
	}
	return without(m, "fx."+m.name+" is a function that somebody wrote in ADManager, and what it does is not in its name",
		"look there, and write it with the functions that `rollcall functions` lists")
}

func (c *converter) replacement(m *macro) (result, *Without) {
	args := m.arguments("input", "find", "replace")
	var values []string
	for _, name := range []string{"input", "find", "replace"} {
		written, ok := args[name]
		if !ok {
			return without(m, "it has no "+name, "%fx.findAndReplace(input:#%ad.mail%#,find:a,replace:b)%")
		}
		if name == "find" && written == "" {
			return without(m, "it looks for nothing", "write what is to be replaced after find:")
		}
		v, fault := c.argument(nested(written))
		if fault != nil {
			return result{}, fault
		}
		values = append(values, v)
	}
	return result{text: "replace(" + strings.Join(values, ", ") + ")"}, nil
}

// later is the offset of a timestamp: _afterNDays_2.
var later = regexp.MustCompile(`^(.*)_(after|before)N(Minutes|Hours|Days|Weeks|Months|Years)_([0-9]{1,6})$`)

// action turns a detail of ADManager's action into an expression.
func (c *converter) action(m *macro) (result, *Without) {
	layout, ok := strings.CutPrefix(m.name, "timestamp")
	if !ok {
		return without(m, "what ADManager knows of its own action is not known to rollcall",
			"a webhook has change.kind and change.attributes; who changed what is in rollcall explain USER")
	}
	when := "now"
	if parts := later.FindStringSubmatch(layout); parts != nil {
		layout = parts[1]
		n, err := strconv.Atoi(parts[4])
		if err != nil {
			return without(m, parts[4]+" is no number", "")
		}
		unit := text.Lower(parts[3])
		if unit == "weeks" {
			n, unit = 7*n, "days"
		}
		if parts[2] == "before" {
			n = -n
		}
		when = fmt.Sprintf("date_add(now, %d, '%s')", n, unit)
	}
	layout = strings.TrimPrefix(layout, "_")
	if layout == "" {
		return without(m, "it does not say how the time is to be written", "%act.timestamp_dd-MM-yyyy%")
	}
	e := fmt.Sprintf("format_date(%s, %s)", when, quote(layout))
	if err := compiles("{{ "+e+" }}", c.place); err != nil {
		return without(m, "rollcall cannot write a time like that: "+err.Error(), "rollcall functions format_date says what it can")
	}
	c.note("Times are in UTC; ADManager writes those of its server.")
	return result{text: e}, nil
}
