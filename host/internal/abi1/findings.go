package abi1

import (
	"encoding/json"
	"errors"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// findings stores what a check has found out.
func (c *Call) findings(list []byte) int64 {
	if len(list) > abi.MaxFindingsSize {
		return c.no(abi.CodeTooLarge, "%d bytes of findings, more than %d", len(list), abi.MaxFindingsSize)
	}
	var found []abi.Finding
	var kind *json.UnmarshalTypeError
	switch err := json.Unmarshal(list, &found); {
	case errors.As(err, &kind):
		return c.no(abi.CodeInput, "findings: %v", err)
	case err != nil:
		return c.no(abi.CodeNotJSON, "findings: %v", err)
	case len(c.Findings)+len(found) > abi.MaxFindings:
		return c.no(abi.CodeLimit, "more than %d findings", abi.MaxFindings)
	}
	for i, f := range found {
		if err := f.Check(c.Needs); err != nil {
			return c.no(abi.CodeInput, "%v", err)
		}
		found[i].Right, found[i].Reason = cut(f.Right), cut(f.Reason)
	}
	c.Findings = append(c.Findings, found...)
	return int64(len(found))
}
