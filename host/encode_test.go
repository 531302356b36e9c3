package host

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestWhatAConnectorIsNotTold checks that a connector does not learn the
// audience, which is for the agent, and that the caller's endpoint stays
// unchanged.
func TestWhatAConnectorIsNotTold(t *testing.T) {
	e := abi.Endpoint{Name: "users", Audience: abi.AudienceCustomers, Attributes: []abi.Attribute{{Name: "everybody", Type: abi.TypeString}}}
	input, err := encode(Application{Name: "crm"}, abi.Call{Function: abi.FunctionFetch, Endpoint: &e})
	if err != nil || !strings.Contains(string(input), `"name":"users"`) || strings.Contains(string(input), "customers") || strings.Contains(string(input), "everybody") {
		t.Errorf("%s, %v", input, err)
	}
	if e.Audience == "" || len(e.Attributes) != 1 {
		t.Errorf("the caller's endpoint was changed: %+v", e)
	}
}
