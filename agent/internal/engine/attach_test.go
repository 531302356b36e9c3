package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// gallery is a source with a server of pictures.
type gallery struct {
	*feed
	pictures map[string][]byte
	etags    map[string]string
	fails    map[string]error
	asked    []string // URL, and "URL since ETAG" for those that were seen
}

var _ Attacher = (*gallery)(nil)

func (g *gallery) Attach(_ context.Context, url string, seen ident.Seen) (ident.Fetched, error) {
	if seen.ETag != "" {
		g.asked = append(g.asked, url+" since "+seen.ETag)
	} else {
		g.asked = append(g.asked, url)
	}
	switch {
	case g.fails[url] != nil:
		return ident.Fetched{}, g.fails[url]
	case seen.ETag != "" && seen.ETag == g.etags[url]:
		return ident.Fetched{Same: true}, nil
	}
	return ident.Fetched{Content: g.pictures[url], ETag: g.etags[url]}, nil
}

// requests returns what was asked since the last time.
func (g *gallery) requests() string {
	out := strings.Join(g.asked, ", ")
	g.asked = nil
	return out
}

type notThere struct{ answered bool }

func (notThere) Error() string    { return "the server answered with status 404" }
func (notThere) Step() string     { return "correct the address" }
func (n notThere) Answered() bool { return n.answered }

func pictureOf(t *testing.T, shade uint8) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 8, 8))
	for i := range img.Pix {
		img.Pix[i] = shade
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// picturesScene is a scene whose accounts have pictures from addresses.
func picturesScene(t *testing.T, name string, edit func(*mapping.AttributeDef), people ...ident.Record) (*scene, *gallery, *time.Time) {
	t.Helper()
	return picturesSceneWith(t, name, edit, nil, people...)
}

func picturesSceneWith(
	t *testing.T, name string, edit func(*mapping.AttributeDef), opts []store.Option, people ...ident.Record,
) (*scene, *gallery, *time.Time) {
	t.Helper()
	f := &feed{records: people}
	s := newScene(t, map[string]*feed{name: f}, opts...)
	g := &gallery{feed: f, pictures: map[string][]byte{}, etags: map[string]string{}, fails: map[string]error{}}
	src := func(text string) *expr.Source { return &expr.Source{Text: text} }
	photo := mapping.AttributeDef{Name: "thumbnailPhoto", Value: src("user.icon"), Attach: true, Encoding: mapping.EncodingBase64, OnMissing: mapping.OnMissingClear}
	if edit != nil {
		edit(&photo)
	}
	m, errs := mapping.Compile(mapping.Definition{Primary: "id", OU: src(string(s.ou)), Attributes: []mapping.AttributeDef{
		{Name: "displayName", Value: src("{{ user.name }}")},
		{Name: "sAMAccountName", Value: src(name + "{{ user.id }}"), Apply: ident.ApplyCreate, Unique: mapping.UniqueDomain},
		{Name: "title", Value: src("user.title"), OnMissing: mapping.OnMissingClear},
		photo,
	}})
	for _, err := range errs {
		t.Fatal(err)
	}
	a := s.Automations[name]
	a.Source, a.Mapper = g, m
	a.Settings.Limits = map[ident.Class]plan.Limit{ident.ClassUpdate: {Unlimited: true}}
	s.Automations[name] = a
	now := time.Now()
	s.Engine.Now = func() time.Time { return now }
	return s, g, &now
}

// look brings the mirror up to date, as the feed of an agent does all the time.
func (s *scene) look(automation string) {
	s.Helper()
	err := s.connected(s.Context(), func(client Directory) error {
		_, err := s.sync(s.Context(), automation, client, false, nil)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scene) photo(anchor string) string {
	return s.account(anchor).Attributes.First("thumbnailPhoto")
}

// A picture comes with the run after the account's, and is asked for again only when
// something has changed: the address, the picture, or the account.
func TestAPictureIsFetchedWhenItChanged(t *testing.T) {
	const url = "https://p.example.com/1.jpg"
	s, g, now := picturesScene(t, "pic", nil, person("1", "Picture One", "icon", url))
	first, second := pictureOf(t, 10), pictureOf(t, 200)
	g.pictures[url], g.etags[url] = first, "a"
	step := func(what, asked, want string, changed bool) {
		t.Helper()
		s.look("pic")
		r := s.run("pic")
		if got := g.requests(); got != asked {
			t.Errorf("%s: asked %q, want %q", what, got, asked)
		}
		if got := s.photo("pic:1"); got != want {
			t.Errorf("%s: the photo is %.20q", what, got)
		}
		if (len(r.Outcomes) > 0) != changed || len(r.Summary.Quarantined) > 0 {
			t.Errorf("%s: did %+v, quarantine %+v", what, r.Outcomes, r.Summary.Quarantined)
		}
	}
	step("create", "", "", true)
	step("linked", url, string(first), true)
	step("unchanged", "", string(first), false)
	s.dc.Replace(t, s.account("pic:1").DN, "thumbnailPhoto", "\xff\xd8\xff by hand")
	step("by hand", url, string(first), true)
	*now = now.Add(25 * time.Hour)
	step("the next day", url+" since a", string(first), false)
	*now = now.Add(25 * time.Hour)
	g.pictures[url], g.etags[url] = second, "b"
	step("another picture at the address", url+" since a", string(second), true)
	step("and then", "", string(second), false)
	g.etags[url] = "c"
	*now = now.Add(25 * time.Hour)
	step("the same with another tag", url+" since b", string(second), false)
	g.feed.records[0].Fields["icon"] = url + "?v=2"
	g.pictures[url+"?v=2"] = first
	step("another address", url+"?v=2", string(first), true)
	delete(g.feed.records[0].Fields, "icon")
	step("absent", "", string(first), false)
	g.feed.records[0].Fields["icon"] = nil
	step("null", "", "", true)
	step("null again", "", "", false)
	g.feed.records[0].Fields["icon"] = url + "?v=2"
	step("back", url+"?v=2", string(first), true)
	g.feed.records[0].Fields["icon"] = ""
	step("empty", "", "", true)
}

// What is wrong with one picture concerns this attribute of this account.
func TestOnePictureIsWrong(t *testing.T) {
	var white bytes.Buffer
	if err := png.Encode(&white, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	large := append(pictureOf(t, 1), make([]byte, ident.MaxPicture)...)
	cases := []struct {
		content []byte
		fails   error
		want    string
	}{
		{nil, notThere{answered: true}, "the picture at https://p.example.com/0.jpg cannot be fetched: the server answered with status 404"},
		{white.Bytes(), nil, "the picture at https://p.example.com/1.jpg is a PNG, and not a JPEG"},
		{large, nil, fmt.Sprintf("has %d bytes, and AD takes at most 102400 in thumbnailPhoto", len(large))},
		{[]byte(" <html>"), nil, "is a web page or an SVG, and not a JPEG"},
		{pictureOf(t, 1)[:20], nil, "is a JPEG that cannot be read"},
		{[]byte{}, nil, "is empty"},
		{nil, notThere{}, "status 404"},
	}
	var people []ident.Record
	for i := range cases {
		people = append(people, person(ident.Key(fmt.Sprint(i)), fmt.Sprint("Wrong ", i), "icon", fmt.Sprintf("https://p.example.com/%d.jpg?sig=x", i)))
	}
	s, g, now := picturesScene(t, "wrongpic", nil, people...)
	for i, c := range cases {
		url := fmt.Sprintf("https://p.example.com/%d.jpg?sig=x", i)
		g.pictures[url], g.fails[url] = c.content, c.fails
	}
	s.run("wrongpic")
	for i := range people {
		people[i].Fields["title"] = "Mathematician"
	}
	check := func(step string, asked int) {
		t.Helper()
		r := s.run("wrongpic")
		q := r.Summary.Quarantined
		if len(q) != len(cases) || len(g.asked) != asked {
			t.Fatalf("%s: asked %q, quarantine %+v", step, g.asked, q)
		}
		g.asked = nil
		for i, c := range cases {
			if q[i].Part != "thumbnailPhoto" || !strings.Contains(q[i].Cause, c.want) || q[i].Next == "" || strings.Contains(q[i].Cause, "sig=") {
				t.Errorf("%s: %+v, want %q", step, q[i], c.want)
			}
			e := s.account(fmt.Sprint("wrongpic:", i))
			if e.Attributes.First("title") != "Mathematician" || e.Attributes.First("thumbnailPhoto") != "" {
				t.Errorf("%s: %d: title %q, photo %.10q", step, i, e.Attributes.First("title"), e.Attributes.First("thumbnailPhoto"))
			}
		}
	}
	check("first", len(cases))
	check("told again", 1) // a rule of the configuration may have been changed: it costs no request
	*now = now.Add(2 * time.Hour)
	check("asked again", len(cases))
	clear(g.fails)
	for url := range g.pictures {
		g.pictures[url] = pictureOf(t, 7)
	}
	*now = now.Add(2 * time.Hour)
	if r := s.run("wrongpic"); len(r.Summary.Quarantined) != 0 || s.photo("wrongpic:0") == "" {
		t.Errorf("mended: %+v", r.Summary.Quarantined)
	}
}

// A server of pictures that is down holds pictures and nothing else, and is not asked
// for each of them.
func TestTheServerOfPicturesIsDown(t *testing.T) {
	var people []ident.Record
	for i := range 6 {
		host := "down"
		if i == 5 {
			host = "up"
		}
		people = append(people, person(ident.Key(fmt.Sprint(i)), fmt.Sprint("Down ", i), "icon", fmt.Sprintf("https://%s.example.com/%d.jpg", host, i)))
	}
	s, g, _ := picturesScene(t, "down", nil, people...)
	s.run("down")
	for i, p := range people {
		url := p.Fields["icon"].(string)
		g.pictures[url] = pictureOf(t, 3)
		if i < 5 {
			g.fails[url] = errors.New("connection refused")
		}
		p.Fields["title"] = "Boss"
	}
	r := s.run("down")
	q := r.Summary.Quarantined
	if len(q) != 1 || q[0].Key != "" || !strings.Contains(q[0].Cause, "5 pictures cannot be fetched for now") || !strings.Contains(q[0].Cause, "connection refused") {
		t.Errorf("quarantine %+v", q)
	}
	if len(g.asked) != mostFailures+1 {
		t.Errorf("asked %q", g.asked)
	}
	for i := range people {
		e := s.account(fmt.Sprint("down:", i))
		if e.Attributes.First("title") != "Boss" || (e.Attributes.First("thumbnailPhoto") != "") != (i == 5) {
			t.Errorf("%d: %v", i, e.Attributes)
		}
	}
	clear(g.fails)
	if r := s.run("down"); len(r.Summary.Quarantined) != 0 || s.photo("down:0") == "" {
		t.Errorf("up again: %+v", r.Summary.Quarantined)
	}
}

// In mode changes a record comes once, and its picture all the same.
func TestPicturesOfChanges(t *testing.T) {
	const url = "https://p.example.com/1.jpg"
	s, g, _ := picturesScene(t, "picchanges", nil, person("1", "Changes One", "icon", url))
	g.changes, g.cursor, g.pictures[url] = true, "1", pictureOf(t, 3)
	s.run("picchanges")
	g.feed.records, g.fails[url] = nil, errors.New("connection refused")
	s.run("picchanges")
	delete(g.fails, url)
	s.run("picchanges")
	if s.photo("picchanges:1") == "" {
		t.Errorf("no picture after %q", g.asked)
	}
	g.asked = nil
	s.look("picchanges")
	if s.run("picchanges"); len(g.asked) != 0 {
		t.Errorf("asked again: %q", g.asked)
	}
}

func TestPicturesThatNobodyNeeds(t *testing.T) {
	const url = "https://p.example.com/1.jpg"
	s, g, _ := picturesScene(t, "nopic", func(a *mapping.AttributeDef) { a.Apply = ident.ApplyIfEmpty }, person("1", "No Picture", "icon", url))
	g.pictures[url] = pictureOf(t, 3)
	s.run("nopic")
	s.dc.Replace(t, s.account("nopic:1").DN, "thumbnailPhoto", "\xff\xd8\xff by hand")
	s.look("nopic")
	for _, edit := range []func(*plan.Settings){func(*plan.Settings) {}, func(p *plan.Settings) { p.Action = plan.ActionCreate }} {
		s.change("nopic", edit)
		if s.run("nopic"); len(g.asked) > 0 {
			t.Errorf("asked %q", g.asked)
		}
	}
	g.feed.records = nil
	s.dc.Replace(t, s.account("nopic:1").DN, "thumbnailPhoto")
}

// Where there is no room for all pictures, the records go on, and the rest of the
// pictures comes with the next runs, whoever has got theirs.
func TestThereIsNoRoomForAllPictures(t *testing.T) {
	var people []ident.Record
	for i := range 6 {
		people = append(people, person(ident.Key(fmt.Sprint(i)), fmt.Sprint("Room ", i), "icon", fmt.Sprintf("https://p.example.com/%d.jpg", i)))
	}
	s, g, _ := picturesSceneWith(t, "room", nil, []store.Option{store.WithStagingLimit(150_000)}, people...)
	s.run("room")
	for i, p := range people {
		g.pictures[p.Fields["icon"].(string)] = append(pictureOf(t, uint8(i)), make([]byte, 40_000)...)
		p.Fields["title"] = "Boss"
	}
	have := func() (n int) {
		for i := range people {
			e := s.account(fmt.Sprint("room:", i))
			if e.Attributes.First("thumbnailPhoto") != "" {
				n++
			}
			if e.Attributes.First("title") != "Boss" {
				t.Errorf("%d has no title", i)
			}
		}
		return n
	}
	last := 0
	for run := range 3 {
		s.look("room")
		s.run("room")
		if now := have(); now <= last || run == 0 && now == len(people) {
			t.Errorf("run %d: %d have a picture, after %d", run, now, last)
		} else {
			last = now
		}
	}
	if last != len(people) {
		t.Errorf("%d of %d have a picture", last, len(people))
	}
}

// What one run leaves to the next comes first there.
func TestTheRestComesWithTheNextRun(t *testing.T) {
	order := func(start ident.Key) (out []ident.Key) {
		for _, after := range []bool{true, false} {
			for _, k := range []ident.Key{"1", "2", "3"} {
				if turn(k, start, after) {
					out = append(out, k)
				}
			}
		}
		return out
	}
	for start, want := range map[ident.Key]string{"": "[1 2 3]", "2": "[2 3 1]", "25": "[3 1 2]", "9": "[1 2 3]"} {
		if got := fmt.Sprint(order(start)); got != want {
			t.Errorf("from %q: %s, want %s", start, got, want)
		}
	}
}
