package main

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// someDeliveries is a dead letter with what waits behind it, and one that is
// tried again later.
func someDeliveries() []service.Delivery {
	dead := deadLetter().Delivery
	behind := service.Delivery{
		ID: 19, Instance: 7, Orchestration: "back", Step: "activate", Webhook: "pipedrive/activate_user", Application: "pipedrive",
		Name: "Joan Clarke", State: store.DeliveryQueued, Created: noonAnd(30), WaitsFor: 12, WaitsForState: store.DeliveryDead,
	}
	later := service.Delivery{
		ID: 20, Instance: 8, Orchestration: "leaver", Step: "deactivate", Webhook: "pipedrive/deactivate_user", Application: "pipedrive",
		Name: "Ada Novak", State: store.DeliveryRetrying, Attempts: 2, Created: noonAnd(31), NextAt: noonAnd(40),
		Cause: "PUT /v1/users/11 answered 503",
	}
	return []service.Delivery{dead, behind, later}
}

func deadLetter() service.DeliveryAnswer {
	return service.DeliveryAnswer{
		Delivery: service.Delivery{
			ID: 12, Instance: 4, Orchestration: "leaver", Step: "deactivate", Webhook: "pipedrive/deactivate_user", Application: "pipedrive",
			DN: "CN=Joan Clarke,OU=Leavers,DC=ad,DC=test", Name: "Joan Clarke", State: store.DeliveryDead, Attempts: 1, Created: noonAnd(0),
			Request: "PUT /v1/users/9\n{\"active_flag\": false}", Cause: "PUT /v1/users/9 answered 404, it says \"User not found\"",
			Next: "look whether the user was deleted there",
		},
		Story: []service.StoryLine{
			{At: noonAnd(1), Step: "deactivate", Delivery: 12, Attempt: 1, Status: 503, Result: "failed", Cause: "PUT /v1/users/9 answered 503"},
			{At: noonAnd(12), Step: "deactivate", Delivery: 12, By: "ada", Result: "retried"},
			{
				At: noonAnd(20), Step: "deactivate", Delivery: 12, Attempt: 2, Status: 404, Answer: `{"success":false}`, Result: "failed",
				Cause: "PUT /v1/users/9 answered 404, it says \"User not found\"", Next: "look whether the user was deleted there",
			},
		},
	}
}

func someInstance() service.InstanceAnswer {
	return service.InstanceAnswer{
		Instance: service.Instance{
			ID: 4, Orchestration: "leaver", Automation: "staff", Trigger: "after disabled", By: "schedule",
			DN: "CN=Joan Clarke,OU=Leavers,DC=ad,DC=test", Name: "Joan Clarke", Status: store.InstanceBlocked, Step: "deactivate",
			Created: noonAnd(0), Since: noonAnd(20), Cause: "PUT /v1/users/9 answered 404", Next: "look whether the user was deleted there",
		},
		Steps: []string{"1 wait        delay 24h", "2 deactivate  webhook pipedrive/deactivate_user if link != null"},
		At:    1,
		Story: deadLetter().Story,
	}
}

// TestAnswersInAStory: what an application answered has a number, and what a mail
// server said has none.
func TestAnswersInAStory(t *testing.T) {
	var out strings.Builder
	printTries(pageOf(&out), []service.StoryLine{
		{Step: "tell", Result: "done", Answer: "2.0.0 queued as 4"},
		{Step: "off", Result: "done", Status: 204},
		{Step: "badge", Result: "failed", Cause: "exit status 1"},
	})
	if text := out.String(); !strings.Contains(text, "answer: 2.0.0 queued") || !strings.Contains(text, "answer 204\n") || strings.Count(text, "answer") != 2 {
		t.Error(text)
	}
}

// TestWhatIsRejected: orchestrations may have begun before they were held, so that
// they are cancelled; nothing is told of operations when there were none.
func TestWhatIsRejected(t *testing.T) {
	for want, answer := range map[string]service.RejectAnswer{
		"0 operations of run 7 are rejected and will not be asked again.\n": {},
		"1 operation of run 7 is rejected and will not be asked again.\n":   {Rejected: 1},
		"1 orchestration that run 7 held is cancelled.\n":                   {Orchestrations: 1},
		"2 operations of run 7 are rejected and will not be asked again.\n" +
			"3 orchestrations that run 7 held are cancelled.\n": {Rejected: 2, Orchestrations: 3},
	} {
		var out strings.Builder
		if printRejected(&out, 7, answer); out.String() != want {
			t.Errorf("%+v: %s", answer, out.String())
		}
	}
}
