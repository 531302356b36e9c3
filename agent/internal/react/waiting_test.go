package react

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// TestManagersOfEvents: from the mirror or from the directory. An outage leaves the
// event and later ones of its object open, for a while; all others are judged.
func TestManagersOfEvents(t *testing.T) {
	s := begin(t)
	s.automation("a", on("disabled"), `manager.mail == "boss@x"`, "crm")
	const boss = ident.DN("CN=boss,OU=Staff,DC=x")
	e := user("ada", part(ident.EventDisabled))
	e.Image["manager"] = []string{string(boss)}
	s.away = errors.New("no route")
	s.add(e, user("bo", part(ident.EventDisabled)), user("ada", part(ident.EventDisabled)))
	for range batch { // the next batch does not overtake the event either
		s.add(user("cy", part(ident.EventEnabled)))
	}
	s.add(user("ada", part(ident.EventDisabled)), user("bo", part(ident.EventDisabled)))
	var kept *KeptError
	if _, err := s.reactor.Judge(t.Context()); !errors.As(err, &kept) || kept.Events != 1 || !strings.Contains(err.Error(), "no route") {
		t.Errorf("judged without the manager: %v", err)
	}
	if d := cmp.Diff([]string{"2 a filtered", "205 a filtered"}, s.verdicts(205)); d != "" {
		t.Error(d)
	}
	if n, _ := s.store.CountOpenEvents(t.Context()); n != 3 {
		t.Errorf("%d open", n)
	}
	s.now = s.now.Add(unreadFast)
	s.away, s.managers[boss] = nil, ident.Entry{DN: boss, Attributes: ident.Attributes{"mail": {"boss@x"}}}
	s.judge()
	if d := cmp.Diff([]string{"1 a begun", "2 a filtered", "3 a filtered", "204 a filtered", "205 a filtered"}, s.verdicts(205)); d != "" {
		t.Error(d)
	}

	s.away = errors.New("no route")
	delete(s.managers, boss)
	s.add(e)
	s.now = s.now.Add(time.Hour)
	s.judge()
	if got := s.verdicts(206)[5:]; len(got) != 1 || !strings.HasPrefix(got[0], "206 a aside: ") || !strings.Contains(got[0], "no route") {
		t.Errorf("%q", got)
	}
}

// TestManagersElsewhere: one in another domain is no outage, and waiting does not help.
func TestManagersElsewhere(t *testing.T) {
	s := begin(t)
	s.automation("a", on("disabled"), `manager.mail == "boss@x"`, "crm")
	e := user("ada", part(ident.EventDisabled))
	e.Image["manager"] = []string{"CN=boss,DC=elsewhere"}
	s.away = fmt.Errorf("%w: referral", ErrElsewhere)
	s.add(e)
	s.judge()
	want := "1 a aside: read the manager of CN=ada,OU=Staff,DC=x: the object cannot be read from this domain: referral"
	if d := cmp.Diff([]string{want}, s.verdicts(1)); d != "" {
		t.Error(d)
	}
}

// TestOneManagerWhoCannotBeRead is asked for once by all events that want that manager,
// and holds up nobody else, however long the directory takes to fail.
func TestOneManagerWhoCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		takes, pause time.Duration
	}{"soon": {0, unreadFast}, "after long": {tooLong + 100*time.Millisecond, patience}} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			s.automation("a", on("disabled"), `manager.mail == "boss@x"`, "crm")
			s.automation("b", on("disabled"), `ad.title == "Boss"`, "hr")
			const lost, boss = ident.DN("CN=lost,DC=x"), ident.DN("CN=boss,DC=x")
			for i, manager := range []ident.DN{lost, lost, boss, boss} {
				e := user(fmt.Sprint("u", i), part(ident.EventDisabled))
				e.Image["manager"] = []string{string(manager)}
				s.add(e)
			}
			noManager := user("u4", part(ident.EventDisabled))
			s.add(noManager)
			s.away, s.hangs = errors.New("no answer"), map[ident.DN]time.Duration{lost: c.takes}
			s.managers[boss] = ident.Entry{DN: boss, Attributes: ident.Attributes{"mail": {"boss@x"}}}
			var kept *KeptError
			for range 2 {
				if _, err := s.reactor.Judge(t.Context()); !errors.As(err, &kept) || kept.Events != 2 {
					t.Errorf("%v", err)
				}
			}
			if d := cmp.Diff([]string{"3 a begun", "3 b begun", "4 a begun", "4 b begun", "5 a filtered", "5 b begun"}, s.verdicts(5)); d != "" {
				t.Error(d)
			}
			if s.asked != 3 {
				t.Errorf("asked %d times: once for the one, and for each event with the other", s.asked)
			}
			s.now = s.now.Add(c.pause - time.Millisecond)
			if _, err := s.reactor.Judge(t.Context()); !errors.As(err, &kept) || s.asked != 3 {
				t.Errorf("%v, asked %d times", err, s.asked)
			}
			s.now = s.now.Add(time.Millisecond)
			s.managers[lost] = ident.Entry{DN: lost}
			s.judge()
			if got := s.verdicts(2); len(got) != 4 {
				t.Errorf("%q", got)
			}
		})
	}
}

// TestAManagerElsewhereThatTakesLong is no reason to leave the next one alone.
func TestAManagerElsewhereThatTakesLong(t *testing.T) {
	s := begin(t)
	s.automation("a", on("disabled"), `manager.mail == "boss@x"`, "crm")
	const away = ident.DN("CN=boss,DC=elsewhere")
	for i := range 2 {
		e := user(fmt.Sprint("u", i), part(ident.EventDisabled))
		e.Image["manager"] = []string{string(away)}
		s.add(e)
	}
	s.away, s.hangs = fmt.Errorf("%w: referral", ErrElsewhere), map[ident.DN]time.Duration{away: 2 * tooLong}
	s.judge()
	if got := s.verdicts(2); len(got) != 2 || s.asked != 2 || len(s.reactor.unread) != 0 {
		t.Errorf("%q after %d questions, %v is left alone", got, s.asked, s.reactor.unread)
	}
}

// TestARetryAsksOnce: a person is not kept waiting by each of many events about one
// manager, however many batches they are.
func TestARetryAsksOnce(t *testing.T) {
	s := begin(t)
	a := s.automation("a", on("disabled"), `manager.mail == "boss@x"`, "crm")
	a.Broken, s.managers["CN=lost,DC=x"] = errors.New("broken"), ident.Entry{Attributes: ident.Attributes{"mail": {"boss@x"}}}
	for i := range batch + 2 {
		e := user(fmt.Sprint("u", i), part(ident.EventDisabled))
		e.Image["manager"] = []string{"CN=lost,DC=x"}
		s.add(e)
	}
	s.judge()
	delete(s.managers, "CN=lost,DC=x")
	s.asked, s.away, s.hangs = 0, errors.New("no answer"), map[ident.DN]time.Duration{"CN=lost,DC=x": 2 * tooLong}
	for n := range 2 { // a person asks: so is the directory, whatever failed before
		var kept *KeptError
		if _, err := s.reactor.Retry(t.Context(), Again{Automation: "a", By: "eve"}); !errors.As(err, &kept) || kept.Events != batch+2 || s.asked != n+1 {
			t.Errorf("%v, asked %d times", err, s.asked)
		}
	}
}

// TestACountThatIsUnderWay is no news for the log, unless it lasts, or something else
// waits too.
func TestACountThatIsUnderWay(t *testing.T) {
	s := begin(t)
	s.automation("a", on("disabled"), "", "crm").Limit = func(context.Context) (store.StartLimit, error) {
		return store.StartLimit{}, ErrCounting
	}
	lost := user("bo", part(ident.EventEnabled))
	lost.Image["manager"] = []string{"CN=lost,DC=x"}
	s.add(user("ada", part(ident.EventDisabled)), user("cy", part(ident.EventDisabled)), lost)
	look := func(after time.Duration, want int) {
		t.Helper()
		s.now = s.now.Add(after)
		_, err := s.reactor.Judge(t.Context())
		s.reactor.tell(err)
		if n := strings.Count(s.said.String(), "they wait"); n != want {
			t.Errorf("told %d times, want %d: %s", n, want, s.said.String())
		}
	}
	look(0, 0)
	look(longCount-time.Second, 0)
	look(time.Second, 1)
	s.automation("b", on("enabled"), `manager.mail == "boss@x"`, "hr")
	s.add(lost)
	s.away = errors.New("no route")
	look(patience, 2)
	if !strings.Contains(s.said.String(), "no route") {
		t.Error(s.said.String())
	}
}

// TestARowThatCannotBeRead is closed with a line in the log; the others go on.
func TestARowThatCannotBeRead(t *testing.T) {
	for name, damage := range map[string]string{
		"parts": "parts_json = '{'", "image": "image_json = 'x'",
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			s.automation("a", on("disabled"), "", "crm")
			for i := range 3 {
				s.add(user(fmt.Sprint("u", i), part(ident.EventDisabled)))
			}
			db := s.db()
			_, err := db.ExecContext(t.Context(), "UPDATE events SET "+damage+" WHERE id = 2")
			if err := errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
			s.judge()
			if d := cmp.Diff([]string{"1 a begun", "3 a begun"}, s.verdicts(3)); d != "" {
				t.Error(d)
			}
			if n := strings.Count(s.said.String(), "event=2"); n != 1 {
				t.Errorf("said %d times: %s", n, s.said.String())
			}
			s.judge()
			if n := strings.Count(s.said.String(), "event=2"); n != 1 {
				t.Errorf("it is said again: %s", s.said.String())
			}
		})
	}
}

// TestALimitThatIsNotKnown: the event waits, and nobody is bothered; others go on. After
// a while a person decides.
func TestALimitThatIsNotKnown(t *testing.T) {
	s := begin(t)
	limit, asked := errors.New("no route"), 0
	s.automation("a", on("disabled"), "", "crm").Limit = func(context.Context) (store.StartLimit, error) {
		asked++
		return store.StartLimit{Most: 1}, limit
	}
	s.automation("b", on("enabled"), "", "crm")
	s.add(user("ada", part(ident.EventDisabled)), user("bo", part(ident.EventEnabled)), user("cy", part(ident.EventDisabled)))
	var kept *KeptError
	if _, err := s.reactor.Judge(t.Context()); !errors.As(err, &kept) || kept.Events != 2 || !strings.Contains(err.Error(), "no route") {
		t.Errorf("judged without the limit: %v", err)
	}
	if d := cmp.Diff([]string{"2 b begun"}, s.verdicts(3)); d != "" {
		t.Error(d)
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	limit = nil
	s.judge()
	want := []string{"1 a begun", "2 b begun", "3 a held: limits.start: 1 orchestration began in 24 hours, and 1 may"}
	if d := cmp.Diff(want, s.verdicts(3)); d != "" {
		t.Error(d)
	}

	limit = errors.New("no route")
	s.add(user("di", part(ident.EventDisabled)))
	s.now = s.now.Add(longest + time.Second)
	s.judge()
	if got := s.verdicts(4)[3:]; len(got) != 1 || got[0] != "4 a held: limits.start could not be looked at: no route" {
		t.Errorf("%q", got)
	}
}

// TestADamagedRowThatIsAside hides and holds up no other; a person can drop it.
func TestADamagedRowThatIsAside(t *testing.T) {
	s, ctx := begin(t), t.Context()
	a := s.automation("a", on("disabled"), "", "crm")
	a.Broken = errors.New("no connector")
	for i := range batch + 1 {
		s.add(user(fmt.Sprint("u", i), part(ident.EventDisabled)))
	}
	s.judge()
	db := s.db()
	_, err := db.ExecContext(ctx, "UPDATE events SET parts_json = '{' WHERE id <= ?", batch)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	a.Broken = nil
	if list, err := s.reactor.Retry(ctx, Again{Automation: "a"}); err != nil || len(list) != 1 || list[0].Event != batch+1 {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := s.reactor.Retry(ctx, Again{Automation: "a", Event: 2}); err == nil || !strings.Contains(err.Error(), "rollcall quarantine accept a 2") {
		t.Errorf("%v", err)
	}
	aside, err := s.store.AsideEvents(ctx, "a", 0, 1000)
	if err != nil || len(aside) != batch || aside[1].Unreadable == nil || aside[1].Event.ID != 2 {
		t.Errorf("%d aside, %v", len(aside), err)
	}
	if dropped, err := s.store.DropAside(ctx, "a", 2, "eve"); err != nil || len(dropped) != 1 {
		t.Errorf("%+v, %v", dropped, err)
	}
}

// TestARetryThatMustWait holds up no other either.
func TestARetryThatMustWait(t *testing.T) {
	s, ctx := begin(t), t.Context()
	a := s.automation("a", on("disabled"), `manager == null || manager.mail == "boss@x"`, "crm")
	a.Broken = errors.New("no connector")
	e := user("ada", part(ident.EventDisabled))
	for i := range batch {
		s.add(user(fmt.Sprint("u", i), part(ident.EventDisabled)))
	}
	s.add(user("last", part(ident.EventDisabled)))
	s.judge()
	e.Image["manager"] = []string{"CN=boss,DC=x"}
	text, err := ident.EncodeImage(e.Image)
	db := s.db()
	if err == nil {
		_, err = db.ExecContext(ctx, "UPDATE events SET image_json = ? WHERE id = 1", text)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	a.Broken, s.away = nil, errors.New("no route")
	var kept *KeptError
	if list, err := s.reactor.Retry(ctx, Again{Automation: "a"}); !errors.As(err, &kept) || kept.Events != 1 || len(list) != batch {
		t.Errorf("%d judged, %v", len(list), err)
	}
}
