package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSubscriptionsAreKept(t *testing.T) {
	c := newClock()
	s := openTest(t, WithClock(c.Now))
	if got, known, err := s.Subscription(t.Context(), "crm"); err != nil || known || got.Application != "crm" {
		t.Errorf("%+v, %v, %v", got, known, err)
	}
	one := Subscription{
		Application: "crm", State: SubscriptionRegistered, ID: "77", URL: "https://r.example.com/crm", Username: "u", Reference: "@{env:HOOK}", By: "ada",
		Changed: c.Now(), Checked: c.Now(), Cause: "403", Repairs: 2, Repaired: c.Now(), RepairedWhy: "gone", Poll: true,
		Leftovers: []string{"70", "71"}, Odd: "it sends to another",
	}
	must(t, s.PutSubscription(t.Context(), one, "ada", "registered 77"))
	other := Subscription{Application: "hr", State: SubscriptionEnded}
	must(t, s.PutSubscription(t.Context(), other, "", ""))
	list, err := s.Subscriptions(t.Context())
	if diff := cmp.Diff([]Subscription{one, other}, list); diff != "" || err != nil {
		t.Error(diff, err)
	}
	must(t, s.SubscriptionPolled(t.Context(), "crm"))
	one.Poll = false
	if got, known, err := s.Subscription(t.Context(), "crm"); !known || err != nil || !cmp.Equal(got, one) {
		t.Errorf("%+v, %v", got, err)
	}
	var lines []JournalLine
	must(t, s.EachJournal(t.Context(), func(l JournalLine) error { lines = append(lines, l); return nil }))
	if len(lines) != 1 || lines[0].Kind != JournalSubscription || lines[0].By != "ada" || lines[0].Text != "registered 77" || lines[0].Application != "crm" {
		t.Errorf("%+v", lines)
	}
}

func TestTheLastReceiptIsKnown(t *testing.T) {
	c := newClock()
	s := openTest(t, WithClock(c.Now))
	if at, err := s.LastReceipt(t.Context(), "crm"); err != nil || !at.IsZero() {
		t.Errorf("%v, %v", at, err)
	}
	keepSent(t, s, sent("d-1", "7"), sent("d-2", "8"))
	if at, err := s.LastReceipt(t.Context(), "crm"); err != nil || !at.Equal(c.Now()) {
		t.Errorf("%v, %v", at, err)
	}
}
