package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// result is what a batch tells about an item: in version 2 with a status and
// errors, in version 3 with a code and a message.
type result struct {
	Status int       `json:"status"`
	Index  *int      `json:"index"`
	Query  *identity `json:"query"`
	Errors []struct {
		Message string `json:"message"`
	} `json:"errors"`

	Code    int    `json:"code"`
	Message string `json:"message"`
	Details []struct {
		Property string `json:"property"`
		Message  string `json:"message"`
	} `json:"details"`
}

// items judges the results of a batch, which succeeds as a whole although some
// of its items do not.
func (j *judge) items(r *sdk.Response) error {
	at := "/results"
	if abi.MatchPath("/people/3/persons/upsert", r.Place()) {
		at = "/errors"
	} else if !abi.MatchPath("/people/2/persons/batch", r.Place()) {
		return nil
	}
	failed := slices.DeleteFunc(results(r, at), j.fine)
	if len(failed) == 0 {
		return nil
	}
	kind, texts := abi.KindConfig, []string{}
	for i, one := range failed {
		if one.Status >= 500 || one.Status == 429 || one.Code >= 500000 {
			kind = abi.KindUnavailable
		}
		if i < 3 {
			texts = append(texts, j.name(one)+": "+one.text())
		}
	}
	if more := len(failed) - len(texts); more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return r.Errorf(kind, "%s answered %d, and %d of %d people were not taken: %s", r.Place(), r.Status(), len(failed), max(len(j.sent), len(failed)), strings.Join(texts, "; "))
}

// results reads a list of results. The specification also shows one alone.
func results(r *sdk.Response, at string) (list []result) {
	var one result
	if !get(r, at, &list) && get(r, at, &one) {
		list = []result{one}
	}
	return list
}

// fine reports whether an item needs nothing more.
func (j *judge) fine(one result) bool {
	if one.Code != 0 || one.Message != "" {
		return false
	}
	if one.Status >= 200 && one.Status < 300 || one.Status == 0 && len(one.Errors) == 0 {
		return true
	}
	if !j.repeated {
		return false
	}
	text := strings.ToLower(one.text()) // an attempt before has done it
	return j.webhook.Method == abi.MethodPost && strings.Contains(text, "already exist") ||
		j.webhook.Method == abi.MethodDelete && (one.Status == 404 || strings.Contains(text, "no person matching"))
}

func (one result) text() string {
	var texts []string
	for _, e := range one.Errors {
		texts = append(texts, quote(e.Message))
	}
	if one.Message != "" {
		texts = append(texts, quote(one.Message))
	}
	for _, d := range one.Details {
		texts = append(texts, quote(d.Property+": "+d.Message))
	}
	if one.Status != 0 {
		return fmt.Sprintf("%d %s", one.Status, strings.Join(texts, ", "))
	}
	return strings.Join(texts, ", ")
}

// name says which item a result is about.
func (j *judge) name(one result) string {
	if one.Query != nil {
		return one.Query.String()
	}
	if one.Index == nil {
		return "a person"
	}
	i := *one.Index
	if i >= 0 && i < len(j.sent) {
		var external string
		if json.Unmarshal(j.sent[i]["externalId"], &external) == nil && external != "" {
			return fmt.Sprintf("person %d (externalId %s)", i, quote(external))
		}
	}
	return fmt.Sprintf("person %d", i)
}
