package main

import (
	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// The rights that the manifest names.
const (
	rightAdmin    = "admin"            // a global admin
	rightSettings = "account settings" // includes user management
	rightOthers   = "see other users"
)

// whoHas completes the phrase "a user who ..."; "" for an unknown right.
func whoHas(right string) string {
	switch right {
	case rightAdmin:
		return "is a global admin of the Pipedrive company"
	case rightSettings:
		return "has access to the account settings of the Pipedrive company"
	case rightOthers:
		return "may see all users in Pipedrive"
	}
	return ""
}

// findings returns a finding for every right that the configuration needs.
func (a *account) findings(c *sdk.Call) (list []abi.Finding) {
	for _, need := range c.Needs() {
		for _, right := range need.Rights {
			state, reason := a.has(c, right)
			list = append(list, abi.Finding{Use: need.Use, Right: right, State: state, Reason: reason})
		}
	}
	return list
}

func (a *account) has(c *sdk.Call, right string) (abi.RightState, string) {
	who := whoHas(right)
	switch {
	case who == "":
		return abi.RightUnknown, "Pipedrive's connector knows the rights admin, account settings and see other users; " +
			"ask a global admin about this one"
	case !a.known:
		return abi.RightUnknown, "GET " + mePath + " does not tell what user " + a.id +
			" has access to; look at Manage users in Pipedrive whether that user " + who
	case a.administers("global"):
		return abi.RightGranted, "user " + a.id + " is a global admin"
	case right == rightSettings && a.administers("account_settings"):
		return abi.RightGranted, "user " + a.id + " administers the account settings"
	case right == rightOthers:
		return a.seesOthers(c)
	}
	return abi.RightLacking, "user " + a.id + " is not one who " + who +
		": let a global admin give the access under Manage users in Pipedrive, or use the credentials of a user who has it"
}

// seesOthers reports whether the user may see others. It asks for the
// permissions once.
func (a *account) seesOthers(c *sdk.Call) (abi.RightState, string) {
	if a.others == nil {
		state, reason := seesOthers(c, "/v1/users/"+a.id+"/permissions")
		a.others = &seen{state, reason}
	}
	return a.others.state, a.others.reason
}

func seesOthers(c *sdk.Call, path string) (abi.RightState, string) {
	j := &judge{scopes: []string{"users:read"}}
	resp, err := sdk.Retry(c, sdk.Request{Path: path, Cost: 10}, j.classify)
	if err != nil {
		return abi.RightUnknown, "the user's permissions cannot be read: " + err.Error()
	}
	defer resp.Close()
	sees, there, err := resp.GetBool("/data/can_see_other_users")
	switch {
	case err != nil || !there:
		return abi.RightUnknown, "GET " + path + " does not tell can_see_other_users"
	case sees:
		return abi.RightGranted, "can_see_other_users is true"
	}
	return abi.RightLacking, "can_see_other_users is false, so whoever is not listed would count as missing: let a global admin permit it, " +
		"or use the credentials of a user who " + whoHas(rightOthers)
}
