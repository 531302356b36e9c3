package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// AnchorAdviser is a View that knows attributes which could carry anchors.
type AnchorAdviser interface {
	FreeAnchors() ([]string, error)
}

// isAnchor reports whether a value ties an account to a key of any application.
func isAnchor(value string) bool {
	_, key, ok := ident.ParseAnchor(value)
	return ok && key != ""
}

// AnchorUse counts the accounts whose anchor attribute holds something that is
// no anchor of any application.
type AnchorUse struct {
	Attribute string
	Count     int
	examples  []string
}

// Add looks at one account.
func (u *AnchorUse) Add(e ident.Entry) {
	for _, v := range e.Attributes.Values(u.Attribute) {
		if !isAnchor(v) {
			u.Count++
			u.examples = append(u.examples, fmt.Sprintf("%s on %s", v, e.DN))
			break
		}
	}
	if len(u.examples) > 50 { // the first three by name are told
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

// Next says what to choose instead.
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

// anchorInUse says once that the anchor attribute is in use for something else:
// in the first plan of everybody, and later of the accounts that records match.
func (b *Builder) anchorInUse() error {
	use := AnchorUse{Attribute: b.set.Anchor}
	for _, e := range b.foreign {
		use.Add(e)
	}
	if lister, can := b.view.(AnchorLister); can && b.set.Anchor != "" && b.hist.AnchorsTrusted {
		use = AnchorUse{Attribute: b.set.Anchor}
		err := lister.EachAnchor(b.set.Anchor, "", func(e ident.Entry) error {
			if isUser(e) && b.inScope(e.DN.Parent()) {
				use.Add(e)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if use.Count < 2 { // one may be a mistake, and its record says what to do
		return nil
	}
	var free []string
	if adviser, can := b.view.(AnchorAdviser); can {
		var err error
		if free, err = adviser.FreeAnchors(); err != nil {
			return err
		}
	}
	b.attend("", "", b.set.Anchor, use.Cause(), use.Next(free))
	for key := range b.foreign {
		if q, aside := b.quarantined[key]; aside {
			q.Next = "choose another anchor attribute: see what is said about " + b.set.Anchor
			b.quarantined[key] = q
		}
	}
	return nil
}
