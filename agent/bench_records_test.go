package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/source"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// BenchmarkRecordsAgainstNative takes everybody through connector, mapping and
// plan, all of them linked and unchanged, and does the same work for the same
// answer in plain Go: fetch, parse with the same parser and the same policy on
// duplicates, map by hand-written code, compare with accounts in a map.
func BenchmarkRecordsAgainstNative(b *testing.B) {
	const records, pairs = 10_000, 9
	api := httptest.NewServer(people(records))
	defer api.Close()
	p := newPipeline(b, api.URL)
	w := newMemoryWorld()
	w.settle(p.plan(b, w))
	if left := p.plan(b, w); len(left.Changes) != 0 {
		b.Fatalf("%d changes are left after everything was applied", len(left.Changes))
	}
	known := nativeAccounts(w)
	if changed := native(b, api.URL, known); changed != 0 {
		b.Fatalf("the native code sees %d changes where the plan sees none", changed)
	}
	var ours, theirs, ratios []float64
	for range pairs {
		started := time.Now()
		p.plan(b, w)
		a := time.Since(started).Seconds()
		started = time.Now()
		native(b, api.URL, known)
		n := time.Since(started).Seconds()
		ours, theirs, ratios = append(ours, records/a), append(theirs, records/n), append(ratios, a/n)
	}
	b.ReportMetric(median(ours), "records/s")
	b.ReportMetric(median(theirs), "native-records/s")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkRecordsWithDerived compares a filter over a field that the connector
// derives with the same expression written into the filter, and with no such
// filter at all.
func BenchmarkRecordsWithDerived(b *testing.B) {
	const records, pairs = 10_000, 9
	api := httptest.NewServer(people(records))
	defer api.Close()
	const expression = "any(user.access, #.admin)"
	plain, written, derived := newPipeline(b, api.URL), newPipeline(b, api.URL, "&& ("+expression+" || user.id != null)"), newPipeline(b, api.URL, "&& (user.is_admin || user.id != null)")
	mapper, errs := derived.mapper.Deriving("", []mapping.DerivedDef{{Name: "is_admin", Type: mapping.FieldBool, Value: expr.Source{Text: expression}}})
	if errs != nil {
		b.Fatal(errs)
	}
	derived.use(mapper)
	w := newMemoryWorld()
	w.settle(plain.plan(b, w))
	took := map[*pipeline][]float64{}
	for range pairs {
		for _, p := range []*pipeline{plain, written, derived} {
			started := time.Now()
			p.plan(b, w)
			took[p] = append(took[p], float64(time.Since(started).Nanoseconds())/records)
		}
	}
	b.ReportMetric(median(took[plain]), "plain-ns/record")
	b.ReportMetric(median(took[written]), "written-ns/record")
	b.ReportMetric(median(took[derived]), "derived-ns/record")
	b.ReportMetric(0, "ns/op")
}

// pipeline is the example configuration's way from the application to a plan.
type pipeline struct {
	settings source.Settings
	source   *source.Source
	mapper   *mapping.Mapper
}

// use sets the mapping, and what is fetched for it.
func (p *pipeline) use(m *mapping.Mapper) {
	p.settings.Fields = m.Fields()
	p.mapper, p.source = m, source.New(p.settings)
}

// newPipeline takes more of a filter than that of the example.
func newPipeline(b *testing.B, url string, filter ...string) *pipeline {
	built := build()
	if built.err != nil {
		b.Fatal(built.err)
	}
	text, err := os.ReadFile("../configs/agent.toml")
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "agent.toml")
	changed := strings.NewReplacer(`include     = ["conf.d/*.toml"]`, "", "!user.is_deleted'", strings.Join(append([]string{"!user.is_deleted"}, filter...), " ")+"'").Replace(string(text))
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		b.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		b.Fatal(err)
	}
	h, err := host.Open(b.Context(), host.Settings{ModulesDir: built.modules, CacheDir: built.cache, AllowUnsigned: true}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = h.Close(context.Background()) })
	connector, err := h.Connector("pipedrive")
	if err != nil {
		b.Fatal(err)
	}
	profile, _ := connector.Manifest().Profile(abi.AuthAPIKey)
	credentials, err := host.NewStaticCredentials(profile, "", "sim-api-token")
	if err != nil {
		b.Fatal(err)
	}
	users, _ := connector.Manifest().Endpoint("users")
	p := &pipeline{settings: source.Settings{
		Connector: connector, Endpoint: endpoint.Endpoint{Endpoint: users}, Now: time.Now,
		Application: host.Application{Name: "pipedrive", BaseURL: url, Credentials: credentials},
	}}
	p.use(cfg.Automations["staff"].Mapper)
	return p
}

func (p *pipeline) plan(b *testing.B, w *memoryWorld) ident.Plan {
	builder := plan.NewBuilder(plan.Settings{
		Automation: "staff", Application: "pipedrive", DataSource: "pipedrive_staff", Config: "bench", Action: plan.ActionLifecycle,
		Match: []string{"mail"}, Anchor: "employeeNumber", Scope: []ident.DN{"OU=Staff,DC=example,DC=com"},
	}, w, p.mapper.At(time.Now()), plan.History{CurrentLinks: len(w.links)})
	_, err := p.source.Fetch(b.Context(), ident.Position{}, func(batch []ident.Record) error {
		for _, r := range batch {
			if err := builder.Add(r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	made, err := builder.Finish(plan.Delivery{Complete: true})
	if err != nil {
		b.Fatal(err)
	}
	return made
}

// memoryWorld is a directory and its links in memory.
type memoryWorld struct {
	entries map[ident.GUID]ident.Entry
	values  map[string][]ident.GUID // attribute=value in lower case
	names   map[string]ident.GUID   // folded DN
	links   map[ident.Key]ident.Link
	owners  map[ident.GUID]ident.Key
}

var _ plan.View = (*memoryWorld)(nil)

func newMemoryWorld() *memoryWorld {
	return &memoryWorld{map[ident.GUID]ident.Entry{}, map[string][]ident.GUID{}, map[string]ident.GUID{}, map[ident.Key]ident.Link{}, map[ident.GUID]ident.Key{}}
}

// settle makes every account that the plan creates.
func (w *memoryWorld) settle(p ident.Plan) {
	for i, c := range p.Changes {
		for _, op := range c.Operations {
			if op.Class != ident.ClassCreate {
				continue
			}
			guid := ident.GUID(fmt.Sprintf("00000000-0000-0000-0000-%012d", i))
			e := ident.Entry{GUID: guid, DN: op.To, Attributes: ident.Attributes{
				"cn": {op.To.Name()}, "useraccountcontrol": {"512"}, "objectclass": {"top", "person", "organizationalPerson", "user"},
			}}
			for _, a := range op.Attributes {
				e.Attributes[strings.ToLower(a.Name)] = a.New
				for _, v := range a.New {
					at := strings.ToLower(a.Name + "=" + v)
					w.values[at] = append(w.values[at], guid)
				}
			}
			w.entries[guid], w.names[op.To.Fold()], w.owners[guid] = e, guid, c.Key
			w.links[c.Key] = ops.Remember(ident.Link{Application: "pipedrive", Key: c.Key, GUID: guid, Automation: "staff"}, op, time.Now())
		}
	}
}

func (w *memoryWorld) EntryByGUID(g ident.GUID) (ident.Entry, bool, error) {
	e, ok := w.entries[g]
	return e, ok, nil
}

func (w *memoryWorld) EntriesByValue(attribute, value string) ([]ident.Entry, error) {
	var found []ident.Entry
	for _, g := range w.values[strings.ToLower(attribute+"="+value)] {
		found = append(found, w.entries[g])
	}
	return found, nil
}

func (w *memoryWorld) EntriesByName(attribute, value string) ([]ident.Entry, error) {
	return w.EntriesByValue(attribute, value)
}

func (w *memoryWorld) ChildrenByName(parent ident.DN, cn string) ([]ident.Entry, error) {
	if g, ok := w.names[parent.Child(cn).Fold()]; ok {
		return []ident.Entry{w.entries[g]}, nil
	}
	return nil, nil
}

func (w *memoryWorld) ContainerExists(ident.DN) (bool, error)      { return true, nil }
func (w *memoryWorld) ObjectExists(ident.DN) (bool, error)         { return true, nil }
func (w *memoryWorld) MemberOf(ident.DN, ident.GUID) (bool, error) { return true, nil }
func (w *memoryWorld) Protected(ident.Entry) (string, error)       { return "", nil }
func (w *memoryWorld) LinkByKey(k ident.Key) (ident.Link, bool, error) {
	l, ok := w.links[k]
	return l, ok, nil
}

func (w *memoryWorld) LinkByGUID(g ident.GUID) (ident.Link, bool, error) {
	return w.LinkByKey(w.owners[g])
}

func (w *memoryWorld) EachLink(each func(ident.Link) error) error {
	for _, l := range w.links {
		if err := each(l); err != nil {
			return err
		}
	}
	return nil
}

// nativeUser is what the hand-written code keeps of a person.
type nativeUser struct {
	id, name, email string
	active, deleted bool
}

// nativeAccount is what the hand-written code compares.
type nativeAccount struct{ cn, displayName, givenName, sn, mail, sam, upn string }

func nativeAccounts(w *memoryWorld) map[string]nativeAccount {
	known := map[string]nativeAccount{}
	for key, l := range w.links {
		a := w.entries[l.GUID].Attributes
		known[string(key)] = nativeAccount{
			a.First("cn"), a.First("displayName"), a.First("givenName"), a.First("sn"), a.First("mail"),
			a.First("sAMAccountName"), a.First("userPrincipalName"),
		}
	}
	return known
}

// native does by hand what connector, mapping and plan do, and counts who
// would change.
func native(b *testing.B, url string, known map[string]nativeAccount) int {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url+"/v1/users", nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("X-Api-Token", "sim-api-token")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	changed := 0
	present := map[string]bool{}
	err = nativeUsers(jsontext.NewDecoder(resp.Body), func(u nativeUser) {
		present[u.id] = true
		have, linked := known[u.id]
		if !u.active || u.deleted || (!linked && u.email == "") {
			return
		}
		name := strings.TrimSpace(u.name)
		words := strings.Fields(name)
		if len(words) == 0 || len(name) > 64 {
			return
		}
		want := nativeAccount{have.cn, name, words[0], words[len(words)-1], strings.ToLower(u.email), have.sam, have.upn}
		sam := nativeASCII(strings.ToLower(string([]rune(words[0])[:1]) + words[len(words)-1]))
		if have.sam == "" || (have.sam != sam && !strings.HasPrefix(have.cn, name) && have.displayName != name) || want != have {
			changed++
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	for id := range known {
		if !present[id] {
			changed++
		}
	}
	return changed
}

// nativeUsers streams the array at /data.
func nativeUsers(d *jsontext.Decoder, each func(nativeUser)) error {
	for depth, inData := 0, false; ; {
		tok, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case tok.Kind() == '"' && d.StackDepth() == 1 && tok.String() == "data":
			inData = true
		case inData && tok.Kind() == '[' && depth == 0:
			for d.PeekKind() == '{' {
				u, err := readNativeUser(d)
				if err != nil {
					return err
				}
				each(u)
			}
			inData = false
		}
	}
}

func readNativeUser(d *jsontext.Decoder) (u nativeUser, err error) {
	if _, err = d.ReadToken(); err != nil {
		return u, err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return u, err
		}
		field := name.String()
		switch field {
		case "id", "name", "email", "active_flag", "is_deleted":
			value, err := d.ReadToken()
			if err != nil {
				return u, err
			}
			switch field {
			case "id":
				u.id = value.String()
			case "name":
				u.name = value.String()
			case "email":
				if value.Kind() == '"' {
					u.email = value.String()
				}
			case "active_flag":
				u.active = value.Bool()
			case "is_deleted":
				u.deleted = value.Bool()
			}
		default:
			if err := d.SkipValue(); err != nil {
				return u, err
			}
		}
	}
	_, err = d.ReadToken()
	return u, err
}

// nativeASCII folds diacritics.
func nativeASCII(s string) string {
	var out strings.Builder
	for _, r := range norm.NFD.String(s) {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '.' || r == '-') {
			out.WriteRune(r)
		}
	}
	return out.String()
}
