package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

func TestAttributeDiff(t *testing.T) {
	type want = ident.DesiredAttribute
	list := func(v ...string) []string { return v }
	applied := func(v ...string) map[string]string { return map[string]string{"title": ops.Digest(v)} }
	for _, c := range []struct {
		name    string
		want    want
		have    []string
		applied map[string]string
		verdict comparison
		new     []string
		add     bool
		drift   bool
	}{
		{"equal", want{Values: list("a")}, list("a"), nil, asWanted, nil, false, false},
		{"another value", want{Values: list("b")}, list("a"), nil, different, list("b"), false, false},
		{"a change of case is a change", want{Values: list("A")}, list("a"), nil, different, list("A"), false, false},
		{"an accent is a change", want{Values: list("Novák")}, list("Novak"), nil, different, list("Novák"), false, false},
		{"several values in another order", want{Values: list("a", "b")}, list("b", "a"), nil, asWanted, nil, false, false},
		{"several values, one too many", want{Values: list("a")}, list("b", "a"), nil, different, list("a"), false, false},
		{"a value wanted twice is written once", want{Values: list("a", "A", "b")}, nil, nil, different, list("a", "b"), false, false},
		{"no value and no clear: keep", want{}, list("a"), nil, asWanted, nil, false, false},
		{"clear", want{Clear: true}, list("a"), nil, different, nil, false, false},
		{"clear what is not there", want{Clear: true}, nil, nil, asWanted, nil, false, false},
		{"apply create is skipped", want{Values: list("b"), Apply: ident.ApplyCreate}, list("a"), nil, asWanted, nil, false, false},
		{"apply create is skipped even if empty", want{Values: list("b"), Apply: ident.ApplyCreate}, nil, nil, asWanted, nil, false, false},
		{"if_empty, and it is", want{Values: list("b"), Apply: ident.ApplyIfEmpty}, nil, nil, different, list("b"), false, false},
		{"if_empty, and it is not", want{Values: list("b"), Apply: ident.ApplyIfEmpty}, list("a"), nil, asWanted, nil, false, false},

		{"add merges", want{Values: list("b", "a"), Add: true}, list("a", "x"), nil, different, list("b"), true, false},
		{"add, already there", want{Values: list("a"), Add: true}, list("a", "x"), nil, asWanted, nil, false, false},
		{"add, there in another case", want{Values: list("A"), Add: true}, list("a"), nil, asWanted, nil, false, false},
		{"add to nothing", want{Values: list("a"), Add: true}, nil, nil, different, list("a"), true, false},
		{"add never clears", want{Clear: true, Add: true}, list("a"), nil, asWanted, nil, false, false},
		{"add: somebody removed the value", want{Values: list("a"), Add: true}, list("x"), applied("x", "a"), different, list("a"), true, true},
		{
			"add: the source has another value",
			want{Values: list("b"), Add: true},
			list("x", "a"), applied("x", "a"), different, list("b"), true,
			false,
		},

		{"drift: changed by hand", want{Values: list("a")}, list("hand"), applied("a"), different, list("a"), false, true},
		{"drift: emptied by hand", want{Values: list("a")}, nil, applied("a"), different, list("a"), false, true},
		{"drift: filled by hand what the source cleared", want{Clear: true}, list("hand"), applied(), different, nil, false, true},
		{"changed at the source", want{Values: list("b")}, list("a"), applied("a"), different, list("b"), false, false},
		{"changed at both", want{Values: list("b")}, list("hand"), applied("a"), different, list("b"), false, false},

		{"directory: changed by hand stays", want{Values: list("a"), Directory: true}, list("hand"), applied("a"), leftAlone, nil, false, false},
		{
			"directory: changed by hand stays when the source changes too",
			want{Values: list("b"), Directory: true},
			list("hand"), applied("a"),
			leftAlone, nil, false, false,
		},
		{"directory: emptied by hand stays", want{Values: list("a"), Directory: true}, nil, applied("a"), leftAlone, nil, false, false},
		{
			"directory: untouched follows the source",
			want{Values: list("b"), Directory: true},
			list("a"), applied("a"), different, list("b"),
			false, false,
		},
		{"directory: a value of unknown origin stays", want{Values: list("a"), Directory: true}, list("x"), nil, leftAlone, nil, false, false},
		{
			"directory: an empty one of unknown origin is written",
			want{Values: list("a"), Directory: true},
			nil, nil, different, list("a"), false,
			false,
		},
		{"directory: equal", want{Values: list("a"), Directory: true}, list("a"), nil, asWanted, nil, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Name = "Title"
			if c.want.Apply == "" {
				c.want.Apply = ident.ApplyAlways
			}
			have := slices.Clone(c.have)
			ch, verdict := attributeDiff(c.want, c.have, ident.Link{Applied: c.applied})
			if verdict != c.verdict {
				t.Fatalf("verdict %d, want %d", verdict, c.verdict)
			}
			if verdict == different && (!slices.Equal(ch.New, c.new) || ch.Add != c.add || ch.Drift != c.drift || !slices.Equal(ch.Old, c.have)) {
				t.Errorf("%+v, want new %q, add %t, drift %t", ch, c.new, c.add, c.drift)
			}
			if !slices.Equal(have, c.have) {
				t.Errorf("the mirror's own values became %q", c.have)
			}
			if verdict == different && ops.AppliedDigest(ch) != ops.Digest(ch.New) != c.add && len(c.have) > 0 {
				t.Errorf("the digest of what is applied ignores what was there")
			}
		})
	}
}

// Conflicts: what rollcall last wrote tells on which side a value was changed
// since. Only when both sides changed it is there a conflict, which the
// authoritative side wins; when both came to the same value there is none, and
// that value counts as written from then on.
func TestConflicts(t *testing.T) {
	list := func(v ...string) []string { return v }
	type want = ident.DesiredAttribute
	for _, c := range []struct {
		name                 string
		wrote, source, ad    []string // a nil wrote is not known
		want                 want
		conflict             bool
		verdict, byDirectory comparison // authoritative: the application, the directory
	}{
		{"nothing changed", list("a"), list("a"), list("a"), want{}, false, asWanted, asWanted},
		{"the source changed", list("a"), list("b"), list("a"), want{}, false, different, different},
		{"the directory changed", list("a"), list("a"), list("x"), want{}, false, different, leftAlone},
		{"both changed", list("a"), list("b"), list("x"), want{}, true, different, leftAlone},
		{"both changed, emptied by hand", list("a"), list("b"), nil, want{}, true, different, leftAlone},
		{"both changed, cleared at the source", list("a"), nil, list("x"), want{Clear: true}, true, different, leftAlone},
		{"both changed, kept where the source has nothing", list("a"), nil, list("x"), want{}, false, asWanted, asWanted},
		{"both changed to the same", list("a"), list("b"), list("b"), want{}, false, agreed, asWanted},
		{"both changed to the same, in another order", list("a"), list("b", "c"), list("c", "b"), want{}, false, agreed, asWanted},
		{"both cleared", list("a"), nil, nil, want{Clear: true}, false, agreed, asWanted},
		{"nobody knows what was written", nil, list("b"), list("x"), want{}, false, different, leftAlone},
		{"added values have no conflict", list("a"), list("b"), list("x"), want{Add: true}, false, different, leftAlone},
		{"apply create", list("a"), list("b"), list("x"), want{Apply: ident.ApplyCreate}, false, asWanted, asWanted},
	} {
		for _, directory := range []bool{false, true} {
			expected := c.verdict
			if c.want.Name, c.want.Values, c.want.Directory = "title", c.source, directory; directory {
				expected = c.byDirectory
			}
			if c.want.Apply == "" {
				c.want.Apply = ident.ApplyAlways
			}
			link := ident.Link{}
			if c.wrote != nil {
				link.Applied = map[string]string{"title": ops.Digest(c.wrote)}
			}
			ch, verdict := attributeDiff(c.want, c.ad, link)
			if verdict != expected || ch.Conflict != c.conflict || ch.Conflict && ch.Drift {
				t.Errorf("%s, directory %t: verdict %d, want %d; %+v", c.name, directory, verdict, expected, ch)
			}
		}
	}
}

func TestUpdateReasons(t *testing.T) {
	runCases(t, []planCase{
		{"each attribute with its cause", func(s *scene) {
			e, l := s.known("11", map[string]any{"mail": "new@x", "displayName": "Ada N", "sn": "N", "title": "CTO", "company": "Acme", "info": nil})
			e.Attributes["title"], e.Attributes["sn"], e.Attributes["info"] = []string{"by hand"}, []string{"M"}, []string{"old"}
			for name, v := range map[string]string{"title": "CTO", "sn": "M", "displayname": "Ada M", "info": "old"} {
				l.Applied[name] = ops.Digest([]string{v})
			}
			e.Attributes["displayname"] = []string{"Ada M"}
			s.mapper.rules = map[string]attributeRule{
				"displayName": {source: "{{ trim(user.name) }}"}, "sn": {source: "last_word(user.name)"},
				"company": {source: "'Acme'"}, "mail": {source: "{{ lower(user.email) }}@{{ user.domain }}"},
			}
		}, []string{"11 apply update company:->Acme displayName:Ada M->Ada N info:old-> mail:ada11@x->new@x sn:M->N " +
			"title:by hand->CTO(drift) | " +
			"company not as the mapping says; user.name changed displayName and sn; user.info changed info; user.domain and user.email changed " +
			"mail; drift: somebody changed title by hand"}},
		{"an adopted account, whose values rollcall never wrote", func(s *scene) {
			e, l := s.known("11", map[string]any{"title": "CTO"})
			e.Attributes["title"], l.Applied = []string{"Boss"}, nil
		}, []string{"11 apply update title:Boss->CTO | title not as user.title says"}},
		{"the directory is authoritative", func(s *scene) {
			e, l := s.known("11", map[string]any{"title": "CTO"})
			e.Attributes["title"], l.Applied["title"] = []string{"by hand"}, ops.Digest([]string{"CTO"})
			s.mapper.rules["title"] = attributeRule{directory: true}
		}, []string{"11 note | title differs from its mapping and is left alone: the directory is authoritative for it"}},
		{"both changed, the application is authoritative", func(s *scene) {
			e, l := s.known("11", map[string]any{"title": "CTO", "sn": "New"})
			e.Attributes["title"], l.Applied["title"] = []string{"by hand"}, ops.Digest([]string{"Clerk"})
			e.Attributes["sn"], l.Applied["sn"] = []string{"Old"}, ops.Digest([]string{"Old"})
		}, []string{"11 apply update sn:Old->New title:by hand->CTO(both) | user.sn changed sn; " +
			"both changed title: pipedrive says CTO, the directory was changed by hand to by hand; the application is authoritative"}},
		{"both changed, the directory is authoritative", func(s *scene) {
			e, l := s.known("11", map[string]any{"title": "CTO"})
			e.Attributes["title"], l.Applied["title"] = []string{"Boss"}, ops.Digest([]string{"Clerk"})
			s.mapper.rules["title"] = attributeRule{directory: true}
		}, []string{"11 note | both changed title: pipedrive says CTO, the directory was changed by hand to Boss; " +
			"the directory is authoritative, and its value stays"}},
		{"both changed, one of them to nothing", func(s *scene) {
			e, l := s.known("11", map[string]any{"title": strings.Repeat("x", mostQuoted+1)})
			delete(e.Attributes, "title")
			l.Applied["title"] = ops.Digest([]string{"Clerk"})
		}, []string{"11 apply update title:->" + strings.Repeat("x", mostQuoted+1) + "(both) | both changed title: pipedrive says " +
			strings.Repeat("x", mostQuoted) + "…, the directory was changed by hand to nothing; the application is authoritative"}},
		{"both changed the name", func(s *scene) {
			e, _ := s.known("11", map[string]any{"cn": "Ada New"})
			e.DN = staff.Child("Adi")
		}, []string{"11 apply rename CN=Adi,OU=Staff,DC=x -> CN=Ada New,OU=Staff,DC=x cn:Adi->Ada New(both) | " +
			"both changed cn: pipedrive says Ada New, the directory was changed by hand to Adi; the application is authoritative"}},
		{"the anchor was removed", func(s *scene) {
			e, _ := s.known("11", nil)
			delete(e.Attributes, "employeenumber")
		}, []string{"11 apply update employeeNumber:->pipedrive:11 | the account lacks its anchor in employeeNumber"}},
		{"a mapping of the anchor attribute does not count", func(s *scene) { s.known("11", map[string]any{"employeeNumber": "4711"}) }, nil},
		{"the anchor was overwritten: left alone", func(s *scene) {
			e, _ := s.known("11", nil)
			e.Attributes["employeenumber"] = []string{"4711"}
		}, []string{"11 employeeNumber | the account has 4711 instead of the anchor pipedrive:11, which is left alone; after a loss of the " +
			"state its link could not be restored | if it is this person's account, clear employeeNumber there: the next run writes the anchor; " +
			"if not: rollcall link remove pipedrive 11"}},
	})
}

func TestRenameAndMove(t *testing.T) {
	const stays = " note | 1 account stays where it was when it was linked, and not where ou would put it"
	const back = "11 note | moved to OU=Support,OU=Staff,DC=x by somebody else, left alone; it belongs into OU=Staff,DC=x"
	const toSupport = " | ou: it belongs into OU=Support,OU=Staff,DC=x"
	moved := func(change func(*scene, *ident.Entry, *ident.Link)) func(*scene) {
		return func(s *scene) {
			e, l := s.known("11", nil)
			e.DN = support.Child("Ada 11")
			change(s, e, l)
		}
	}
	runCases(t, []planCase{
		{"a change of case is a rename", func(s *scene) { s.known("11", map[string]any{"cn": "ada 11"}) }, []string{
			"11 apply rename CN=Ada 11,OU=Staff,DC=x -> CN=ada 11,OU=Staff,DC=x cn:Ada 11->ada 11 | user.cn changed cn",
		}},
		{"renamed by hand: put back as drift", func(s *scene) {
			e, _ := s.known("11", nil)
			e.DN = staff.Child("Adi")
		}, []string{"11 apply rename CN=Adi,OU=Staff,DC=x -> CN=Ada 11,OU=Staff,DC=x " +
			"cn:Adi->Ada 11(drift) | drift: somebody changed cn by hand"}},
		{"renamed by hand, the directory is authoritative: stays", func(s *scene) {
			e, _ := s.known("11", nil)
			e.DN = staff.Child("Adi")
			s.mapper.rules["cn"] = attributeRule{directory: true}
		}, []string{"11 note | cn differs from its mapping and is left alone: the directory is authoritative for it"}},
		{"cn with apply create: never renamed", func(s *scene) {
			s.known("11", map[string]any{"cn": "Ada New"})
			s.mapper.rules["cn"] = attributeRule{apply: ident.ApplyCreate}
		}, nil},
		{"moved by hand: stays", moved(func(*scene, *ident.Entry, *ident.Link) {}), []string{back}},
		{"moved by hand to where it now belongs: nothing", moved(func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.records[0].Fields["ou"] = support
		}), nil},
		{"moved by hand, and the place that rollcall wants changed: moved", moved(func(_ *scene, _ *ident.Entry, l *ident.Link) {
			l.Placed = leavers
		}), []string{"11 apply move CN=Ada 11,OU=Support,OU=Staff,DC=x -> CN=Ada 11,OU=Staff,DC=x | ou: it belongs into OU=Staff,DC=x"}},
		{"adopted elsewhere by an older version: stays", moved(func(_ *scene, _ *ident.Entry, l *ident.Link) {
			l.Placed, l.Origin = "", ident.OriginAdopted
		}), []string{stays}},
		{"adopted elsewhere by an older version, with move: moved", moved(func(s *scene, _ *ident.Entry, l *ident.Link) {
			l.Placed, l.Origin, s.set.AdoptMove = "", ident.OriginAdopted, true
		}), []string{"11 apply move CN=Ada 11,OU=Support,OU=Staff,DC=x -> CN=Ada 11,OU=Staff,DC=x | ou: it belongs into OU=Staff,DC=x"}},
		{"found elsewhere after a loss of the state: stays", moved(func(_ *scene, _ *ident.Entry, l *ident.Link) {
			l.Placed, l.Origin = "", ident.OriginRestored
		}), []string{"11 account | is in OU=Support,OU=Staff,DC=x, belongs into OU=Staff,DC=x and is left there: after the loss of the state " +
			"nobody knows who put it there | move it to OU=Staff,DC=x" + accept11}},
		{"adopted where it is, and ou names the same as then: stays", moved(func(_ *scene, _ *ident.Entry, l *ident.Link) {
			l.Placed, l.OU = support, staff
		}), []string{stays}},
		{"adopted where it is, and ou names another place than then: moved", moved(func(_ *scene, _ *ident.Entry, l *ident.Link) {
			l.Placed, l.OU = support, leavers
		}), []string{"11 apply move CN=Ada 11,OU=Support,OU=Staff,DC=x -> CN=Ada 11,OU=Staff,DC=x | ou: it belongs into OU=Staff,DC=x"}},
		{"adopted, and moved by hand since: stays", moved(func(_ *scene, _ *ident.Entry, l *ident.Link) {
			l.Placed, l.OU = leavers, staff
		}), []string{"11 note | moved to OU=Support,OU=Staff,DC=x by somebody else, left alone; it belongs into OU=Staff,DC=x"}},
		{"the new place is out of scope: stays", func(s *scene) { s.known("11", map[string]any{"ou": outside}) }, []string{
			"11 account | cannot be moved to OU=Servers,DC=x: it is outside the scope of [directory] | add that OU to scope of [directory], or " +
				"choose another",
		}},
		{"two are renamed alike where cn is not made unique", func(s *scene) {
			s.known("11", map[string]any{"cn": "Bo"})
			s.known("12", map[string]any{"cn": "BO"})
			s.mapper.rules["cn"] = attributeRule{asIs: true}
		}, []string{
			"11 apply rename CN=Ada 11,OU=Staff,DC=x -> CN=Bo,OU=Staff,DC=x cn:Ada 11->Bo | user.cn changed cn",
			"12 cn | cannot be renamed to BO: the key 11 of this run has this name in OU=Staff,DC=x | rename one of the two, or give cn a " +
				"further format that tells them apart",
		}},
		{"the new name is free where it is, but taken where it goes", func(s *scene) {
			e, _ := s.known("11", map[string]any{"cn": "Bo", "ou": support})
			e.Attributes["samaccountname"] = []string{"ada"}
			s.mapper.rules["cn"] = attributeRule{asIs: true}
			s.account("g9", support.Child("Bo"))
		}, []string{
			"11 apply move CN=Ada 11,OU=Staff,DC=x -> CN=Bo (ada),OU=Support,OU=Staff,DC=x cn:Ada 11->Bo (ada)" + toSupport +
				"; user.cn changed cn; CN=Bo,OU=Support,OU=Staff,DC=x has the name Bo there, so it becomes Bo (ada)",
		}},
		{"the new name is taken where it is, but free where it goes", func(s *scene) {
			s.known("11", map[string]any{"cn": "Bo", "ou": support})
			s.account("g9", staff.Child("Bo"))
		}, []string{
			"11 apply move CN=Ada 11,OU=Staff,DC=x -> CN=Bo,OU=Support,OU=Staff,DC=x cn:Ada 11->Bo" + toSupport + "; user.cn changed cn",
		}},
		{"the old name is taken where it goes: at once", func(s *scene) {
			s.known("11", map[string]any{"cn": "Bo", "ou": support})
			s.account("g9", support.Child("Ada 11"))
		}, []string{
			"11 apply move CN=Ada 11,OU=Staff,DC=x -> CN=Bo,OU=Support,OU=Staff,DC=x cn:Ada 11->Bo" + toSupport + "; user.cn changed cn",
		}},
		{"every name from the mapping is taken where it goes: a number", func(s *scene) {
			s.known("11", map[string]any{"ou": support})
			s.mapper.rules["cn"] = attributeRule{apply: ident.ApplyCreate}
			s.account("g8", support.Child("Ada 11"))
			s.account("g9", support.Child("Ada 11 2"))
		}, []string{
			"11 apply move CN=Ada 11,OU=Staff,DC=x -> CN=Ada 11 3,OU=Support,OU=Staff,DC=x cn:Ada 11->Ada 11 3" + toSupport +
				"; CN=Ada 11,OU=Support,OU=Staff,DC=x has the name Ada 11 there, so it becomes Ada 11 3",
		}},
	})
}

// Each DN follows from the operations before it: an applied one from those
// that are applied, a held one from those that are held too.
func TestRenameAndMoveCompose(t *testing.T) {
	both := func(held ...ident.Class) func(*scene) {
		return func(s *scene) {
			s.known("11", map[string]any{"cn": "Ada New", "ou": support})
			s.set.Limits = map[ident.Class]Limit{}
			for _, class := range held {
				s.set.Limits[class] = Limit{}
			}
		}
	}
	const (
		renames = "cn:Ada 11->Ada New | user.cn changed cn"
		moves   = " | ou: it belongs into OU=Support,OU=Staff,DC=x"
		none    = " of 0 (0 are allowed in 24 hours, 0 of them used before this run)"
	)
	runCases(t, []planCase{
		{"the rename is held", both(ident.ClassRename), []string{
			"11 hold rename CN=Ada 11,OU=Staff,DC=x -> CN=Ada New,OU=Staff,DC=x " + renames + "; held: over the limit for rename" + none,
			"11 apply move CN=Ada 11,OU=Staff,DC=x -> CN=Ada 11,OU=Support,OU=Staff,DC=x" + moves,
		}},
		{"the move is held", both(ident.ClassMove), []string{
			"11 apply rename CN=Ada 11,OU=Staff,DC=x -> CN=Ada New,OU=Staff,DC=x " + renames,
			"11 hold move CN=Ada New,OU=Staff,DC=x -> CN=Ada New,OU=Support,OU=Staff,DC=x" + moves + "; held: over the limit for move" + none,
		}},
		{"both are held", both(ident.ClassRename, ident.ClassMove), []string{
			"11 hold rename CN=Ada 11,OU=Staff,DC=x -> CN=Ada New,OU=Staff,DC=x " + renames + "; held: over the limit for rename" + none,
			"11 hold move CN=Ada New,OU=Staff,DC=x -> CN=Ada New,OU=Support,OU=Staff,DC=x" + moves + "; held: over the limit for move" + none,
		}},
	})
}

// What both sides have agreed on is remembered, so that the next change at the
// source is no conflict.
func TestAgreement(t *testing.T) {
	s := newScene()
	e, l := s.known("11", map[string]any{"title": "CTO"})
	e.Attributes["title"], l.Applied["title"] = []string{"CTO"}, ops.Digest([]string{"Clerk"})
	wantTrace(t, s.plan(t))
	if len(s.updates) != 1 || s.updates[0].Key != "11" || s.updates[0].Agreed["title"] != ops.Digest([]string{"CTO"}) {
		t.Fatalf("%+v", s.updates)
	}
	l.Applied["title"] = s.updates[0].Agreed["title"]
	wantTrace(t, s.plan(t))
	if len(s.updates) != 0 {
		t.Errorf("it is remembered again: %+v", s.updates)
	}
	s.records[0].Fields["title"] = "Boss"
	wantTrace(t, s.plan(t), "11 apply update title:CTO->Boss | user.title changed title")
}

// The same holds for the name, which a rename writes.
func TestAgreementOfTheName(t *testing.T) {
	s := newScene()
	e, l := s.known("11", map[string]any{"cn": "Ada New"})
	e.DN, e.Attributes["cn"] = staff.Child("Ada New"), []string{"Ada New"}
	l.Applied["cn"] = ops.Digest([]string{"Ada 11"})
	wantTrace(t, s.plan(t))
	if len(s.updates) != 1 || s.updates[0].GUID != e.GUID || s.updates[0].Agreed["cn"] != ops.Digest([]string{"Ada New"}) {
		t.Fatalf("%+v", s.updates)
	}
	l.Applied["cn"] = s.updates[0].Agreed["cn"]
	wantTrace(t, s.plan(t))
	if len(s.updates) != 0 {
		t.Errorf("it is remembered again: %+v", s.updates)
	}
	s.records[0].Fields["cn"] = "Ada Newest"
	wantTrace(t, s.plan(t), "11 apply rename CN=Ada New,OU=Staff,DC=x -> CN=Ada Newest,OU=Staff,DC=x cn:Ada New->Ada Newest | user.cn changed cn")
}
