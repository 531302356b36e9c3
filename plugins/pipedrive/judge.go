package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// judge decides what is wrong with the answers of one call.
type judge struct {
	place    string
	scopes   []string // OAuth scopes that the call needs
	rights   []string // rights that the call needs
	webhook  *abi.Webhook
	refused  int // 429 answers in a row
	conflict int // answers that say that the object to create exists
}

// burstWindow is the span over which Pipedrive counts requests, and the wait
// after a 429 that names none.
const burstWindow = 2 * time.Second

// classify is an sdk.Classifier.
func (j *judge) classify(r *sdk.Response) error {
	status := r.Status()
	if status != 429 {
		j.refused = 0
	}
	switch {
	case status == 429:
		return j.limited(r)
	case r.HTML():
		return page(r)
	case status == 401:
		return r.Errorf(abi.KindAuth, "%s answered 401: Pipedrive does not accept the credentials%s", r.Place(), said(r))
	case capped(r) != "":
		return r.Errorf(abi.KindForbidden,
			"%s answered %d: the company's plan has no room for another one (%s)%s. "+
				"Free a seat or remove one of what is counted in Pipedrive, or extend the plan",
			r.Place(), status, sdk.Quote(capped(r)), said(r))
	case status == 402:
		return r.Errorf(abi.KindForbidden, "%s answered 402: the Pipedrive company is not open%s. Look at its subscription", r.Place(), said(r))
	case status == 403:
		return j.forbidden(r)
	case status < 200 || status > 299:
		return j.failed(r)
	}
	return j.envelope(r)
}

// envelope checks for success, which every answer states. The documentation
// shows one answer both with and without an envelope; without one, it is the
// object itself.
func (j *judge) envelope(r *sdk.Response) error {
	ok, there, err := r.GetBool("/success")
	if err == nil && !there && j.webhook != nil && j.webhook.Method == abi.MethodGet {
		if id, err := r.GetText("/id"); err == nil && id != "" {
			return nil
		}
	}
	switch {
	case err != nil:
		return r.Errorf(sdk.KindOf(err), "%s: the answer is not what Pipedrive sends: %v", r.Place(), err)
	case !there:
		return r.Errorf(abi.KindBadResponse, "%s: the answer is not what Pipedrive sends: no boolean at /success", r.Place())
	case !ok:
		return r.Errorf(abi.KindBadResponse, "%s answered %d, and success is false%s", r.Place(), r.Status(), said(r))
	}
	return nil
}

// page judges an HTML page, which the API itself never sends.
func page(r *sdk.Response) error {
	switch status := r.Status(); {
	case status == 403:
		return r.Errorf(abi.KindBlocked,
			"%s answered 403 with an HTML page: Pipedrive's shield (Cloudflare) blocks this address or token, "+
				"as it does when requests go on in spite of 429."+
				" Stop every program that uses the token and wait an hour before the next try", r.Place())
	case status < 200 || status > 299:
		return sdk.Classify(r)
	default:
		return r.Errorf(abi.KindBadResponse, "%s answered %d with an HTML page instead of JSON", r.Place(), status)
	}
}

// limited judges a 429. The headers describe the burst window only. When
// waiting for that does not help, the day's budget is spent.
func (j *judge) limited(r *sdk.Response) error {
	j.refused++
	e := r.Errorf(abi.KindRateLimited, "%s answered 429: too many requests with this token%s", r.Place(), said(r))
	if e.After == 0 {
		e.After = burstWindow
	}
	if j.refused > 2 && strings.TrimSpace(r.Header("X-RateLimit-Remaining")) == "0" {
		e.Message += ". x-ratelimit-remaining stays at 0 after " + strconv.Itoa(j.refused-1) +
			" waits: the company's daily budget of API tokens is spent" +
			" (Pipedrive writes a mail about it, and it starts again at midnight of Pipedrive's server), " +
			"or another program uses the token without a pause"
	}
	return e
}

// capped returns the code of a refusal of something that the plan does not
// include; "" for any other answer.
func capped(r *sdk.Response) string {
	if status := r.Status(); status != 402 && status != 403 {
		return ""
	}
	code, err := r.GetText("/code")
	if err != nil || !strings.HasPrefix(code, "feature_capping") {
		return ""
	}
	return code
}

// forbidden judges a 403 in JSON: the OAuth grant lacks a scope, or the user
// behind the credentials lacks a right.
func (j *judge) forbidden(r *sdk.Response) error {
	text := said(r)
	if !strings.Contains(strings.ToLower(text), "scope") {
		return r.Errorf(abi.KindForbidden,
			"%s answered 403: the user behind the credentials lacks the right to do this%s. Use the credentials of a user who %s",
			r.Place(), text, j.allowed())
	}
	needs := "the scope of this request"
	if len(j.scopes) > 0 {
		needs = "scope " + strings.Join(j.scopes, ", ")
	}
	return r.Errorf(abi.KindForbidden,
		"%s answered 403: the OAuth app was not granted %s%s. Add it to the app in Pipedrive's developer hub and authorize again",
		r.Place(), needs, text)
}

// advise adds advice for users of Pipedrive. The host adds the next step for
// each kind of failure.
func (j *judge) advise(err error) error {
	return sdk.Advise(err, j.place,
		"With an API token: copy it again from Pipedrive's personal preferences, a new one ends the old one. "+
			"With OAuth: authorize the application again")
}

// said quotes Pipedrive's error envelopes. /webhooks has its own, with errors
// by field.
func said(r *sdk.Response) string {
	return sdk.Envelope{Texts: []string{"/error", "/error_info", "/message"}, Fields: []string{"/errors"}}.Said(r)
}
