package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// failed judges the other unsuccessful answers.
func (j *judge) failed(r *sdk.Response) error {
	err := sdk.Classify(r)
	text := said(r)
	var e *sdk.Error
	if !errors.As(err, &e) {
		return err
	}
	if text != "" {
		e.Message = r.Errorf(e.Kind, "%s answered %d%s", r.Place(), e.Status, text).Message
	}
	if j.webhook == nil {
		return e
	}
	switch {
	case isMissing(e.Status, text):
		e.Kind = abi.KindConfig
		e.Message += ". " + gone(j.webhook.Path)
	case e.Status == 400 || e.Status == 409 || e.Status == 415 || e.Status == 422:
		e.Kind = abi.KindConfig
		if j.webhook.Verify != nil && isThere(e.Status, text) {
			j.taken(e)
		}
	}
	return e
}

// taken judges a create that was refused because the object exists, although
// the check before it did not find the object: somebody else was faster. The
// first time, another look is worthwhile.
func (j *judge) taken(e *sdk.Error) {
	j.conflict++
	if j.conflict == 1 {
		e.Kind = abi.KindUnavailable
		return
	}
	e.Message += ". Pipedrive says that it is there already, and does not find it: it may belong to what the user behind the credentials " +
		"does not see, or to another company"
}

// isThere reports whether a refusal says that an object exists already.
// Pipedrive does not document the form of such a refusal, or what to do about
// it.
func isThere(status int, text string) bool {
	return status == 409 || status == 400 && says(text, "already", "exists", "in use", "taken", "duplicate")
}

// isMissing reports whether a refusal says that an object does not exist.
func isMissing(status int, text string) bool {
	return status == 404 || status == 410 || status == 400 && says(text, "not exist", "not found", "no such", "deleted")
}

func says(text string, words ...string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// gone says what a missing object in a path means.
func gone(path string) string {
	switch {
	case strings.Contains(path, "/users/"):
		return "Pipedrive has no such user, or not any more: a user deleted permanently can be neither changed nor activated, " +
			"and needs no deactivation"
	case strings.Contains(path, "/persons/"):
		return "Pipedrive has no such contact, or not any more, or does not show it to the user behind the credentials"
	}
	return "Pipedrive has nothing of that id, or not any more"
}

// allowed says which users may do what the call needs.
func (j *judge) allowed() string {
	var all []string
	for _, r := range j.rights {
		if who := whoHas(r); who != "" {
			all = append(all, who)
		}
	}
	if len(all) == 0 {
		return "may do this in Pipedrive"
	}
	return strings.Join(all, " and ")
}
