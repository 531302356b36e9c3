package mapping

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Who may log in, by the day and by the record. Who has left has left, also before the
// first day.
func TestStateOfAnAccount(t *testing.T) {
	src := func(text string) *expr.Source { return &expr.Source{Text: text} }
	m, errs := Compile(Definition{
		Primary: "id", OU: src("OU=Staff,DC=x"),
		EnableWhen:  src(`date(user.start) <= now`),
		DisableWhen: src(`user.end != null && date_add(user.end, 1, "days") <= now`),
		Attributes:  []AttributeDef{{Name: "displayName", Value: src("user.name")}, {Name: "sAMAccountName", Value: src("user.name")}},
	})
	for _, err := range errs {
		t.Fatal(err)
	}
	if m.StateByTime() == "" || len(m.FixedStates()) > 0 {
		t.Errorf("by time: %q, fixed: %v", m.StateByTime(), m.FixedStates())
	}
	m = m.At(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC))
	account := &ident.Entry{DN: "CN=Ada,OU=Staff,DC=x"}
	for name, c := range map[string]struct {
		start, end any
		off        ident.Off
		wrong      string
	}{
		"begins today":           {start: "2026-03-02"},
		"begins tomorrow":        {start: "2026-03-03", off: ident.OffNotYet},
		"began":                  {start: "2020-01-01"},
		"the last day":           {start: "2020-01-01", end: "2026-03-02"},
		"left yesterday":         {start: "2020-01-01", end: "2026-03-01", off: ident.OffEnded},
		"never began":            {start: "2026-04-01", end: "2026-02-01", off: ident.OffEnded},
		"nobody knows when":      {start: nil, wrong: "enable_when: "},
		"a date that is none":    {start: "soon", wrong: "enable_when: "},
		"a last day that is not": {start: "2020-01-01", end: "soon", wrong: "disable_when: "},
	} {
		t.Run(name, func(t *testing.T) {
			rec := ident.Record{Key: "1", Fields: map[string]any{"id": "1", "name": "Ada", "start": c.start, "end": c.end}}
			for _, current := range []*ident.Entry{nil, account} {
				d, err := m.Map(rec, current, nil, nil)
				var fault *Error
				switch {
				case c.wrong != "" && (!errors.As(err, &fault) || !strings.Contains(err.Error(), c.wrong) || fault.Next == ""):
					t.Errorf("%v", err)
				case c.wrong == "" && (err != nil || d.Off != c.off):
					t.Errorf("%q, %v", d.Off, err)
				case c.off == ident.OffEnded && (len(d.Attributes) > 0) != (current != nil):
					t.Errorf("maps %v for %v", d.Attributes, current)
				}
				shown, err := m.Consider(rec, current, nil, nil)
				if err != nil || len(shown.State) != 2 || len(shown.Shown.Faults) > 0 != (c.wrong != "") {
					t.Fatalf("%+v, %v", shown, err)
				}
				for _, s := range shown.State {
					if s.Decides != (s.Off == c.off) || len(s.Reads) == 0 {
						t.Errorf("%s decides: %t, %+v", s.Off, s.Decides, s.Reads)
					}
				}
			}
		})
	}
	if _, errs := Compile(Definition{
		Primary: "id", OU: src("OU=Staff,DC=x"), EnableWhen: src("attributes.displayName == 'x'"), DisableWhen: src("3"),
		Attributes: []AttributeDef{{Name: "displayName", Value: src("user.name")}},
	}); len(errs) == 0 || !strings.Contains(errors.Join(errs...).Error(), "attributes") {
		t.Errorf("%v", errs)
	}
}
