package orchestration_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// FuzzState checks that a state from the store is refused or usable, whatever it
// holds: no transition panics or leaves a state that cannot be read again.
func FuzzState(f *testing.F) {
	d := steps(
		call("a", "x"), orchestration.Step{Name: "w", WaitUntil: "ad.disabled", Deadline: hour}, delay("d"),
		onError(mail("m", "{{ steps.a.response.id }}"), "goto", "d"), update("u", "{{ steps.a.status }}"),
	)
	o, err := orchestration.Compile(d, orchestration.Options{})
	if err != nil {
		f.Fatal(err)
	}
	v := orchestration.Values{Object: person(ident.Attributes{"mail": {"a@example.org"}}, true), Now: began}
	s := o.Start(began)
	for range 8 {
		kept, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(kept)
		if s.Phase == orchestration.PhaseDelivering || s.Phase == orchestration.PhaseTrying {
			s, _, _ = o.Settle(s, fine, v.Now, 0)
		} else {
			s, _, _ = o.Advance(s, v)
			v.Now = v.Now.Add(30 * 3600e9)
		}
	}
	f.Add([]byte(`{"version":1,"phase":"enter","step":-1,"turns":[]}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, kept []byte) {
		s, err := o.ParseState(kept)
		var refused *orchestration.StateError
		if err != nil {
			if !errors.As(err, &refused) {
				t.Fatalf("%v is no StateError", err)
			}
			return
		}
		for name, f := range map[string]func() (orchestration.State, orchestration.Decision, error){
			"Advance":   func() (orchestration.State, orchestration.Decision, error) { return o.Advance(s, v) },
			"Settle":    func() (orchestration.State, orchestration.Decision, error) { return o.Settle(s, boom, v.Now, 0.5) },
			"Resume":    func() (orchestration.State, orchestration.Decision, error) { return o.Resume(s, v.Now) },
			"Redeliver": func() (orchestration.State, orchestration.Decision, error) { return o.Redeliver(s, v.Now) },
			"Cancel":    func() (orchestration.State, orchestration.Decision, error) { return o.Cancel(s, "x", v.Now) },
		} {
			next, _, err := f()
			if err != nil {
				continue
			}
			b, err := json.Marshal(next)
			if err != nil {
				continue // a time beyond the year 9999
			}
			if _, err := o.ParseState(b); err != nil {
				t.Errorf("%s leads from %s to %s: %v", name, kept, b, err)
			}
		}
		for i := range d.Steps {
			_, _ = o.Render(i, s, v)
		}
	})
}

// FuzzDefinition checks that a definition from the store compiles or is refused
// with mistakes, whatever it holds, and that an instance of it can begin.
func FuzzDefinition(f *testing.F) {
	d := steps(
		when(call("a", "{{ ad.cn }}"), "link != null"), delay(""), orchestration.Step{WaitUntil: "ad.disabled", Deadline: hour},
		onError(mail("m", "x"), "goto", "a"), update("u", "{{ steps.a.response }}"), orchestration.Step{Command: []string{"/x", "{{ ad.cn }}"}},
	)
	d.CancelWhen, d.Password = "!ad.disabled", true
	b, err := json.Marshal(d)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"name":"o","steps":[{"name":"a","webhook":{}}],"on_error":{"do":"goto","goto":"a"}}`))
	f.Add([]byte(`{"name":"o","steps":[{"delay":"1h"},{"directory":{"action":"move","ou":"x"}}],"within":"-1h"}`))
	f.Add([]byte(`{"steps":[{"wait_until":"ad.x","on_error":{"do":"goto","goto":"step1"}}]}`))
	f.Fuzz(func(t *testing.T, kept []byte) {
		var d orchestration.Definition
		if json.Unmarshal(kept, &d) != nil {
			return
		}
		o, err := orchestration.Compile(d, orchestration.Options{})
		var mistakes orchestration.MistakesError
		if err != nil {
			if !errors.As(err, &mistakes) || len(mistakes) == 0 {
				t.Fatalf("%v is no MistakesError", err)
			}
			return
		}
		if len(o.Describe()) != len(d.Steps) {
			t.Errorf("%q describes %d steps", o.Describe(), len(d.Steps))
		}
		v := orchestration.Values{Object: person(nil, true), Now: began}
		if _, _, err := o.Advance(o.Start(began), v); err != nil {
			t.Error(err)
		}
		for i := range d.Steps {
			_, _ = o.Render(i, o.Start(began), v)
		}
	})
}
