package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// checkOn reads the kinds of changes that an automation asks for.
func (l *loader) checkOn(in path, a *Automation) {
	if a.Object == "" {
		a.Object = ident.ObjectUser
	}
	at := in.with("on")
	if !l.has(at) || l.failed[at.index()] {
		return
	}
	if len(a.On) == 0 {
		l.fail(at, "on is empty: nothing would ever begin", `name what happens, like ["disabled", "deleted"]`)
	}
	first := map[ident.EventKind]int{}
	for i, entry := range a.On {
		if l.failed[at.item(i).index()] {
			continue
		}
		on, ok := l.parseOn(at.item(i), entry, a.Object)
		if !ok {
			continue
		}
		if before, twice := first[on.Kind]; twice {
			hint := "remove one of them"
			if on.Kind == ident.EventModified {
				hint = "write all attributes into one: modified(title, department)"
			}
			l.fail(at.item(i), fmt.Sprintf("on holds %s twice: it is also the %s of the list", on.Kind, nth(before+1)), hint)
			continue
		}
		first[on.Kind] = i
		a.Events = append(a.Events, on)
	}
}

// parseOn reads one element of on: a kind, or modified with attributes.
func (l *loader) parseOn(at path, entry string, object ident.ObjectKind) (on ident.On, ok bool) {
	kind, inside, named := strings.Cut(entry, "(")
	on.Kind = ident.EventKind(strings.TrimSpace(kind))
	switch {
	case !slices.Contains(ident.EventKinds, on.Kind):
		known := joinAll(ident.EventKinds)
		hint := suggest(string(on.Kind), strings.Split(known, ", "))
		if hint == "" {
			hint = "there are: " + known
		}
		l.fail(at, fmt.Sprintf("on holds %q, which is no kind of change", strings.TrimSpace(kind)), hint)
		return on, false
	case object == ident.ObjectGroup && (on.Kind == ident.EventEnabled || on.Kind == ident.EventDisabled):
		l.fail(at, fmt.Sprintf("on holds %s, and a group cannot be: only users are", on.Kind), `object = "user"`)
		return on, false
	case !named:
		return on, true
	case on.Kind != ident.EventModified:
		l.fail(at, fmt.Sprintf("on holds %q: only modified takes attributes", entry), fmt.Sprintf("write %q", string(on.Kind)))
		return on, false
	}
	inside, after, closed := strings.Cut(inside, ")")
	switch {
	case !closed || strings.TrimSpace(after) != "":
		l.fail(at, fmt.Sprintf("on holds %q, which does not end with its attributes", entry), `like "modified(title, department)"`)
		return on, false
	case strings.TrimSpace(inside) == "":
		l.fail(at, "on holds modified() without an attribute", `like "modified(title)"; "modified" alone takes any attribute`)
		return on, false
	}
	return on, l.parseAttributes(at, &on, len(kind)+1, entry, strings.Split(inside, ","))
}

// parseAttributes reads the attributes of modified, which begin at an offset of the
// entry.
func (l *loader) parseAttributes(at path, on *ident.On, offset int, entry string, list []string) bool {
	fits := true
	for _, one := range list {
		name := strings.TrimSpace(one)
		pos := l.value(at).After(entry[:offset+strings.Index(one, name)])
		offset += len(one) + 1
		refuse := func(hint, format string, args ...any) {
			fits = false
			l.errs = append(l.errs, Error{Pos: pos, Key: at.String(), Message: fmt.Sprintf(format, args...), Hint: hint})
		}
		lower := text.Lower(name)
		switch reason := ident.Unseen(lower); {
		case !attributeForm.MatchString(name):
			refuse(`like "modified(title, department)"`, "%q is not the name of an attribute", name)
		case reason != "":
			refuse("remove it", "no change of %s can be seen: %s", name, reason)
		case slices.Contains(on.Attributes, lower):
			refuse("remove one of them", "modified names %s twice", name)
		default:
			l.warnStrangeAttribute(at, name, pos)
			on.Attributes = append(on.Attributes, lower)
		}
	}
	return fits
}

// nth spells a position in a list.
func nth(n int) string {
	words := []string{"first", "second", "third"}
	if n <= len(words) {
		return words[n-1]
	}
	return fmt.Sprintf("%dth", n)
}

// notImaged refuses attributes in a filter over events that no image of an object
// holds. It reports whether there are any.
func (l *loader) notImaged(at path, e *expr.Expression) bool {
	found := false
	for _, name := range []string{"ad", "old"} {
		for _, r := range e.References(name) {
			if len(r.Path) == 0 {
				continue
			}
			if reason := ident.Imaged(text.Lower(r.Path[0])); reason != "" {
				found = true
				hint := "ask for it in an if of the orchestration, where ad is read anew"
				if text.Same(r.Path[0], "member") || text.Same(r.Path[0], "memberOf") {
					hint = "change.group.dn is the group of a member_added and a member_removed; other memberships: in an if of the orchestration"
				}
				l.errs = append(l.errs, Error{
					Pos: r.Pos, Key: at.String(), Message: fmt.Sprintf("where cannot look at %s.%s: %s", name, r.Path[0], reason), Hint: hint,
				})
			}
		}
	}
	return found
}

// changeMistakes finds members that a change and its group do not have.
func changeMistakes(e *expr.Expression) []error {
	var wrong []error
	for _, r := range e.References("change") {
		if len(r.Path) > 1 && r.Path[0] == "group" && !slices.Contains(orchestration.GroupMembers, r.Path[1]) {
			hint := suggest(r.Path[1], orchestration.GroupMembers)
			if hint == "" {
				hint = "there are: " + strings.Join(orchestration.GroupMembers, ", ")
			}
			wrong = append(wrong, &expr.Error{Pos: r.Pos, Message: fmt.Sprintf("change.group has no member %q", r.Path[1]), Hint: hint})
		}
	}
	return wrong
}
