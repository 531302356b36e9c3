package service

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/agent/internal/subscription"
)

func TestStatusOfASubscription(t *testing.T) {
	const here, strange = "https://rollcall.example.com/crm", "https://rollcall.example.com/***"
	want := subscription.Want{URL: here, Username: "u", Reference: "@{env:P}"}
	row := store.Subscription{State: store.SubscriptionRegistered, ID: "7", URL: here, Username: "u", Reference: "@{env:P}"}
	left := row
	left.Leftovers = []string{"5"}
	odd := row
	odd.Odd = "it sends to " + strange
	one := func(id, url string, status int) subscription.Listed {
		return subscription.Listed{ID: id, URL: url, Username: "u", Ours: true, Active: true, Delivered: time.Now(), Status: status}
	}
	for name, c := range map[string]struct {
		row   store.Subscription
		found []subscription.Listed
		state SubscriptionState
		says  string // in what is said, or in what to do
	}{
		"well":                {row, []subscription.Listed{one("7", here, 200)}, SubscriptionActive, "at once"},
		"a wrong password":    {row, []subscription.Listed{one("7", here, 401)}, SubscriptionFailing, "another user name or password"},
		"forbidden":           {row, []subscription.Listed{one("7", here, 403)}, SubscriptionFailing, "The password is not the cause"},
		"forbidden by others": {row, []subscription.Listed{one("7", here, 403)}, SubscriptionFailing, "give the application the permission"},
		"another still there": {left, []subscription.Listed{one("5", here+"/old", 200), one("7", here, 200)}, SubscriptionActive, "subscription 5 to " + here + "/old"},
		"only the other":      {left, []subscription.Listed{one("5", here+"/old", 200)}, SubscriptionLost, "does not have the subscription any more"},
		"always odd":          {odd, []subscription.Listed{one("7", strange, 200)}, SubscriptionActive, "it is kept as it is"},
		"odd for once":        {row, []subscription.Listed{one("7", strange, 200)}, SubscriptionWrong, "it sends to " + strange},
	} {
		s := SubscriptionStatus{Application: "crm", URL: here, Registered: &c.row, Found: c.found, want: want}
		describeSubscription(&s, true)
		if said := s.Says + "\n" + strings.Join(s.Next, "\n"); s.State != c.state || !strings.Contains(said, c.says) {
			t.Errorf("%s: %s, %s\nwant %s, %q", name, s.State, said, c.state, c.says)
		}
	}
}
