package abi

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Refuses returns the manifest's limitation that a webhook violates, and
// whether there is one. Only limitations with a method and a path are
// considered.
func (m Manifest) Refuses(w Webhook) (Limitation, bool) {
	path := w.Path
	if w.URL != "" {
		u, err := url.Parse(w.URL)
		if err != nil {
			return Limitation{}, false // such a body cannot be sent either
		}
		path = u.EscapedPath()
	}
	for _, l := range m.Cannot {
		if l.Path != "" && strings.EqualFold(l.Method, w.Method) && MatchPath(l.Path, path) && l.concerns(w) {
			return l, true
		}
	}
	return Limitation{}, false
}

// concerns reports whether the limitation refuses the webhook's body.
func (l Limitation) concerns(w Webhook) bool {
	if len(l.Only) == 0 && len(l.Fields) == 0 {
		return true
	}
	names, ok := bodyMembers(w)
	if !ok {
		return len(l.Only) > 0
	}
	return slices.ContainsFunc(names, func(name string) bool {
		if len(l.Only) > 0 {
			return !slices.Contains(l.Only, name)
		}
		return slices.Contains(l.Fields, name)
	})
}

// bodyMembers lists the member names of a JSON object or a form. It reports
// false for any other body.
func bodyMembers(w Webhook) (names []string, ok bool) {
	switch {
	case w.Body == "":
		return nil, true
	case w.MessageType == MessageForm:
		form, err := url.ParseQuery(w.Body)
		for name := range form {
			names = append(names, name)
		}
		return names, err == nil
	}
	var members map[string]json.RawMessage
	err := json.Unmarshal([]byte(w.Body), &members)
	for name := range members {
		names = append(names, name)
	}
	return names, err == nil
}

// MatchPath reports whether the last segments of a path match those of a
// pattern; a segment "*" of the pattern matches any one. A query and a trailing
// slash are ignored, and percent-encoding is undone.
func MatchPath(pattern, path string) bool {
	path, _, _ = strings.Cut(path, "?")
	want, have := segments(pattern), resolved(path)
	if len(have) < len(want) {
		return false
	}
	have = have[len(have)-len(want):]
	for i, w := range want {
		if w != "*" && w != have[i] || have[i] == "" {
			return false
		}
	}
	return true
}

// resolved returns the segments of a path as a server sees them: decoded, and
// without "." and "..".
func resolved(path string) (list []string) {
	for _, s := range segments(path) {
		if decoded, err := url.PathUnescape(s); err == nil {
			s = decoded
		}
		switch s {
		case ".":
		case "..":
			list = list[:max(len(list)-1, 0)]
		default:
			list = append(list, s)
		}
	}
	return list
}

func segments(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }
