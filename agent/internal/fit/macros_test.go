package fit

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// macrosManifest is outboundManifest with macros, some of which exist nowhere.
func macrosManifest() abi.Manifest {
	m := outboundManifest()
	m.Settings = []abi.Setting{{Name: "tag", Default: "staff"}}
	m.Macros = []abi.Macro{
		{Name: "given", Expression: `default(ad.givenName, first_word(ad.cn))`},
		{Name: "label", Expression: `settings.tag + link.key`},
		{Name: "day", Expression: `format_date(now, "yyyy-MM-dd")`},
		{Name: "since", Expression: `format_date(last_success, "yyyy-MM-dd")`},
		{Name: "loop", Expression: `macros.loop`},
		{Name: "secret", Expression: `password`},
	}
	return m
}

// TestMacrosOfAConnector: webhooks use them by their names, which are checked when
// the configuration is loaded; other places have none.
func TestMacrosOfAConnector(t *testing.T) {
	own := func(text string) string {
		return "[webhooks.w]\napplication = \"pipedrive\"\npath = \"/v1/notes\"\nbody = '''\n{\"a\": \"" + text + "\"}'''\n"
	}
	const step = "[orchestrations.o]\nsteps = [{ webhook = \"w\" }]\n"
	for name, c := range map[string]struct{ config, want string }{
		"known":     {own("{{ macros.given }} {{ macros.label }} {{ macros.day }}") + step, ""},
		"as a base": {"[webhooks.w]\nfrom = \"pipedrive/update_user\"\nbody = '{\"active_flag\": {{ macros.given == \"x\" }}}'\n" + step, ""},
		"unknown":   {own("{{ macros.givven }}"), `35:18: unknown field givven (did you mean "given"?)`},
		"in a step": {own("{{ macros.givven }}") + step, `unknown field givven (did you mean "given"?)`},

		"of endpoints":           {own("{{ macros.since }}"), `35:18: macros.since does not exist here: unknown name last_success`},
		"of itself":              {own("{{ macros.loop }}"), `macros.loop does not exist here: unknown name macros`},
		"no password":            {own("{{ macros.secret }}"), `macros.secret does not exist here: unknown name password`},
		"a setting that is none": {own("{{ settings.tagg }}"), `unknown field tagg (did you mean "tag"?)`},
	} {
		got := checkedAgainst(t, macrosManifest(), c.config)
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: got  %s\nwant %s", name, got, c.want)
		}
	}
	const noPlace = "unknown name macros (macros.NAME may stand in the endpoints and webhooks of an application"
	for more, want := range map[string]string{
		own("{{ macros }}"): "macros is no value by itself",
		own("x") + "[orchestrations.o]\nsteps = [{ webhook = \"w\", if = 'macros.day == \"x\"' }]":                                   noPlace,
		"[orchestrations.o]\nsteps = [{ mail = { to = \"{{ macros.given }}\", subject = \"x\", text = \"x\" } }]":                    noPlace,
		"[orchestrations.o]\ncancel_when = 'macros.given == \"x\"'\nsteps = [{ delay = \"1h\" }]":                                    noPlace,
		"[automations.t]\ntrigger = \"schedule\"\nschedule = \"0 6 * * 1\"\nwhere = 'macros.given == \"\"'\norchestration = \"o\"\n": noPlace,
	} {
		if _, err := loaded(t, "[automations.staff]", more+"\n[automations.staff]"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", more, err, want)
		}
	}
}

// TestMacrosOfAnEndpoint: it uses those of the connector, and one that asks for the
// changes since the last run counts as doing that itself: otherwise everyone who
// has not changed would count as missing.
func TestMacrosOfAnEndpoint(t *testing.T) {
	for text, want := range map[string]string{
		"{{ macros.day }}": "", "{{ macros.dayy }}": `did you mean "day"?`, "{{ macros.given }}": "macros.given does not exist here: unknown name ad",
		"{{ macros.loop }}": "macros.loop does not exist here", "{{ macros.since }}": `must say mode = "changes"`,
	} {
		for _, mode := range []string{"full", "changes"} {
			if mode == "changes" && strings.Contains(want, "mode") {
				want = ""
			}
			cfg := configured(t, "[data_sources.people]",
				"[applications.pipedrive.endpoints.members]\nmode = \""+mode+"\"\npath = \"/members\"\nparams = { x = '"+text+"' }\n[data_sources.people]")
			data := config.DataSource{Application: "pipedrive", Endpoints: []string{"members"}}
			got, err := endpointOf(cfg, cfg.Applications["pipedrive"], data, data.Endpoints[0], macrosManifest())
			if want == "" && (err != nil || got.Params["x"] == nil) ||
				want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "agent.toml:")) {
				t.Errorf("%s with mode %s: %v, want %s", text, mode, err, want)
			}
		}
	}
}

// TestAnInstanceTakesItsMacrosAlong: the definition that it keeps has those of the
// connector as they were.
func TestAnInstanceTakesItsMacrosAlong(t *testing.T) {
	d := kept(t, "[webhooks.w]\napplication = \"pipedrive\"\npath = \"/v1/notes\"\nbody = '{\"a\": \"{{ macros.given }}\"}'\n"+
		"[orchestrations.o]\nsteps = [{ webhook = \"w\" }]")
	o, err := orchestration.Compile(d, orchestration.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if names, all := o.Attributes("ad"); !slices.Equal(names, []string{"cn", "givenName"}) || all {
		t.Errorf("it reads %q of the object: what the macro uses is needed", names)
	}
	e := ident.Entry{Attributes: ident.Attributes{"cn": {"Ada Novak"}}}
	r, err := o.Render(0, o.Start(time.Now()), orchestration.Values{Object: &e})
	if err != nil || r.Webhook.Body != `{"a": "Ada"}` {
		t.Errorf("%+v %v", r.Webhook, err)
	}
	if d := kept(t, "[orchestrations.o]\nsteps = [{ webhook = \"pipedrive/update_user\" }]"); d.Steps[0].Webhook.Macros != nil {
		t.Errorf("%+v: nothing uses them", d.Steps[0].Webhook.Macros)
	}
}

// TestAnOrchestrationTakesItsTablesAlong: instances go on without the configuration
// that they began with, so the definition that they keep has the tables of lookup().
func TestAnOrchestrationTakesItsTablesAlong(t *testing.T) {
	for text, want := range map[string]int{`{{ lookup("departments", ad.department, "") }}`: 1, "{{ ad.cn }}": 0} {
		d := kept(t, "[lookups]\ndepartments = { 1 = \"Sales\" }\n[orchestrations.o]\nsteps = ["+
			"{ directory = { action = \"update\", attributes = { company = '"+text+"' } } }]")
		if _, err := orchestration.Compile(d, orchestration.Options{}); err != nil || len(d.Lookups) != want {
			t.Errorf("%s: %d tables, %v", text, len(d.Lookups), err)
		}
	}
}

// kept returns the definition of the orchestration o as it is read from the store.
func kept(t *testing.T, more string) (d orchestration.Definition) {
	t.Helper()
	cfg := configured(t, "[automations.staff]", more+"\n[automations.staff]")
	o, wrong := Orchestration(cfg, "o", func(string) (abi.Manifest, bool) { return macrosManifest(), true })
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	text, err := json.Marshal(o.Definition())
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}
