package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/metrics"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// happenings bring about the situations of the table in docs/operate.md.
var happenings = map[string]func(*ward) came{
	"there is nothing to do":                (*ward).applies,
	"all that was planned is done":          func(w *ward) came { w.joins(1); return w.applies() },
	"somebody is in quarantine":             func(w *ward) came { w.joins(1); w.address(sim.Null()); return w.applies() },
	"something exceeds a limit and is held": func(w *ward) came { w.leaves(); return w.applies() },
	"it is still held by an earlier run":    func(w *ward) came { w.held(); return w.applies() },
	"it has been held for over two days": func(w *ward) came {
		w.held()
		w.down()
		w.exec(`UPDATE outcomes SET at = at - ? WHERE result = 'held'`, (49 * time.Hour).Nanoseconds())
		w.up()
		return w.applies()
	},
	"somebody has rejected what was held": func(w *ward) came { w.want(0, "reject", w.held()); return w.applies() },
	"`approval = \"never\"`: what exceeds a limit is refused": func(w *ward) came {
		w.up("[automations.staff]\n", "[automations.staff]\napproval = \"never\"\n")
		w.leaves()
		return w.applies()
	},

	"the directory refuses every write": func(w *ward) came { w.joins(2); w.refusesPasswords(); return w.applies() },
	"all that was refused waits to be tried again": func(w *ward) came {
		w.joins(2)
		w.refusesPasswords()
		w.want(1, "apply", "staff")
		return w.applies()
	},
	"something that was refused waits, the rest is done": func(w *ward) came {
		w.joins(2)
		w.refusesPasswords()
		w.want(1, "apply", "staff")
		mustPerson(w)(w.sim.Rename(1, "Ada Waiting"))
		return w.applies()
	},
	"something that was refused waits, and a key comes twice": func(w *ward) came {
		w.joins(1)
		w.refusesPasswords()
		w.want(1, "apply", "staff")
		return w.spoiled(sim.Fault{Kind: sim.DuplicateID, Times: 1})
	},
	"something that was refused waits, and something exceeds a limit and is held": func(w *ward) came {
		w.joins(1)
		w.refusesPasswords()
		w.want(1, "apply", "staff")
		w.leaves()
		return w.applies()
	},
	"the directory refuses some writes": func(w *ward) came {
		w.joins(2)
		w.refusesPasswords()
		mustPerson(w)(w.sim.Rename(1, "Ada Refused"))
		return w.applies()
	},
	"the directory refuses what somebody has approved": func(w *ward) came {
		w.up(`create = 1000`, `create = 0`)
		w.joins(1)
		r := w.apply(3)
		w.refusesPasswords()
		w.remember()
		return w.asks("approve", itoa(r.ID))
	},

	"the delivery is much smaller than before (`source_shrink`)": spoils(sim.Fault{Kind: sim.Half, Times: 1}),

	"more orchestrations begin than may, and are held": func(w *ward) came {
		w.follows(`create = 1000`, `create = 1000, start = 0`)
		w.joins(1)
		return w.applies()
	},
	"an application refuses what an orchestration sends": func(w *ward) came {
		w.follows()
		w.spoilsWrites(sim.Fault{Kind: sim.Forbidden})
		w.joins(1)
		c := w.applies()
		w.awaits(store.InstanceBlocked)
		return c
	},
	"an application has not taken for over an hour what an orchestration sends": func(w *ward) came {
		w.follows()
		w.spoilsWrites(sim.Fault{Kind: sim.Status, Code: 500})
		w.joins(1)
		c := w.applies()
		w.awaits(store.InstanceDelivering)
		w.down()
		w.exec(`UPDATE deliveries SET created = created - ? WHERE ended = 0`, (61 * time.Minute).Nanoseconds())
		w.follows()
		return c
	},

	"the application delivers nobody":               spoils(sim.Fault{Kind: sim.DataEmpty, Times: 1}),
	"a key comes twice":                             spoils(sim.Fault{Kind: sim.DuplicateID, Times: 1}),
	"a record has no key":                           spoils(sim.Fault{Kind: sim.MissingID, Times: 1}),
	"the answer breaks off":                         spoils(sim.Fault{Kind: sim.Truncate, Bytes: 1000, Times: 1}),
	"the application refuses the credentials (401)": spoils(sim.Fault{Kind: sim.Status, Code: 401, Times: 1}),
	"the application fails (500)":                   spoils(sim.Fault{Kind: sim.Status, Code: 500}),
	"the application cannot be reached": func(w *ward) came {
		w.up(w.api.URL, "http://127.0.0.1:1")
		return w.applies()
	},
	"no domain controller can be reached": func(w *ward) came { w.up(w.dc.URL, "ldaps://127.0.0.1:1"); return w.applies() },
	"the directory refuses the bind": func(w *ward) came {
		w.write("ad_password", "not the password")
		return w.applies()
	},
	"a secret that the configuration names cannot be read": func(w *ward) came {
		if err := os.Remove(filepath.Join(w.dir, "ad_password")); err != nil {
			w.Fatal(err)
		}
		c := w.applies()
		c.page = w.page()
		return c
	},

	"an internal error in one write":           func(w *ward) came { return w.panics("before-intent") },
	"an internal error in the run":             func(w *ward) came { return w.panics("fetched") },
	"the agent is told to stop while it runs":  (*ward).toldToStop,
	"the agent is killed while it runs":        func(w *ward) came { w.down(); w.killedAt("fetched"); w.up(); return came{code: -1} },
	"`run --once`: the connector is not there": func(w *ward) came { return w.once(build().modules, w.folder("empty")) },
	"`run --once`: the connector is refused": func(w *ward) came {
		dir := w.folder("refused")
		w.write("refused/pipedrive.wasm", "no connector")
		return w.once(build().modules, dir)
	},
	"`run --once`: the automation does not fit the connector": func(w *ward) came { return w.once(`endpoints   = ["users"]`, `endpoints   = ["nobodies"]`) },
	"`run --once`: nothing is due": func(w *ward) came {
		w.due()
		w.want(0, "run", "--once")
		w.up()
		w.remember()
		w.down()
		c := w.asks("run", "--once")
		w.up()
		return c
	},
	"runs fail until a success is overdue": func(w *ward) came {
		c := w.spoiled(sim.Fault{Kind: sim.Status, Code: 401, Times: 1})
		c.later = year
		return c
	},

	"the automation has not run yet, and was not due": (*ward).anew,
	"the automation has not run although it was due":  func(w *ward) came { c := w.anew(); c.later = year; return c },
	"the agent waits for its connectors at the start": func(*ward) came {
		page := httptest.NewRecorder()
		metrics.New(version, func() float64 { return 0 }).Handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
		return came{code: -1, page: page.Body.String()}
	},
	"changes in AD could not be looked at for over 15 minutes, and an automation asks for them": func(w *ward) came {
		w.down()
		w.exec(`UPDATE mirror_state SET synced = synced - ? WHERE synced <> 0`, time.Hour.Nanoseconds())
		w.up(w.dc.URL, "ldaps://127.0.0.1:1", "[automations.staff]\n", leavers+"[automations.staff]\n")
		soak.Await(w, "the lag is told", func() bool { return strings.Contains(w.page(), "\nrollcall_event_lag_seconds ") })
		return came{code: -1}
	},
	"a change in AD could not be judged and was set aside": func(w *ward) came {
		w.down()
		w.exec(`INSERT INTO events (id, at, object, guid, dn, from_dn, name, group_guid, group_dn, group_name, parts_json, image_json, unsure, open)
			VALUES (1, ?, 'user', 'guid-1', 'CN=Ada,DC=ad,DC=test', 'CN=Ada,DC=ad,DC=test', 'ada', '', '', '', '[{"kind":"disabled"}]', '{}', '', 0)`,
			time.Now().UnixNano())
		w.exec(`INSERT INTO event_verdicts VALUES (1, 'leavers', 'aside', 0, 'where has no value', '', ?)`, time.Now().UnixNano())
		w.up()
		c := w.seen("what was set aside is counted", `rollcall_events_set_aside{automation="leavers"} 1`)
		w.forget("event_verdicts", "events")
		return c
	},
	"more changes in AD begin orchestrations than `limits.start` lets": func(w *ward) came {
		w.up("[automations.staff]\n", strings.Replace(leavers, "disabled", "modified(description)", 1)+
			"limits = { start = 0 }\n[automations.staff]\n")
		soak.Await(w, "the feed follows", func() bool { return strings.Contains(w.page(), "\nrollcall_feed_following 1") })
		for _, account := range w.accounts() {
			w.dc.Replace(w, account.DN, "description", "changed by hand")
			break
		}
		return w.seen("the change is held", `rollcall_orchestrations{name="leaver",state="held"} 1`)
	},
	"an application has ended its subscription and the agent cannot make it again, or did not get its last delivery accepted": func(w *ward) came {
		w.down()
		w.exec(`INSERT INTO subscriptions VALUES ('pipedrive', 'registered', '77', 'http://127.0.0.1:1/pipedrive', 'pipedrive', '', 'ada',
			1, 1, '', 0, 0, '', 0, 'null', '')`)
		w.write("hook_password", hookPassword)
		listen := freePort(w)
		w.up("[data_sources.pipedrive_staff]", fmt.Sprintf(receiving, listen, listen, w.dir))
		c := w.seen("the subscription is looked at", `rollcall_subscription_active{application="pipedrive"} 0`)
		w.forget("subscriptions")
		return c
	},
	"what an application told has waited for a run for over half an hour": func(w *ward) came {
		return w.told("open", `rollcall_receipts_open{application="pipedrive"} 1`)
	},
	"no run about what an application told succeeds, and it is given up": func(w *ward) came {
		return w.told("failed", `rollcall_receipts_given_up{application="pipedrive"} 1`)
	},
	"the configuration has an error: the agent does not start": func(w *ward) came {
		w.down()
		w.configure(append(usual, `action      = "lifecycle"`, `action      = "livecycle"`)...)
		c := w.asks("run")
		c.page = w.page()
		w.configure(usual...)
		return c
	},
	"the agent is down": func(w *ward) came { w.down(); return came{code: -1} },
}

// leavers has who is disabled in the directory begin an orchestration.
const leavers = `[orchestrations.leaver]
[[orchestrations.leaver.steps]]
webhook = "pipedrive/deactivate_user"

[automations.leavers]
trigger       = "directory"
on            = ["disabled"]
orchestration = "leaver"
`

// seen waits for a line in the metrics, and takes the page that has it.
func (w *ward) seen(what, line string) came {
	w.Helper()
	c := came{code: -1}
	soak.Await(w, what, func() bool {
		c.page = w.page()
		return strings.Contains(c.page, "\n"+line+"\n")
	})
	return c
}

// forget empties tables of the state.
func (w *ward) forget(tables ...string) {
	w.Helper()
	w.down()
	for _, table := range tables {
		w.exec("DELETE FROM " + table)
	}
	w.up()
}

// told lets the application have told of a change, an hour ago, of which that
// became.
func (w *ward) told(state, line string) came {
	w.Helper()
	w.down()
	at, next, ended := time.Now().Add(-time.Hour).UnixNano(), time.Now().Add(time.Hour).UnixNano(), int64(0)
	if state != "open" {
		next, ended = 0, at
	}
	w.exec(`INSERT INTO receipts (application, delivery, at, kind, records, key, body, size, state, run, attempts, next_at, ended, cause)
		VALUES ('pipedrive', 'd-1', ?, 'change', 'user', '1', x'', 0, ?, 0, 5, ?, ?, 'the run failed')`, at, state, next, ended)
	w.up()
	c := w.seen("the receipt is counted", line)
	w.forget("receipts")
	return c
}

func (w *ward) folder(name string) string {
	w.Helper()
	dir := filepath.Join(w.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.Fatal(err)
	}
	return dir
}

// spoils has the application answer like that once it is asked.
func spoils(f sim.Fault) func(*ward) came { return func(w *ward) came { return w.spoiled(f) } }

// toldToStop stops the agent while the application takes its time.
func (w *ward) toldToStop() came {
	w.Helper()
	if err := w.sim.AddFault(sim.Fault{Kind: sim.Latency, Delay: "1m", Route: "users"}); err != nil {
		w.Fatal(err)
	}
	answered := make(chan answer, 1)
	go func() { answered <- w.rollcall("apply", "staff") }()
	for _, last := w.runs(); last != store.RunRunning; _, last = w.runs() { // asks another process
	}
	w.down()
	a := <-answered
	w.sim.ClearFaults()
	w.up()
	return came{code: a.code, said: a.stdout + a.stderr}
}

// anew starts an agent that has no history.
func (w *ward) anew() came {
	w.Helper()
	w.down()
	w.newState()
	w.up()
	return came{code: -1}
}
