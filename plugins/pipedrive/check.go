package main

import (
	"encoding/json"
	"slices"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

const mePath = "/v1/users/me"

// check finds the user behind the credentials and reports which of the rights
// that the configuration needs this user has.
func check(c *sdk.Call) error {
	j := &judge{place: "GET " + mePath, scopes: []string{"base"}}
	resp, err := sdk.Retry(c, sdk.Request{Path: mePath, Cost: 2}, j.classify)
	if err != nil {
		return j.advise(err)
	}
	defer resp.Close()
	who, err := caller(resp)
	if err != nil {
		return j.advise(err)
	}
	c.Logf(abi.LevelInfo, "the credentials belong to user %s of company %s, %s", who.id, sdk.Quote(who.company), sdk.Quote(who.email))
	return c.Report(who.findings(c)...)
}

// account is the user behind the credentials.
type account struct {
	id, email, company string
	access             []access
	known              bool // the answer says what access the user has
	others             *seen
}

type access struct {
	App   string `json:"app"`
	Admin bool   `json:"admin"`
}

// seen says whether the user may see other users.
type seen struct {
	state  abi.RightState
	reason string
}

func caller(r *sdk.Response) (a account, err error) {
	for at, to := range map[string]*string{"/data/id": &a.id, "/data/email": &a.email, "/data/company_domain": &a.company} {
		if *to, err = r.GetText(at); err != nil {
			return a, err
		}
	}
	if a.id == "" {
		return a, sdk.Errorf(abi.KindBadResponse, "there is no user id at /data/id")
	}
	raw, err := r.Get("/data/access")
	if err == nil && json.Unmarshal(raw, &a.access) == nil && a.access != nil {
		a.known = true
	}
	return a, nil
}

func (a account) administers(app string) bool {
	return slices.Contains(a.access, access{App: app, Admin: true})
}
