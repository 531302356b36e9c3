package main

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// judge decides what is wrong with the answers of one call.
type judge struct {
	call    *sdk.Call
	place   string
	scopes  []string     // the scopes that the call needs
	webhook *abi.Webhook // nil when the call is not an invoke
	taken   bool         // a create was refused because the object exists
	sent    []sdk.Object // items of a batch
}

// said quotes Infobip's error envelopes. There are three: requestError,
// errorCode with description, and code with message.
func said(r *sdk.Response) string {
	return sdk.Envelope{
		Texts:  []string{"/requestError/serviceException/text", "/description", "/action", "/message"},
		Fields: []string{"/requestError/serviceException/validationErrors"},
		Lists: []sdk.ListOfWrong{
			{At: "/violations", Field: "property", Text: "violation"}, {At: "/details", Field: "property", Text: "message"},
		},
		Codes: []string{"/requestError/serviceException/messageId", "/errorCode", "/code"},
	}.Said(r)
}

// window is the span over which Infobip counts requests, and the wait after a
// 429 that names none.
const window = time.Second

// classify is an sdk.Classifier.
func (j *judge) classify(r *sdk.Response) error {
	status := r.Status()
	switch {
	case r.HTML() && status >= 200 && status <= 299:
		return r.Errorf(abi.KindBadResponse,
			"%s answered %d with an HTML page instead of JSON: is base_url the account's own host, https://xxxxx.api.infobip.com?",
			r.Place(), status)
	case r.HTML():
		return sdk.Classify(r)
	case status == 429:
		e := r.Errorf(abi.KindRateLimited, "%s answered 429: too many requests for this account%s", r.Place(), said(r))
		if e.After == 0 {
			e.After = window
		}
		return e
	case status == 401:
		return r.Errorf(abi.KindAuth, "%s answered 401: Infobip does not accept the credentials%s", r.Place(), said(r))
	case status == 403:
		return r.Errorf(abi.KindForbidden,
			"%s answered 403: the credentials lack the scope %s%s. Give the API key that scope in the portal, or the user a role that has it",
			r.Place(), cmp.Or(strings.Join(j.scopes, " and "), "of this operation"), said(r))
	case status < 200 || status > 299:
		return j.failed(r)
	}
	return j.items(r)
}

// failed judges the other unsuccessful answers.
func (j *judge) failed(r *sdk.Response) error {
	err := sdk.Classify(r)
	var e *sdk.Error
	if !errors.As(err, &e) {
		return err
	}
	if text := said(r); text != "" {
		e.Message = r.Errorf(e.Kind, "%s answered %d%s", r.Place(), e.Status, text).Message
	}
	if j.webhook == nil {
		return e
	}
	switch e.Status {
	case 404, 410:
		e.Message += ". " + j.gone()
	case 400, 409, 415, 422:
		e.Kind = abi.KindConfig
		switch text := strings.ToLower(e.Message); {
		case strings.Contains(text, "no person matching"), strings.Contains(text, "invalid agent id"):
			e.Message += ". " + j.gone()
		case strings.Contains(text, "already exist"):
			j.conflict(e)
		}
	}
	return e
}

// conflict judges a create that was refused because the object exists, although
// the check before it did not find the object: somebody else was faster. The
// first time, another look is worthwhile.
func (j *judge) conflict(e *sdk.Error) {
	if j.webhook.Verify != nil && !j.taken {
		j.taken, e.Kind = true, abi.KindUnavailable
		return
	}
	e.Message += ". An e-mail address, phone number or external id belongs to one person only: look who has it in Infobip, " +
		"and link that person or free it there"
}

// gone says which object is missing.
func (j *judge) gone() string {
	switch path := j.webhook.Path + j.webhook.URL; {
	case strings.Contains(path, "/agents/"):
		return "Infobip has no such agent"
	case strings.Contains(path, "/tags/"):
		return "Infobip has no such tag: create it first"
	case strings.Contains(path, "/customAttributes/"):
		return "Infobip has no such custom attribute"
	case strings.Contains(path, "/persons"):
		return "Infobip has no such person, or not any more"
	}
	return "Infobip has nothing of that id, or not any more"
}

// advise adds advice for users of Infobip. The host adds the next step for each
// kind of failure.
func (j *judge) advise(err error) error {
	return sdk.Advise(err, j.place,
		"With an API key: it may be disabled, expired, or not allowed from this address. With a user name: try it in the portal, "+
			"and look whether base_url is that account's own host")
}
