package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host/soak"
)

// receiverTables let Pipedrive tell of changes, at a port that is free.
const receiverTables = `[receiver]
listen = "127.0.0.1:0"
url    = "https://rollcall.ad.test/hooks"
[applications.pipedrive.receiver]
enabled  = true
username = "pipedrive"
password = "@{file:%s/receiver_password}"
[automations.staff]`

const receiverPassword = "correct horse battery staple"

// receiving writes a configuration with a receiver, changed by more pairs of old and new
// text, and starts the agent.
func (w *world) receiving(more ...string) (d *daemon, address string) {
	w.Helper()
	w.write("receiver_password", receiverPassword)
	w.configure(append(more, "[automations.staff]", fmt.Sprintf(receiverTables, w.dir), `"*/15 * * * *"`, `"0 0 1 1 *"`)...)
	d = w.start()
	form := regexp.MustCompile(`msg="applications may tell of changes" url=(\S+)`)
	soak.Await(w.TB, "the receiver listens", func() bool { return form.MatchString(d.said()) })
	return d, form.FindStringSubmatch(d.said())[1] + "/pipedrive"
}

// tell sends what Pipedrive sends about a user, and returns the status.
func (w *world) tell(address, delivery, action, key, password string) int {
	w.Helper()
	body := fmt.Sprintf(`{"meta":{"action":%q,"entity":"user","entity_id":%q,"id":%q,"timestamp":%q,"version":"2.0","attempt":1},
		"data":{"id":%s,"name":"Told By Nobody"},"previous":{}}`, action, key, delivery, time.Now().UTC().Format(time.RFC3339Nano), key)
	req, err := http.NewRequestWithContext(w.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth("pipedrive", password)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// TestAnApplicationTellsOfAChange: the account of the person whom it names follows
// within moments, by the record that is fetched and not by what was sent; everybody
// else waits for the schedule, and nobody is missing.
func TestAnApplicationTellsOfAChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	w.apply(0)
	d, address := w.receiving()
	mustPerson(w)(w.sim.Rename(1, "Ada Told"))
	mustPerson(w)(w.sim.Rename(2, "Grace Untold"))
	mustPerson(w)(w.sim.Remove(3)) // no longer delivered: a whole run would disable this person
	if status := w.tell(address, "d-0", "change", "1", "a guess of somebody"); status != http.StatusUnauthorized {
		t.Errorf("a stranger got %d", status)
	}
	for _, delivery := range []string{"d-1", "d-1"} {
		if status := w.tell(address, delivery, "change", "1", receiverPassword); status != http.StatusOK {
			t.Fatalf("%d\n%s", status, d.said())
		}
	}
	soak.Await(t, "the account follows", func() bool {
		return w.accounts()["pipedrive:1"].Attributes.First("displayName") == "Ada Told"
	})
	if got := w.accounts()["pipedrive:2"].Attributes.First("displayName"); got == "Grace Untold" {
		t.Error("a person followed of whom nobody told")
	}
	if disabled(w.accounts()["pipedrive:3"]) {
		t.Error("somebody is missing because of a run for another")
	}
	newcomer := w.sim.Add("Joan Clarke", "joan@example.org")
	if status := w.tell(address, "d-2", "create", fmt.Sprint(newcomer.ID), receiverPassword); status != http.StatusOK {
		t.Fatalf("%d", status)
	}
	soak.Await(t, "a newcomer has an account", func() bool {
		_, has := w.accounts()[fmt.Sprintf("pipedrive:%d", newcomer.ID)]
		return has
	})
	soak.Await(t, "nothing is open", func() bool {
		_, page := d.get("/metrics")
		return strings.Contains(page, `rollcall_receipts_open{application="pipedrive"} 0`)
	})
	_, page := d.get("/metrics")
	for _, want := range []string{
		`rollcall_received_total{application="pipedrive",result="stored"} 2`, `rollcall_received_total{application="pipedrive",result="repeated"} 1`,
		`rollcall_received_total{application="pipedrive",result="unauthorized"} 1`, `rollcall_receipt_lag_seconds_count{application="pipedrive"} 2`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the metrics have no %s", want)
		}
	}
	if runs := w.want(0, "runs").stdout; strings.Count(runs, "instant") != 2 || !strings.Contains(runs, "application pipedrive") {
		t.Errorf("%s", runs)
	}
	for _, secret := range []string{receiverPassword, "Told By Nobody"} {
		if strings.Contains(d.said(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	d.stop()
}

// TestWhatAnApplicationToldOutlivesAKill: it was answered with success, so its run
// comes after the next start.
func TestWhatAnApplicationToldOutlivesAKill(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.apply(0)
	d, address := w.receiving()
	hold := make(chan struct{})
	w.front.Store(&gateway{http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold })}) // the run does not come far
	defer close(hold)
	mustPerson(w)(w.sim.Rename(1, "Ada Told"))
	if status := w.tell(address, "d-1", "change", "1", receiverPassword); status != http.StatusOK {
		t.Fatalf("%d", status)
	}
	if err := d.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-d.readed
	_ = d.cmd.Wait()
	w.front.Store(&gateway{w.sim})
	d = w.start()
	soak.Await(t, "the account follows", func() bool {
		return w.accounts()["pipedrive:1"].Attributes.First("displayName") == "Ada Told"
	})
	d.stop()
}
