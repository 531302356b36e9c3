package service

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

const (
	adaGUID  = ident.GUID("11111111-1111-1111-1111-111111111111")
	boGUID   = ident.GUID("22222222-2222-2222-2222-222222222222")
	newGUID  = ident.GUID("55555555-5555-5555-5555-555555555555")
	goneGUID = ident.GUID("33333333-3333-3333-3333-333333333333")
)

// people fills the local image of the directory, and makes some things happen.
func people(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	user := func(guid ident.GUID, name, sam, mail, uac string) ident.Entry {
		return ident.Entry{GUID: guid, DN: ident.DN("CN=" + name + ",OU=Staff,DC=c"), Attributes: ident.Attributes{
			"samaccountname": {sam}, "mail": {mail}, "userprincipalname": {sam + "@c"}, "cn": {name}, "useraccountcontrol": {uac},
			"proxyaddresses": {"SMTP:" + mail, "smtp:" + sam + ".old@c.test"},
		}}
	}
	must(t, s.UpdateMirror(ctx, func(tx store.MirrorTx) error {
		for _, e := range []ident.Entry{user(adaGUID, "Ada Novak", "anovak", "ada@c.test", "512"), user(boGUID, "Bo", "bo", "bo@c.test", "514")} {
			if err := tx.Put(e); err != nil {
				return err
			}
		}
		return nil
	}))
	lease, err := s.AcquireLease(ctx, "staff", "test", time.Hour)
	must(t, err)
	run, err := s.StartRun(ctx, lease, store.Run{Automation: "staff", Application: "crm", Kind: store.KindManual, By: "ada"})
	must(t, err)
	commit := func(key ident.Key, guid ident.GUID, name string, result ident.Result, link bool) {
		c := store.Commit{Automation: "staff", Application: "crm", By: "ada", Outcome: ident.Outcome{
			Run: run, Key: key, GUID: guid, DN: ident.DN("CN=" + name + ",OU=Staff,DC=c"), Name: name, Result: result,
			Operation: ident.Operation{Class: ident.ClassUpdate, Digest: "d" + string(key)},
		}}
		if link {
			c.Link = &ident.Link{Application: "crm", Key: key, GUID: guid, Automation: "staff", Origin: ident.OriginCreated}
		}
		must(t, s.Commit(ctx, lease, c))
	}
	commit("7", adaGUID, "Ada Novak", ident.ResultApplied, true)
	commit("7", adaGUID, "Ada Novak", ident.ResultHeld, false)
	commit("8", goneGUID, "Cy Gone", ident.ResultApplied, true)
	commit("9", "", "Di", ident.ResultFailed, false)
	_, err = s.DeleteLink(ctx, lease, ident.Users("crm"), "8", "grace")
	must(t, err)
	must(t, s.FinishRun(ctx, lease, store.Run{ID: run, Automation: "staff", Result: store.RunOK}))
}

// explained collects an answer.
func explained(t *testing.T, s *Service, user string) (who *Person, entries []string, err error) {
	t.Helper()
	for one, err := range s.Explain(t.Context(), "ada", ExplainRequest{User: user, Most: 50}) {
		switch {
		case err != nil:
			return who, entries, err
		case one.Person != nil:
			who = one.Person
		default:
			entries = append(entries, string(one.Entry.Kind))
		}
	}
	return who, entries, nil
}

// TestWhoIsExplained: a person is found by every name, also one who is gone, and one
// who never had an account.
func TestWhoIsExplained(t *testing.T) {
	s, a := opened(t)
	people(t, a.Store())
	ada := fmt.Sprint(adaGUID, " enabled [outcome link outcome]")
	gone := fmt.Sprint(goneGUID, " unseen [outcome link link]")
	for name, want := range map[string]string{
		"anovak": ada, " ANovak ": ada, "anovak@c": ada, "Ada@c.test": ada, "anovak.old@c.test": ada, "Ada Novak": ada,
		"cn=ada novak, ou=staff,dc=c": ada, string(adaGUID): ada, "{" + strings.ToUpper(string(adaGUID)) + "}": ada, "crm:7": ada,
		"bo": fmt.Sprint(boGUID, " disabled []"), "Cy Gone": gone, "CN=Cy Gone,OU=Staff,DC=c": gone, string(goneGUID): gone, "crm:8": gone,
		"crm:9": " no account [outcome]",
	} {
		who, entries, err := explained(t, s, name)
		if err != nil {
			t.Errorf("%q: %v", name, err)
		} else if got := fmt.Sprint(who.GUID, " ", who.State, " ", entries); got != want {
			t.Errorf("%q is %s, want %s", name, got, want)
		}
	}
	who, _, err := explained(t, s, "crm:7")
	must(t, err)
	if len(who.Held) != 1 || len(who.Links) != 1 || who.Records[0] != "crm:7" || who.Account != "anovak" || who.Mail != "ada@c.test" {
		t.Errorf("Ada: %+v", who)
	}
}

// TestWhoIsGone: only who is certain to be deleted is called so. Who is out of sight
// may be there.
func TestWhoIsGone(t *testing.T) {
	for doubt, want := range map[string]PersonState{"": PersonDeleted, "not shown": PersonUnseen} {
		s, a := opened(t)
		ctx := t.Context()
		must(t, a.Store().UpdateMirror(ctx, func(tx store.MirrorTx) error {
			err := tx.Put(ident.Entry{GUID: goneGUID, DN: "CN=Cy,DC=c", Attributes: ident.Attributes{"objectClass": {"user"}, "sAMAccountName": {"cy"}}})
			if err != nil {
				return err
			}
			return tx.SetState(store.MirrorState{Full: true, Events: true})
		}))
		must(t, a.Store().UpdateMirror(ctx, func(tx store.MirrorTx) error {
			tx.Record(store.EventRules{})
			if doubt != "" {
				tx.Doubt(goneGUID, doubt)
			}
			return tx.Remove(goneGUID)
		}))
		who, _, err := explained(t, s, "cy")
		must(t, err)
		if who.State != want || who.Deleted.IsZero() != (want == PersonUnseen) {
			t.Errorf("in doubt %q: %s, deleted at %v", doubt, who.State, who.Deleted)
		}
	}
}

// TestWhatNeedsAPerson: what is set aside about a record is said of it, and not of one
// of another kind that has the same key. No connector serves here.
func TestWhatNeedsAPerson(t *testing.T) {
	s, a := opened(t, func(cfg *config.Config) {
		cfg.Applications["crm"] = config.Application{Name: "crm", Endpoints: map[string]config.Endpoint{
			"users": {Kind: ident.UserKind}, "contacts": {Kind: "contact"},
		}}
		cfg.DataSources, cfg.Automations = map[string]config.DataSource{}, map[string]config.Automation{}
		for automation, endpoint := range map[string]string{"staff": "users", "guests": "contacts", "some": "of the connector"} {
			cfg.DataSources[automation] = config.DataSource{Application: "crm", Endpoints: []string{endpoint}}
			cfg.Automations[automation] = config.Automation{DataSource: automation}
		}
	})
	people(t, a.Store())
	set := func(automation, cause string, keys ...ident.Key) {
		var items []ident.QuarantineItem
		for _, k := range keys {
			items = append(items, ident.QuarantineItem{Key: k, Cause: cause})
		}
		must(t, a.Store().SetQuarantine(t.Context(), automation, items))
	}
	set("guests", "no mail", "7", "70")
	set("staff", "no name", "9", "", "71")
	set("some", "odd", "72")
	set("former", "old", "7", "9") // is configured no more
	for name, want := range map[string]string{
		"anovak": "", "crm:7": "", "crm/contact:7": "guests no mail", "crm:9": "staff no name", "crm/contact:70": "guests no mail",
		"crm:71": "staff no name", "crm:72": "some odd", "crm/contact:72": "some odd",
	} {
		who, _, err := explained(t, s, name)
		must(t, err)
		var got []string
		for _, one := range who.Attend {
			got = append(got, one.Automation+" "+one.Cause)
		}
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("%s needs %q, want %q", name, text, want)
		}
	}
	_, _, err := explained(t, s, "crm/contact:71")
	mistake(t, err, "nothing is known about the key 71")
}

// TestWhoCannotBeExplained: the error says what to do.
func TestWhoCannotBeExplained(t *testing.T) {
	s, a := opened(t)
	people(t, a.Store())
	ctx := t.Context()
	must(t, a.Store().UpdateMirror(ctx, func(tx store.MirrorTx) error {
		return tx.Put(ident.Entry{GUID: "44444444-4444-4444-4444-444444444444", DN: "CN=Bo,OU=Other,DC=c", Attributes: ident.Attributes{"mail": {"bo@c.test"}}})
	}))
	_, _, err := explained(t, s, " ")
	mistake(t, err, "no user is named: name it by sAMAccountName")
	_, _, err = explained(t, s, "bo@c.test")
	mistake(t, err, `2 are or were known as "bo@c.test"; name one of them by its objectGUID: `+string(boGUID)+" (CN=Bo,OU=Staff,DC=c)")
	_, _, err = explained(t, s, "crm:77")
	mistake(t, err, "nothing is known about the key 77 of application crm: rollcall link list crm lists the links")
	_, _, err = explained(t, s, "cmr:7")
	mistake(t, err, `there is no application "cmr" (did you mean "crm"?)`)
	if _, _, err = explained(t, s, "nobody"); err == nil || !strings.Contains(err.Error(), `nothing is kept about "nobody", and the directory cannot be asked`) {
		t.Errorf("nobody: %v", err)
	}
	for _, most := range []int{0, MostExplained + 1} {
		for _, err := range s.Explain(ctx, "ada", ExplainRequest{User: "bo", Most: most}) {
			mistake(t, err, "--limit is")
		}
	}
}

// TestEventsAreListed: those of one person, those that are open, those since a time and
// the newest, with how many there are before.
func TestEventsAreListed(t *testing.T) {
	s, a := opened(t)
	people(t, a.Store())
	ctx := t.Context()
	record := func(e ident.Entry) {
		must(t, a.Store().UpdateMirror(ctx, func(tx store.MirrorTx) error {
			tx.Record(store.EventRules{})
			return tx.Put(e)
		}))
	}
	must(t, a.Store().UpdateMirror(ctx, func(tx store.MirrorTx) error {
		return tx.SetState(store.MirrorState{Full: true, Events: true})
	}))
	user := func(guid ident.GUID, name, title string) ident.Entry {
		return ident.Entry{GUID: guid, DN: ident.DN("CN=" + name + ",OU=Staff,DC=c"), Attributes: ident.Attributes{
			"objectclass": {"user"}, "samaccountname": {name}, "title": {title},
		}}
	}
	for _, e := range []ident.Entry{user(goneGUID, "cy", "One"), user(goneGUID, "cy", "Two"), user(newGUID, "dee", "One")} {
		record(e)
	}
	since := time.Now()
	record(user(goneGUID, "cy", "Three"))
	lease, err := a.Store().AcquireLease(ctx, "events", "test", time.Hour)
	must(t, err)
	_, err = a.Store().JudgeEvents(ctx, lease, []store.JudgedEvent{
		{Event: 1, Judgements: []store.Judgement{{Automation: "tell", Verdict: store.EventFiltered, Cause: "where is false"}}}, {Event: 3},
	})
	must(t, err)
	const all = "1 cy created tell filtered; 2 cy modified; 3 dee created; 4 cy modified; "
	for _, test := range []struct {
		in   EventsRequest
		want string
	}{
		{EventsRequest{Most: 50}, all},
		{EventsRequest{Most: 4}, all},
		{EventsRequest{Most: 3}, "1 before; 2 cy modified; 3 dee created; 4 cy modified; "},
		{EventsRequest{Most: 1, User: "cy"}, "2 before; 4 cy modified; "},
		{EventsRequest{Most: 50, User: string(newGUID)}, "3 dee created; "},
		{EventsRequest{Most: 50, Open: true}, "2 cy modified; 4 cy modified; "},
		{EventsRequest{Most: 1, Open: true}, "1 before; 4 cy modified; "},
		{EventsRequest{Most: 50, Since: since}, "4 cy modified; "},
		{EventsRequest{Most: 50, User: "anovak"}, ""},
		{EventsRequest{Most: 50, User: "crm:9"}, ""}, // only a record
	} {
		got := ""
		for one, err := range s.Events(ctx, "ada", test.in) {
			must(t, err)
			if one.Event == nil {
				got += fmt.Sprint(one.Earlier, " before; ")
				continue
			}
			got += fmt.Sprint(one.Event.ID, " ", one.Event.Name, " ", one.Event.Parts[0].Kind)
			for _, v := range one.Event.Verdicts {
				got += " " + v.Automation + " " + v.Verdict
			}
			got += "; "
		}
		if got != test.want {
			t.Errorf("%+v: %s, want %s", test.in, got, test.want)
		}
	}
	for _, err := range s.Events(t.Context(), "ada", EventsRequest{Most: 50, User: "crm:77"}) {
		mistake(t, err, "nothing is known about the key 77")
	}
	for _, err := range s.Events(t.Context(), "ada", EventsRequest{}) {
		mistake(t, err, "--limit is 0")
	}
}
