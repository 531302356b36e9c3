package main

import (
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/agent/internal/subscription"
)

func someRegistered() service.SubscriptionAnswer {
	return service.SubscriptionAnswer{
		Application: "pipedrive", URL: "https://rollcall.example.com/pipedrive",
		Outcome:      subscription.Outcome{Made: "78", Ended: []string{"77"}, Why: "it sends to https://old.example.com/pipedrive"},
		NotListening: "dial tcp 127.0.0.1:9481: connect: connection refused",
	}
}

func someSubscription() service.SubscriptionStatus {
	return service.SubscriptionStatus{
		Application: "pipedrive", URL: "https://rollcall.example.com/pipedrive", State: service.SubscriptionFailing,
		Says:      "The receiver refused the last delivery with 401: the application sends another user name or password.",
		Next:      []string{"rollcall webhook-receiver register pipedrive replaces the subscription with the password of now"},
		LastEvent: noonAnd(3),
		Found: []subscription.Listed{
			{ID: "77", URL: "https://rollcall.example.com/pipedrive", Reason: "no successful delivery in 3 days"},
			{ID: "78", URL: "https://rollcall.example.com/pipedrive", Active: true, Delivered: noonAnd(30), Status: 401},
		},
		Registered: &store.Subscription{
			State: store.SubscriptionRegistered, ID: "78", By: "ada", Checked: noonAnd(20), Repairs: 2, Repaired: noonAnd(10), Poll: true,
			RepairedWhy: "the application has ended it: no successful delivery in 3 days",
		},
	}
}
