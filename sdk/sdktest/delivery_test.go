package sdktest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
	"github.com/rollcall-agent/rollcall/sdk/sdktest"
)

// shop is an application whose users are found by a search in pages of two.
type shop struct {
	emails []string
	lose   int // answers to creates that are lost after the user was made
	asked  []string
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.asked = append(s.asked, strings.TrimSuffix(r.Method+" "+r.URL.RequestURI()+" "+string(body), " "))
	if r.Method == http.MethodGet {
		page := 1
		_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
		var list []string
		for i := 2*page - 2; i < min(2*page, len(s.emails)); i++ {
			list = append(list, fmt.Sprintf(`{"id":%d,"email":%q}`, i+1, s.emails[i]))
		}
		_, _ = fmt.Fprintf(w, `{"data":[%s]}`, strings.Join(list, ","))
		return
	}
	email := strings.TrimSuffix(strings.TrimPrefix(string(body), `{"email":"`), `"}`)
	s.emails = append(s.emails, email)
	if s.lose > 0 {
		s.lose--
		lose(w)
	}
	_, _ = fmt.Fprintf(w, `{"data":{"id":%d}}`, len(s.emails))
}

// lose cuts an answer short. It sends the beginning, so that the client
// continues only after the server has done its work.
func lose(w http.ResponseWriter) {
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func open(t *testing.T, s *shop) *sdktest.Host {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return &sdktest.Host{URL: server.URL}
}

func create(email string, always bool) abi.Webhook {
	return abi.Webhook{
		Name: "create", Path: "/users", Body: `{"email":"` + email + `"}`, LinkKey: "/data/id",
		Verify: &abi.Verify{
			Path: "/find", Records: "/data", Match: map[string]string{"/email": email}, Found: "/id", Always: always,
			Repeat: abi.Repeat{Style: abi.RepeatPage, Param: "page", LimitParam: "limit", Limit: 2},
		},
	}
}

var deliverer = sdk.Connector{Invoke: func(c *sdk.Call) error { return sdk.Deliver(c, nil) }}

func TestACreateLooksFirst(t *testing.T) {
	for name, c := range map[string]struct {
		shop   shop
		always bool
		again  bool
		key    string
		asked  []string
	}{
		"new":                      {shop{emails: []string{"joann@x.org"}}, true, false, "2", []string{"GET /find?limit=2&page=1", `POST /users {"email":"ann@x.org"}`}},
		"there already":            {shop{emails: []string{"joann@x.org", "ANN@x.org"}}, true, false, "2", []string{"GET /find?limit=2&page=1"}},
		"there on the second page": {shop{emails: []string{"a@x.org", "b@x.org", "ann@x.org"}}, true, false, "3", []string{"GET /find?limit=2&page=1", "GET /find?limit=2&page=2"}},
		"not asked":                {shop{emails: []string{"ann@x.org"}}, false, false, "2", []string{`POST /users {"email":"ann@x.org"}`}},
		"again":                    {shop{emails: []string{"ann@x.org"}}, false, true, "1", []string{"GET /find?limit=2&page=1"}},
		"the answer is lost":       {shop{lose: 1}, false, false, "1", []string{`POST /users {"email":"ann@x.org"}`, "GET /find?limit=2&page=1"}},
	} {
		h := open(t, &c.shop)
		answer, err := h.Invoke(deliverer, abi.InvokeCall{Webhook: create("ann@x.org", c.always), Again: c.again})
		if err != nil || answer.LinkKey != c.key || strings.Join(c.shop.asked, "; ") != strings.Join(c.asked, "; ") {
			t.Errorf("%s: key %q, asked %q, %v", name, answer.LinkKey, c.shop.asked, err)
		}
	}
}

func TestWhatCannotBeSeenIsNotMissing(t *testing.T) {
	for name, body := range map[string]string{"other form": `{"users":[]}`, "an object": `{"data":{}}`, "no JSON": `<html>`} {
		created := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				created++
			}
			_, _ = io.WriteString(w, body)
		}))
		h := &sdktest.Host{URL: server.URL}
		_, err := h.Invoke(deliverer, abi.InvokeCall{Webhook: create("ann@x.org", true)})
		server.Close()
		var failed *sdktest.Error
		if !errors.As(err, &failed) || failed.Kind != abi.KindBadResponse || created != 0 {
			t.Errorf("%s: %v, %d created", name, err, created)
		}
	}
}

// An endless search must not end in a second create.
func TestASearchWithoutEnd(t *testing.T) {
	asked, created := 0, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			created++
		}
		asked++
		_, _ = fmt.Fprintf(w, `{"data":[],"next":"%d"}`, asked)
	}))
	defer server.Close()
	w := create("ann@x.org", true)
	w.Verify.Repeat = abi.Repeat{Style: abi.RepeatCursor, Param: "c", Next: "/next"}
	h := &sdktest.Host{URL: server.URL}
	_, err := h.Invoke(deliverer, abi.InvokeCall{Webhook: w})
	var failed *sdktest.Error
	if !errors.As(err, &failed) || failed.Kind != abi.KindBadResponse || !strings.Contains(failed.Message, "1000 pages hold 0 candidates") || created != 0 || asked != 1_000 {
		t.Errorf("%v, %d asked, %d created", err, asked, created)
	}
}

// A Prepare looks again before each attempt.
func TestPrepare(t *testing.T) {
	s := &shop{lose: 1}
	h := open(t, s)
	prepare := func(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
		found, err := sdk.Retry(c, sdk.Request{Path: "/find"}, nil)
		if err != nil {
			return nil, err
		}
		if email, err := found.GetText("/data/0/email"); err != nil || email != "" {
			return found, err
		}
		req.Body = strings.Replace(req.Body, "ann", "prepared", 1)
		found.Close()
		return nil, nil
	}
	c := sdk.Connector{Invoke: func(c *sdk.Call) error { return sdk.Delivery{Prepare: prepare, Repeatable: true}.Run(c) }}
	answer, err := h.Invoke(c, abi.InvokeCall{Webhook: abi.Webhook{Path: "/users", Body: `{"email":"ann"}`}})
	want := `GET /find; POST /users {"email":"prepared"}; GET /find`
	if err != nil || strings.Join(s.asked, "; ") != want || !strings.Contains(string(answer.Body), "prepared") || len(s.emails) != 1 {
		t.Errorf("asked %q, %s, %v", s.asked, answer.Body, err)
	}
	s.asked, s.emails, s.lose = nil, nil, 1
	c = sdk.Connector{Invoke: func(c *sdk.Call) error { return sdk.Delivery{Prepare: prepare}.Run(c) }}
	if _, err := h.Invoke(c, abi.InvokeCall{Webhook: abi.Webhook{Path: "/users", Body: `{}`}}); err == nil || len(s.asked) != 2 {
		t.Errorf("what is not repeatable was sent again: %q, %v", s.asked, err)
	}
}

func TestFindings(t *testing.T) {
	h := &sdktest.Host{}
	report := func(f abi.Finding) ([]abi.Finding, error) {
		return h.Check(sdk.Connector{Check: func(c *sdk.Call) error {
			f.Right = c.Needs()[0].Rights[0]
			return c.Report(f)
		}}, abi.Need{Use: "endpoint users", Method: "GET", Path: "/users", Rights: []string{"admin"}})
	}
	found, err := report(abi.Finding{Use: "endpoint users", State: abi.RightLacking, Reason: "no admin"})
	if err != nil || len(found) != 1 || found[0].Right != "admin" || found[0].Reason != "no admin" {
		t.Errorf("%+v, %v", found, err)
	}
	for _, f := range []abi.Finding{{Use: "endpoint roles", State: abi.RightLacking}, {Use: "endpoint users", State: "maybe"}} {
		if _, err := report(f); err == nil {
			t.Errorf("%+v was taken", f)
		}
	}
}

func TestABasePathIsNotDoubled(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.Path)
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	h := &sdktest.Host{URL: server.URL + "/api"}
	for _, path := range []string{"/v1/users", "/api/v2/persons", "/apis", "/api"} {
		if _, err := h.Invoke(deliverer, abi.InvokeCall{Webhook: abi.Webhook{Method: "GET", Path: path}}); err != nil {
			t.Fatal(err)
		}
	}
	if want := "/api/v1/users /api/v2/persons /api/apis /api"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
