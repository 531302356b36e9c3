package mapping

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Address is where the content of an attribute with attach is.
type Address struct {
	Attribute string // spelled as in the configuration
	URL       string
	Apply     ident.Apply
	Directory bool // a value that somebody has set by hand stays
	Small     bool // AD takes at most ident.MaxPicture bytes
}

// Attaches reports whether any attribute has attach.
func (m *Mapper) Attaches() bool {
	for _, a := range m.attributes {
		if a.Attach {
			return true
		}
	}
	return false
}

// Addresses returns where the content of a record's attributes is. It leaves out an
// attribute without exactly one address: Map says why.
func (m *Mapper) Addresses(rec ident.Record) []Address {
	e := m.evaluation(rec)
	defer e.release()
	var out []Address
	for _, a := range m.attributes {
		if !a.Attach {
			continue
		}
		w, err := e.wanted(a)
		if err == nil && w.state != expr.Present && a.OnMissing == OnMissingDefault {
			w, err = e.byDefault(a)
		}
		if err != nil || w.state != expr.Present || len(w.values) != 1 {
			continue
		}
		out = append(out, Address{
			Attribute: a.Name, URL: w.values[0].value, Apply: a.Apply, Directory: a.Directory, Small: text.Same(a.Name, "thumbnailPhoto"),
		})
	}
	return out
}

// chooseAttached adds what was fetched from an address to the result. Without it the
// account keeps its value.
func (e *evaluation) chooseAttached(a *attribute, w *wanted, d ident.DesiredAttribute) error {
	if n := len(w.values); n > 1 {
		return &Error{
			Attribute: a.Name, Pos: w.pos, Cause: fmt.Sprintf("it is fetched from one address, and there are %d", n),
			Next: "choose one of them: item(..., 1)", alone: true,
		}
	}
	got := e.attached[a.Name]
	switch {
	case got.Problem != "":
		return &Error{Attribute: a.Name, Pos: w.pos, Cause: got.Problem, Common: got.Shared, Next: got.Next, alone: true}
	case len(got.Content) == 0:
		e.waits = e.waits || got.Waits || e.link == nil
		e.settle(a, expr.Absent)
		return nil
	}
	d.Binary, d.Source, d.Values = true, w.values[0].source(), []string{string(got.Content)}
	if err := e.fits(a, d, w.pos); err != nil {
		return err
	}
	e.final[a.Name] = asValue(a.encoded(d.Values))
	e.want(a, d)
	return nil
}
