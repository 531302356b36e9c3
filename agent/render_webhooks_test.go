package main

import (
	"net/http"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// someWebhooks are of each kind that is listed.
func someWebhooks() service.WebhooksAnswer {
	create := abi.Webhook{
		Name: "create_user", Method: "POST", Path: "/v1/users", MessageType: abi.MessageJSON, Body: `{"email": "{{ ad.mail }}"}`, LinkKey: "/data/id", Cost: 10,
		Scopes: []string{"admin", "users:read"}, Rights: []string{"account settings"}, Description: "Pipedrive writes a mail to the address.",
		Verify: &abi.Verify{Method: "GET", Path: "/v1/users/find", Always: true},
	}
	return service.WebhooksAnswer{
		Webhooks: []service.Webhook{
			{
				Name: "agent", Application: "pipedrive", Connector: "pipedrive", Call: create, From: "pipedrive/create_user", Place: "conf.d/out.toml:7:11", LinkKind: "user",
				Uses: []string{"ad.mail", "settings.team"}, UsedBy: []string{"joiner"}, Sample: &service.SampleRequest{
					Method: "POST", URL: "https://api.pipedrive.com/v1/users", Headers: map[string]string{"Content-Type": "application/json"}, Body: `{"email": "ada.novak@example.com"}`,
				},
			},
			{
				Name: "rename", Application: "pipedrive", Connector: "pipedrive", Place: "conf.d/out.toml:9:11",
				Problem: "conf.d/out.toml:9:11: webhook rename: the API of connector pipedrive cannot do this (rename a user): users change these themselves",
			},
			{
				Name: "pipedrive/deactivate_user", Application: "pipedrive", Connector: "pipedrive", Title: "Deactivate a user", UsesLink: true,
				Call: abi.Webhook{Method: "PUT", Path: "/v1/users/{{ link.key }}", Cost: 10, Scopes: []string{"admin"}, Rights: []string{"account settings"}, Repeatable: true},
			},
		},
		Problems: []string{"agent.toml:40:15: application crm: no connector crm serves, so nothing can be sent to it"},
	}
}

// someTrial is a create that was asked about first, and then cut off.
func someTrial() service.TestWebhookAnswer {
	ask := host.Exchange{
		Method: "GET", URL: "https://api.pipedrive.com/v1/users/find?search_by_email=1&term=ada.novak%40example.com", Header: http.Header{"X-Api-Token": {"***"}},
		Status: 200, Answer: http.Header{"Content-Type": {"application/json"}, "X-Powered-By": {"elephants"}, "X-Ratelimit-Remaining": {"39"}},
		AnswerBody: `{"success":true,"data":[]}`, AnswerSize: 26, Took: 41 * time.Millisecond,
	}
	create := host.Exchange{
		Method: "POST", URL: "https://api.pipedrive.com/v1/users", Header: http.Header{"Content-Type": {"application/json"}, "X-Api-Token": {"***"}},
		Body: "{\"email\": \"ada.novak@example.com\",\n \"active_flag\": true}", BodySize: 9000, Problem: "https://api.pipedrive.com/v1/users: the connection was closed in the middle of the answer",
	}
	return service.TestWebhookAnswer{Trial: runtime.Trial{
		Webhook: "pipedrive/create_user", Application: "pipedrive", DN: "CN=Ada Novak,OU=Staff,DC=example,DC=com", Name: "Ada Novak", OutOfScope: true, Queued: 2, MakesLink: true,
		Sent: []host.Exchange{ask, create}, Retries: runtime.Retries{Attempts: 8, First: "30s", Longest: "6h"},
		Verdict: &dispatch.Verdict{
			Cause: "invoke pipedrive with connector pipedrive: unavailable: " + create.Problem, Next: "when it stays, check the network", Retry: true, Outage: true, Sent: true,
		},
	}}
}

// doneTrial made a link.
func doneTrial() service.TestWebhookAnswer {
	t := someTrial()
	t.OutOfScope, t.Queued, t.Linked, t.Verdict = false, 0, "16", &dispatch.Verdict{}
	t.Sent = t.Sent[:1]
	t.Link, t.LinkIsNew = &ident.Link{Key: "17"}, true
	return t
}
