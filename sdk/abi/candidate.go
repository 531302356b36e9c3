package abi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxCandidates bounds how many candidates of one answer are examined.
const maxCandidates = 1_000

// Candidate returns the JSON pointer of the first element of Records that has
// all the values of Match, or "" and the number of elements examined. get
// returns the JSON of a value of the answer, or an error that is CodeNoValue.
// An answer without the array is an error, because it does not prove that the
// element is missing. A null array is an empty one.
func (v Verify) Candidate(get func(pointer string) ([]byte, error)) (element string, looked int, err error) {
	return v.candidate(0, get)
}

// candidate is Candidate from an element on.
func (v Verify) candidate(first int, get func(pointer string) ([]byte, error)) (element string, looked int, err error) {
	for i := first; i < maxCandidates; i++ {
		element = v.Records + "/" + strconv.Itoa(i)
		_, err := get(element)
		if errors.Is(err, CodeNoValue) {
			return "", i, v.ended(get, i)
		}
		if err != nil {
			return "", i, err
		}
		fits, err := v.fits(get, element)
		if err != nil || fits {
			return element, i, err
		}
	}
	return "", maxCandidates, fmt.Errorf("more than %d candidates at %q: %w", maxCandidates, v.Records, CodeTooLarge)
}

// LinkAt returns the JSON pointer to the key of the link in the webhook's answer,
// or "" when a search has found nobody. A search that found several is an error:
// no one of them may be taken for the object. get is as in Verify.Candidate.
func (w Webhook) LinkAt(get func(pointer string) ([]byte, error)) (string, error) {
	if w.LinkRecords == "" {
		return w.LinkKey, nil
	}
	search := Verify{Records: w.LinkRecords, Match: w.LinkMatch}
	element, at, err := search.candidate(0, get)
	if element == "" || err != nil {
		return "", err
	}
	other, _, err := search.candidate(at+1, get)
	if err == nil && other != "" {
		err = fmt.Errorf("the search found several, at %q and %q: it is not known which of them is meant", element, other)
	}
	return element + w.LinkKey, err
}

// ended checks that the end of the elements is the end of an array.
func (v Verify) ended(get func(pointer string) ([]byte, error), seen int) error {
	if seen > 0 {
		return nil
	}
	raw, err := get(v.Records)
	if err != nil {
		return fmt.Errorf("the answer has no candidates at %q: %w", v.Records, err)
	}
	if text := strings.TrimSpace(string(raw)); text != "null" && !strings.HasPrefix(text, "[") {
		return fmt.Errorf("the answer has no array of candidates at %q: %w", v.Records, CodeNotArray)
	}
	return nil
}

func (v Verify) fits(get func(pointer string) ([]byte, error), element string) (bool, error) {
	for at, want := range v.Match {
		raw, err := get(element + at)
		if errors.Is(err, CodeNoValue) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if !strings.EqualFold(textOf(raw), want) {
			return false, nil
		}
	}
	return true, nil
}

// textOf returns a string without its quotes, and any other value as it stands.
func textOf(raw []byte) string {
	var s string
	if json.Unmarshal(raw, &s) == nil && len(raw) > 0 && raw[0] == '"' {
		return s
	}
	return string(raw)
}
