package plan

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// wideWorld is a scene with everything that a plan knows how to deal with: the
// states of links and of the delivery, groups, schema rules, what earlier runs
// left behind, and, in every third world, people who swap their names through a
// compiled mapping.
type wideWorld struct {
	*scene
	mapper        Mapper
	quarantined   []ident.Key // given to Quarantine, "" among them
	deleted       []ident.Key // given to Deleted
	contradictory []ident.Key // given to Contradiction
	remarks       []string
	salt          int // decides what is refused, held, rejected and accepted
}

// odd decides by chance, and always in the same way, about something by its name.
func (w *wideWorld) odd(oneIn uint32, name ...any) bool {
	h := fnv.New32a()
	fmt.Fprint(h, w.salt, name)
	return h.Sum32()%oneIn == 0
}

// drawWideWorld makes a world; swaps is the mapping of people who swap names.
func drawWideWorld(t *rapid.T, swaps Mapper) *wideWorld {
	s := drawScene(t)
	drawLimits(t, s)
	w := &wideWorld{scene: s, salt: rapid.IntRange(0, 1<<20).Draw(t, "salt")}
	w.mapper = &wideMapper{fakeMapper: s.mapper, world: w}
	w.set.AdoptMove = rapid.Bool().Draw(t, "adopt.move")
	if rapid.IntRange(0, 2).Draw(t, "no limits") > 0 {
		w.set.SourceShrink, w.hist.LastDelivered, w.hist.PeakLinks = Limit{Unlimited: true}, 0, 100
	}
	drawGroups(t, w)
	drawSchema(t, w)
	drawUniqueness(t, w)
	for _, key := range slices.Sorted(maps.Keys(w.links)) {
		drawLinkState(t, w, w.links[key])
	}
	for i := range w.records {
		drawFields(t, w, &w.records[i])
	}
	for _, guid := range slices.Sorted(maps.Keys(w.entries)) {
		drawAccountState(t, w.entries[guid])
	}
	drawJoiners(t, w)
	if rapid.IntRange(0, 2).Draw(t, "swaps") == 0 {
		drawSwaps(t, w, swaps)
	}
	drawDelivery(t, w)
	drawHistory(t, w)
	return w
}

// drawGroups adds groups that accounts can be added to, and others.
func drawGroups(t *rapid.T, w *wideWorld) {
	w.put("g-users", "CN=Domain Users,OU=Groups,DC=x", "objectClass", "group", "objectSid", "S-1-5-21-7-513")
	w.put("g-admins", "CN=Admins,OU=Groups,DC=x", "objectClass", "group")
	w.put("g-box", "CN=Box,OU=Groups,DC=x", "objectClass", "contact")
	w.put("g-out", "CN=Out,OU=Servers,DC=x", "objectClass", "group")
	w.protected["g-admins"] = "it is privileged"
	if rapid.Bool().Draw(t, "allowed") {
		w.set.Allow = []ident.DN{"CN=Admins,OU=Groups,DC=x", staff.Child("Ada")}
	}
	w.members[crm] = map[ident.GUID]bool{}
	for i := range 8 {
		if rapid.IntRange(0, 3).Draw(t, "member") == 0 {
			w.members[crm][ident.GUID(fmt.Sprintf("g%d", i))] = true
		}
	}
}

// drawSchema makes the directory refuse some attributes, and the longer anchors.
func drawSchema(t *rapid.T, w *wideWorld) {
	w.set.Schema = ident.Schema{"manager": {Syntax: ident.SyntaxDN}, "expires": {Syntax: ident.SyntaxTime}}
	if rapid.IntRange(0, 3).Draw(t, "unusable") == 0 {
		w.set.Schema["info"] = ident.AttributeRule{Unusable: "is no attribute of accounts", Next: "choose another"}
	}
	if rapid.IntRange(0, 7).Draw(t, "narrow anchor") == 0 {
		upper := int64(rapid.SampledFrom([]int{5, 11}).Draw(t, "upper"))
		w.set.Schema["employeenumber"] = ident.AttributeRule{Syntax: ident.SyntaxText, Upper: &upper}
		for i := range w.records {
			if rapid.IntRange(0, 2).Draw(t, "long key") == 0 {
				w.records[i].Key += "000"
			}
		}
	}
}

// drawUniqueness says which names only one account may have.
func drawUniqueness(t *rapid.T, w *wideWorld) {
	w.fakeRules()["cn"] = attributeRule{asIs: rapid.Bool().Draw(t, "cn as it is"), unique: mapping.UniqueContainer}
	w.fakeRules()["sAMAccountName"] = attributeRule{unique: mapping.UniqueDomain}
	w.fakeRules()["extension"] = attributeRule{directory: rapid.Bool().Draw(t, "extension of the directory"), source: "{{ 42 }}"}
}

func (w *wideWorld) fakeRules() map[string]attributeRule { return w.scene.mapper.rules }

func drawLinkState(t *rapid.T, w *wideWorld, l *ident.Link) {
	where := func(label string) ident.DN {
		return rapid.SampledFrom([]ident.DN{"", "", staff, support, "OU=Legal,OU=Staff,DC=x"}).Draw(t, label)
	}
	l.OU = where("ou of the link")
	if l.MissingSince != nil {
		l.Left, l.LeftOU = where("left"), where("left ou")
		if e, there := w.entries[l.GUID]; there && rapid.Bool().Draw(t, "stays where it was put") {
			l.Placed = e.DN.Parent()
			e.Attributes.Set("userAccountControl", "514")
		}
	}
	l.Unseen = rapid.IntRange(0, 5).Draw(t, "unseen") == 0
	l.Delivered = rapid.Bool().Draw(t, "delivered before")
	for _, name := range []string{"samaccountname", "extension", "manager", "employeenumber"} {
		if e, there := w.entries[l.GUID]; there && rapid.Bool().Draw(t, "applied "+name) {
			l.Applied[name] = ops.Digest(e.Attributes.Values(name))
		}
	}
}

func drawAccountState(t *rapid.T, e *ident.Entry) {
	if strings.HasPrefix(string(e.GUID), "g-") {
		return // a group
	}
	for _, a := range [][]string{
		{"sAMAccountName", "", "ada", "bo", "cy"},
		{"manager", "", string(staff.Child("Ada"))},
		{"extension", "", "42", "7"},
		{"primaryGroupID", "", "513", "1104"},
		{"accountExpires", "", "", "0", "133500000000000000", "9223372036854775807"},
		{"displayName", "", "Ada N.", "Bo N."},
		{"telephoneNumber", "", "1", "2"},
	} {
		if v := value(t, a[0], a[1:]...); v != "" {
			e.Attributes.Set(a[0], v)
		}
	}
	e.Attributes.Set("objectSid", "S-1-5-21-7-1"+string(e.GUID[1:]))
}

func drawFields(t *rapid.T, w *wideWorld, rec *ident.Record) {
	for _, a := range [][]string{
		{"sAMAccountName", "", "", "ada", "bo", "cy"},
		{"manager", "", string(staff.Child("Ada")), "cn=ada,OU=Staff,DC=x", string(staff.Child("Nobody"))},
		{"extension", "", "42", "43"},
		{"accountExpires", "", "", "", "133500000000000000"},
		{"expires", "", "20260301120000Z"},
		{"name", "", "Ada Novak"},
		{"odd", "", "", "", "", "", "", "", "aside", "absent", "panic"},
	} {
		if v := value(t, a[0], a[1:]...); v != "" {
			rec.Fields[a[0]] = v
		}
	}
	var in []ident.DN
	for _, g := range []ident.DN{
		crm, "CN=Domain Users,OU=Groups,DC=x", "CN=Admins,OU=Groups,DC=x",
		"CN=Box,OU=Groups,DC=x", "CN=Out,OU=Servers,DC=x", "CN=Gone,OU=Groups,DC=x",
	} {
		if rapid.IntRange(0, 5).Draw(t, "in group") == 0 {
			in = append(in, g)
		}
	}
	if len(in) > 0 {
		rec.Fields["groups"] = in
	}
	switch rapid.IntRange(0, 15).Draw(t, "trouble") {
	case 0:
		rec.Problem = "name: a text of 70000 characters"
	case 1:
		rec.Fields["underivable"] = true
	case 2, 3, 4:
		rec.Number = string(rec.Key) + "." + strings.Repeat("0", len(rec.Key))
	}
	if e := w.entries[ident.GUID("g"+rec.Key)]; rec.Number != "" && e != nil && w.odd(2, "former anchor", rec.Key) {
		e.Attributes.Set("employeeNumber", "pipedrive:"+rec.Number)
	}
}

// drawJoiners adds people without a link who are hard to tell apart: they share
// an address with each other, with an account, or nearly.
func drawJoiners(t *rapid.T, w *wideWorld) {
	if rapid.Bool().Draw(t, "a free account") {
		w.account("g90", staff.Child("Free"), "mail", value(t, "mail of the free account", "j@x", "ä@x"), "telephoneNumber", "90")
	}
	for _, key := range []ident.Key{"7", "8", "9"} {
		if rapid.Bool().Draw(t, "joins") {
			continue
		}
		fields := map[string]any{
			"cn": value(t, "cn of a joiner", "Jo", "Jo", "Free", "Ada"), "mail": value(t, "mail of a joiner", "j@x", "k@x", "a@x", "ä@x"),
			"sAMAccountName": value(t, "login of a joiner", "jo", "jim", "joe", "ada"),
			"proxyAddresses": []string{"SMTP:" + string(key) + "@x", "smtp:" + string(key) + "@X"},
		}
		if key == "7" && rapid.Bool().Draw(t, "nowhere") {
			fields["ou"] = ident.DN("OU=Legal,OU=Staff,DC=x")
		}
		w.record(key, fields)
	}
	if rapid.IntRange(0, 19).Draw(t, "nobody") == 0 {
		w.records = nil
	}
}

// drawSwaps replaces everybody by people whose names go round, which a compiled
// mapping maps. Some keep theirs, and some are not delivered.
func drawSwaps(t *rapid.T, w *wideWorld, mapper Mapper) {
	w.mapper, w.records = mapper, nil
	w.entries, w.links = map[ident.GUID]*ident.Entry{"g-crm": w.entries["g-crm"]}, map[ident.Key]*ident.Link{}
	n := rapid.IntRange(2, 6).Draw(t, "people")
	var all []int
	for i := range n {
		all = append(all, i)
	}
	names, logins, mails := rapid.Permutation(all), rapid.Permutation(all), rapid.Permutation(all)
	name, login, mail := names.Draw(t, "names"), logins.Draw(t, "logins"), mails.Draw(t, "mails")
	place := func(label string) ident.DN {
		return rapid.SampledFrom([]ident.DN{staff, staff, support}).Draw(t, label)
	}
	for i := range n {
		rec := w.swapped(i, name[i], login[i], mail[i], place("from"), place("to"))
		switch rapid.IntRange(0, 9).Draw(t, "who") {
		case 0:
			rec.Fields["login"] = rec.Fields["mail"]
		case 1:
			delete(rec.Fields, "name")
		case 2:
			delete(w.links, rec.Key)
		case 3:
			since := noon
			w.links[rec.Key].MissingSince = &since
			w.entries["g"+ident.GUID(rec.Key)].Attributes.Set("userAccountControl", "514")
		case 4:
			continue
		}
		w.records = append(w.records, rec)
	}
}

func drawDelivery(t *rapid.T, w *wideWorld) {
	key := func(label string) ident.Key { return ident.Key(strconv.Itoa(rapid.IntRange(0, 9).Draw(t, label))) }
	delivered := func(k ident.Key) bool {
		return slices.ContainsFunc(w.records, func(r ident.Record) bool { return r.Key == k })
	}
	if rapid.IntRange(0, 3).Draw(t, "whole") > 0 {
		w.delivery.Complete, w.delivery.ChangesOnly = true, false
	}
	switch rapid.IntRange(0, 9).Draw(t, "end") {
	case 0:
		w.delivery.Reason = "the source answered 503"
	case 1:
		w.delivery.Doubt = "2 of the delivered keys came more than once"
	}
	for range rapid.IntRange(0, 2).Draw(t, "deleted") {
		if k := key("deleted key"); !delivered(k) {
			w.deleted = append(w.deleted, k)
		}
	}
	switch rapid.IntRange(0, 9).Draw(t, "set aside before") {
	case 0:
		w.quarantined = append(w.quarantined, key("quarantined"))
	case 1:
		w.quarantined = append(w.quarantined, "")
	case 2:
		w.contradictory = append(w.contradictory, key("contradictory"))
	case 3:
		w.remarks = append(w.remarks, "an attachment came alone")
	}
	if rapid.Bool().Draw(t, "staged") {
		skipped := key("skipped")
		w.delivery.Present = func(k ident.Key) (bool, error) {
			return delivered(k) || k == skipped || slices.Contains(w.quarantined, k) || slices.Contains(w.contradictory, k), nil
		}
	}
}

func drawHistory(t *rapid.T, w *wideWorld) {
	w.hist.StraysOpen = rapid.IntRange(0, 3).Draw(t, "strays open") == 0
	if rapid.IntRange(0, 4).Draw(t, "others") == 0 {
		w.hist.NotRun = []string{"contractors"}
	}
	w.hist.Accepted = func(q ident.QuarantineItem) (string, bool) {
		return "root", w.odd(4, "accepted", q.Key, q.Part, q.Cause)
	}
}

// wideMapper is a fakeMapper whose records can also ask for what a mapping does
// besides: set an attribute aside, tell that a field is absent, and panic.
type wideMapper struct {
	*fakeMapper
	world *wideWorld
}

func (m *wideMapper) Map(rec ident.Record, current *ident.Entry, link *ident.Link, names mapping.Names) (ident.Desired, error) {
	odd, _ := rec.Fields["odd"].(string)
	if odd == "panic" {
		panic("a bug in the mapping of " + string(rec.Key))
	}
	d, err := m.fakeMapper.Map(rec, current, link, names)
	d.Attributes = slices.DeleteFunc(d.Attributes, func(a ident.DesiredAttribute) bool { return a.Name == "odd" || a.Name == "name" })
	if odd == "aside" {
		cause := "pager: " + string(rec.Key) + " is too long"
		d.Aside = []ident.AttributeFault{{Attribute: "pager", Cause: cause, Shared: "pager: too long", Next: "shorten it"}}
	}
	if odd == "absent" || m.world.odd(2, "absent for all") {
		d.Absent = []string{"mobile"}
	}
	return d, err
}

func (m *wideMapper) WhyAbsent(_ ident.Record, attribute string) *mapping.Error {
	return &mapping.Error{Attribute: attribute, Cause: "no value: user.mobil is absent", Next: "did you mean user.mobile?"}
}
