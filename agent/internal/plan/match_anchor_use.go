package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// AnchorAdviser is a View that knows which attributes could hold anchors.
type AnchorAdviser interface {
	FreeAnchors() ([]string, error)
}

// AnchorUse counts the accounts whose anchor attribute holds something other
// than an anchor.
type AnchorUse struct {
	Attribute string
	Count     int
	examples  []string
}

// Add examines one account.
func (u *AnchorUse) Add(e ident.Entry) {
	for _, v := range e.Attributes.Values(u.Attribute) {
		if !isAnchor(v) {
			u.Count++
			u.examples = append(u.examples, fmt.Sprintf("%s on %s", v, e.DN))
			break
		}
	}
	if len(u.examples) > 50 { // only the first three by name are shown
		u.shorten()
	}
}

func (u *AnchorUse) shorten() {
	slices.Sort(u.examples)
	u.examples = u.examples[:min(3, len(u.examples))]
}

// Cause says what the attribute is used for.
func (u *AnchorUse) Cause() string {
	u.shorten()
	return fmt.Sprintf("%s, the anchor attribute, is in use for something else: %s another value, such as %s; they cannot be linked",
		u.Attribute, count(u.Count, "account has", "accounts have"), strings.Join(u.examples, ", "))
}

// Next says which attribute to choose instead.
func (u *AnchorUse) Next(free []string) string {
	if len(free) == 0 {
		return "choose an attribute of accounts that nobody uses, one text of at least 64 characters: anchor = \"...\" in [directory]"
	}
	next := fmt.Sprintf("choose one that nobody uses: anchor = %q in [directory]", free[0])
	if len(free) > 1 {
		next += "; these would do, too: " + strings.Join(free[1:], ", ")
	}
	return next
}

// anchorInUse reports once that the anchor attribute is in use for something
// else. The first plan examines all accounts, later ones only those that
// records match.
func (m *matcher) anchorInUse() error {
	use := AnchorUse{Attribute: m.set.Anchor}
	for _, e := range m.foreign {
		use.Add(e)
	}
	if lister, can := m.view.(AnchorLister); can && m.set.Anchor != "" && m.trusted {
		use = AnchorUse{Attribute: m.set.Anchor}
		err := lister.EachAnchor(m.set.Anchor, "", func(e ident.Entry) error {
			if isUser(e) && m.dir.inScope(e.DN.Parent()) {
				use.Add(e)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if use.Count < 2 { // one may be a mistake; its record says what to do
		return nil
	}
	var free []string
	if adviser, can := m.view.(AnchorAdviser); can {
		var err error
		if free, err = adviser.FreeAnchors(); err != nil {
			return err
		}
	}
	m.draft.attend("", "", m.set.Anchor, use.Cause(), use.Next(free))
	for key := range m.foreign {
		if q, aside := m.draft.quarantined[key]; aside {
			q.Next = "choose another anchor attribute: see what is said about " + m.set.Anchor
			m.draft.quarantined[key] = q
		}
	}
	return nil
}
