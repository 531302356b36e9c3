package main

import (
	"encoding/json"
	"errors"
	"strconv"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Where an answer gives the next position: lists of v1 use an offset, lists of
// v2 a cursor. Today GET /v1/users gives neither.
const (
	paginationAt = "/additional_data/pagination"
	cursorAt     = "/additional_data/next_cursor"
)

// follow returns a step that goes on as the answer says, in either form, and
// otherwise as the endpoint is configured. So if Pipedrive starts to page a
// list, its first page is not mistaken for the complete list.
func follow(configured sdk.Step) sdk.Step {
	return func(p sdk.Page, req *sdk.Request) (bool, error) {
		if more, err := offset(p, req); more || err != nil {
			return more, err
		}
		cursor, err := p.Response.GetText(cursorAt)
		if err != nil {
			return false, p.Response.Errorf(sdk.KindOf(err), "%s: %v", p.Response.Place(), err)
		}
		if cursor != "" {
			req.Query["cursor"] = cursor
			return true, nil
		}
		return configured(p, req)
	}
}

type pagination struct {
	Start *int64 `json:"start"`
	More  bool   `json:"more_items_in_collection"`
	Next  *int64 `json:"next_start"`
}

// offset follows the form of v1. It rejects an answer that is not the requested
// page, or that makes no progress.
func offset(p sdk.Page, req *sdk.Request) (bool, error) {
	bad := func(format string, args ...any) (bool, error) {
		args = append([]any{p.Response.Place(), paginationAt}, args...)
		return false, p.Response.Errorf(abi.KindBadResponse, "%s: %s "+format, args...)
	}
	raw, err := p.Response.Get(paginationAt)
	if errors.Is(err, abi.CodeNoValue) {
		return false, nil
	}
	if err != nil {
		return bad("cannot be read: %v", err)
	}
	var at pagination
	if err := json.Unmarshal(raw, &at); err != nil {
		return bad("is not what the API documents: %v", err)
	}
	asked, err := start(req)
	if err != nil {
		return false, err
	}
	if at.Start != nil && *at.Start != asked {
		return bad("says that the page starts at %d, asked for was %d", *at.Start, asked)
	}
	if at.More && at.Next == nil && at.Start != nil && p.Records > 0 {
		next := asked + p.Records // some lists are documented without next_start
		at.Next = &next
	}
	switch {
	case !at.More:
		return false, nil
	case at.Next == nil:
		return bad("says that there is more and not where: next_start is missing")
	case *at.Next <= asked:
		return bad("makes no progress: after start %d comes %d", asked, *at.Next)
	}
	req.Query["start"] = strconv.FormatInt(*at.Next, 10)
	return true, nil
}

func start(req *sdk.Request) (int64, error) {
	text := req.Query["start"]
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, sdk.Errorf(abi.KindConfig, "params: start = %q is not a number", text)
	}
	return n, nil
}
