package sdktest

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// linkKey returns the key that an answer gives the link, as the host finds it:
// in a verify's answer, what the verify found comes first.
func linkKey(a *Answer, w abi.Webhook) (string, error) {
	if w.LinkKey == "" {
		return "", nil
	}
	doc, err := parse(a.Body)
	if err != nil {
		return "", &Error{Kind: abi.KindBadResponse, Message: err.Error()}
	}
	get := func(pointer string) ([]byte, error) {
		v, err := find(doc, pointer)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", abi.CodeNoValue, err)
		}
		return json.Marshal(v)
	}
	if v := w.Verify; v != nil && v.Found != "" && !a.changes && w.Method != abi.MethodGet {
		at := v.Found
		if v.Records != "" {
			element, _, err := v.Candidate(get)
			if err != nil {
				return "", err
			}
			at = element + v.Found
		}
		if key, err := text(get(at)); err == nil {
			return key, nil
		}
	}
	at, err := w.LinkAt(get)
	if at == "" && err == nil {
		return "", nil // nobody was found
	}
	if err != nil {
		return "", &Error{Kind: abi.KindBadResponse, Message: err.Error()}
	}
	key, err := text(get(at))
	if err != nil {
		return "", &Error{Kind: abi.KindBadResponse, Message: fmt.Sprintf("the answer has no key at link_key: %v", err)}
	}
	return key, nil
}

func text(raw []byte, err error) (string, error) {
	if err != nil {
		return "", err
	}
	var key string
	if raw[0] != '"' {
		if key = string(raw); raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' {
			key, _ = abi.NumberKey(key)
		}
	} else if err := json.Unmarshal(raw, &key); err != nil {
		return "", err
	}
	if key == "" || raw[0] == '{' || raw[0] == '[' || key == "null" {
		return "", errors.New("neither text nor a number")
	}
	return key, nil
}
