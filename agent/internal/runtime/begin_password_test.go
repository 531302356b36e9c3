package runtime

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// TestNobodyBeginsWhatHandsOverAPassword: there is none for a person who has an
// account already.
func TestNobodyBeginsWhatHandsOverAPassword(t *testing.T) {
	o, err := orchestration.Compile(orchestration.Definition{Name: "welcome", Password: true, Steps: []orchestration.Step{{
		Mail: &orchestration.Mail{To: []string{"boss@x"}, Subject: "hello", Text: "{{ password }}"},
	}}}, orchestration.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &Snapshot{orchestrations: map[string]orchestrated{"welcome": {compiled: o}}}
	if _, err := s.beginning("welcome"); err == nil || !strings.Contains(err.Error(), "welcome hands over an initial password, and there is none here") {
		t.Error(err)
	}
}
