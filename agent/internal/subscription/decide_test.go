package subscription

import (
	"fmt"
	"testing"
)

const here = "https://rollcall.example.com/crm"

func ours(id string, change ...func(*Listed)) Listed {
	l := Listed{ID: id, URL: here, Username: "u", Ours: true, Active: true}
	for _, f := range change {
		f(&l)
	}
	return l
}

func TestDecide(t *testing.T) {
	want := Want{URL: here, Username: "u", Reference: "@{env:P}"}
	known := Known{ID: "7", Want: want}
	moved := known
	moved.URL = "https://old.example.com/crm"
	rotated := known
	rotated.Reference = "@{env:OLD}"
	renamed := known
	renamed.Username = "old"
	nameless := func(l *Listed) { l.Username = "" }
	strange := func(l *Listed) { l.URL = "https://rollcall.example.com/***" }
	odd := known
	odd.Odd = "it sends to https://rollcall.example.com/***"
	oddBefore := odd
	oddBefore.Reference = "@{env:OLD}"
	left := known
	left.Leftovers = []string{"5", "6"}
	back := moved
	back.Leftovers = []string{"5"}
	for name, c := range map[string]struct {
		known Known
		list  []Listed
		anew  bool
		want  string // kept, ended, why
	}{
		"nothing":            {Known{}, nil, false, " [] there was none"},
		"lost":               {known, nil, false, " [] the application does not have it any more, as when deliveries have failed for days"},
		"as it should be":    {known, []Listed{ours("7")}, false, "7 [] "},
		"of a lost state":    {Known{}, []Listed{ours("9")}, false, "9 [] "},
		"spelled otherwise":  {Known{}, []Listed{ours("9", func(l *Listed) { l.URL = "HTTPS://Rollcall.example.com/crm/" })}, false, "9 [] "},
		"another path":       {Known{}, []Listed{ours("9", func(l *Listed) { l.URL = here + "2" })}, false, " [] there was none"},
		"paths have capital": {Known{}, []Listed{ours("9", func(l *Listed) { l.URL = "https://rollcall.example.com/CRM" })}, false, " [] there was none"},
		"somebody else's":    {known, []Listed{ours("7"), ours("8", func(l *Listed) { l.URL = "https://x.example.com" })}, false, "7 [] "},
		"other events":       {known, []Listed{ours("7"), ours("8", func(l *Listed) { l.Ours = false })}, false, "7 [] "},
		"twice":              {known, []Listed{ours("5"), ours("7"), ours("9")}, false, "7 [5 9] "},
		"twice, unknown":     {Known{}, []Listed{ours("5"), ours("6")}, false, "5 [6] "},
		"moved":              {moved, []Listed{ours("7", func(l *Listed) { l.URL = moved.URL })}, false, " [7] it sends to https://old.example.com/crm"},
		"another user":       {known, []Listed{ours("7", func(l *Listed) { l.Username = "x" })}, false, " [7] it sends another user name"},
		"another password":   {rotated, []Listed{ours("7")}, false, " [7] the configuration names another password since it was registered"},
		"events of another":  {known, []Listed{ours("7", func(l *Listed) { l.Ours = false })}, false, " [7] it is not about the events that the receiver takes"},
		"ended":              {known, []Listed{ours("7", func(l *Listed) { l.Active = false })}, false, " [] the application has ended it"},
		"ended with reason":  {known, []Listed{ours("7", func(l *Listed) { l.Active, l.Reason = false, "failed" })}, false, " [] the application has ended it: failed"},
		"anew":               {known, []Listed{ours("7"), ours("8")}, true, " [7 8] it was asked for"},
		"failing stays":      {known, []Listed{ours("7", func(l *Listed) { l.Status = 401 })}, false, "7 [] "},
		"no name shown":      {known, []Listed{ours("7", nameless)}, false, "7 [] "},
		"nor of another":     {Known{}, []Listed{ours("9", nameless)}, false, "9 [] "},
		"no name, renamed":   {renamed, []Listed{ours("7", nameless)}, false, " [7] it sends another user name"},
		"name shown is new":  {renamed, []Listed{ours("7")}, false, "7 [] "},
		"always odd":         {odd, []Listed{ours("7", strange)}, false, "7 [] "},
		"odd for once":       {known, []Listed{ours("7", strange)}, false, " [7] it sends to https://rollcall.example.com/***"},
		"odd otherwise":      {odd, []Listed{ours("7", func(l *Listed) { l.Username = "x" })}, false, " [7] it sends another user name"},
		"odd, and rotated":   {oddBefore, []Listed{ours("7", strange)}, false, " [7] it sends to https://rollcall.example.com/***"},
		"odd, and anew":      {odd, []Listed{ours("7", strange)}, true, " [7] it was asked for"},
		"a usual port":       {Known{}, []Listed{ours("9", func(l *Listed) { l.URL = "https://rollcall.example.com:443/crm" })}, false, "9 [] "},
		"another port":       {Known{}, []Listed{ours("9", func(l *Listed) { l.URL = "https://rollcall.example.com:8443/crm" })}, false, " [] there was none"},
		"escaped":            {Known{}, []Listed{ours("9", func(l *Listed) { l.URL = "https://rollcall.example.com/%63rm" })}, false, "9 [] "},
		"another query":      {Known{}, []Listed{ours("9", func(l *Listed) { l.URL = here + "?for=other" })}, false, " [] there was none"},
		"left over":          {left, []Listed{ours("5", func(l *Listed) { l.URL = moved.URL }), ours("7")}, false, "7 [5] "},
		"left over, ended":   {left, []Listed{ours("5", func(l *Listed) { l.Active = false }), ours("7")}, false, "7 [] "},
		"left over alone":    {left, []Listed{ours("5")}, false, " [5] the application does not have it any more, as when deliveries have failed for days"},
		"moved back":         {back, []Listed{ours("5"), ours("7", func(l *Listed) { l.URL = moved.URL })}, false, " [5 7] it sends to https://old.example.com/crm"},
		"forbidden stays":    {known, []Listed{ours("7", func(l *Listed) { l.Status = 403 })}, false, "7 [] "},
		"crash after a move": {moved, []Listed{ours("7", func(l *Listed) { l.URL = moved.URL }), ours("8")}, false, "8 [7] "},
	} {
		plan := Decide(want, c.known, c.list, c.anew)
		kept, ended := "", []string{}
		if plan.Keep != nil {
			kept = plan.Keep.ID
		}
		for _, l := range plan.End {
			ended = append(ended, l.ID)
		}
		if got := fmt.Sprintf("%s %v %s", kept, ended, plan.Why); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if SameURL("", "") {
		t.Error("without an address everything would be this agent's")
	}
}

// TestWithoutAnAddressNothingBelongs: a configuration without a receiver ends only
// what was registered.
func TestWithoutAnAddressNothingBelongs(t *testing.T) {
	list := []Listed{ours("7"), ours("8", func(l *Listed) { l.URL = "" })}
	if got := Own(Want{}, Known{ID: "7"}, list); len(got) != 1 || got[0].ID != "7" {
		t.Errorf("%+v", got)
	}
}
