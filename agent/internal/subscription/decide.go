// Package subscription keeps what an application is asked to tell of its changes:
// it makes the subscription when somebody registers it, makes it again when the
// application has lost or ended it, and ends it when somebody wants that.
//
// It decides and remembers. How an application is asked is a Vendor's business,
// and what the application sends is the receiver's.
package subscription

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Want is the subscription as the configuration wants it.
type Want struct {
	URL       string // to which the application sends
	Username  string // that it sends; "" where it sends none
	Reference string // of the password or secret, never its value
}

// Known is what was registered last; the zero Known: nothing was.
type Known struct {
	ID        string
	Want               // as it was then
	Leftovers []string // ids of earlier ones, which are still to end
	// Odd says what was wrong with the one in whose place this one was made. When the
	// application shows the same of this one, another would be no better.
	Odd string
}

// KnownOf returns what a stored row tells. known is false when there is no row.
func KnownOf(row store.Subscription, known bool) Known {
	if !known || row.State == store.SubscriptionEnded {
		return Known{}
	}
	want := Want{URL: row.URL, Username: row.Username, Reference: row.Reference}
	return Known{ID: row.ID, Want: want, Leftovers: row.Leftovers, Odd: row.Odd}
}

// Listed is a subscription as the application lists it.
type Listed struct {
	ID        string    `json:"id"`
	URL       string    `json:"url"`
	Username  string    `json:"username,omitempty"`
	Ours      bool      `json:"ours"`   // it is about the events that the receiver takes
	Active    bool      `json:"active"` // the application has not ended it
	Delivered time.Time `json:"delivered,omitzero"`
	Status    int       `json:"status,omitempty"` // HTTP status of the last delivery; 0: it is not known, or there was no answer
	Reason    string    `json:"reason,omitempty"` // why the application has ended it
}

// Refused reports whether the receiver did not accept the user name or the password
// that the application sent last. 403 is not about them: the receiver says so to
// what is too old or from the future, and a proxy to what it does not let through.
func (l Listed) Refused() bool { return l.Status == http.StatusUnauthorized }

// Failing reports whether the last delivery was not accepted.
func (l Listed) Failing() bool { return !l.Delivered.IsZero() && (l.Status < 200 || l.Status > 299) }

// Plan is what has to be done at the application.
type Plan struct {
	Keep *Listed  // what is as it should be; nil: a subscription must be made
	End  []Listed // what must end, after the new one is made
	Why  string   // why one must be made; "" when Keep is set
	// Odd says what is wrong with Keep, or with the known one in whose place one must be
	// made; "" when nothing is.
	Odd string
}

// Decide compares what the application lists with what is wanted. A subscription
// belongs to this agent when it was registered by it, or sends the same events to
// the same address. Others are left alone: they are somebody else's. anew replaces
// also what is as it should be.
func Decide(want Want, known Known, list []Listed, anew bool) Plan {
	var plan Plan
	for _, l := range list {
		if !l.Active || !belongs(l, want, known) {
			continue
		}
		odd := wrong(l, want, known)
		if l.ID == known.ID {
			plan.Odd = odd
		}
		switch {
		case anew || slices.Contains(known.Leftovers, l.ID) || odd != "" && !unavoidable(odd, l, want, known):
			plan.End = append(plan.End, l)
		case plan.Keep == nil:
			plan.Keep = &l
		case l.ID == known.ID:
			plan.End = append(plan.End, *plan.Keep)
			plan.Keep = &l
		default:
			plan.End = append(plan.End, l)
		}
	}
	switch {
	case plan.Keep == nil:
		plan.Why = why(want, known, list, anew)
	case plan.Keep.ID != known.ID:
		plan.Odd = ""
	}
	return plan
}

func belongs(l Listed, want Want, known Known) bool {
	return known.ID != "" && l.ID == known.ID || slices.Contains(known.Leftovers, l.ID) || l.Ours && SameURL(l.URL, want.URL)
}

// unavoidable reports whether a new subscription would look just as odd: this one
// was made as it is wanted now, in place of one of which the application showed the
// same.
func unavoidable(odd string, l Listed, want Want, known Known) bool {
	return l.ID == known.ID && known.Want == want && known.Odd == odd
}

// wrong says what is not as it should be about a subscription of this agent.
func wrong(l Listed, want Want, known Known) string {
	switch {
	case !SameURL(l.URL, want.URL):
		return "it sends to " + l.URL
	case !l.Ours:
		return "it is not about the events that the receiver takes"
	case sends(l, want, known) != want.Username:
		return "it sends another user name"
	case l.ID == known.ID && known.Reference != want.Reference:
		return "the configuration names another password since it was registered"
	}
	return ""
}

// sends returns the user name that a subscription sends. Where the application
// shows none, it is the one that it was registered with, if that is known.
func sends(l Listed, want Want, known Known) string {
	switch {
	case l.Username != "":
		return l.Username
	case l.ID == known.ID:
		return known.Username
	}
	return want.Username
}

// why says why a subscription must be made.
func why(want Want, known Known, list []Listed, anew bool) string {
	list = slices.DeleteFunc(slices.Clone(list), func(l Listed) bool {
		return slices.Contains(known.Leftovers, l.ID) || !belongs(l, want, known)
	})
	i := slices.IndexFunc(list, func(l Listed) bool { return l.Active })
	ended := slices.IndexFunc(list, func(l Listed) bool { return !l.Active })
	switch {
	case i >= 0 && anew:
		return "it was asked for"
	case i >= 0:
		return wrong(list[i], want, known)
	case ended >= 0 && list[ended].Reason != "":
		return "the application has ended it: " + list[ended].Reason
	case ended >= 0:
		return "the application has ended it"
	case known.ID != "":
		return "the application does not have it any more, as when deliveries have failed for days"
	}
	return "there was none"
}

// Own returns the subscriptions of this agent among those that the application
// lists, also those that it has ended.
func Own(want Want, known Known, list []Listed) []Listed {
	return slices.DeleteFunc(slices.Clone(list), func(l Listed) bool { return !belongs(l, want, known) })
}

// SameURL reports whether two addresses are the same. Applications spell them in
// their own way: capitals in scheme and host, the port that is usual, a slash at
// the end, escaped characters, a user name of their own.
func SameURL(a, b string) bool {
	siteA, pathA, okA := cut(a)
	siteB, pathB, okB := cut(b)
	if !okA || !okB {
		return a != "" && a == b
	}
	return text.Same(siteA, siteB) && pathA == pathB
}

// cut returns scheme and host of an address, and its path with what follows.
func cut(address string) (site, path string, ok bool) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" {
		return "", "", false
	}
	usual := map[string]string{"https": "443", "http": "80"}[u.Scheme]
	return u.Scheme + "://" + u.Hostname() + ":" + cmp.Or(u.Port(), usual), strings.TrimRight(u.Path, "/") + "?" + u.RawQuery, true
}
