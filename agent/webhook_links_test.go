package main

import (
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// TestWhatAWebhookDoesWithLinks: a search makes a link of one of its results only.
func TestWhatAWebhookDoesWithLinks(t *testing.T) {
	var w service.Webhook
	w.Application, w.LinkKind, w.Call.LinkKey = "crm", "person", "/id"
	if got, want := linkSentence(w), "the key at /id of the answer becomes the link"+ofKind("person"); got != want {
		t.Errorf("a create: %s", got)
	}
	w.Call.LinkRecords, w.UsesLink = "/data", true
	want := "it needs the link" + ofKind("person") + " of the object to crm; " +
		"when exactly one result at /data matches, its key at /id becomes the link" + ofKind("person")
	if got := linkSentence(w); got != want {
		t.Errorf("a search: %s", got)
	}
}
