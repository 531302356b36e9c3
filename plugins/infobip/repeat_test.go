//go:build !wasip1

package main

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// writes counts the requests that could change something.
func (s scene) writes() (n int) {
	for _, r := range s.requests() {
		if !strings.HasPrefix(r, "GET ") {
			n++
		}
	}
	return n
}

// An answer is lost within one call: the next attempt of the same call does
// what remains.
func TestLostAnswerWithinOneCall(t *testing.T) {
	for _, w := range manifest(t).Webhooks {
		t.Run(w.Name, func(t *testing.T) {
			s, o := newOperations(t, nil), operations()[w.Name]
			if o.about == nil {
				o.about = person3
			}
			v := o.about(t, s)
			s.fault(t, sim.Fault{Kind: sim.Lost, Method: w.Method, Times: 1})
			answer, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, w, v)})
			if err != nil {
				t.Fatalf("%v\n%s", err, strings.Join(s.requests(), "\n"))
			}
			if problem := o.done(t, s); problem != "" {
				t.Error(problem)
			}
			if o.key != nil && answer.LinkKey != o.key(t, s) {
				t.Errorf("key %q", answer.LinkKey)
			}
		})
	}
}

// An existing person is linked, whoever created it, and nothing is sent.
func TestWhatIsThereIsTaken(t *testing.T) {
	for name, key := range map[string]string{"create_person": "3", "create_tag": "Staff", "create_custom_attribute": ""} {
		s := newOperations(t, nil)
		v := about("")
		v["ad.objectGUID"], v["ad.cn"], v["settings.custom_attribute"] = "hr-3", "Staff", "Department"
		answer, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, webhook(t, name), v)})
		if err != nil || key != "" && answer.LinkKey != key || s.writes() > 0 {
			t.Errorf("%s: %v, key %q, %v", name, err, answer.LinkKey, s.requests())
		}
	}
}

// A second delivery that has nothing to add sends nothing.
func TestNothingLeftToSend(t *testing.T) {
	for _, name := range []string{"add_contact_information", "remove_contact_information", "add_tag", "remove_tag", "batch_update", "delete_person", "delete_tag", "delete_custom_attribute"} {
		s, o := newOperations(t, nil), operations()[name]
		if o.about == nil {
			o.about = person3
		}
		w := render(t, webhook(t, name), o.about(t, s))
		if name == "batch_update" {
			w.Body = `{"people":[{"query":{"type":"ID","identifier":"3"},"update":{"tags":["Staff"]}}]}`
		}
		for again := range 2 {
			if _, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: w, Again: again > 0}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if s.writes() != 1 {
			t.Errorf("%s: %v", name, s.requests())
		}
	}
}
