package dispatch

import (
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// renderedCall is a call as it is kept for all attempts of a delivery.
type renderedCall struct {
	abi.Webhook
	// Ends is the key of the link that ends with the call's success; "": none does. It
	// is kept with the call, as the object may get another link between two attempts.
	Ends ident.Key `json:"ended_key,omitempty"`
}

// ends returns the key of the link that ends with the success of a delivery.
func (o delivery) ends(v orchestration.Values) ident.Key {
	w := o.step.Webhook
	if !w.Call.EndsLink {
		return ""
	}
	return v.LinkIn(ident.SpaceOf(w.Application, w.LinkKind)).Key
}
