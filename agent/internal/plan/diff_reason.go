package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// reasons collects why the attributes of one update are written.
type reasons struct {
	application string
	drift       []string // attributes that somebody changed by hand
	conflicts   []string // what both sides have changed
	source      []because
	others      []string
}

// because is one cause with the attributes that change because of it.
type because struct {
	before, after string // around the names: "user.name changed " and ""
	names         []string
}

func (r *reasons) add(ch ident.AttributeChange, source string, link ident.Link) {
	if ch.Drift {
		r.drift = append(r.drift, ch.Name)
		return
	}
	if ch.Conflict {
		r.conflicts = append(r.conflicts, bothChanged(r.application, ch)+"; the application is authoritative")
		return
	}
	_, known := link.Applied[text.Lower(ch.Name)]
	refs := references(source)
	var b because
	switch {
	case refs == "":
		b.after = " not as the mapping says"
	case known:
		b.before = refs + " changed "
	default:
		b.after = " not as " + refs + " says"
	}
	for i := range r.source {
		if r.source[i].before == b.before && r.source[i].after == b.after {
			r.source[i].names = append(r.source[i].names, ch.Name)
			return
		}
	}
	b.names = []string{ch.Name}
	r.source = append(r.source, b)
}

// String returns a sentence such as "user.name changed displayName and sn;
// drift: somebody changed title by hand".
func (r *reasons) String() string {
	var out []string
	for _, b := range r.source {
		out = append(out, b.before+enumerate(b.names)+b.after)
	}
	if len(r.drift) > 0 {
		out = append(out, "drift: somebody changed "+enumerate(r.drift)+" by hand")
	}
	out = append(out, r.conflicts...)
	return strings.Join(append(out, r.others...), "; ")
}

// bothChanged names the two values of an attribute that the application and
// somebody in the directory have changed since rollcall wrote it.
func bothChanged(application string, ch ident.AttributeChange) string {
	if ch.Binary {
		return fmt.Sprintf("both changed %s: %s has another one, and the directory was changed by hand to another", ch.Name, application)
	}
	return fmt.Sprintf("both changed %s: %s says %s, the directory was changed by hand to %s",
		ch.Name, application, valueOf(ch.New), valueOf(ch.Old))
}

// mostQuoted bounds what a reason quotes of a value, in characters.
const mostQuoted = 80

// valueOf is how a reason names the values of an attribute.
func valueOf(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	all := []rune(strings.Join(values, ", "))
	if len(all) > mostQuoted {
		all = append(all[:mostQuoted], '…')
	}
	return string(all)
}

func enumerate(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

var reference = regexp.MustCompile(`\b(?:user|attributes|endpoints|link|settings)(?:\.[A-Za-z_][A-Za-z0-9_]*)+`)

// references names what an expression reads: "user.name", "user.id and
// user.name".
func references(source string) string {
	var names []string
	for _, name := range reference.FindAllString(source, -1) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return enumerate(names)
}
