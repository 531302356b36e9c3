package control

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// Client asks an agent. It has one method for each method of service.Service.
// The methods take no caller, because the other end of the transport knows it.
// Lists end with their error.
type Client struct{ to Transport }

// NewClient returns a client that sends its calls through a transport.
func NewClient(to Transport) *Client { return &Client{to} }

// Configuration returns how the configuration on disk differs from the
// agent's; nil if it does not.
func (c *Client) Configuration(ctx context.Context, in service.OnDisk) (*service.Divergence, error) {
	return callConfiguration.ask(ctx, c.to, in)
}

// Suggest proposes a data source for an endpoint.
func (c *Client) Suggest(ctx context.Context, in service.SuggestRequest) (service.SuggestAnswer, error) {
	return callSuggest.ask(ctx, c.to, in)
}

// Macros lists what may stand in a template.
func (c *Client) Macros(ctx context.Context, in service.MacrosRequest) (service.MacrosAnswer, error) {
	return callMacros.ask(ctx, c.to, in)
}

// Connectors lists the files of the modules folder.
func (c *Client) Connectors(ctx context.Context, in service.Nothing) ([]connector.View, error) {
	return callConnectors.ask(ctx, c.to, in)
}

// Online checks what the accounts are allowed to do.
func (c *Client) Online(ctx context.Context, in service.OnDisk) (service.OnlineAnswer, error) {
	return callOnline.ask(ctx, c.to, in)
}

// Consent returns where somebody consents, and to what.
func (c *Client) Consent(ctx context.Context, in service.ConsentRequest) (service.ConsentAnswer, error) {
	return callConsent.ask(ctx, c.to, in)
}

// Authorize exchanges the vendor's answer for tokens.
func (c *Client) Authorize(ctx context.Context, in service.AuthorizeRequest) (service.Authorized, error) {
	return callAuthorize.ask(ctx, c.to, in)
}

// Webhooks lists the webhooks that steps may name.
func (c *Client) Webhooks(ctx context.Context, in service.WebhooksRequest) (service.WebhooksAnswer, error) {
	return callWebhooks.ask(ctx, c.to, in)
}

// Register lets an application tell of its changes.
func (c *Client) Register(ctx context.Context, in service.SubscriptionRequest) (service.SubscriptionAnswer, error) {
	return callRegister.ask(ctx, c.to, in)
}

// Unregister ends the subscription of an application.
func (c *Client) Unregister(ctx context.Context, in service.SubscriptionRequest) (service.SubscriptionAnswer, error) {
	return callUnregister.ask(ctx, c.to, in)
}

// SubscriptionStatus says how the subscription of an application stands.
func (c *Client) SubscriptionStatus(ctx context.Context, in service.SubscriptionRequest) (service.SubscriptionStatus, error) {
	return callSubscription.ask(ctx, c.to, in)
}

// TestWebhook tries a webhook on one object.
func (c *Client) TestWebhook(ctx context.Context, in service.TestWebhookRequest) (service.TestWebhookAnswer, error) {
	return callTestWebhook.ask(ctx, c.to, in)
}

// TestEndpoint makes the call of an endpoint, and passes on what it delivers.
func (c *Client) TestEndpoint(ctx context.Context, in service.TestEndpointRequest) iter.Seq2[service.Tried, error] {
	return callTestEndpoint.ask(ctx, c.to, in)
}

// TestMapping takes records through the mapping of a data source.
func (c *Client) TestMapping(ctx context.Context, in service.TestMappingRequest) (service.TestMappingAnswer, error) {
	return callTestMapping.ask(ctx, c.to, in)
}

// Objects lists users and groups to choose from.
func (c *Client) Objects(ctx context.Context, in service.ObjectsRequest) (service.ObjectsAnswer, error) {
	return callObjects.ask(ctx, c.to, in)
}

// Choose returns for which objects an orchestration would begin.
func (c *Client) Choose(ctx context.Context, in service.OrchestrateRequest) (service.ChosenAnswer, error) {
	return callChoose.ask(ctx, c.to, in)
}

// Orchestrate begins an orchestration for the chosen objects.
func (c *Client) Orchestrate(ctx context.Context, in service.OrchestrateRequest) (service.ReportAnswer, error) {
	return callOrchestrate.ask(ctx, c.to, in)
}

// Plan returns what a run would do.
func (c *Client) Plan(ctx context.Context, in service.PlanRequest) (service.PlanAnswer, error) {
	return callPlan.ask(ctx, c.to, in)
}

// Apply makes a run, or carries out a saved plan.
func (c *Client) Apply(ctx context.Context, in service.ApplyRequest) (service.ReportAnswer, error) {
	return callApply.ask(ctx, c.to, in)
}

// Approve carries out what a run holds.
func (c *Client) Approve(ctx context.Context, in service.DecideRequest) (service.ReportAnswer, error) {
	return callApprove.ask(ctx, c.to, in)
}

// Reject decides against what a run holds.
func (c *Client) Reject(ctx context.Context, in service.DecideRequest) (service.RejectAnswer, error) {
	return callReject.ask(ctx, c.to, in)
}

// Runs lists the newest runs.
func (c *Client) Runs(ctx context.Context, in service.RunsRequest) ([]service.Run, error) {
	return callRuns.ask(ctx, c.to, in)
}

// Run returns what became of each change of a run.
func (c *Client) Run(ctx context.Context, in service.RunRequest) (service.Report, error) {
	return callRun.ask(ctx, c.to, in)
}

// Links lists the links, in the order of their application and key.
func (c *Client) Links(ctx context.Context, in service.LinksRequest) iter.Seq2[service.ListedLink, error] {
	return callLinks.ask(ctx, c.to, in)
}

// Link says which account a record belongs to.
func (c *Client) Link(ctx context.Context, in service.LinkRequest) (service.LinkAnswer, error) {
	return callLink.ask(ctx, c.to, in)
}

// Rekey gives the account of one key to another.
func (c *Client) Rekey(ctx context.Context, in service.RekeyRequest) (service.LinkAnswer, error) {
	return callRekey.ask(ctx, c.to, in)
}

// Unlink forgets which account a record belongs to.
func (c *Client) Unlink(ctx context.Context, in service.UnlinkRequest) (service.Unlinked, error) {
	return callUnlink.ask(ctx, c.to, in)
}

// Quarantine lists what was set aside.
func (c *Client) Quarantine(ctx context.Context, in service.Nothing) ([]service.QuarantineList, error) {
	return callQuarantine.ask(ctx, c.to, in)
}

// Accept records that a person accepts what is reported.
func (c *Client) Accept(ctx context.Context, in service.AcceptRequest) ([]ident.QuarantineItem, error) {
	return callAccept.ask(ctx, c.to, in)
}

// Retry makes the next run try again what was refused, or judges changes again.
func (c *Client) Retry(ctx context.Context, in service.AcceptRequest) (service.RetryAnswer, error) {
	return callRetry.ask(ctx, c.to, in)
}

// VerifyJournal checks the chain of hashes.
func (c *Client) VerifyJournal(ctx context.Context, in service.Nothing) (service.JournalState, error) {
	return callVerifyJournal.ask(ctx, c.to, in)
}

// ExportJournal lists the lines of the journal in order.
func (c *Client) ExportJournal(ctx context.Context, in service.Nothing) iter.Seq2[json.RawMessage, error] {
	return callExportJournal.ask(ctx, c.to, in)
}

// SetSecret stores a secret.
func (c *Client) SetSecret(ctx context.Context, in service.SecretRequest) (service.Nothing, error) {
	return callSetSecret.ask(ctx, c.to, in)
}

// Secrets lists the names of the stored secrets.
func (c *Client) Secrets(ctx context.Context, in service.Nothing) ([]string, error) {
	return callSecrets.ask(ctx, c.to, in)
}

// DeleteSecret removes a secret.
func (c *Client) DeleteSecret(ctx context.Context, in service.SecretRequest) (service.Nothing, error) {
	return callDeleteSecret.ask(ctx, c.to, in)
}

// Queue lists deliveries, in the order in which they were queued.
func (c *Client) Queue(ctx context.Context, in service.QueueRequest) iter.Seq2[service.Delivery, error] {
	return callQueue.ask(ctx, c.to, in)
}

// Delivery returns one delivery with its story.
func (c *Client) Delivery(ctx context.Context, in service.DeliveryRequest) (service.DeliveryAnswer, error) {
	return callDelivery.ask(ctx, c.to, in)
}

// RetryDelivery gives a delivery new attempts, the first at once.
func (c *Client) RetryDelivery(ctx context.Context, in service.DeliveryRequest) (service.Delivery, error) {
	return callRetryDelivery.ask(ctx, c.to, in)
}

// DropDelivery gives a delivery up, and with it the instance that it belongs to.
func (c *Client) DropDelivery(ctx context.Context, in service.DeliveryRequest) (service.Delivery, error) {
	return callDropDelivery.ask(ctx, c.to, in)
}

// Instances lists instances, in the order in which they began.
func (c *Client) Instances(ctx context.Context, in service.InstancesRequest) iter.Seq2[service.Instance, error] {
	return callInstances.ask(ctx, c.to, in)
}

// Instance returns one instance with its story.
func (c *Client) Instance(ctx context.Context, in service.InstanceRequest) (service.InstanceAnswer, error) {
	return callInstance.ask(ctx, c.to, in)
}

// CancelInstance ends an instance before its time.
func (c *Client) CancelInstance(ctx context.Context, in service.InstanceRequest) (service.Instance, error) {
	return callCancel.ask(ctx, c.to, in)
}

// ResumeInstance lets an instance go on from the step that failed.
func (c *Client) ResumeInstance(ctx context.Context, in service.InstanceRequest) (service.Instance, error) {
	return callResume.ask(ctx, c.to, in)
}

// ReplayInstance begins an instance that has ended once more.
func (c *Client) ReplayInstance(ctx context.Context, in service.InstanceRequest) (service.Instance, error) {
	return callReplay.ask(ctx, c.to, in)
}

// Explain tells what happened to a user: first who that is, then what happened, the
// oldest first.
func (c *Client) Explain(ctx context.Context, in service.ExplainRequest) iter.Seq2[service.Explained, error] {
	return callExplain.ask(ctx, c.to, in)
}

// Events lists what the directory showed, the oldest first.
func (c *Client) Events(ctx context.Context, in service.EventsRequest) iter.Seq2[service.ListedEvent, error] {
	return callEvents.ask(ctx, c.to, in)
}
