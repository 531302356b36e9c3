package runtime

import (
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// These types are shared with the packages that they come from.
type (
	// Listed is a webhook with what it needs.
	Listed = fit.Listed
	// SampleRequest is a request that is not sent.
	SampleRequest = fit.SampleRequest
	// Exchange is a request that was sent, with its answer.
	Exchange = host.Exchange
)

// manifest returns the manifest of an application's connector; false when none
// serves.
func (s *Snapshot) manifest(application string) (abi.Manifest, bool) {
	c := s.connectors[s.config.Applications[application].Connector]
	return c.manifest, c.Connector != nil && c.err == nil
}

// Webhooks lists every webhook that steps may name. The errors are about
// applications whose connector is not known.
func (s *Snapshot) Webhooks() ([]Listed, []error) { return fit.Catalogue(s.config, s.manifest) }

// Webhook returns the webhook with a name. An unknown name is an
// *ident.UnknownNameError.
func (s *Snapshot) Webhook(name string) (Listed, error) {
	return fit.FindWebhook(s.config, name, s.manifest)
}

// SampleRequest renders a webhook for an object that does not exist.
func (s *Snapshot) SampleRequest(name string) (SampleRequest, error) {
	m, _ := s.manifest(s.config.ApplicationOf(name))
	return fit.Sample(s.config, name, m, time.Now())
}
