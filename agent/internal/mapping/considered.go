package mapping

import "github.com/rollcall-agent/rollcall/agent/internal/ident"

// Considered is one record with what the definition makes of it, and how.
type Considered struct {
	Record ident.Record // with its derived fields
	Scope  Scope
	Shown  Shown // only of a record in scope
	State  []StateCondition
	// Err says why the record would be quarantined before anything is decided
	// about it: its fields cannot be derived, or its scope cannot.
	Err error
}

// Consider derives the fields of a record, decides whether it is in scope, and maps
// it if it is: see Scope and Show. Only an error of names is returned.
func (m *Mapper) Consider(rec ident.Record, current *ident.Entry, link *ident.Link, names Names) (Considered, error) {
	derived, err := m.Derive(rec)
	if err != nil {
		return Considered{Record: rec, Err: err}, nil
	}
	out := Considered{Record: derived, Scope: m.Scope(derived)}
	if out.Err = out.Scope.Err; out.Err != nil || !out.Scope.In {
		return out, nil
	}
	if out.Shown, err = m.Show(derived, current, link, names); err != nil {
		return out, err
	}
	e := m.evaluation(derived)
	defer e.release()
	var fault *Error
	if out.State, fault = e.showState(); fault != nil {
		out.Shown.Faults = append(out.Shown.Faults, fault)
	}
	return out, nil
}
