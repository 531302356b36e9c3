package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// result is what a batch says about an item: in version 2 a status and errors,
// in version 3 a code, a message and details.
type result struct {
	Status  int
	Index   *int
	Query   *identity
	Errors  []struct{ Message string }
	Code    int
	Message string
	Details []struct{ Property, Message string }
}

// items judges the results of a batch, which may succeed as a whole although
// some of its items failed.
func (j *judge) items(r *sdk.Response) error {
	at := "/results"
	if abi.MatchPath("/people/3/persons/upsert", r.Place()) {
		at = "/errors"
	} else if !abi.MatchPath("/people/2/persons/batch", r.Place()) {
		return nil
	}
	var list []result
	if one := (result{}); !r.Decode(at, &list) && r.Decode(at, &one) { // the specification also shows a single result without a list
		list = []result{one}
	}
	failed := slices.DeleteFunc(list, j.fine)
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
	return r.Errorf(kind, "%s answered %d, and %d of %d people were not taken: %s", r.Place(), r.Status(), len(failed),
		max(len(j.sent), len(failed)), strings.Join(texts, "; "))
}

// fine reports whether an item needs no further attempt.
func (j *judge) fine(one result) bool {
	if one.Code != 0 || one.Message != "" {
		return false
	}
	if one.Status >= 200 && one.Status < 300 || one.Status == 0 && len(one.Errors) == 0 {
		return true
	}
	text := strings.ToLower(one.text()) // an earlier attempt may have done it
	return j.call.Repeated() && (j.webhook.Method == abi.MethodPost && strings.Contains(text, "already exist") ||
		j.webhook.Method == abi.MethodDelete && strings.Contains(text, "no person matching"))
}

func (one result) text() string {
	var texts []string
	for _, e := range one.Errors {
		texts = append(texts, sdk.Quote(e.Message))
	}
	if one.Message != "" {
		texts = append(texts, sdk.Quote(one.Message))
	}
	for _, d := range one.Details {
		texts = append(texts, sdk.Quote(d.Property+": "+d.Message))
	}
	return strings.Join(texts, ", ")
}

// name returns the name of the item that a result is about.
func (j *judge) name(one result) string {
	if one.Query != nil {
		return one.Query.String()
	}
	if one.Index == nil {
		return "a person"
	}
	if i := *one.Index; i >= 0 && i < len(j.sent) && j.sent[i].Text("externalId") != "" {
		return fmt.Sprintf("person %d (externalId %s)", i, sdk.Quote(j.sent[i].Text("externalId")))
	}
	return fmt.Sprintf("person %d", *one.Index)
}
