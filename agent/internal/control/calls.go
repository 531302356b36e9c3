package control

import (
	"encoding/json"
	"log/slog"

	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// These are the calls with their names on the wire and the types of question
// and answer.
var (
	callConfiguration = call[service.OnDisk, *service.Divergence]{"configuration"}
	callConnectors    = call[service.Nothing, []connector.View]{"connectors"}
	callMacros        = call[service.MacrosRequest, service.MacrosAnswer]{"macros"}
	callSuggest       = call[service.SuggestRequest, service.SuggestAnswer]{"suggest"}
	callOnline        = call[service.OnDisk, service.OnlineAnswer]{"online"}
	callConsent       = call[service.ConsentRequest, service.ConsentAnswer]{"consent"}
	callAuthorize     = call[service.AuthorizeRequest, service.Authorized]{"authorize"}

	callWebhooks     = call[service.WebhooksRequest, service.WebhooksAnswer]{"webhooks"}
	callTestWebhook  = call[service.TestWebhookRequest, service.TestWebhookAnswer]{"test-webhook"}
	callTestEndpoint = list[service.TestEndpointRequest, service.Tried]{"test-endpoint"}
	callTestMapping  = call[service.TestMappingRequest, service.TestMappingAnswer]{"test-mapping"}
	callObjects      = call[service.ObjectsRequest, service.ObjectsAnswer]{"objects"}
	callChoose       = call[service.OrchestrateRequest, service.ChosenAnswer]{"choose"}
	callOrchestrate  = call[service.OrchestrateRequest, service.ReportAnswer]{"orchestrate"}

	callRegister     = call[service.SubscriptionRequest, service.SubscriptionAnswer]{"register"}
	callUnregister   = call[service.SubscriptionRequest, service.SubscriptionAnswer]{"unregister"}
	callSubscription = call[service.SubscriptionRequest, service.SubscriptionStatus]{"subscription"}

	callPlan    = call[service.PlanRequest, service.PlanAnswer]{"plan"}
	callApply   = call[service.ApplyRequest, service.ReportAnswer]{"apply"}
	callApprove = call[service.DecideRequest, service.ReportAnswer]{"approve"}
	callReject  = call[service.DecideRequest, service.RejectAnswer]{"reject"}
	callRuns    = call[service.RunsRequest, []service.Run]{"runs"}
	callRun     = call[service.RunRequest, service.Report]{"run"}

	callLinks  = list[service.LinksRequest, service.ListedLink]{"links"}
	callLink   = call[service.LinkRequest, service.LinkAnswer]{"link"}
	callRekey  = call[service.RekeyRequest, service.LinkAnswer]{"rekey"}
	callUnlink = call[service.UnlinkRequest, service.Unlinked]{"unlink"}

	callQuarantine = call[service.Nothing, []service.QuarantineList]{"quarantine"}
	callAccept     = call[service.AcceptRequest, []ident.QuarantineItem]{"quarantine-accept"}
	callRetry      = call[service.AcceptRequest, service.RetryAnswer]{"quarantine-retry"}

	callVerifyJournal = call[service.Nothing, service.JournalState]{"journal-verify"}
	callExportJournal = list[service.Nothing, json.RawMessage]{"journal-export"}

	callQueue         = list[service.QueueRequest, service.Delivery]{"queue"}
	callDelivery      = call[service.DeliveryRequest, service.DeliveryAnswer]{"delivery"}
	callRetryDelivery = call[service.DeliveryRequest, service.Delivery]{"delivery-retry"}
	callDropDelivery  = call[service.DeliveryRequest, service.Delivery]{"delivery-drop"}

	callInstances = list[service.InstancesRequest, service.Instance]{"instances"}
	callInstance  = call[service.InstanceRequest, service.InstanceAnswer]{"instance"}
	callCancel    = call[service.InstanceRequest, service.Instance]{"instance-cancel"}
	callResume    = call[service.InstanceRequest, service.Instance]{"instance-resume"}
	callReplay    = call[service.InstanceRequest, service.Instance]{"instance-replay"}

	callExplain = list[service.ExplainRequest, service.Explained]{"explain"}
	callEvents  = list[service.EventsRequest, service.ListedEvent]{"events"}

	callSetSecret    = call[service.SecretRequest, service.Nothing]{"secret-set"}
	callSecrets      = call[service.Nothing, []string]{"secret-list"}
	callDeleteSecret = call[service.SecretRequest, service.Nothing]{"secret-delete"}
)

// Calls returns a Mux with every call of a service.
func Calls(s *service.Service, log *slog.Logger) *Mux {
	m := NewMux(log)
	callConfiguration.serve(m, s.Configuration)
	callConnectors.serve(m, s.Connectors)
	callMacros.serve(m, s.Macros)
	callSuggest.serve(m, s.Suggest)
	callOnline.serve(m, s.Online)
	callConsent.serve(m, s.Consent)
	callAuthorize.serve(m, s.Authorize)
	callWebhooks.serve(m, s.Webhooks)
	callTestWebhook.serve(m, s.TestWebhook)
	callTestEndpoint.serve(m, s.TestEndpoint)
	callTestMapping.serve(m, s.TestMapping)
	callObjects.serve(m, s.Objects)
	callChoose.serve(m, s.Choose)
	callOrchestrate.serve(m, s.Orchestrate)
	callRegister.serve(m, s.Register)
	callUnregister.serve(m, s.Unregister)
	callSubscription.serve(m, s.SubscriptionStatus)
	callPlan.serve(m, s.Plan)
	callApply.serve(m, s.Apply)
	callApprove.serve(m, s.Approve)
	callReject.serve(m, s.Reject)
	callRuns.serve(m, s.Runs)
	callRun.serve(m, s.Run)
	callLinks.serve(m, s.Links)
	callLink.serve(m, s.Link)
	callRekey.serve(m, s.Rekey)
	callUnlink.serve(m, s.Unlink)
	callQuarantine.serve(m, s.Quarantine)
	callAccept.serve(m, s.Accept)
	callRetry.serve(m, s.Retry)
	callVerifyJournal.serve(m, s.VerifyJournal)
	callExportJournal.serve(m, s.ExportJournal)
	serveOutbound(m, s)
	callSetSecret.serve(m, s.SetSecret)
	callSecrets.serve(m, s.Secrets)
	callDeleteSecret.serve(m, s.DeleteSecret)
	return m
}

// serveOutbound adds the calls about deliveries, orchestrations and what began them.
func serveOutbound(m *Mux, s *service.Service) {
	callQueue.serve(m, s.Queue)
	callDelivery.serve(m, s.Delivery)
	callRetryDelivery.serve(m, s.RetryDelivery)
	callDropDelivery.serve(m, s.DropDelivery)
	callInstances.serve(m, s.Instances)
	callInstance.serve(m, s.Instance)
	callCancel.serve(m, s.CancelInstance)
	callResume.serve(m, s.ResumeInstance)
	callReplay.serve(m, s.ReplayInstance)
	callExplain.serve(m, s.Explain)
	callEvents.serve(m, s.Events)
}
